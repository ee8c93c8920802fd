-- What says whether the service is well: GET /readyz and the workers' metrics ask this.

CREATE TABLE IF NOT EXISTS worker_heartbeats (
  class VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'A class of jobs: publish, media',
  seen_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When a worker of the class last took its turn at claiming jobs, to a few seconds',
  PRIMARY KEY (class)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='The workers'' last signs of life, one row per class';
