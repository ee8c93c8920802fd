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

CREATE TABLE sandbox_clients (
  client_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'As the client calls itself',
  secret_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the client_secret of its first token call; another one is refused from then on',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'First token call',
  renewed_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last token call',
  PRIMARY KEY (client_key),
  KEY by_age (renewed_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: apps that know TikTok';

CREATE TABLE sandbox_creators (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  username VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Handle, as typed on the consent page [policy:sandbox.simulated]',
  private_account TINYINT UNSIGNED NOT NULL COMMENT 'Set on the consent page; decides the privacy levels offered [policy:sandbox.simulated]',
  comment_disabled TINYINT UNSIGNED NOT NULL COMMENT 'Set on the consent page [policy:sandbox.simulated]',
  post_block VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Code with which creator_info and init refuse: spam_risk_too_many_posts and such [policy:sandbox.simulated]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'First consent [policy:sandbox.simulated]',
  renewed_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last consent or refresh of a token [policy:sandbox.simulated]',
  PRIMARY KEY (id),
  UNIQUE KEY by_username (username),
  KEY by_age (renewed_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: TikTok accounts, made the first time their name is used';

CREATE TABLE sandbox_codes (
  code_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the authorization code',
  client_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'For whom',
  creator_id BINARY(16) NOT NULL COMMENT 'Who consented [policy:sandbox.simulated]',
  scopes VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Granted, comma between them [policy:sandbox.simulated]',
  redirect_uri VARCHAR(511) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Must be the same in the token call',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Consent [policy:sandbox.simulated]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Five minutes later',
  used_at_us BIGINT UNSIGNED NULL COMMENT 'The one exchange; refused from then on',
  PRIMARY KEY (code_hash),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: authorization codes';

CREATE TABLE sandbox_grants (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  client_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Who may act',
  creator_id BINARY(16) NOT NULL COMMENT 'For whom [policy:sandbox.simulated]',
  scopes VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Comma between them [policy:sandbox.simulated]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Exchange of the code [policy:sandbox.simulated]',
  renewed_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last refresh',
  revoked_at_us BIGINT UNSIGNED NULL COMMENT 'Revocation; all its tokens are dead from then on',
  PRIMARY KEY (id),
  KEY by_creator (creator_id, client_key),
  KEY by_age (renewed_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: connections of apps with creators';

CREATE TABLE sandbox_tokens (
  token_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the token',
  kind ENUM('access', 'refresh') NOT NULL COMMENT 'access: 2 h; refresh: 180 d, works once',
  grant_id BINARY(16) NOT NULL COMMENT 'Of which grant',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Issue',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Refused from then on',
  used_at_us BIGINT UNSIGNED NULL COMMENT 'The refresh that replaced it; refused from then on',
  PRIMARY KEY (token_hash),
  KEY by_grant (grant_id),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: tokens, as hashes';

CREATE TABLE sandbox_calls (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  creator_id BINARY(16) NOT NULL COMMENT 'With whose token [policy:sandbox.simulated]',
  kind ENUM('creator_info', 'init', 'status') NOT NULL COMMENT 'What was called: 20, 6 and 30 a minute',
  at_us BIGINT UNSIGNED NOT NULL COMMENT 'When; rows are purged after an hour',
  PRIMARY KEY (id),
  KEY by_creator (creator_id, kind, at_us),
  KEY by_age (at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: calls of the last minute, for the rate limits';

CREATE TABLE sandbox_publishes (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  publish_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'As answered to init',
  client_key VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Which app sent it',
  creator_id BINARY(16) NOT NULL COMMENT 'Whose post [policy:sandbox.simulated]',
  post_mode ENUM('DIRECT_POST', 'MEDIA_UPLOAD') NOT NULL COMMENT 'Post, or draft in the inbox [policy:sandbox.simulated]',
  title VARCHAR(90) NOT NULL COMMENT 'As received; empty when none [policy:sandbox.simulated]',
  description VARCHAR(4000) NOT NULL COMMENT 'As received; may hold scripts like [[fail:internal]] [policy:sandbox.simulated]',
  privacy_level ENUM('PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'FOLLOWER_OF_CREATOR', 'SELF_ONLY') NULL COMMENT 'NULL: a draft [policy:sandbox.simulated]',
  disable_comment TINYINT UNSIGNED NOT NULL COMMENT 'As received [policy:sandbox.simulated]',
  auto_add_music TINYINT UNSIGNED NOT NULL COMMENT 'As received [policy:sandbox.simulated]',
  brand_content_toggle TINYINT UNSIGNED NOT NULL COMMENT 'As received [policy:sandbox.simulated]',
  brand_organic_toggle TINYINT UNSIGNED NOT NULL COMMENT 'As received [policy:sandbox.simulated]',
  is_aigc TINYINT UNSIGNED NOT NULL COMMENT 'As received [policy:sandbox.simulated]',
  photo_cover_index TINYINT UNSIGNED NOT NULL COMMENT '0-based [policy:sandbox.simulated]',
  images_n TINYINT UNSIGNED NOT NULL COMMENT 'How many images it has [policy:sandbox.simulated]',
  status ENUM('PROCESSING_DOWNLOAD', 'SEND_TO_USER_INBOX', 'PUBLISH_COMPLETE', 'FAILED') NOT NULL COMMENT 'As status/fetch answers [policy:sandbox.simulated]',
  fail_reason VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Why it FAILED [policy:sandbox.simulated]',
  script_fail VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'fail_reason that a script asks for at the end [policy:sandbox.simulated]',
  post_id BIGINT UNSIGNED NULL COMMENT 'Of a completed DIRECT_POST: 19 digits, over 2^53 [policy:sandbox.simulated]',
  downloaded_bytes BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Of all images [policy:sandbox.simulated]',
  pulled_at_us BIGINT UNSIGNED NULL COMMENT 'When all images were there; it ends a moment later',
  next_at_us BIGINT UNSIGNED NULL COMMENT 'When it goes on; while it is being pulled, the end of the lease. NULL: never (ended, or stuck by script)',
  lease_token BINARY(16) NULL COMMENT 'Who pulls it; every write of the pull is conditional on it',
  pulls TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Times that it was taken up; too many end it as FAILED: internal',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'The init [policy:sandbox.simulated]',
  ended_at_us BIGINT UNSIGNED NULL COMMENT 'When the status became final [policy:sandbox.simulated]',
  PRIMARY KEY (id),
  UNIQUE KEY by_publish_id (publish_id),
  UNIQUE KEY by_post_id (post_id),
  KEY by_creator (creator_id, created_at_us),
  KEY by_due (status, next_at_us),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: posts that init made';

CREATE TABLE sandbox_images (
  publish BINARY(16) NOT NULL COMMENT 'sandbox_publishes.id',
  position TINYINT UNSIGNED NOT NULL COMMENT 'Order of the carousel, from 0',
  url VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Where it was to be fetched [policy:sandbox.simulated]',
  result VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'ok, or the fail_reason it causes; NULL: not fetched yet [policy:sandbox.simulated]',
  http_status SMALLINT UNSIGNED NULL COMMENT 'Of the fetch; 0 when no answer came',
  size_bytes BIGINT UNSIGNED NULL COMMENT 'As fetched [policy:sandbox.simulated]',
  width INT UNSIGNED NULL COMMENT 'Pixels; 0 when not recognised [policy:sandbox.simulated]',
  height INT UNSIGNED NULL COMMENT 'Pixels; 0 when not recognised [policy:sandbox.simulated]',
  sha256 BINARY(32) NULL COMMENT 'Digest; the image itself is not kept [policy:sandbox.simulated]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'The init',
  fetched_at_us BIGINT UNSIGNED NULL COMMENT 'The fetch [policy:sandbox.simulated]',
  PRIMARY KEY (publish, position),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: images of the posts, as digests';
