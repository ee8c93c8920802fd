-- Moderation, and TikTok's caps of a day (docs/tiktok.md#limits), which look at an app's posts as well as at a creator's.
ALTER TABLE sandbox_publishes
  ADD COLUMN IF NOT EXISTS moderation_sec INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How long after its end a public post has neither a page nor an answered number',
  ADD INDEX IF NOT EXISTS by_client (client_key, created_at_us, creator_id);
