-- A test post that goes is counted no more (posts_counted). Live posts never go alone.
CREATE TRIGGER IF NOT EXISTS posts_test_uncounted AFTER DELETE ON posts FOR EACH ROW UPDATE posts_counted SET n = n - 1 WHERE user_id = OLD.user_id AND upto_id >= OLD.id AND OLD.mode = 'test' AND n > 0;
