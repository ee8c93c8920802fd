-- Where a list of Stripe's that is read over several runs goes on (lib/model/billing/provider_read.h).
CREATE TABLE IF NOT EXISTS provider_reads (
  what VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Which list: events',
  types_from VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'The first of the types of events that are asked for now',
  older_than VARCHAR(255) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'The event after which the next page begins; NULL: with the newest',
  at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was noted: a place that is old is not gone on from',
  PRIMARY KEY (what)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Lists of Stripe that are being read';
