-- Who registers has no user yet: the mailed link makes it, and drops the address's other rows. An address can have several,
-- because nobody knows whose the first one is; mail_allowances bounds them.
CREATE TABLE IF NOT EXISTS registrations (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7; what the mail and its link are about',
  email_key VARCHAR(320) NOT NULL COMMENT 'Normalised address, as in users [policy:account.email]',
  email VARCHAR(320) NOT NULL COMMENT 'Address as given; the link goes here [policy:account.email]',
  name VARCHAR(100) NULL COMMENT 'Optional name [policy:account.name]',
  password_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'bcrypt; whoever has the link must also type it. NULL: it is chosen with the link [policy:account.password]',
  tries SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often that password was typed, right or wrong',
  invitation_id BINARY(16) NULL COMMENT 'The invitation that one more user will have used; NULL: none was needed',
  terms_version VARCHAR(32) NULL COMMENT 'Which terms were accepted; NULL: there were none [policy:account.consent]',
  policy_version VARCHAR(32) NULL COMMENT 'Which privacy policy was accepted; NULL: there was none [policy:account.consent]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Creation [policy:account.times]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Not good from then on; the creation: it never was, because the address has a user',
  PRIMARY KEY (id),
  KEY by_email (email_key, id),
  KEY by_expiry (expires_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Registrations whose address is still to be confirmed, for 7 days';
