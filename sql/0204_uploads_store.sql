-- store_other is set before a copy is made and emptied after the other one is deleted: so whoever deletes the image finds both.
ALTER TABLE uploads
  MODIFY COLUMN IF EXISTS store ENUM('directory', 's3') NOT NULL COMMENT 'Where the file is',
  ADD COLUMN IF NOT EXISTS store_other ENUM('directory', 's3') NULL COMMENT 'Where a copy of it can be, too, while it is being moved';
