-- Images whose file should be gone: found without walking all that were ever there.
ALTER TABLE uploads ADD KEY IF NOT EXISTS by_late (deleted_at_us, delete_due_at_us);
