CREATE TABLE IF NOT EXISTS activity (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  user_id BINARY(16) NOT NULL COMMENT 'Whose account [policy:account.activity]',
  what VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'A row of lib/model/user/activity.def [policy:account.activity]',
  by_whom ENUM('user', 'key', 'admin', 'service') NOT NULL COMMENT 'Who did it [policy:account.activity]',
  about_id BINARY(16) NULL COMMENT 'What it was done to: a key, a TikTok account [policy:account.activity]',
  about VARCHAR(200) NULL COMMENT 'Its name at that time [policy:account.activity]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When; it goes 24 months later [policy:account.activity]',
  PRIMARY KEY (id),
  KEY by_user (user_id, id),
  KEY by_time (created_at_us),
  CONSTRAINT activity_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What was done with an account: rows are added, and never changed';
