-- What a key works with: live data, or test data, of which TikTok never hears. It is fixed when the key is made.
ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS mode ENUM('live', 'test') NOT NULL DEFAULT 'live' COMMENT 'Which data it reads and makes: the rows of accounts, posts and uploads with the same mode. test: it begins with mk_test_';
