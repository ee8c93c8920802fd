CREATE TABLE IF NOT EXISTS sandbox_images (
  publish BINARY(16) NOT NULL COMMENT 'sandbox_publishes.id',
  position TINYINT UNSIGNED NOT NULL COMMENT 'Order of the carousel, from 0',
  url VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Where it was to be fetched [policy:sandbox.simulated]',
  result VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'ok, or the fail_reason it causes; NULL: not fetched yet [policy:sandbox.simulated]',
  http_status SMALLINT UNSIGNED NULL COMMENT 'Of the fetch; 0 when no answer came',
  size_bytes BIGINT UNSIGNED NULL COMMENT 'As fetched [policy:sandbox.simulated]',
  width INT UNSIGNED NULL COMMENT 'Pixels; 0 when not recognised [policy:sandbox.simulated]',
  height INT UNSIGNED NULL COMMENT 'Pixels; 0 when not recognised [policy:sandbox.simulated]',
  sha256 BINARY(32) NULL COMMENT 'Digest; the image itself is not kept [policy:sandbox.simulated]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'The init',
  fetched_at_us BIGINT UNSIGNED NULL COMMENT 'The fetch [policy:sandbox.simulated]',
  PRIMARY KEY (publish, position),
  KEY by_age (created_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: images of the posts, as digests';
