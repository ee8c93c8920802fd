CREATE TABLE IF NOT EXISTS recovery_codes (
  user_id BINARY(16) NOT NULL COMMENT 'Whose [policy:account.second_factor]',
  code_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the user''s id and the code [policy:account.second_factor]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was shown; one that was used is deleted [policy:account.second_factor]',
  PRIMARY KEY (user_id, code_hash),
  CONSTRAINT recovery_codes_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Codes for who has lost the authenticator app, each good for once';
