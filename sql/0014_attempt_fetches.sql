CREATE TABLE IF NOT EXISTS attempt_fetches (
  attempt_id BINARY(16) NOT NULL COMMENT 'The attempt',
  position TINYINT UNSIGNED NOT NULL COMMENT 'The image',
  fetched_at_us BIGINT UNSIGNED NOT NULL COMMENT 'First fetch: evidence that TikTok got the attempt [policy:post.receipt]',
  PRIMARY KEY (attempt_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='First fetch of each image of an attempt';
