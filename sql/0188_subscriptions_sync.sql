-- Who asks Stripe about a customer holds the row's lease meanwhile (lib/model/billing/sync.h), so that no older answer replaces a newer one;
-- and of each user one checkout is open at most (lib/model/billing/checkout.h).
ALTER TABLE subscriptions
  ADD COLUMN IF NOT EXISTS sync_token BINARY(16) NULL COMMENT 'Who asks Stripe right now; what it writes is conditional on it',
  ADD COLUMN IF NOT EXISTS sync_until_us BIGINT UNSIGNED NULL COMMENT 'Until when nobody else does',
  ADD COLUMN IF NOT EXISTS checkout_id BINARY(16) NULL COMMENT 'Of the checkout that was begun last; its calls to Stripe are made with it, so a repeat is the same call',
  ADD COLUMN IF NOT EXISTS checkout_plan VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'For which plan [policy:billing.subscription]',
  ADD COLUMN IF NOT EXISTS checkout_at_us BIGINT UNSIGNED NULL COMMENT 'When it was begun [policy:billing.subscription]',
  ADD COLUMN IF NOT EXISTS checkout_session_id VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Its session at Stripe; NULL: none is known yet [policy:billing.subscription]';
