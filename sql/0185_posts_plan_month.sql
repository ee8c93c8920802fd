ALTER TABLE posts
  ADD COLUMN IF NOT EXISTS plan_month INT UNSIGNED NULL COMMENT 'The month of plan_counters in which it was counted; NULL: it was not, or has been given back [policy:billing.plan]';
