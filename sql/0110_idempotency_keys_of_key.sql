-- One API key has a share of its user's idempotency keys. What programs from before claim has no key, and counts for the user alone.
ALTER TABLE idempotency_keys
  ADD COLUMN IF NOT EXISTS key_id BINARY(16) NULL COMMENT 'The API key that sent it; NULL: a session did',
  ADD KEY IF NOT EXISTS by_key (user_id, key_id, expires_at_us);
