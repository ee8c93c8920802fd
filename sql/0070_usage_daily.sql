CREATE TABLE IF NOT EXISTS usage_daily (
  user_id BINARY(16) NOT NULL COMMENT 'Whose requests [policy:key.usage]',
  starts_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When the day began, in UTC, or the month [policy:key.usage]',
  span ENUM('day', 'month') NOT NULL COMMENT 'month: the sum of days that are more than 13 months old',
  key_id BINARY(16) NOT NULL COMMENT 'The API key that asked [policy:key.usage]',
  status SMALLINT UNSIGNED NOT NULL COMMENT 'HTTP status of the answers [policy:key.usage]',
  node SMALLINT UNSIGNED NOT NULL COMMENT 'The machine that counted (usage.node); 0 of a month',
  requests BIGINT UNSIGNED NOT NULL COMMENT 'How many were answered so [policy:key.usage]',
  last_at_us BIGINT UNSIGNED NOT NULL COMMENT 'The last of them [policy:key.last_used]',
  PRIMARY KEY (user_id, starts_at_us, span, key_id, status, node),
  KEY by_age (span, starts_at_us),
  CONSTRAINT usage_daily_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Requests with API keys, by day';
