-- One API key has a share of the images that its user can send in a day. What programs from before take in has no key, and counts for the
-- user alone.
ALTER TABLE uploads
  ADD COLUMN IF NOT EXISTS key_id BINARY(16) NULL COMMENT 'The API key that sent it; NULL: a session did',
  ADD KEY IF NOT EXISTS by_key (user_id, key_id, id);
