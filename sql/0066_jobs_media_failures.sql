-- Failures, apart from tries: a job may come again often, and do its work each time.
ALTER TABLE jobs_media
  ADD COLUMN IF NOT EXISTS failures SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Runs in a row that ended with an error, for the backoff and the alarm',
  MODIFY COLUMN state ENUM('ready', 'dead') NOT NULL COMMENT 'dead: its process has died with it three times, the last time when nothing else ran; it waits for the admin';
