-- The simulator counts calls as the worker does (lib/db/window.h).
ALTER TABLE sandbox_creators
  ADD COLUMN IF NOT EXISTS info_calls VARBINARY(160) NOT NULL DEFAULT '' COMMENT 'Times of the creator info calls of the last minute, 8 bytes each (lib/base/window.h) [policy:sandbox.simulated]',
  ADD COLUMN IF NOT EXISTS init_calls VARBINARY(48) NOT NULL DEFAULT '' COMMENT 'Times of the inits of the last minute [policy:sandbox.simulated]',
  ADD COLUMN IF NOT EXISTS status_calls VARBINARY(240) NOT NULL DEFAULT '' COMMENT 'Times of the status polls of the last minute [policy:sandbox.simulated]';
