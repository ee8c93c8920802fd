CREATE TABLE IF NOT EXISTS post_attempts (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7; the images'' address for TikTok is /m/<id>/<position>',
  post_id BINARY(16) NOT NULL COMMENT 'The post',
  number SMALLINT UNSIGNED NOT NULL COMMENT 'From 1',
  fence BINARY(16) NOT NULL COMMENT 'Lease token of the job that made it; a result is written only where it matches',
  state ENUM('committed', 'accepted', 'refused', 'not_sent', 'outcome_unknown') NOT NULL COMMENT 'committed: written before the call; what it still says after the lease is outcome_unknown',
  payload TEXT NOT NULL COMMENT 'What was to be sent, as JSON, without the token [policy:post.receipt]',
  publish_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s [policy:post.receipt]',
  http_status SMALLINT UNSIGNED NULL COMMENT 'Of TikTok''s answer [policy:post.receipt]',
  platform_code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s error code [policy:post.receipt]',
  platform_log_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s log_id [policy:post.receipt]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Commit before the call [policy:post.receipt]',
  ended_at_us BIGINT UNSIGNED NULL COMMENT 'When the result was written [policy:post.receipt]',
  PRIMARY KEY (id),
  UNIQUE KEY by_post (post_id, number),
  CONSTRAINT post_attempts_post FOREIGN KEY (post_id) REFERENCES posts (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Calls of TikTok''s init, each written before it is made';
