-- The admin lists the users who are disabled without walking all.
ALTER TABLE users ADD KEY IF NOT EXISTS by_state (state, email_key);
