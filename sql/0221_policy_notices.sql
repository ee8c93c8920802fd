-- Who has been told by mail of a material change, and who is still to be: users in the order of their ids, batch by batch
-- (lib/model/privacy/policy_notice.h).
CREATE TABLE IF NOT EXISTS policy_notices (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7; the subject of the job that tells them',
  version VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Of what',
  told_below BINARY(16) NOT NULL COMMENT 'Users with an id up to this have their mail',
  told BIGINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How many they are',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was published',
  ended_at_us BIGINT UNSIGNED NULL COMMENT 'When it came into force: who registers later has seen it',
  PRIMARY KEY (id),
  UNIQUE KEY by_version (version),
  CONSTRAINT policy_notices_version FOREIGN KEY (version) REFERENCES policy_versions (version)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Mails about material changes of the policy';
