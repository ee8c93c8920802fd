-- A SET and no table of its own: worker@mail asks for it with the address, in the one row that it reads anyway.
ALTER TABLE users
  ADD COLUMN IF NOT EXISTS notices_off SET('post_failed', 'approval_waiting', 'key_expiring') NOT NULL DEFAULT '' COMMENT 'The mails of lib/model/mail/notice.def that the user does not want [policy:account.notices]',
  ADD COLUMN IF NOT EXISTS undeliverable_at_us BIGINT UNSIGNED NULL COMMENT 'When mail to this address first came back for good; NULL: it has not [policy:account.email]';
