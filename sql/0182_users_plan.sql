-- What subscription and grant come to (lib/model/billing/terms.h), for whoever has locked the user.
ALTER TABLE users
  ADD COLUMN IF NOT EXISTS subscribed_plan VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The plan that the subscription gives; NULL: none [policy:billing.plan]',
  ADD COLUMN IF NOT EXISTS subscribed_until_us BIGINT UNSIGNED NULL COMMENT 'Until when; NULL: without an end [policy:billing.plan]',
  ADD COLUMN IF NOT EXISTS granted_plan VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The plan that an admin has given; NULL: none [policy:billing.plan]',
  ADD COLUMN IF NOT EXISTS granted_until_us BIGINT UNSIGNED NULL COMMENT 'Until when; NULL: without an end [policy:billing.plan]';
