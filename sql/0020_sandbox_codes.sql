CREATE TABLE IF NOT EXISTS sandbox_codes (
  code_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the authorization code',
  client_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'For whom',
  creator_id BINARY(16) NOT NULL COMMENT 'Who consented [policy:sandbox.simulated]',
  scopes VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Granted, comma between them [policy:sandbox.simulated]',
  redirect_uri VARCHAR(511) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Must be the same in the token call',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Consent [policy:sandbox.simulated]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Five minutes later',
  used_at_us BIGINT UNSIGNED NULL COMMENT 'The one exchange; refused from then on',
  PRIMARY KEY (code_hash),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: authorization codes';
