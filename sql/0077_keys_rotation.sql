-- A key that is rotated keeps its row, with the new secret. The old secret gets a row of its own, so that a key is found by one
-- read of one row whichever secret it comes with.
ALTER TABLE api_keys
  ADD COLUMN IF NOT EXISTS of_key_id BINARY(16) NULL COMMENT 'In the row of an old secret: whose it is. The row has copies of that of the key, and ends at expires_at_us',
  ADD COLUMN IF NOT EXISTS old_secret_expires_at_us BIGINT UNSIGNED NULL COMMENT 'When the last of the old secrets ends; NULL: the key was never rotated',
  ADD KEY IF NOT EXISTS by_key (of_key_id, expires_at_us);
