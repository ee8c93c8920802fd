-- Those whose period is over are found without walking all others (lib/model/billing/jobs.h); and an admin is told of one more thing.
ALTER TABLE subscriptions
  ADD KEY IF NOT EXISTS by_period (status, period_end_us),
  MODIFY COLUMN attention SET('unknown_customer', 'other_mode', 'several_subscriptions', 'unknown_status', 'email_refused', 'foreign_price') NOT NULL DEFAULT '' COMMENT 'What an admin was told of, as long as it lasts: each once';
