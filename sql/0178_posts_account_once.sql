-- posts_account_mode says the same and more. To keep posts_account, InnoDB locks the account whenever a post changes its state, because
-- that is in the index of that constraint: after the post, where all others lock the account first.
ALTER TABLE posts DROP FOREIGN KEY IF EXISTS posts_account;
