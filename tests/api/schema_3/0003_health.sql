-- What says whether the service is well: GET /readyz and the workers' metrics ask this.

CREATE TABLE worker_heartbeats (
  class VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'A class of jobs: publish, media',
  seen_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When a worker of the class last took its turn at claiming jobs, to a few seconds',
  PRIMARY KEY (class)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='The workers'' last signs of life, one row per class';

-- Images whose file should be gone: found without walking all that were ever there.
ALTER TABLE uploads ADD KEY by_late (deleted_at_us, delete_due_at_us);
