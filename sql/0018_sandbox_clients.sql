-- The TikTok simulator's own world (app sandbox). Nothing here refers to our users: its creators, grants and posts are
-- what TikTok would hold. Tests look here to see what "TikTok" received:
--
--   SELECT COUNT(*) FROM sandbox_publishes WHERE description = ?     posts that were made with that description
--   SELECT status, fail_reason FROM sandbox_publishes WHERE publish_id = ?
--   SELECT position, result, http_status, sha256 FROM sandbox_images WHERE publish = ?     what was fetched
--   UPDATE sandbox_creators SET post_block = 'spam_risk_too_many_posts' WHERE username = ?     block a creator
--
-- There are no foreign keys: the hourly purge deletes each table by age, in small pieces. 30 days after it was made
-- (publishes, images, codes, tokens) or last renewed (clients, creators, grants) a row is gone.

CREATE TABLE IF NOT EXISTS sandbox_clients (
  client_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'As the client calls itself',
  secret_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the client_secret of its first token call; another one is refused from then on',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'First token call',
  renewed_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last token call',
  PRIMARY KEY (client_key),
  KEY by_age (renewed_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: apps that know TikTok';
