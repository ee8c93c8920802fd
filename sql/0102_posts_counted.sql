-- Counting a user's posts walks only those that came since, and not all that there are. Made with what is there by now, but for the
-- last hour: its transactions may still run. What programs from before add is among those that are walked.
CREATE TABLE IF NOT EXISTS posts_counted (
  user_id BINARY(16) NOT NULL COMMENT 'Whose posts [policy:post.metadata]',
  upto_id BINARY(16) NOT NULL COMMENT 'The last post that is counted',
  n BIGINT UNSIGNED NOT NULL COMMENT 'How many posts the user has until then, this one included',
  PRIMARY KEY (user_id),
  CONSTRAINT posts_counted_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='How many posts a user has, up to one of them' SELECT user_id, MAX(id) AS upto_id, COUNT(*) AS n FROM posts WHERE id < UNHEX(CONCAT(LPAD(HEX(UNIX_TIMESTAMP() * 1000 - 3600000), 12, '0'), REPEAT('0', 20))) GROUP BY user_id;
