-- Each try to send a mail makes a token of its own, because the try before may have arrived: so a mail can have several, and
-- using one uses up all of the same purpose and subject.
CREATE TABLE IF NOT EXISTS one_time_tokens (
  token_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of what the link holds [policy:account.token]',
  purpose ENUM('verify_email', 'reset_password', 'change_email', 'undo_email', 'unsubscribe') NOT NULL COMMENT 'What it is good for, and nothing else',
  subject_id BINARY(16) NOT NULL COMMENT 'What it is about: a registration, a user, a change of address, a mail',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When the mail was handed to the relay [policy:account.token]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Not good from then on',
  PRIMARY KEY (token_hash),
  KEY by_subject (purpose, subject_id),
  KEY by_expiry (expires_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='The links of mails: who has one may do one thing, once';
