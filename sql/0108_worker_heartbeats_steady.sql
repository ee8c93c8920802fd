-- For how long a class has shown signs of life without a gap, also while its workers come and go (lib/jobs/leases.c).
ALTER TABLE worker_heartbeats
  ADD COLUMN IF NOT EXISTS steady_since_us BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'The first of the signs that have come without a gap since',
  ADD COLUMN IF NOT EXISTS steady_at_us BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'The last of them: older programs write seen_at_us alone';
