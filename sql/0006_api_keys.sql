CREATE TABLE IF NOT EXISTS api_keys (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  user_id BINARY(16) NOT NULL COMMENT 'Whose key [policy:key.name]',
  user_state ENUM('active', 'disabled') NOT NULL COMMENT 'Copy of users.state, changed with it, so that a request reads one table',
  name VARCHAR(100) NOT NULL COMMENT 'Name that the user gave [policy:key.name]',
  prefix VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'First characters of the key, for recognition [policy:key.name]',
  hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the key [policy:key.hash]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Creation [policy:key.name]',
  last_used_at_us BIGINT UNSIGNED NULL COMMENT 'Last request with it, to the second [policy:key.last_used]',
  revoked_at_us BIGINT UNSIGNED NULL COMMENT 'Revocation; refused from then on',
  PRIMARY KEY (id),
  UNIQUE KEY hash (hash),
  KEY by_user (user_id, id),
  CONSTRAINT api_keys_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='API keys';
