CREATE SQL SECURITY DEFINER VIEW IF NOT EXISTS test_uploads AS SELECT id, deleted_at_us, mode FROM uploads WHERE mode = 'test';
