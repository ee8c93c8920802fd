CREATE TABLE IF NOT EXISTS users (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  email_key VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL COMMENT 'Normalised address; compared byte for byte [policy:account.email]',
  email VARCHAR(320) CHARACTER SET utf8mb4 COLLATE utf8mb4_nopad_bin NOT NULL COMMENT 'Address as given; mail goes here [policy:account.email]',
  name VARCHAR(100) NULL COMMENT 'Optional name [policy:account.name]',
  password_hash VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'bcrypt [policy:account.password]',
  state ENUM('active', 'disabled') NOT NULL COMMENT 'disabled: may neither sign in nor use keys',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Registration [policy:account.times]',
  updated_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last change of this row [policy:account.times]',
  PRIMARY KEY (id),
  UNIQUE KEY email_key (email_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='People with an account';
