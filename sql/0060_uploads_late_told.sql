-- Each image that is late raises the alarm purge_late by itself, once a day.
ALTER TABLE uploads
  ADD COLUMN IF NOT EXISTS late_told_at_us BIGINT UNSIGNED NULL COMMENT 'When the alarm last said that the image is late';
