-- Who may delete a test post (test_posts) deletes all of it, and needs no right on the receipts of live posts for that.
CREATE TRIGGER IF NOT EXISTS posts_test_gone BEFORE DELETE ON posts FOR EACH ROW
BEGIN
  DELETE attempt_fetches FROM attempt_fetches JOIN post_attempts ON post_attempts.id = attempt_fetches.attempt_id WHERE post_attempts.post_id = OLD.id AND OLD.mode = 'test';
  DELETE FROM post_attempts WHERE post_id = OLD.id AND OLD.mode = 'test';
  DELETE FROM post_events WHERE post_id = OLD.id AND OLD.mode = 'test';
  DELETE FROM post_images WHERE post_id = OLD.id AND OLD.mode = 'test';
END;
