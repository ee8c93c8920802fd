-- The simulator of TikTok has events, too, which are sent to a webhook of ours in the same way.
ALTER TABLE sandbox_stripe_events
  ADD COLUMN IF NOT EXISTS provider ENUM('stripe', 'tiktok') NOT NULL DEFAULT 'stripe' COMMENT 'Who tells it: whose signature it has, and to which webhook it goes';
