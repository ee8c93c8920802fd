-- What is kept of Stripe's: no card, no amount, no address. The plan that it gives is derived in lib/model/billing/terms.c.
CREATE TABLE IF NOT EXISTS subscriptions (
  user_id BINARY(16) NOT NULL COMMENT 'Whose [policy:billing.subscription]',
  customer_id VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Of the user at Stripe [policy:billing.subscription]',
  subscription_id VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Of the newest subscription; NULL: there was none yet [policy:billing.subscription]',
  plan VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The plan of its price; NULL: the price is no plan''s [policy:billing.subscription]',
  status ENUM('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused', 'unknown') NULL COMMENT 'In Stripe''s words; unknown: in one that this release does not know; NULL: there was none yet [policy:billing.subscription]',
  period_end_us BIGINT UNSIGNED NULL COMMENT 'Until when its period lasts [policy:billing.subscription]',
  cancel_at_us BIGINT UNSIGNED NULL COMMENT 'When it will end, or has ended; NULL: it was not canceled [policy:billing.subscription]',
  trial_end_us BIGINT UNSIGNED NULL COMMENT 'Until when its trial lasts [policy:billing.subscription]',
  past_due_since_us BIGINT UNSIGNED NULL COMMENT 'Since when a payment has been due; NULL: none is [policy:billing.subscription]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When this row was made',
  updated_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last change of this row',
  PRIMARY KEY (user_id),
  UNIQUE KEY by_customer (customer_id),
  UNIQUE KEY by_subscription (subscription_id),
  CONSTRAINT subscriptions_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Subscriptions at Stripe: one for each user';
