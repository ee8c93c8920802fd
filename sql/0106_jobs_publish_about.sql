-- Which post a turn was about that killed its worker: when the job is buried, another may be at the head of the queue.
ALTER TABLE jobs_publish ADD COLUMN IF NOT EXISTS about_id BINARY(16) NULL COMMENT 'What the run of a suspect is about, beside the subject: written before it begins';
