CREATE TABLE IF NOT EXISTS invitations (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  code_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the code',
  uses_max INT UNSIGNED NOT NULL COMMENT 'How many users may be made with it',
  uses INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How many were',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Creation',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Nobody can register with it from then on',
  revoked_at_us BIGINT UNSIGNED NULL COMMENT 'Not good from then on, also for those who have registered with it',
  PRIMARY KEY (id),
  UNIQUE KEY by_code (code_hash)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Codes with which one can register where registration.mode is invitation';
