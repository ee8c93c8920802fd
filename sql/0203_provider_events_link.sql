-- The link stays until a mail has it, so that an event that is worked off once more has it, too.
ALTER TABLE provider_events
  MODIFY COLUMN link VARCHAR(2048) CHARACTER SET ascii COLLATE ascii_bin NULL COMMENT 'Stripe''s page for the mail; NULL once a mail has it, or the event is ignored [policy:billing.subscription]';
