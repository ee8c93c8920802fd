-- What keys may post. A row of its own, so that the counter is no part of what each request reads of its key, and so that the
-- old secrets of a key have its budget without a copy.
CREATE TABLE IF NOT EXISTS key_budgets (
  key_id BINARY(16) NOT NULL COMMENT 'The API key; a key without a row has no limit',
  accounts VARCHAR(3699) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The TikTok accounts it may post to: their ids, comma between them; NULL: all',
  posts_per_day INT UNSIGNED NULL COMMENT 'How many posts it may make in a day, in UTC; NULL: any number',
  max_privacy_level ENUM('PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'FOLLOWER_OF_CREATOR', 'SELF_ONLY') NOT NULL DEFAULT 'PUBLIC_TO_EVERYONE' COMMENT 'How many people may see its posts at most; PUBLIC_TO_EVERYONE: no limit',
  needs_approval TINYINT UNSIGNED NOT NULL COMMENT 'Whether its posts wait until its owner approves them',
  day INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'The day that posts counts, as days since 1970 in UTC [policy:key.usage]',
  posts INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How many posts it has made on that day [policy:key.usage]',
  PRIMARY KEY (key_id),
  CONSTRAINT key_budgets_key FOREIGN KEY (key_id) REFERENCES api_keys (id) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What API keys may post at most, and what they have posted today';
