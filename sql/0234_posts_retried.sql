-- The attempts of before a retry are over: their images are not handed out any more, so that TikTok does not take both.
ALTER TABLE posts ADD COLUMN IF NOT EXISTS retried_after SMALLINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'Number of its newest attempt when it was last retried; 0: it was not, or had none';
