-- What TikTok says of an attempt of before a retry finds its post by the attempt alone: the post has another publish_id by then, or none.
ALTER TABLE post_attempts ADD KEY IF NOT EXISTS by_publish_id (publish_id);
