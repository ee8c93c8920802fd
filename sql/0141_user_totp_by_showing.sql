-- A secret that was shown and not confirmed within an hour is deleted; these are found without a walk through all users'.
ALTER TABLE user_totp ADD KEY IF NOT EXISTS by_showing (enabled_at_us, created_at_us);
