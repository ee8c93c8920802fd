/*
 * What the Stripe simulator stores: its SQL. A checkout session and the subscription that comes of it are one row, whose
 * life is model/sandbox/stripe_life.h's. What its tables are for is in sql/0196_sandbox_stripe_customers.sql.
 *
 * Whoever changes something does it in one transaction, the customer locked first:
 *
 *    e = stripe_sim_customer_lock(db, arena, &customer_id, &customer);
 *    e = stripe_sim_checkout(db, arena, &id, &checkout);
 *    stripe_life_pay(&checkout.life, &events);
 *    e = stripe_sim_checkout_save(db, &checkout, &customer);
 *    e = stripe_sim_event_add(db, &event);
 *
 * Lists are newest first: ids are UUIDv7.
 */
#pragma once

#include "db/db.h"
#include "model/sandbox/stripe_life.h"
#include "stripe/read.h"

#define STRIPE_SIM_PERIOD_US (30 * US_PER_DAY)
#define STRIPE_SIM_KEY_US US_PER_DAY                   /* docs/stripe.md#errors: an Idempotency-Key's answer */
#define STRIPE_SIM_PORTAL_US (3600 * US_PER_SEC)       /* a page of the portal */
#define STRIPE_SIM_SESSION_US (24 * 3600 * US_PER_SEC) /* a checkout that says nothing else */
#define STRIPE_SIM_PAGE_MAX 100

/* "cus_" and 32 digits. */
struct str stripe_sim_id(struct arena *arena, const char *prefix, const struct uuid *id);
MUST_CHECK bool stripe_sim_id_read(struct str text, const char *prefix, struct uuid *ret_id);

struct stripe_sim_customer {
    struct uuid id, user_id;
    struct str email;
    int64_t ahead_us, created_at_us, deleted_at_us; /* 0: it is there */
    bool is_held;
    struct str portal_return_url; /* of stripe_sim_customer_by_portal */
};
MUST_CHECK enum err stripe_sim_customer_add(struct db *db, struct stripe_sim_customer *customer); /* fills id, times */
/* Those that were not deleted, with ids below that one, newest first, max at most. */
MUST_CHECK enum err stripe_sim_customers(struct db *db, struct arena *arena, int64_t created_from_us,
                                         const struct uuid *before, size_t max, struct stripe_sim_customer **ret,
                                         size_t *ret_n);
MUST_CHECK enum err stripe_sim_customer(struct db *db, struct arena *arena, const struct uuid *id,
                                        struct stripe_sim_customer *ret); /* ERR_NOT_FOUND */
MUST_CHECK enum err stripe_sim_customer_lock(struct db *db, struct arena *arena, const struct uuid *id,
                                             struct stripe_sim_customer *ret);
/* Writes email, ahead_us and deleted_at_us. */
MUST_CHECK enum err stripe_sim_customer_save(struct db *db, const struct stripe_sim_customer *customer);
MUST_CHECK enum err stripe_sim_portal_open(struct db *db, const struct uuid *customer_id, struct str return_url,
                                           struct uuid *ret_portal_id);
MUST_CHECK enum err stripe_sim_customer_by_portal(struct db *db, struct arena *arena, const struct uuid *portal_id,
                                                  struct stripe_sim_customer *ret); /* ERR_NOT_FOUND: or it is over */

struct stripe_sim_checkout {
    struct uuid id, customer_id, user_id;
    struct str price, success_url, cancel_url;
    bool ask_consent, ends_unpaid;
    int64_t trial_days;
    enum stripe_session_status status; /* complete: life is filled */
    int64_t created_at_us, expires_at_us;
    struct stripe_life life;
    int64_t tries; /* of life, as the column has it */
};
struct stripe_life_plan stripe_sim_plan(const struct stripe_sim_checkout *c);
int64_t stripe_sim_now_us(const struct stripe_sim_customer *c); /* by its own clock */

MUST_CHECK enum err stripe_sim_checkout_add(struct db *db, struct stripe_sim_checkout *checkout); /* fills id, times */
MUST_CHECK enum err stripe_sim_checkout(struct db *db, struct arena *arena, const struct uuid *id,
                                        struct stripe_sim_checkout *ret); /* ERR_NOT_FOUND */
/* Of a customer, at most STRIPE_SIM_PAGE_MAX; with an id before that. status NULL: all. */
MUST_CHECK enum err stripe_sim_checkouts(struct db *db, struct arena *arena, const struct uuid *customer_id,
                                         const struct uuid *before, const char *status, int64_t limit,
                                         struct stripe_sim_checkout **ret, size_t *ret_n);
MUST_CHECK enum err stripe_sim_checkout_save(struct db *db, const struct stripe_sim_checkout *checkout,
                                             const struct stripe_sim_customer *customer);
/* Those to which something happens by itself: ids and customers alone. */
MUST_CHECK enum err stripe_sim_due(struct db *db, struct arena *arena, struct stripe_sim_checkout **ret, size_t *ret_n);

/* The simulator of TikTok has its events here, too (sandbox_hook.h), which go to another webhook: reading leaves them out. */
enum sim_provider { SIM_STRIPE, SIM_TIKTOK };
extern const char *const sim_provider_names[]; /* "stripe", "tiktok", NULL */

struct stripe_sim_event {
    struct uuid id, customer_id; /* of TikTok's: the creator */
    int provider;
    struct str type, body;
    int64_t next_at_us, tries;
};
/* Sent at once, unless the customer is held, or from next_at_us on. The id is the caller's, because the body has it. */
MUST_CHECK enum err stripe_sim_event_add(struct db *db, const struct stripe_sim_event *event, bool is_held);
MUST_CHECK enum err stripe_sim_event(struct db *db, struct arena *arena, const struct uuid *id,
                                     struct stripe_sim_event *ret);
struct stripe_sim_events_query {
    struct str types;   /* with commas between them; empty: all */
    int delivered;      /* 0: those that were not; 1: those that were; -1: all */
    struct uuid before; /* none: from the newest */
    struct uuid after;  /* none; else the page towards now, newest first too */
    int64_t limit;
};
MUST_CHECK enum err stripe_sim_events(struct db *db, struct arena *arena, const struct stripe_sim_events_query *query,
                                      struct stripe_sim_event **ret, size_t *ret_n);

/* For whoever sends: the next of these providers that is due, leased. Names with commas between them. ERR_NOT_FOUND: none. */
MUST_CHECK enum err stripe_sim_event_claim(struct db *db, struct arena *arena, struct str providers,
                                           struct stripe_sim_event *ret);
MUST_CHECK enum err stripe_sim_event_sent(struct db *db, const struct stripe_sim_event *event, bool delivered);

/* Answers that stand before a call. */
struct stripe_sim_answer {
    struct str params_hash, body;
    int64_t status;
};
MUST_CHECK enum err stripe_sim_kept(struct db *db, struct arena *arena, struct str key, struct stripe_sim_answer *ret);
MUST_CHECK enum err stripe_sim_keep(struct db *db, struct str key, const struct stripe_sim_answer *answer);

struct stripe_sim_script {
    int64_t status, wait_ms; /* status 0: as without it */
    bool is_made, is_kept;
};
MUST_CHECK enum err stripe_sim_script_take(struct db *db, struct arena *arena, const char *operation,
                                           struct stripe_sim_script *ret); /* ERR_NOT_FOUND: none */
