-- The promise of the privacy policy counts from the first post: using the image again does not start it anew.
ALTER TABLE uploads
  ADD COLUMN IF NOT EXISTS post_due_at_us BIGINT UNSIGNED NULL COMMENT 'When it is due because a post with it has ended; a later post only makes it sooner';
