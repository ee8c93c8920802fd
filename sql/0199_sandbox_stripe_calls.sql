CREATE TABLE IF NOT EXISTS sandbox_stripe_calls (
  kind ENUM('kept', 'scripted') NOT NULL COMMENT 'The answer to an Idempotency-Key, or what a test wants of the next calls',
  call_key VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Kept: the key. Scripted: the operation, such as customers_create',
  params_hash BINARY(32) NULL COMMENT 'Kept: SHA-256 of method, path and body; another call with this key is refused',
  status SMALLINT UNSIGNED NOT NULL COMMENT 'The HTTP status. Scripted: 0: as without the script',
  body TEXT NOT NULL DEFAULT '' COMMENT 'Kept: the answer [policy:sandbox.simulated]',
  is_made TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Scripted: the call is carried out, and only its answer is another one',
  is_kept TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Scripted: an Idempotency-Key gets this answer again',
  wait_ms INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Scripted: before the answer',
  times INT UNSIGNED NOT NULL DEFAULT 1 COMMENT 'Scripted: for how many calls',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'A day later it is gone',
  PRIMARY KEY (kind, call_key),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Stripe simulator: answers that stand before the call';
