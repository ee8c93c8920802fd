-- The program before this one notes none of it, and goes by the age of a mail's job.
ALTER TABLE mail_outbox
  ADD COLUMN IF NOT EXISTS tried_at_us BIGINT UNSIGNED NULL COMMENT 'When the relay was asked for the first time; it is tried for two days from then [policy:mail.sent]' AFTER tries,
  ADD COLUMN IF NOT EXISTS unknown_tries TINYINT UNSIGNED NOT NULL DEFAULT 0 COMMENT 'How often the relay had all of it, and did not say whether it has taken it' AFTER tried_at_us,
  ADD KEY IF NOT EXISTS by_bounce (bounced_at_us, id);
