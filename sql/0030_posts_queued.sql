-- A user's posts that have not ended are counted without walking all.
ALTER TABLE posts ADD KEY IF NOT EXISTS by_user_ended (user_id, ended_at_us);
