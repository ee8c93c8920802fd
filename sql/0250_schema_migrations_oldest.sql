-- Programs of the release before run beside a newer schema, and no older ones: so the schema says which these are.
ALTER TABLE schema_migrations
  ADD COLUMN IF NOT EXISTS oldest SMALLINT UNSIGNED NULL COMMENT 'In the newest row of a release: the schema of the oldest programs that run on this one' AFTER applied_at_us,
  ADD INDEX IF NOT EXISTS by_oldest (oldest);
