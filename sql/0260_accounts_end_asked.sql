-- An admin's disconnect and an erasure are one job of the account: who cancels the erasure must not drop the other wish.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS end_asked_at_us BIGINT UNSIGNED NULL COMMENT 'When an admin was asked by its owner to disconnect it, which is not done yet; NULL: nobody was';
