-- The foundation: users, sessions, keys, TikTok accounts, uploads, posts with their receipts, jobs.
--
-- Ids are UUIDv7 in BINARY(16). Times are BIGINT UNSIGNED microseconds since 1970 in UTC ("_us"), written by the
-- programs' one clock, never by NOW(). Every column with personal data names its item of the privacy policy
-- (lib/base/policy.def) in brackets. Secrets are hashes or sealed.

CREATE TABLE users (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  email_key VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL COMMENT 'Normalised address; compared byte for byte [policy:account.email]',
  email VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL COMMENT 'Address as given; mail goes here [policy:account.email]',
  name VARCHAR(100) NULL COMMENT 'Optional name [policy:account.name]',
  password_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'bcrypt [policy:account.password]',
  state ENUM('active', 'disabled') NOT NULL COMMENT 'disabled: may neither sign in nor use keys',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Registration [policy:account.times]',
  updated_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last change of this row [policy:account.times]',
  PRIMARY KEY (id),
  UNIQUE KEY email_key (email_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='People with an account';

CREATE TABLE sessions (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  token_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the cookie value [policy:account.session]',
  user_id BINARY(16) NOT NULL COMMENT 'Whose session [policy:account.session]',
  user_state ENUM('active', 'disabled') NOT NULL COMMENT 'Copy of users.state, changed with it, so that a request reads one table',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Sign-in [policy:account.session]',
  last_seen_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last request, to the minute [policy:account.session]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'End in any case',
  PRIMARY KEY (id),
  UNIQUE KEY token_hash (token_hash),
  KEY by_user (user_id, id),
  KEY by_expiry (expires_at_us),
  CONSTRAINT sessions_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Signed-in sessions of the dashboard';

CREATE TABLE api_keys (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  user_id BINARY(16) NOT NULL COMMENT 'Whose key [policy:key.name]',
  user_state ENUM('active', 'disabled') NOT NULL COMMENT 'Copy of users.state, changed with it, so that a request reads one table',
  name VARCHAR(100) NOT NULL COMMENT 'Name that the user gave [policy:key.name]',
  prefix VARCHAR(16) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'First characters of the key, for recognition [policy:key.name]',
  hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the key [policy:key.hash]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Creation [policy:key.name]',
  last_used_at_us BIGINT UNSIGNED NULL COMMENT 'Last request with it, to the second [policy:key.last_used]',
  revoked_at_us BIGINT UNSIGNED NULL COMMENT 'Revocation; refused from then on',
  PRIMARY KEY (id),
  UNIQUE KEY hash (hash),
  KEY by_user (user_id, id),
  CONSTRAINT api_keys_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='API keys';

CREATE TABLE oauth_states (
  state_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the state parameter',
  session_id BINARY(16) NOT NULL COMMENT 'The session that started the connection [policy:account.session]',
  user_id BINARY(16) NOT NULL COMMENT 'Its user [policy:account.session]',
  expires_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Ten minutes after the start',
  PRIMARY KEY (state_hash),
  KEY by_expiry (expires_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='TikTok connections under way; deleted by use, so each works once';

CREATE TABLE accounts (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7; stays the same when the same open id is connected again',
  user_id BINARY(16) NOT NULL COMMENT 'Whose connection [policy:tiktok.profile]',
  open_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'TikTok open id [policy:tiktok.profile]',
  display_name VARCHAR(200) NULL COMMENT 'TikTok display name; wiped on disconnect [policy:tiktok.profile]',
  avatar_url VARCHAR(2048) NULL COMMENT 'TikTok avatar URL; wiped on disconnect [policy:tiktok.profile]',
  scopes VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Scopes granted, comma between them [policy:tiktok.consent]',
  state ENUM('active', 'needs_reconnect', 'disconnected') NOT NULL COMMENT 'disconnected: tokens, name and avatar are gone',
  state_reason VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Why it needs_reconnect',
  access_token VARBINARY(2048) NULL COMMENT 'Sealed with AES-256-GCM; NULL after disconnect [policy:tiktok.tokens]',
  refresh_token VARBINARY(2048) NULL COMMENT 'Sealed with AES-256-GCM; NULL after disconnect [policy:tiktok.tokens]',
  access_expires_at_us BIGINT UNSIGNED NULL COMMENT 'From TikTok''s answer',
  refresh_expires_at_us BIGINT UNSIGNED NULL COMMENT 'From TikTok''s answer',
  lease_token BINARY(16) NULL COMMENT 'Who refreshes the tokens right now',
  lease_until_us BIGINT UNSIGNED NULL COMMENT 'Until when nobody else may',
  init_calls VARBINARY(48) NOT NULL DEFAULT '' COMMENT 'Times of the inits of the last minute, 8 bytes each (lib/base/window.h)',
  creator_calls VARBINARY(160) NOT NULL DEFAULT '' COMMENT 'Times of the creator info calls of the last minute',
  poll_calls VARBINARY(240) NOT NULL DEFAULT '' COMMENT 'Times of the status polls of the last minute',
  connected_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last consent [policy:tiktok.consent]',
  disconnected_at_us BIGINT UNSIGNED NULL COMMENT 'Disconnect [policy:tiktok.consent]',
  updated_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last change of this row',
  PRIMARY KEY (id),
  UNIQUE KEY by_user (user_id, open_id),
  KEY by_open_id (open_id),
  KEY by_refresh (state, refresh_expires_at_us),
  CONSTRAINT accounts_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Connected TikTok accounts';

CREATE TABLE creator_snapshots (
  account_id BINARY(16) NOT NULL COMMENT 'The account',
  username VARCHAR(100) NOT NULL COMMENT 'TikTok handle; at most 24 h [policy:tiktok.creator]',
  nickname VARCHAR(200) NOT NULL COMMENT 'TikTok nickname; at most 24 h [policy:tiktok.creator]',
  privacy_level_options VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Comma between them [policy:tiktok.creator]',
  comment_disabled TINYINT UNSIGNED NOT NULL COMMENT 'The creator''s own setting [policy:tiktok.creator]',
  post_block VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s code when the creator cannot post right now [policy:tiktok.creator]',
  fetched_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When TikTok said so; not shown after 24 h and then purged',
  PRIMARY KEY (account_id),
  KEY by_age (fetched_at_us),
  CONSTRAINT creator_snapshots_account FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What creator info said last';

CREATE TABLE uploads (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7; names the file in the store',
  user_id BINARY(16) NOT NULL COMMENT 'Whose image [policy:image.content]',
  state ENUM('storing', 'ready', 'deleted') NOT NULL COMMENT 'storing: the row comes before the file, so no file is without a row',
  media_type ENUM('image/jpeg', 'image/png') NULL COMMENT 'Of the original, by its bytes [policy:image.report]',
  original_bytes BIGINT UNSIGNED NULL COMMENT 'Size of the original [policy:image.report]',
  original_width INT UNSIGNED NULL COMMENT 'Pixels, as stored in the file [policy:image.report]',
  original_height INT UNSIGNED NULL COMMENT 'Pixels [policy:image.report]',
  original_sha256 BINARY(32) NULL COMMENT 'Digest of the original [policy:image.report]',
  changes SET('orientation', 'resized', 'reencoded', 'metadata_removed', 'flattened', 'colour_converted') NOT NULL DEFAULT '' COMMENT 'What the repair did [policy:image.report]',
  size_bytes BIGINT UNSIGNED NULL COMMENT 'Size in the store [policy:image.report]',
  width INT UNSIGNED NULL COMMENT 'Pixels in the store [policy:image.report]',
  height INT UNSIGNED NULL COMMENT 'Pixels in the store [policy:image.report]',
  sha256 BINARY(32) NULL COMMENT 'Digest in the store [policy:image.report]',
  store ENUM('directory') NOT NULL COMMENT 'Where the file is',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Arrival [policy:image.report]',
  delete_due_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When the file goes at the latest; worker@media reads this',
  deleted_at_us BIGINT UNSIGNED NULL COMMENT 'When it went',
  PRIMARY KEY (id),
  KEY by_user (user_id, id),
  KEY by_due (state, delete_due_at_us),
  CONSTRAINT uploads_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Images; the bytes are in the store';

CREATE TABLE posts (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  user_id BINARY(16) NOT NULL COMMENT 'Whose post [policy:post.metadata]',
  account_id BINARY(16) NOT NULL COMMENT 'The TikTok account it goes to [policy:post.metadata]',
  key_id BINARY(16) NULL COMMENT 'The API key that made it; NULL: a session [policy:post.metadata]',
  title VARCHAR(90) NULL COMMENT 'At most 90 UTF-16 units [policy:post.text]',
  description TEXT NULL COMMENT 'At most 4000 UTF-16 units [policy:post.text]',
  post_mode ENUM('MEDIA_UPLOAD', 'DIRECT_POST') NOT NULL COMMENT 'TikTok''s word: draft in the inbox, or post [policy:post.options]',
  privacy_level ENUM('PUBLIC_TO_EVERYONE', 'MUTUAL_FOLLOW_FRIENDS', 'FOLLOWER_OF_CREATOR', 'SELF_ONLY') NULL COMMENT 'NULL: a draft [policy:post.options]',
  disable_comment TINYINT UNSIGNED NOT NULL COMMENT 'As asked [policy:post.options]',
  auto_add_music TINYINT UNSIGNED NOT NULL COMMENT 'As asked [policy:post.options]',
  brand_content_toggle TINYINT UNSIGNED NOT NULL COMMENT 'Paid partnership [policy:post.options]',
  brand_organic_toggle TINYINT UNSIGNED NOT NULL COMMENT 'Own business [policy:post.options]',
  is_aigc TINYINT UNSIGNED NOT NULL COMMENT 'Made by AI [policy:post.options]',
  photo_cover_index TINYINT UNSIGNED NOT NULL COMMENT '0-based [policy:post.options]',
  state ENUM('draft', 'awaiting_approval', 'scheduled', 'queued', 'publishing', 'processing', 'deferred', 'published', 'in_inbox', 'failed', 'canceled') NOT NULL COMMENT 'See lib/model/post_state.c [policy:post.metadata]',
  failure_code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Our code of the failure or deferral [policy:post.metadata]',
  platform_code VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s code [policy:post.metadata]',
  platform_log_id VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s log_id, to quote to them [policy:post.metadata]',
  publish_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s, of the accepted attempt [policy:post.metadata]',
  tiktok_post_ids VARCHAR(500) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Comma between them; an inbox draft can become several posts [policy:post.metadata]',
  next_attempt_at_us BIGINT UNSIGNED NULL COMMENT 'When it is tried again, shown to the user',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Acceptance [policy:post.metadata]',
  accepted_at_us BIGINT UNSIGNED NULL COMMENT 'When TikTok gave the publish_id; polling ends a set time after it [policy:post.metadata]',
  ended_at_us BIGINT UNSIGNED NULL COMMENT 'First terminal or in_inbox state; the images'' clock starts here [policy:post.metadata]',
  updated_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last change of this row',
  PRIMARY KEY (id),
  KEY by_user (user_id, id),
  KEY by_account (account_id, state, id),
  KEY by_state (state, updated_at_us),
  UNIQUE KEY by_publish_id (publish_id),
  CONSTRAINT posts_user FOREIGN KEY (user_id) REFERENCES users (id),
  CONSTRAINT posts_account FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Posts';

CREATE TABLE post_images (
  post_id BINARY(16) NOT NULL COMMENT 'The post',
  position TINYINT UNSIGNED NOT NULL COMMENT 'Order of the carousel, from 0',
  upload_id BINARY(16) NOT NULL COMMENT 'The image',
  PRIMARY KEY (post_id, position),
  KEY by_upload (upload_id),
  CONSTRAINT post_images_post FOREIGN KEY (post_id) REFERENCES posts (id),
  CONSTRAINT post_images_upload FOREIGN KEY (upload_id) REFERENCES uploads (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='The images of a post';

CREATE TABLE post_attempts (
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

CREATE TABLE attempt_fetches (
  attempt_id BINARY(16) NOT NULL COMMENT 'The attempt',
  position TINYINT UNSIGNED NOT NULL COMMENT 'The image',
  fetched_at_us BIGINT UNSIGNED NOT NULL COMMENT 'First fetch: evidence that TikTok got the attempt [policy:post.receipt]',
  PRIMARY KEY (attempt_id, position)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='First fetch of each image of an attempt';

CREATE TABLE post_events (
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

CREATE TABLE jobs_publish (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'A row of worker/kinds.c',
  subject_id BINARY(16) NOT NULL COMMENT 'What it is about: a post, an account, an upload',
  state ENUM('ready', 'dead') NOT NULL COMMENT 'dead: crashed five times, waits for the admin',
  run_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Not before; while it runs, the end of its lease, so a crash makes it due again',
  lease_token BINARY(16) NULL COMMENT 'Who runs it; every write of the run is conditional on it',
  runs SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Counted before it runs; set back by a run that ends',
  tries SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often it asked to be run again, for the backoff',
  request_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The request that caused it, as in the logs',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Creation',
  PRIMARY KEY (id),
  UNIQUE KEY by_subject (kind, subject_id),
  KEY due (state, run_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What worker@publish has to do';

CREATE TABLE jobs_media (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'A row of worker/kinds.c',
  subject_id BINARY(16) NOT NULL COMMENT 'What it is about: a post, an account, an upload',
  state ENUM('ready', 'dead') NOT NULL COMMENT 'dead: crashed five times, waits for the admin',
  run_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Not before; while it runs, the end of its lease, so a crash makes it due again',
  lease_token BINARY(16) NULL COMMENT 'Who runs it; every write of the run is conditional on it',
  runs SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Counted before it runs; set back by a run that ends',
  tries SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often it asked to be run again, for the backoff',
  request_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The request that caused it, as in the logs',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Creation',
  PRIMARY KEY (id),
  UNIQUE KEY by_subject (kind, subject_id),
  KEY due (state, run_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What worker@media has to do';
