-- No foreign keys: a row is added by transactions that have locked a post, after which no user may be locked.
CREATE TABLE IF NOT EXISTS notices_due (
  user_id BINARY(16) NOT NULL COMMENT 'Who is told [policy:mail.sent]',
  kind ENUM('post_failed', 'approval_waiting', 'key_expiring') NOT NULL COMMENT 'A row of lib/model/mail/notice.def',
  subject_id BINARY(16) NOT NULL COMMENT 'What it is about: a post, a key [policy:mail.sent]',
  at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it happened [policy:mail.sent]',
  taken_by BINARY(16) NULL COMMENT 'Within the transaction that gathers, that one; else NULL',
  PRIMARY KEY (user_id, kind, subject_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='What users are to be told by mail: several rows become one mail';
