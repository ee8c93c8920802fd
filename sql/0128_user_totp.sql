CREATE TABLE IF NOT EXISTS user_totp (
  user_id BINARY(16) NOT NULL COMMENT 'Whose [policy:account.second_factor]',
  secret VARBINARY(64) NOT NULL COMMENT 'What the authenticator app knows, sealed under totp-keys [policy:account.second_factor]',
  last_step BIGINT NOT NULL DEFAULT 0 COMMENT 'The newest 30 seconds whose code was used: a code works once [policy:account.second_factor]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When the secret was shown [policy:account.second_factor]',
  enabled_at_us BIGINT UNSIGNED NULL COMMENT 'When a code of it was first given, from when on it counts; NULL: not yet [policy:account.second_factor]',
  PRIMARY KEY (user_id),
  CONSTRAINT user_totp_user FOREIGN KEY (user_id) REFERENCES users (id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Users whose sign-in needs a code of an authenticator app';
