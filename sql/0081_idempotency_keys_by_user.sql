-- What the cap of a user counts, in an index without the answers.
ALTER TABLE idempotency_keys ADD KEY IF NOT EXISTS by_user (user_id, expires_at_us);
