-- A revoke that is under way at TikTok may take effect on a grant that somebody gets meanwhile (lib/model/tiktok/grant_end.h). A row
-- lives for a minute or so; it is also the lock between who ends a grant and who connects one.
CREATE TABLE IF NOT EXISTS grants_ending (
  open_id VARCHAR(128) CHARACTER SET ascii COLLATE ascii_bin NOT NULL COMMENT 'Whose grant, at TikTok [policy:tiktok.profile]',
  until_us BIGINT UNSIGNED NOT NULL COMMENT 'Until when the revoke may take effect',
  PRIMARY KEY (open_id),
  KEY by_time (until_us)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_nopad_bin COMMENT='Grants of TikTok that are being ended';
