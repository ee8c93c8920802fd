-- One mail for each invoice and kind, and not one for each time that its payment is tried again.
ALTER TABLE provider_events
  ADD COLUMN IF NOT EXISTS mailed_at_us BIGINT UNSIGNED NULL COMMENT 'When a mail was written for it; NULL: none was';
