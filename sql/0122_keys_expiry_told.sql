-- The index finds what nobody was told of yet, and walks nothing else.
ALTER TABLE api_keys
  ADD COLUMN IF NOT EXISTS expiry_told_at_us BIGINT UNSIGNED NULL COMMENT 'When its owner was told that it expires soon, or need not be; NULL: not yet',
  ADD KEY IF NOT EXISTS by_expiry_told (expiry_told_at_us, expires_at_us);
