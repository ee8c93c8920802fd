-- The next post of an account, without walking those that wait.
ALTER TABLE posts ADD KEY IF NOT EXISTS by_turn (account_id, state, next_attempt_at_us);
