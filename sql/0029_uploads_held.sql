-- A user's images that are in the store, and their sizes, are counted without walking all that the user ever had.
ALTER TABLE uploads ADD KEY IF NOT EXISTS by_held (user_id, deleted_at_us, size_bytes);
