CREATE SQL SECURITY DEFINER VIEW IF NOT EXISTS test_accounts AS SELECT id, connected_at_us, mode FROM accounts WHERE mode = 'test';
