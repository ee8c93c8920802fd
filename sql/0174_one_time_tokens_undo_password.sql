-- The mail that tells of a change of the password brings a link to choose another one.
ALTER TABLE one_time_tokens
  MODIFY COLUMN purpose ENUM('verify_email', 'reset_password', 'change_email', 'undo_email', 'unsubscribe', 'undo_password') NOT NULL COMMENT 'What it is good for, and nothing else';
