-- What each service may do, one statement a line; nothing else is granted. {db} and {user} are filled in by
-- `marketingcli-admin migrate`: -- user NAME begins the statements of marketingcli_<NAME>; those below -- every user are for
-- all of them. -- system user NAME is the same for one that is no service: it has no password, and only the system's user
-- marketingcli_<NAME> can sign in as it. What a user has beyond its lines is revoked.

-- every user
GRANT SELECT ON {db}.schema_migrations TO {user};
-- Each program looks at its start whether the published policy names all who may get something.
GRANT SELECT ON {db}.policy_versions TO {user};

-- user auth
GRANT SELECT, INSERT, UPDATE ON {db}.users TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sessions TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.user_totp TO {user};
GRANT SELECT, INSERT, DELETE ON {db}.recovery_codes TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.pending_sign_ins TO {user};
GRANT SELECT ON {db}.api_keys TO {user};
GRANT UPDATE (last_used_at_us, user_state, revoked_at_us) ON {db}.api_keys TO {user};
GRANT SELECT ON {db}.key_budgets TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.usage_daily TO {user};
GRANT SELECT (id, user_id, deleted_at_us, size_bytes) ON {db}.uploads TO {user};
GRANT SELECT (id, user_id, ended_at_us) ON {db}.posts TO {user};
GRANT SELECT ON {db}.posts_counted TO {user};
GRANT SELECT (id, user_id, state) ON {db}.accounts TO {user};
GRANT SELECT (user_id, expires_at_us) ON {db}.idempotency_keys TO {user};
GRANT INSERT ON {db}.mail_outbox TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_mail TO {user};
GRANT SELECT, INSERT ON {db}.activity TO {user};
GRANT SELECT, DELETE ON {db}.one_time_tokens TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.mail_allowances TO {user};
GRANT SELECT (id, user_id, template, state, created_at_us, ended_at_us, bounced_at_us), UPDATE (state, params, ended_at_us) ON {db}.mail_outbox TO {user};
GRANT SELECT, INSERT, DELETE ON {db}.registrations TO {user};
GRANT UPDATE (tries) ON {db}.registrations TO {user};
GRANT SELECT ON {db}.invitations TO {user};
GRANT UPDATE (uses) ON {db}.invitations TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.email_changes TO {user};
-- A changed address reaches Stripe, if the user has a customer there.
GRANT SELECT (user_id, customer_id) ON {db}.subscriptions TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_billing TO {user};
-- What a restore must do again: keys that are revoked.
GRANT INSERT ON {db}.journal_due TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_privacy TO {user};

