-- While an old address can still undo a change it is kept for that: nobody else gets it (lib/model/user/email_change.h).
CREATE TABLE IF NOT EXISTS email_changes (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  user_id BINARY(16) NOT NULL COMMENT 'Whose address [policy:account.email]',
  old_email VARCHAR(320) NOT NULL COMMENT 'The address before, as given; the link that undoes the change goes here [policy:account.email]',
  old_email_key VARCHAR(320) NOT NULL COMMENT 'The same, normalised [policy:account.email]',
  new_email VARCHAR(320) NOT NULL COMMENT 'The new address, as given; the link that confirms it goes here [policy:account.email]',
  new_email_key VARCHAR(320) NOT NULL COMMENT 'The same, normalised [policy:account.email]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was asked for; the row goes six days later [policy:account.times]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Not to be confirmed from then on; 0: it was stopped',
  confirmed_at_us BIGINT UNSIGNED NULL COMMENT 'When the new address was confirmed, and the change made; NULL: not yet [policy:account.times]',
  undo_until_us BIGINT UNSIGNED NULL COMMENT 'Until when the old address can undo it; NULL: not confirmed',
  undone_at_us BIGINT UNSIGNED NULL COMMENT 'When it was undone, or an earlier one was, and this with it; NULL: it was not [policy:account.times]',
  PRIMARY KEY (id),
  KEY by_user (user_id, id),
  KEY by_old_email (old_email_key),
  KEY by_creation (created_at_us),
  CONSTRAINT email_changes_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Changes of the address: those that wait to be confirmed, and those that can be undone';
