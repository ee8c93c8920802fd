ALTER TABLE api_keys
  ADD COLUMN IF NOT EXISTS widened_at_us BIGINT UNSIGNED NULL COMMENT 'When a scope was added or its budget widened for the last time [policy:key.name]';
