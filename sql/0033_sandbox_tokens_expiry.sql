-- Tokens are purged when they are over and no longer by age; clients, creators and grants a year after they were last
-- renewed, since a refresh token lives so long. Posts, images and codes still go after 30 days.
ALTER TABLE sandbox_tokens
  MODIFY COLUMN kind ENUM('access', 'refresh') NOT NULL COMMENT 'access: 2 h; refresh: sandbox.refresh_days, works once',
  ADD INDEX IF NOT EXISTS by_expiry (expires_at_us);
