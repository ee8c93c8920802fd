-- A session that gets a new token knows the one before for some seconds: its browser may have sent requests with it already.
ALTER TABLE sessions
  ADD COLUMN IF NOT EXISTS old_token_hash BINARY(32) NULL COMMENT 'SHA-256 of the cookie value before; NULL: it never had another [policy:account.session]',
  ADD COLUMN IF NOT EXISTS old_token_until_us BIGINT UNSIGNED NULL COMMENT 'Until when that one is good, too',
  ADD KEY IF NOT EXISTS by_old_token (old_token_hash);
