-- What was approved is what is sent: the worker compares.
ALTER TABLE posts ADD COLUMN IF NOT EXISTS approved_digest BINARY(32) NULL COMMENT 'SHA-256 of the content that the owner approved (lib/model/post/post_digest.h); NULL: nobody was asked';
