-- A disconnect cancels the posts that wait, a long queue little by little; who connects again meanwhile stops that no more.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS canceled_to_us BIGINT UNSIGNED NULL COMMENT 'Posts made until then are canceled: the last disconnect; NULL: none of them is left [policy:tiktok.consent]';
