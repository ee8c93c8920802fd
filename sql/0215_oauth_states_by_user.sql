-- An erasure finds what its user has begun.
ALTER TABLE oauth_states ADD KEY IF NOT EXISTS by_user (user_id);
