CREATE TABLE IF NOT EXISTS post_images (
  post_id BINARY(16) NOT NULL COMMENT 'The post',
  position TINYINT UNSIGNED NOT NULL COMMENT 'Order of the carousel, from 0',
  upload_id BINARY(16) NOT NULL COMMENT 'The image',
  PRIMARY KEY (post_id, position),
  KEY by_upload (upload_id),
  CONSTRAINT post_images_post FOREIGN KEY (post_id) REFERENCES posts (id),
  CONSTRAINT post_images_upload FOREIGN KEY (upload_id) REFERENCES uploads (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='The images of a post';
