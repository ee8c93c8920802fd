ALTER TABLE api_keys ADD COLUMN IF NOT EXISTS expires_at_us BIGINT UNSIGNED NULL COMMENT 'When the key stops working; NULL: never';
