CREATE TABLE IF NOT EXISTS sandbox_stripe_events (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7, so in the order in which they came up; evt_ and its 32 hex digits',
  customer_id BINARY(16) NOT NULL COMMENT 'Whose [policy:sandbox.simulated]',
  type VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'In the words of Stripe [policy:sandbox.simulated]',
  body TEXT NOT NULL COMMENT 'As it is sent: JSON [policy:sandbox.simulated]',
  next_at_us BIGINT UNSIGNED NULL COMMENT 'When it is sent; while it is being sent, the end of the lease. NULL: never (it was delivered, given up, or is held by a test)',
  tries TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often it was sent',
  delivered_at_us BIGINT UNSIGNED NULL COMMENT 'When it was answered with 2xx',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'By the real clock; 30 days later it is gone [policy:sandbox.simulated]',
  PRIMARY KEY (id),
  KEY by_customer (customer_id, id),
  KEY by_due (next_at_us),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Stripe simulator: events, which are sent to our webhook';
