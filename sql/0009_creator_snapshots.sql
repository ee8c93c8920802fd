CREATE TABLE IF NOT EXISTS creator_snapshots (
  account_id BINARY(16) NOT NULL COMMENT 'The account',
  username VARCHAR(100) NOT NULL COMMENT 'TikTok handle; at most 24 h [policy:tiktok.creator]',
  nickname VARCHAR(200) NOT NULL COMMENT 'TikTok nickname; at most 24 h [policy:tiktok.creator]',
  privacy_level_options VARCHAR(300) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Comma between them [policy:tiktok.creator]',
  comment_disabled TINYINT UNSIGNED NOT NULL COMMENT 'The creator''s own setting [policy:tiktok.creator]',
  post_block VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'TikTok''s code when the creator cannot post right now [policy:tiktok.creator]',
  fetched_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When TikTok said so; not shown after 24 h and then purged',
  PRIMARY KEY (account_id),
  KEY by_age (fetched_at_us),
  CONSTRAINT creator_snapshots_account FOREIGN KEY (account_id) REFERENCES accounts (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What creator info said last';
