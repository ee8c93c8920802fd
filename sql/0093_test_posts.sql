-- The test data, for who deletes it when its time is over: a right on these is none on live data.
CREATE SQL SECURITY DEFINER VIEW IF NOT EXISTS test_posts AS SELECT id, account_id, ended_at_us, mode FROM posts WHERE mode = 'test';
