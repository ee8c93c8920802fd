-- As jobs_publish: the classes differ only in the table.
ALTER TABLE jobs_media ADD COLUMN IF NOT EXISTS about_id BINARY(16) NULL COMMENT 'What the run of a suspect is about, beside the subject: written before it begins';
