CREATE TABLE IF NOT EXISTS plan_grants (
  user_id BINARY(16) NOT NULL COMMENT 'To whom [policy:billing.plan]',
  plan VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Which plan [policy:billing.plan]',
  until_us BIGINT UNSIGNED NULL COMMENT 'Until when; it ends by itself, and its row stays. NULL: without an end [policy:billing.plan]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was given [policy:billing.plan]',
  PRIMARY KEY (user_id),
  CONSTRAINT plan_grants_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Plans that an admin has given';
