CREATE TABLE IF NOT EXISTS jobs_publish (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  kind VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'A row of worker/kinds.c',
  subject_id BINARY(16) NOT NULL COMMENT 'What it is about: a post, an account, an upload',
  state ENUM('ready', 'dead') NOT NULL COMMENT 'dead: crashed five times, waits for the admin',
  run_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Not before; while it runs, the end of its lease, so a crash makes it due again',
  lease_token BINARY(16) NULL COMMENT 'Who runs it; every write of the run is conditional on it',
  runs SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Counted before it runs; set back by a run that ends',
  tries SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often it asked to be run again, for the backoff',
  request_id CHAR(32) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The request that caused it, as in the logs',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Creation',
  PRIMARY KEY (id),
  UNIQUE KEY by_subject (kind, subject_id),
  KEY due (state, run_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What worker@publish has to do';
