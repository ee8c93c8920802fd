-- What an app of before writes is still there, in its old place.
ALTER TABLE uploads
  MODIFY COLUMN IF EXISTS media_type ENUM('image/jpeg', 'image/png', 'image/webp') NULL COMMENT 'Of the original, by its bytes [policy:image.report]';
