-- A job that died and is asked for again rests, however often it is asked for. The program before this one lets a second ask end that.
ALTER TABLE jobs_media
  ADD COLUMN IF NOT EXISTS rests_until_us BIGINT UNSIGNED NULL COMMENT 'It was dead, and is asked for again: until then it does not run, whoever asks';
