-- Those whose period is over are found without walking all others (lib/model/billing/jobs.h).
ALTER TABLE subscriptions ADD KEY IF NOT EXISTS by_period (status, period_end_us);
