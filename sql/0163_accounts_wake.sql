-- A connection asks TikTok anew about posts that were given up, many of them little by little.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS wake_below_id BINARY(16) NULL COMMENT 'It was connected again, and TikTok is still to be asked about posts that were given up and whose ids are below this one; NULL: none is left';
