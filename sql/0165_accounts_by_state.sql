-- A user's connected accounts are counted and listed without walking those that were disconnected.
ALTER TABLE accounts ADD KEY IF NOT EXISTS by_user_state (user_id, state, open_id);
