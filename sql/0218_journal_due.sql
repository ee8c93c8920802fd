CREATE TABLE IF NOT EXISTS journal_due (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  user_id BINARY(16) NOT NULL COMMENT 'Whose [policy:account.erasure]',
  what ENUM('erasure', 'disconnect', 'revocation') NOT NULL COMMENT 'What a restore must do again',
  subject_id BINARY(16) NOT NULL COMMENT 'To which user, TikTok account or key [policy:account.erasure]',
  at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was done [policy:account.erasure]',
  PRIMARY KEY (id),
  KEY by_user (user_id, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What is to be appended to the journal, a file; a row goes when its line is on the disk';
