-- A mail that has failed keeps them: the admin may have it sent again.
ALTER TABLE mail_outbox
  MODIFY COLUMN params VARCHAR(2000) NULL COMMENT 'What its words need, as JSON; no secrets. Gone once it is sent or dropped [policy:mail.sent]';
