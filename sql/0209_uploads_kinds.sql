-- What an app of before writes is still there, in its old place.
ALTER TABLE uploads
  MODIFY COLUMN IF EXISTS media_type ENUM('image/jpeg', 'image/png', 'image/webp', 'image/avif', 'image/heic') NULL COMMENT 'Of the original, by its bytes [policy:image.report]',
  ADD COLUMN IF NOT EXISTS kept_type ENUM('image/jpeg', 'image/webp') NULL COMMENT 'Of what is kept; NULL: image/jpeg, as all were [policy:image.report]';
