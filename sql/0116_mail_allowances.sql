CREATE TABLE IF NOT EXISTS mail_allowances (
  address_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the normalised address [policy:account.email]',
  day INT UNSIGNED NOT NULL COMMENT 'Days since 1970, UTC',
  mails SMALLINT UNSIGNED NOT NULL COMMENT 'How many people who were not signed in have caused',
  PRIMARY KEY (address_hash),
  KEY by_day (day)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='How many mails strangers have caused to an address on its last day';
