-- When Stripe was asked for a customer of the user that was not stored since: an erasure looks whether there is one.
ALTER TABLE users ADD COLUMN IF NOT EXISTS customer_asked_at_us BIGINT UNSIGNED NULL COMMENT 'When Stripe was first asked for a customer that is not stored yet [policy:billing.subscription]';
