-- Whose a job is, so that users take turns (lib/model/job/job.h).
ALTER TABLE jobs_media
  ADD COLUMN IF NOT EXISTS user_id BINARY(16) NULL COMMENT 'Whose it is, where users take turns; NULL: it counts as a user of its own [policy:post.metadata]',
  ADD KEY IF NOT EXISTS by_user (state, kind, user_id, run_at_us);
