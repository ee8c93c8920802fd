CREATE TABLE IF NOT EXISTS oauth_states (
  state_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the state parameter',
  session_id BINARY(16) NOT NULL COMMENT 'The session that started the connection [policy:account.session]',
  user_id BINARY(16) NOT NULL COMMENT 'Its user [policy:account.session]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Ten minutes after the start',
  PRIMARY KEY (state_hash),
  KEY by_expiry (expires_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='TikTok connections under way; deleted by use, so each works once';
