-- The sums of each of a user's keys are read key by key: by the primary key, each five hundred of them walked all days.
ALTER TABLE usage_daily ADD KEY IF NOT EXISTS by_key (user_id, key_id, starts_at_us);
