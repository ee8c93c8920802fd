-- An address that only TikTok is told may still be used by somebody else.
ALTER TABLE attempt_fetches
  MODIFY COLUMN fetched_at_us BIGINT UNSIGNED NOT NULL COMMENT 'First fetch, by whoever knew the address, which only TikTok is told: some evidence that TikTok got the attempt [policy:post.receipt]';
