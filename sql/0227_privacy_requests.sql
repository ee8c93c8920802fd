-- What people ask by mail about their data, and until when they must have it (marketingcli-admin privacy). A row goes two years after it
-- was done; one about a user goes with the user.
CREATE TABLE IF NOT EXISTS privacy_requests (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  user_id BINARY(16) NULL COMMENT 'Who asks; NULL: somebody without an account [policy:account.activity]',
  what ENUM('access', 'correct', 'export', 'erase', 'disconnect') NOT NULL COMMENT 'What is asked for [policy:account.activity]',
  reason VARCHAR(500) NOT NULL COMMENT 'Why, in an administrator''s words: how it came, and who it is [policy:account.activity]',
  received_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it came [policy:account.activity]',
  due_at_us BIGINT UNSIGNED NOT NULL COMMENT 'A month later',
  done_at_us BIGINT UNSIGNED NULL COMMENT 'When it was done [policy:account.activity]',
  told_at_us BIGINT UNSIGNED NULL COMMENT 'When an alarm last said that it is overdue',
  PRIMARY KEY (id),
  KEY by_user (user_id, what, done_at_us),
  KEY by_done (done_at_us, due_at_us),
  CONSTRAINT privacy_requests_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Requests about personal data that came by mail';
