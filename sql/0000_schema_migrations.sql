-- What has been applied, kept by `marketingcli-admin migrate`. This file is run first, every time, and is not recorded:
-- it must stay harmless when the table is there.

CREATE TABLE IF NOT EXISTS schema_migrations (
  version SMALLINT UNSIGNED NOT NULL COMMENT 'NNNN of the file''s name',
  name VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'The file''s name',
  sha256 BINARY(32) NOT NULL COMMENT 'Of the file, which never changes any more; while applying, of its text up to the last statement that was run',
  state ENUM('applying', 'applied') NOT NULL COMMENT 'applying: a run is at it, or one was interrupted',
  statements_done SMALLINT UNSIGNED NOT NULL COMMENT 'How many of its statements have been run; an interrupted run goes on behind them',
  started_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Start',
  applied_at_us BIGINT UNSIGNED NULL COMMENT 'End',
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Schema files that have been applied';
