-- Whether posts are on hold is asked each hour, and hardly any account has one.
ALTER TABLE accounts ADD KEY IF NOT EXISTS by_hold (held_to_id);
