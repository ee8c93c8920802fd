CREATE TABLE IF NOT EXISTS pending_sign_ins (
  token_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the sign_in_token [policy:account.session]',
  user_id BINARY(16) NOT NULL COMMENT 'Who gave the password [policy:account.session]',
  password_mark BINARY(32) NOT NULL COMMENT 'SHA-256 of users.password_hash: after another password it is over [policy:account.password]',
  tries TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How many codes were tried; five end it',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When the password was given [policy:account.session]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Not good from then on',
  PRIMARY KEY (token_hash),
  KEY by_user (user_id, created_at_us),
  KEY by_expiry (expires_at_us),
  CONSTRAINT pending_sign_ins_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Sign-ins whose password was right, and whose code is still to come';
