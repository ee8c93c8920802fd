-- After a restore nobody knows which posts that wait have been sent since the backup: they wait for an administrator.
ALTER TABLE accounts ADD COLUMN IF NOT EXISTS held_to_id BINARY(16) NULL COMMENT 'Posts with ids up to this one are on hold: the database was restored from a backup that may not know that they were sent; NULL: none is';
