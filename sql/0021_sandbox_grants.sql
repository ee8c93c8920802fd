CREATE TABLE IF NOT EXISTS sandbox_grants (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  client_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Who may act',
  creator_id BINARY(16) NOT NULL COMMENT 'For whom [policy:sandbox.simulated]',
  scopes VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Comma between them [policy:sandbox.simulated]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Exchange of the code [policy:sandbox.simulated]',
  renewed_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last refresh',
  revoked_at_us BIGINT UNSIGNED NULL COMMENT 'Revocation; all its tokens are dead from then on',
  PRIMARY KEY (id),
  KEY by_creator (creator_id, client_key),
  KEY by_age (renewed_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: connections of apps with creators';
