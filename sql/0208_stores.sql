-- What is known of the folder and of the bucket as wholes: whose the folder is (lib/model/upload/upload_folder.h), and how far the
-- daily look at both has come (lib/model/upload/upload_check.h).
CREATE TABLE IF NOT EXISTS stores (
  store ENUM('directory', 's3') NOT NULL COMMENT 'Which',
  folder_id BINARY(16) NULL COMMENT 'Of the directory: what the mark in its folder says; NULL: no image was put there yet',
  machine BIGINT UNSIGNED NULL COMMENT 'Of the directory: a number for the machine that has the folder; 0: that machine has no id',
  part ENUM('rows', 'objects') NULL COMMENT 'What the look that is under way is at; NULL: none is',
  place VARBINARY(1024) NULL COMMENT 'The row or object after which it goes on; NULL: at the beginning',
  missing INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Images that are not there, so far',
  strays INT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Objects that no row ever knew, so far',
  strays_before INT UNSIGNED NULL COMMENT 'How many the look before found; NULL: there was none',
  looked_at_us BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'When the last whole look ended',
  PRIMARY KEY (store)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='The image stores as wholes';
