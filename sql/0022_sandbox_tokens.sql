CREATE TABLE IF NOT EXISTS sandbox_tokens (
  token_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the token',
  kind ENUM('access', 'refresh') NOT NULL COMMENT 'access: 2 h; refresh: 180 d, works once',
  grant_id BINARY(16) NOT NULL COMMENT 'Of which grant',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Issue',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Refused from then on',
  used_at_us BIGINT UNSIGNED NULL COMMENT 'The refresh that replaced it; refused from then on',
  PRIMARY KEY (token_hash),
  KEY by_grant (grant_id),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: tokens, as hashes';
