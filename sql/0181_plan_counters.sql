-- Only of users whose plan limits their posts. What programs of the release before make is not counted.
CREATE TABLE IF NOT EXISTS plan_counters (
  user_id BINARY(16) NOT NULL COMMENT 'Whose posts [policy:billing.plan]',
  month INT UNSIGNED NOT NULL COMMENT 'The month that posts counts, as months since 1970 in UTC [policy:billing.plan]',
  posts INT UNSIGNED NOT NULL COMMENT 'How many posts were accepted in it, without those that were never sent [policy:billing.plan]',
  PRIMARY KEY (user_id),
  CONSTRAINT plan_counters_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What users have used of their plan this month';
