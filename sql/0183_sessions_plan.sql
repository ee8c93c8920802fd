-- Copies, so that a request reads one table. Sessions that programs of the release before make have none until the plan changes: the free one.
ALTER TABLE sessions
  ADD COLUMN IF NOT EXISTS subscribed_plan VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Copy of users.subscribed_plan, changed with it; NULL: none [policy:billing.plan]',
  ADD COLUMN IF NOT EXISTS subscribed_until_us BIGINT UNSIGNED NULL COMMENT 'Until when; NULL: without an end [policy:billing.plan]',
  ADD COLUMN IF NOT EXISTS granted_plan VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Copy of users.granted_plan, changed with it; NULL: none [policy:billing.plan]',
  ADD COLUMN IF NOT EXISTS granted_until_us BIGINT UNSIGNED NULL COMMENT 'Until when; NULL: without an end [policy:billing.plan]';
