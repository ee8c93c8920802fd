-- It stays where Stripe may have another customer than the one that was stored: whose answer was lost, and that had another key.
ALTER TABLE users MODIFY COLUMN customer_asked_at_us BIGINT UNSIGNED NULL COMMENT 'Since when Stripe may have a customer that is not stored: asked for first then, and not known to be the one that is [policy:billing.subscription]';
