-- Lists are of one mode, and found along its index. by_mode_id is for the purge of test data.
ALTER TABLE uploads
  ADD COLUMN IF NOT EXISTS mode ENUM('live', 'test') NOT NULL DEFAULT 'live' COMMENT 'test: only posts of test accounts can have it',
  ADD KEY IF NOT EXISTS by_user_mode (user_id, mode, id),
  ADD KEY IF NOT EXISTS by_mode_id (mode, id);
