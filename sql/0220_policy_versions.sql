-- The versions of the privacy policy and of the terms, which are published together (lib/model/privacy/published.h). Their words are
-- files below policy.dir, which never change.
CREATE TABLE IF NOT EXISTS policy_versions (
  version VARCHAR(32) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'As in the address /privacy/VERSION',
  effective_at_us BIGINT UNSIGNED NOT NULL COMMENT 'From when it is in force',
  published_at_us BIGINT UNSIGNED NOT NULL COMMENT 'When it was published',
  material TINYINT UNSIGNED NOT NULL COMMENT '1: every user is told by mail before',
  recipients VARCHAR(1000) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Who gets personal data by it: NAME=HOST, with blanks between them',
  privacy_sha256 BINARY(32) NOT NULL COMMENT 'Of the file of the policy',
  terms_sha256 BINARY(32) NOT NULL COMMENT 'Of the file of the terms',
  PRIMARY KEY (version),
  KEY by_effect (effective_at_us, published_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Versions of the privacy policy and the terms';
