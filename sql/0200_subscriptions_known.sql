-- Of which mode of Stripe's a customer is, what an admin was told of it, and which terms were accepted with the checkout begun last.
ALTER TABLE subscriptions
  ADD COLUMN IF NOT EXISTS livemode TINYINT UNSIGNED NULL COMMENT 'The customer is of Stripe''s live mode; NULL: a release made the row that did not note it, and nobody has asked since',
  ADD COLUMN IF NOT EXISTS attention SET('unknown_customer', 'other_mode', 'several_subscriptions', 'unknown_status', 'email_refused') NOT NULL DEFAULT '' COMMENT 'What an admin was told of, as long as it lasts: each once',
  ADD COLUMN IF NOT EXISTS terms_version VARCHAR(32) NULL COMMENT 'Which terms were accepted with the checkout begun last; NULL: they have no version here [policy:account.consent]',
  ADD COLUMN IF NOT EXISTS terms_accepted_at_us BIGINT UNSIGNED NULL COMMENT 'When; NULL: no checkout was begun since this is noted [policy:account.consent]',
  ADD COLUMN IF NOT EXISTS terms_accepted_how ENUM('request', 'request_and_stripe') NULL COMMENT 'request: by accepted_terms: true; request_and_stripe: the page of Stripe asks once more before it takes a payment [policy:account.consent]';
