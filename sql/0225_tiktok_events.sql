-- What TikTok tells by its webhooks (lib/model/tiktok/tiktok_event.h). Rows go after 30 days, whatever their state.
CREATE TABLE IF NOT EXISTS tiktok_events (
  digest BINARY(32) NOT NULL COMMENT 'SHA-256 of the body: TikTok gives events no id, and one that comes again is not stored again',
  id BINARY(16) NOT NULL COMMENT 'UUIDv7; the subject of its job',
  kind VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'TikTok''s name of it',
  state ENUM('waiting', 'done', 'ignored') NOT NULL COMMENT 'waiting: its job is still to look after it; ignored: it is about nobody here',
  open_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'About whom, at TikTok; NULL: about nobody here [policy:tiktok.profile]',
  publish_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'About which post [policy:post.receipt]',
  post_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Its number at TikTok [policy:post.receipt]',
  reason VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Why, in TikTok''s words or numbers [policy:post.receipt]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it came up, as TikTok says [policy:post.receipt]',
  received_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it came here; it goes 30 days later',
  done_at_us BIGINT UNSIGNED NULL COMMENT 'When it was done or ignored',
  PRIMARY KEY (digest),
  UNIQUE KEY by_id (id),
  KEY by_open_id (open_id),
  KEY by_time (received_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Events of TikTok';
