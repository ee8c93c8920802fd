-- A user's posts of one state, and an account's, are found without walking the others.
ALTER TABLE posts
  ADD KEY IF NOT EXISTS by_user_state (user_id, mode, state, id),
  ADD KEY IF NOT EXISTS by_account_id (account_id, id);
