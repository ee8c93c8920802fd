-- Keys that ended long ago are found without walking those that live.
ALTER TABLE api_keys ADD KEY IF NOT EXISTS by_expiry (expires_at_us), ADD KEY IF NOT EXISTS by_revocation (revoked_at_us);
