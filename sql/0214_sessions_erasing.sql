-- Keys need it not: all are revoked when it begins.
ALTER TABLE sessions
  MODIFY COLUMN user_state ENUM('active', 'disabled', 'erasing') NOT NULL COMMENT 'Copy of users.state, changed with it, so that a request reads one table';
