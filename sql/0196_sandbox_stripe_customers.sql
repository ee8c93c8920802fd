-- The Stripe simulator's own world (app sandbox): what Stripe would hold. Nothing here refers to our users but by what
-- Stripe gets of them. Tests look here, and script here what goes wrong: tests/README.md#the-stripe-simulator.
-- There are no foreign keys: the hourly purge deletes each table by age, in small pieces.

CREATE TABLE IF NOT EXISTS sandbox_stripe_customers (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7; Stripe would say cus_ and its 32 hex digits [policy:sandbox.simulated]',
  user_id BINARY(16) NULL COMMENT 'metadata[user_id], as received [policy:sandbox.simulated]',
  email VARCHAR(512) NOT NULL COMMENT 'As received; empty once it was deleted [policy:sandbox.simulated]',
  ahead_us BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How far its clock was moved ahead of the real one',
  is_held TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Tests: events are made and not sent',
  portal_id BINARY(16) NULL COMMENT 'Of its newest portal session, by which its page is found',
  portal_return_url VARCHAR(1024) NULL COMMENT 'Where that page leads back to',
  portal_until_us BIGINT UNSIGNED NULL COMMENT 'How long that page can be opened',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was made [policy:sandbox.simulated]',
  renewed_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last change; a year later it is gone, if none of its subscriptions goes on',
  deleted_at_us BIGINT UNSIGNED NULL COMMENT 'When it was deleted; then it is answered with nothing but that',
  PRIMARY KEY (id),
  UNIQUE KEY by_portal (portal_id),
  KEY by_age (renewed_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Stripe simulator: customers';
