CREATE TABLE IF NOT EXISTS sandbox_creators (
  id BINARY(16) NOT NULL COMMENT 'UUIDv7',
  username VARCHAR(24) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Handle, as typed on the consent page [policy:sandbox.simulated]',
  private_account TINYINT UNSIGNED NOT NULL COMMENT 'Set on the consent page; decides the privacy levels offered [policy:sandbox.simulated]',
  comment_disabled TINYINT UNSIGNED NOT NULL COMMENT 'Set on the consent page [policy:sandbox.simulated]',
  post_block VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Code with which creator_info and init refuse: spam_risk_too_many_posts and such [policy:sandbox.simulated]',
  created_at_us BIGINT UNSIGNED NOT NULL COMMENT 'First consent [policy:sandbox.simulated]',
  renewed_at_us BIGINT UNSIGNED NOT NULL COMMENT 'Last consent or refresh of a token [policy:sandbox.simulated]',
  PRIMARY KEY (id),
  UNIQUE KEY by_username (username),
  KEY by_age (renewed_at_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Simulator: TikTok accounts, made the first time their name is used';