-- user keys
GRANT SELECT, INSERT, UPDATE ON {db}.api_keys TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.key_budgets TO {user};
GRANT SELECT (id, user_id, key_id) ON {db}.posts TO {user};
GRANT SELECT (id, user_id, mode) ON {db}.accounts TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.usage_daily TO {user};
GRANT SELECT, DELETE ON {db}.sessions TO {user};
GRANT UPDATE (last_seen_at_us) ON {db}.sessions TO {user};
GRANT SELECT (id, state, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.users TO {user};
GRANT SELECT ON {db}.worker_heartbeats TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.idempotency_keys TO {user};
GRANT INSERT ON {db}.mail_outbox TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_mail TO {user};
GRANT SELECT (id, user_id, what, created_at_us), INSERT ON {db}.activity TO {user};
-- What a restore must do again: keys that are revoked.
GRANT INSERT ON {db}.journal_due TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_privacy TO {user};

-- user tiktok
GRANT SELECT ON {db}.api_keys TO {user};
GRANT UPDATE (last_used_at_us) ON {db}.api_keys TO {user};
GRANT SELECT (key_id) ON {db}.key_budgets TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.usage_daily TO {user};
GRANT SELECT ON {db}.sessions TO {user};
GRANT UPDATE (last_seen_at_us) ON {db}.sessions TO {user};
GRANT SELECT (id, state, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.users TO {user};
GRANT SELECT, INSERT, DELETE ON {db}.oauth_states TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.accounts TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.grants_ending TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.creator_snapshots TO {user};
GRANT SELECT, UPDATE ON {db}.posts TO {user};
GRANT SELECT ON {db}.post_images TO {user};
GRANT SELECT, INSERT ON {db}.post_events TO {user};
GRANT SELECT, UPDATE ON {db}.uploads TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_publish TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_media TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.idempotency_keys TO {user};
GRANT SELECT (id, user_id, what, created_at_us), INSERT ON {db}.activity TO {user};
GRANT INSERT ON {db}.notices_due TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_mail TO {user};
GRANT SELECT (digest, state), INSERT ON {db}.tiktok_events TO {user};
GRANT SELECT (id, post_id, number, state, publish_id) ON {db}.post_attempts TO {user};
-- What is told at a limit of the plan (lib/fcgi/plan_told.c).
GRANT SELECT (user_id, plan, status, period_end_us, cancel_at_us, trial_end_us, past_due_since_us) ON {db}.subscriptions TO {user};
GRANT SELECT ON {db}.plan_grants TO {user};
GRANT SELECT, UPDATE ON {db}.plan_counters TO {user};
-- What a restore must do again: accounts that are disconnected.
GRANT INSERT ON {db}.journal_due TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_privacy TO {user};

-- user uploads
GRANT SELECT ON {db}.api_keys TO {user};
GRANT UPDATE (last_used_at_us) ON {db}.api_keys TO {user};
GRANT SELECT (key_id) ON {db}.key_budgets TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.usage_daily TO {user};
GRANT SELECT ON {db}.sessions TO {user};
GRANT UPDATE (last_seen_at_us) ON {db}.sessions TO {user};
GRANT SELECT (id, state, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.users TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.uploads TO {user};
GRANT SELECT (store, folder_id, machine), INSERT (store, folder_id, machine), UPDATE (store, folder_id, machine) ON {db}.stores TO {user};
GRANT SELECT (id, user_id, state, ended_at_us) ON {db}.posts TO {user};
GRANT SELECT ON {db}.post_images TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_media TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.idempotency_keys TO {user};
-- What is told at a limit of the plan (lib/fcgi/plan_told.c).
GRANT SELECT (user_id, plan, status, period_end_us, cancel_at_us, trial_end_us, past_due_since_us) ON {db}.subscriptions TO {user};
GRANT SELECT ON {db}.plan_grants TO {user};
GRANT SELECT ON {db}.plan_counters TO {user};
GRANT SELECT (id, user_id, state, mode) ON {db}.accounts TO {user};

-- Of the release before this one, which delivered the images and runs until it is restarted; these lines go with the next.
GRANT SELECT (id, post_id, created_at_us, state) ON {db}.post_attempts TO {user};
GRANT SELECT, INSERT ON {db}.attempt_fetches TO {user};

-- user media
GRANT SELECT (id, post_id, number, created_at_us) ON {db}.post_attempts TO {user};
GRANT SELECT (id, ended_at_us, retried_after) ON {db}.posts TO {user};
GRANT SELECT (post_id, position, upload_id) ON {db}.post_images TO {user};
GRANT SELECT (id, state, store, kept_type) ON {db}.uploads TO {user};
GRANT INSERT (attempt_id, position, fetched_at_us) ON {db}.attempt_fetches TO {user};

-- user posts
GRANT SELECT ON {db}.api_keys TO {user};
GRANT UPDATE (last_used_at_us) ON {db}.api_keys TO {user};
GRANT SELECT ON {db}.key_budgets TO {user};
GRANT UPDATE (day, posts) ON {db}.key_budgets TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.usage_daily TO {user};
GRANT SELECT ON {db}.sessions TO {user};
GRANT UPDATE (last_seen_at_us) ON {db}.sessions TO {user};
GRANT SELECT (id, state, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.users TO {user};
GRANT SELECT (id, user_id, open_id, display_name, avatar_url, scopes, state, state_reason, access_expires_at_us, refresh_expires_at_us, connected_at_us, canceled_to_us, mode, held_to_id) ON {db}.accounts TO {user};
GRANT SELECT ON {db}.creator_snapshots TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.uploads TO {user};
GRANT SELECT (store, folder_id, machine), INSERT (store, folder_id, machine), UPDATE (store, folder_id, machine) ON {db}.stores TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.posts TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.posts_counted TO {user};
GRANT SELECT, INSERT ON {db}.post_images TO {user};
GRANT SELECT, INSERT ON {db}.post_events TO {user};
GRANT SELECT ON {db}.post_attempts TO {user};
GRANT SELECT ON {db}.attempt_fetches TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_publish TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_media TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.idempotency_keys TO {user};
GRANT INSERT ON {db}.notices_due TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_mail TO {user};
-- What is told at a limit of the plan (lib/fcgi/plan_told.c).
GRANT SELECT (user_id, plan, status, period_end_us, cancel_at_us, trial_end_us, past_due_since_us) ON {db}.subscriptions TO {user};
GRANT SELECT ON {db}.plan_grants TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.plan_counters TO {user};

-- user billing
GRANT SELECT ON {db}.api_keys TO {user};
GRANT UPDATE (last_used_at_us, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.api_keys TO {user};
GRANT SELECT (key_id) ON {db}.key_budgets TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.usage_daily TO {user};
GRANT SELECT ON {db}.sessions TO {user};
GRANT UPDATE (last_seen_at_us, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.sessions TO {user};
GRANT SELECT (id, email, state, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us, customer_asked_at_us), UPDATE (updated_at_us, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us, customer_asked_at_us) ON {db}.users TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.subscriptions TO {user};
GRANT SELECT ON {db}.plan_grants TO {user};
GRANT SELECT ON {db}.plan_counters TO {user};
GRANT SELECT (id, user_id, state, mode) ON {db}.accounts TO {user};
GRANT SELECT (id, user_id, deleted_at_us, size_bytes) ON {db}.uploads TO {user};
GRANT SELECT, INSERT ON {db}.provider_events TO {user};
GRANT SELECT (id, user_id, what, created_at_us), INSERT ON {db}.activity TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_billing TO {user};

-- user privacy
GRANT SELECT ON {db}.api_keys TO {user};
GRANT UPDATE (last_used_at_us) ON {db}.api_keys TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.usage_daily TO {user};
GRANT SELECT ON {db}.sessions TO {user};
GRANT UPDATE (last_seen_at_us) ON {db}.sessions TO {user};
-- What an export has (lib/model/privacy/export.def), and the columns that say whose a row is. No hash, and nothing that is sealed, but those of
-- keys and sessions, by which it knows who asks.
GRANT SELECT (id, email_key, email, name, state, created_at_us, updated_at_us, notices_off, undeliverable_at_us, terms_version, policy_version, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us, customer_asked_at_us) ON {db}.users TO {user};
GRANT SELECT (user_id, last_step, created_at_us, enabled_at_us) ON {db}.user_totp TO {user};
GRANT SELECT (user_id, created_at_us) ON {db}.recovery_codes TO {user};
GRANT SELECT (user_id, created_at_us) ON {db}.pending_sign_ins TO {user};
GRANT SELECT (id, email_key, email, name, terms_version, policy_version, created_at_us) ON {db}.registrations TO {user};
GRANT SELECT (id, user_id, old_email, new_email, created_at_us, confirmed_at_us, undone_at_us) ON {db}.email_changes TO {user};
GRANT SELECT (id, user_id, what, by_whom, about_id, about, created_at_us), INSERT ON {db}.activity TO {user};
GRANT SELECT (id, user_id, template, subject_id, params, state, reply, created_at_us, ended_at_us, bounced_at_us, tried_at_us) ON {db}.mail_outbox TO {user};
GRANT SELECT (user_id, kind, subject_id, at_us) ON {db}.notices_due TO {user};
GRANT SELECT ON {db}.key_budgets TO {user};
GRANT SELECT (user_id, expires_at_us, status, data) ON {db}.idempotency_keys TO {user};
GRANT SELECT (id, user_id, open_id, display_name, avatar_url, scopes, state, state_reason, connected_at_us, disconnected_at_us, mode, canceled_to_us) ON {db}.accounts TO {user};
GRANT SELECT (account_id, username, nickname, privacy_level_options, comment_disabled, post_block, fetched_at_us) ON {db}.creator_snapshots TO {user};
GRANT SELECT (open_id) ON {db}.grants_ending TO {user};
GRANT SELECT (open_id, id, kind, publish_id, post_id, reason, created_at_us) ON {db}.tiktok_events TO {user};
GRANT SELECT (id, user_id, what, reason, received_at_us, done_at_us) ON {db}.privacy_requests TO {user};
GRANT SELECT (id, user_id, state, media_type, original_bytes, original_width, original_height, original_sha256, changes, size_bytes, width, height, sha256, store, created_at_us, delete_due_at_us, deleted_at_us, mode, provenance, kept_type) ON {db}.uploads TO {user};
GRANT SELECT (id, user_id, account_id, key_id, title, description, post_mode, privacy_level, disable_comment, auto_add_music, brand_content_toggle, brand_organic_toggle, is_aigc, photo_cover_index, state, failure_code, platform_code, platform_log_id, publish_id, tiktok_post_ids, created_at_us, accepted_at_us, ended_at_us, mode, plan_month) ON {db}.posts TO {user};
GRANT SELECT (user_id, n) ON {db}.posts_counted TO {user};
GRANT SELECT (id, post_id, number, state, payload, publish_id, http_status, platform_code, platform_log_id, created_at_us, ended_at_us) ON {db}.post_attempts TO {user};
GRANT SELECT (attempt_id, position, fetched_at_us) ON {db}.attempt_fetches TO {user};
GRANT SELECT (id, post_id, at_us, event, state, code, platform_code, platform_log_id) ON {db}.post_events TO {user};
GRANT SELECT (user_id, customer_id, subscription_id, plan, status, period_end_us, cancel_at_us, trial_end_us, past_due_since_us, checkout_plan, checkout_at_us, checkout_session_id, terms_version, terms_accepted_at_us, terms_accepted_how) ON {db}.subscriptions TO {user};
GRANT SELECT (event_id, type, user_id, object_id, customer_id, subscription_id, charge_id, link, status, created_at_us) ON {db}.provider_events TO {user};
GRANT SELECT (user_id, month, posts) ON {db}.plan_counters TO {user};
GRANT SELECT (user_id, plan, until_us, created_at_us) ON {db}.plan_grants TO {user};
GRANT SELECT ON {db}.post_images TO {user};
-- Erasing an account: what ends at once, and the wish for the rest.
GRANT UPDATE (state, updated_at_us) ON {db}.users TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.erasures TO {user};
GRANT INSERT ON {db}.journal_due TO {user};
GRANT UPDATE (user_state), DELETE ON {db}.sessions TO {user};
GRANT SELECT (token_hash), DELETE ON {db}.pending_sign_ins TO {user};
GRANT SELECT (id, user_id, expires_at_us, confirmed_at_us), UPDATE (expires_at_us) ON {db}.email_changes TO {user};
GRANT SELECT (purpose, subject_id), DELETE ON {db}.one_time_tokens TO {user};
GRANT UPDATE (revoked_at_us) ON {db}.api_keys TO {user};
GRANT INSERT ON {db}.mail_outbox TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_mail TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_publish TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_privacy TO {user};

-- user worker_publish
GRANT SELECT (id) ON {db}.api_keys TO {user};
GRANT SELECT (id, state) ON {db}.users TO {user};
GRANT SELECT, UPDATE ON {db}.accounts TO {user};
GRANT SELECT ON {db}.key_budgets TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.creator_snapshots TO {user};
GRANT SELECT, UPDATE ON {db}.posts TO {user};
GRANT SELECT, UPDATE ON {db}.plan_counters TO {user};
GRANT SELECT ON {db}.post_images TO {user};
GRANT SELECT, UPDATE ON {db}.uploads TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.post_attempts TO {user};
GRANT SELECT ON {db}.attempt_fetches TO {user};
GRANT SELECT, INSERT ON {db}.post_events TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_publish TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_media TO {user};
GRANT DELETE, SELECT ON {db}.oauth_states TO {user};
GRANT DELETE, SELECT (until_us) ON {db}.grants_ending TO {user};
GRANT SELECT (id, open_id, reason, state, created_at_us, received_at_us), UPDATE (state, done_at_us), DELETE ON {db}.tiktok_events TO {user};
GRANT SELECT (id, user_id, what, created_at_us), INSERT ON {db}.activity TO {user};
GRANT DELETE, SELECT (expires_at_us), UPDATE (expires_at_us) ON {db}.idempotency_keys TO {user};
-- Views, of test data alone.
GRANT DELETE, SELECT ON {db}.test_posts TO {user};
GRANT DELETE, SELECT ON {db}.test_accounts TO {user};
GRANT DELETE, SELECT ON {db}.test_uploads TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.worker_heartbeats TO {user};
GRANT INSERT ON {db}.notices_due TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_mail TO {user};
-- For an erasure: an account is disconnected here as its owner would do it.
GRANT SELECT (user_id, accounts_n, revoked_n), UPDATE (revoked_n) ON {db}.erasures TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.grants_ending TO {user};
GRANT SELECT (id, user_id, what, created_at_us), INSERT ON {db}.activity TO {user};
GRANT INSERT ON {db}.journal_due TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_privacy TO {user};

-- user worker_media
GRANT SELECT, UPDATE ON {db}.uploads TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.stores TO {user};
GRANT SELECT (id, state, ended_at_us) ON {db}.posts TO {user};
GRANT SELECT ON {db}.post_images TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_media TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.usage_daily TO {user};
GRANT SELECT (id, revoked_at_us, expires_at_us), DELETE ON {db}.api_keys TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.worker_heartbeats TO {user};

-- user worker_mail
GRANT SELECT, UPDATE, DELETE ON {db}.mail_outbox TO {user};
GRANT SELECT (id, email, name, state, notices_off, undeliverable_at_us, policy_version), UPDATE (undeliverable_at_us) ON {db}.users TO {user};
GRANT INSERT ON {db}.mail_outbox TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.notices_due TO {user};
GRANT SELECT (id, title, description, state, failure_code) ON {db}.posts TO {user};
GRANT SELECT (id, user_id, of_key_id, name, mode, created_at_us, expires_at_us, revoked_at_us, expiry_told_at_us), UPDATE (expiry_told_at_us) ON {db}.api_keys TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_mail TO {user};
GRANT INSERT, DELETE, SELECT (expires_at_us) ON {db}.one_time_tokens TO {user};
GRANT DELETE, SELECT (expires_at_us) ON {db}.pending_sign_ins TO {user};
GRANT DELETE, SELECT (id, email, expires_at_us) ON {db}.registrations TO {user};
GRANT DELETE, SELECT (id, user_id, old_email, new_email, created_at_us, expires_at_us, confirmed_at_us, undo_until_us, undone_at_us) ON {db}.email_changes TO {user};
GRANT DELETE, SELECT (day) ON {db}.mail_allowances TO {user};
GRANT DELETE, SELECT (id, user_id, what, created_at_us) ON {db}.activity TO {user};
GRANT DELETE, SELECT (created_at_us, enabled_at_us) ON {db}.user_totp TO {user};
GRANT SELECT, UPDATE ON {db}.policy_notices TO {user};
GRANT DELETE, SELECT (done_at_us, due_at_us, told_at_us), UPDATE (told_at_us) ON {db}.privacy_requests TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.worker_heartbeats TO {user};

-- user worker_billing
GRANT SELECT (id, email, state, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us, customer_asked_at_us), UPDATE (updated_at_us, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us, customer_asked_at_us) ON {db}.users TO {user};
GRANT SELECT (user_id, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us), UPDATE (subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.sessions TO {user};
GRANT SELECT (user_id, subscribed_plan, subscribed_until_us, granted_plan, granted_until_us), UPDATE (subscribed_plan, subscribed_until_us, granted_plan, granted_until_us) ON {db}.api_keys TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.subscriptions TO {user};
GRANT SELECT ON {db}.plan_grants TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.provider_events TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.provider_reads TO {user};
GRANT SELECT (id, user_id, what, created_at_us), INSERT ON {db}.activity TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_billing TO {user};
GRANT INSERT ON {db}.mail_outbox TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.jobs_mail TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.worker_heartbeats TO {user};

-- user worker_privacy
-- Deletes whatever is a user's, and sees no more of it than whose it is.
GRANT SELECT (id, email_key, state, customer_asked_at_us), DELETE ON {db}.users TO {user};
GRANT SELECT, UPDATE, DELETE ON {db}.erasures TO {user};
GRANT SELECT, INSERT, DELETE ON {db}.journal_due TO {user};
GRANT SELECT (user_id), DELETE ON {db}.user_totp TO {user};
GRANT SELECT (user_id), DELETE ON {db}.recovery_codes TO {user};
GRANT SELECT (user_id), DELETE ON {db}.sessions TO {user};
GRANT SELECT (user_id), DELETE ON {db}.pending_sign_ins TO {user};
GRANT SELECT (user_id), DELETE ON {db}.oauth_states TO {user};
GRANT SELECT (user_id), DELETE ON {db}.activity TO {user};
GRANT SELECT (user_id), DELETE ON {db}.privacy_requests TO {user};
GRANT SELECT (open_id, state), DELETE ON {db}.tiktok_events TO {user};
GRANT SELECT (user_id), DELETE ON {db}.notices_due TO {user};
GRANT SELECT (user_id), DELETE ON {db}.usage_daily TO {user};
GRANT SELECT (user_id), DELETE ON {db}.idempotency_keys TO {user};
GRANT SELECT (user_id), DELETE ON {db}.posts_counted TO {user};
GRANT SELECT (user_id), DELETE ON {db}.subscriptions TO {user};
GRANT SELECT (user_id), DELETE ON {db}.provider_events TO {user};
GRANT SELECT (user_id), DELETE ON {db}.plan_counters TO {user};
GRANT SELECT (user_id), DELETE ON {db}.plan_grants TO {user};
GRANT SELECT (id, user_id), DELETE ON {db}.api_keys TO {user};
GRANT SELECT (id, user_id), DELETE ON {db}.email_changes TO {user};
GRANT SELECT (id, email_key), DELETE ON {db}.registrations TO {user};
GRANT SELECT (purpose, subject_id), DELETE ON {db}.one_time_tokens TO {user};
GRANT SELECT (id, user_id, open_id, state), DELETE ON {db}.accounts TO {user};
GRANT SELECT (account_id), DELETE ON {db}.creator_snapshots TO {user};
GRANT SELECT (id, user_id, account_id, state, mode, failure_code, ended_at_us), DELETE ON {db}.posts TO {user};
GRANT SELECT (post_id, upload_id), DELETE ON {db}.post_images TO {user};
GRANT SELECT (id, post_id), DELETE ON {db}.post_attempts TO {user};
GRANT SELECT (attempt_id), DELETE ON {db}.attempt_fetches TO {user};
GRANT SELECT (post_id), DELETE ON {db}.post_events TO {user};
GRANT SELECT (id, user_id, state, deleted_at_us), UPDATE (state, delete_due_at_us), DELETE ON {db}.uploads TO {user};
GRANT SELECT (id, user_id, state), INSERT, DELETE ON {db}.mail_outbox TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_publish TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_media TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_mail TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_billing TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.jobs_privacy TO {user};
GRANT SELECT, INSERT, UPDATE ON {db}.worker_heartbeats TO {user};

-- user sandbox
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_clients TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_creators TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_codes TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_grants TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_tokens TO {user};
-- Of the release before this one, which runs until it is restarted; the table and this line go with the next.
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_calls TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_publishes TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_images TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_stripe_customers TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_stripe_checkouts TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_stripe_events TO {user};
GRANT SELECT, INSERT, UPDATE, DELETE ON {db}.sandbox_stripe_calls TO {user};

-- Takes bounces from the mail server: marketingcli-admin mail bounce.
-- system user bounce
GRANT SELECT (id, user_id, template, created_at_us, bounced_at_us), UPDATE (bounced_at_us, reply) ON {db}.mail_outbox TO {user};
GRANT SELECT (id, undeliverable_at_us), UPDATE (undeliverable_at_us) ON {db}.users TO {user};
GRANT SELECT (id, user_id, what) ON {db}.activity TO {user};
