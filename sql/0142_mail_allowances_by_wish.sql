-- Each kind of mail has an allowance of its own; what an older program has counted under the address alone is of the day on
-- which it was replaced.
ALTER TABLE mail_allowances
  MODIFY COLUMN address_hash BINARY(32) NOT NULL COMMENT 'SHA-256 of the kind of mail and the normalised address (lib/model/mail/allowance.c) [policy:account.email]',
  COMMENT='How many mails of a kind strangers have caused to an address on its last day';
