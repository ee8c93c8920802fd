-- A post has the mode of its account: no row can say otherwise, and no program from before can make a post of a test account. Lists
-- are of one mode, and found along by_user_mode. Without foreign_key_checks the table is not copied, and stays writable meanwhile;
-- there is nothing to check, for every row is live.
SET STATEMENT foreign_key_checks = 0 FOR
ALTER TABLE posts
  ADD COLUMN IF NOT EXISTS mode ENUM('live', 'test') NOT NULL DEFAULT 'live' COMMENT 'That of its account',
  ADD KEY IF NOT EXISTS by_user_mode (user_id, mode, id),
  ADD KEY IF NOT EXISTS by_account_mode (account_id, mode),
  ADD CONSTRAINT posts_account_mode FOREIGN KEY IF NOT EXISTS posts_account_mode (account_id, mode) REFERENCES accounts (id, mode);
