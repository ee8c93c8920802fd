-- A program of before does not know the word; it refuses such a user's requests as those of a database that it does not fit.
ALTER TABLE users
  MODIFY COLUMN state ENUM('active', 'disabled', 'erasing') NOT NULL COMMENT 'disabled: may neither sign in nor use keys; erasing: all that is held of them goes, and they can only see or cancel that';
