-- An account is one of TikTok's, or one of the simulator's. Programs from before make live ones. Its tokens are sealed for this
-- mode, so that a row whose mode is wrong opens none.
ALTER TABLE accounts
  ADD COLUMN IF NOT EXISTS mode ENUM('live', 'test') NOT NULL DEFAULT 'live' COMMENT 'test: an account of the simulator, which alone is asked about it',
  ADD UNIQUE KEY IF NOT EXISTS by_mode (id, mode),
  ADD KEY IF NOT EXISTS by_mode_id (mode, id);
