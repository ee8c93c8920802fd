CREATE TABLE IF NOT EXISTS sessions (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  token_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the cookie value [policy:account.session]',
  user_id BINARY(16) NOT NULL COMMENT 'Whose session [policy:account.session]',
  user_state ENUM('active', 'disabled') NOT NULL COMMENT 'Copy of users.state, changed with it, so that a request reads one table',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Sign-in [policy:account.session]',
  last_seen_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last request, to the minute [policy:account.session]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'End in any case',
  PRIMARY KEY (id),
  UNIQUE KEY token_hash (token_hash),
  KEY by_user (user_id, id),
  KEY by_expiry (expires_at_us),
  CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Signed-in sessions of the dashboard';
