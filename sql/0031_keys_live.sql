-- A user's live keys are counted without walking those that were revoked.
ALTER TABLE api_keys ADD KEY IF NOT EXISTS by_user_live (user_id, revoked_at_us);
