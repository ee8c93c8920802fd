CREATE TABLE IF NOT EXISTS idempotency_keys (
  user_id BINARY(16) NOT NULL COMMENT 'Whose key [policy:request.answer]',
  key_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the Idempotency-Key',
  claim BINARY(16) NOT NULL COMMENT 'UUIDv7 of the request that has it: only that one may write its answer here',
  lease_until_us BIGINT UNSIGNED NOT NULL COMMENT 'Until then no other request takes a key over that has no answer',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'The end of its 24 hours: from then on the key is as good as new',
  request BINARY(32) NULL COMMENT 'SHA-256 of what was asked for; NULL until it is answered',
  status SMALLINT UNSIGNED NULL COMMENT 'HTTP status of the answer; NULL until it is answered',
  data BLOB NULL COMMENT 'The answer''s data, JSON without its secrets; NULL until it is answered [policy:request.answer]',
  PRIMARY KEY (user_id, key_hash),
  KEY by_expiry (expires_at_us),
  CONSTRAINT idempotency_keys_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What was asked for with an Idempotency-Key, and what came of it';
