-- The accounts that a user has made in a day are counted without walking those from before.
ALTER TABLE accounts ADD KEY IF NOT EXISTS by_user_id (user_id, id);
