-- What has been applied, kept by `marketingcli-admin migrate`. This file is run first, every time, and is not recorded.
--
-- Of all files: one statement each, written so that running it again changes nothing (IF NOT EXISTS, IF EXISTS).
-- Ids are UUIDv7 in BINARY(16). Times are BIGINT UNSIGNED microseconds since 1970 in UTC ("_us"), written by the
-- programs' one clock, never by NOW(). Every column with personal data names its item of the privacy policy
-- (lib/base/policy.def) in brackets. Secrets are hashes or sealed.

CREATE TABLE IF NOT EXISTS schema_migrations (
  version SMALLINT UNSIGNED NOT NULL COMMENT 'NNNN of the file''s name',
  name VARCHAR(100) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'The file''s name',
  sha256 BINARY(32) NOT NULL COMMENT 'Of the file, which never changes any more',
  state ENUM('applying', 'applied') NOT NULL COMMENT 'applied; applying: left by an interrupted run of a release that kept many statements in a file (versions to 3)',
  statements_done SMALLINT UNSIGNED NOT NULL COMMENT 'How many statements of the file were run: 1, except in versions to 3',
  started_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Start',
  applied_at_us BIGINT UNSIGNED NULL COMMENT 'End',
  PRIMARY KEY (version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Schema files that have been applied';
