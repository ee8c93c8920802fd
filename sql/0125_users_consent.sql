-- Users from before have accepted what was in force, which nobody has written down.
ALTER TABLE users
  ADD COLUMN IF NOT EXISTS terms_version VARCHAR(32) NULL COMMENT 'Which terms were accepted at the registration; NULL: none were asked for [policy:account.consent]',
  ADD COLUMN IF NOT EXISTS policy_version VARCHAR(32) NULL COMMENT 'Which privacy policy was accepted at the registration; NULL: none was asked for [policy:account.consent]';
