-- Images that are late and of which the alarm has not told: found without walking those of which it has.
ALTER TABLE uploads ADD KEY IF NOT EXISTS by_told (deleted_at_us, late_told_at_us, delete_due_at_us);
