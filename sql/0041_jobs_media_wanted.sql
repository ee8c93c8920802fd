-- A job that was wanted again while it ran, and a claim of one kind that reads what it takes and no more.
ALTER TABLE jobs_media
  ADD COLUMN IF NOT EXISTS wanted_at_us BIGINT UNSIGNED NULL COMMENT 'While it runs: somebody wants it again, not before this',
  ADD COLUMN IF NOT EXISTS slot_at_us BIGINT UNSIGNED NULL COMMENT 'When it may make the call for which it waits: reserved, and counted, already',
  ADD KEY IF NOT EXISTS by_kind (state, kind, run_at_us);
