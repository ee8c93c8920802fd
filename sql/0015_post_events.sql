CREATE TABLE IF NOT EXISTS post_events (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  post_id BINARY(16) NOT NULL COMMENT 'The post',
  at_us BIGINT UNSIGNED NOT NULL COMMENT 'When [policy:post.receipt]',
  event VARCHAR(40) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'What happened: a row of the state machine [policy:post.receipt]',
  state ENUM('draft', 'awaiting_approval', 'scheduled', 'queued', 'publishing', 'processing', 'deferred', 'published', 'in_inbox', 'failed', 'canceled') NOT NULL COMMENT 'The state after it [policy:post.receipt]',
  code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Our code, when it is about a failure [policy:post.receipt]',
  platform_code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s code or status [policy:post.receipt]',
  platform_log_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s log_id [policy:post.receipt]',
  attempt_id BINARY(16) NULL COMMENT 'The attempt it belongs to',
  request_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The request that caused it, as in the logs',
  PRIMARY KEY (id),
  KEY by_post (post_id, at_us, id),
  CONSTRAINT post_events_post FOREIGN KEY (post_id) REFERENCES posts (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='The receipt of a post: every transition, poll and reason';
