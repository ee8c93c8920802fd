CREATE TABLE IF NOT EXISTS sandbox_calls (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  creator_id BINARY(16) NOT NULL COMMENT 'With whose token [policy:sandbox.simulated]',
  kind ENUM('creator_info', 'init', 'status') NOT NULL COMMENT 'What was called: 20, 6 and 30 a minute',
  at_us BIGINT UNSIGNED NOT NULL COMMENT 'When; rows are purged after an hour',
  PRIMARY KEY (id),
  KEY by_creator (creator_id, kind, at_us),
  KEY by_age (at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: calls of the last minute, for the rate limits';
