/*
 * What Stripe has told us: one row an event, whether its webhook brought it or we have asked for it. An event says who it is
 * about and never what holds: for that the worker asks Stripe, so neither the order nor the repetition of events matters.
 *
 *    e = provider_event_add(db, arena, conf, &event, PROVIDER_EVENT_BY_WEBHOOK, c->req.id, &seen);
 *
 * An event's life:
 *
 *    comes --+--> waiting --+--> done ------+
 *            |       ^      |               |
 *            |       |      +--> ignored    |
 *            +-------|---------> ignored ---+
 *                    |                      |
 *                    +-------- replay ------+
 *
 * waiting: the job that will look after it was added in the same transaction, "customer" of its user, or "charge" of itself if it
 * names a charge and nobody else. ignored: it is not about one of our users, and why says so; no job was made. Each row goes
 * PROVIDER_EVENT_KEEP_US after it was received, whatever its state.
 *
 * Locks: the event's row, then the job's (docs/architecture.md#one-order-of-locks). Whoever works events off names them by their
 * ids, and so waits for none that is just being added.
 */
#pragma once

#include "base/clock.h"
#include "base/conf.h"
#include "base/retention.h"
#include "db/db.h"
#include "stripe/event.h"

#define PROVIDER_EVENT_KEEP_US RETENTION_US(PROVIDER_EVENT)

/* Kinds of JOB_BILLING that an event makes. */
#define PROVIDER_EVENT_JOB_CUSTOMER "customer" /* subject: the user */
#define PROVIDER_EVENT_JOB_CHARGE "charge"     /* subject: the event (provider_event.id) */

enum provider_event_state { PROVIDER_EVENT_WAITING, PROVIDER_EVENT_DONE, PROVIDER_EVENT_IGNORED };
extern const char *const provider_event_state_names[]; /* "waiting", "done", "ignored", NULL */

enum provider_event_why {
    PROVIDER_EVENT_HAS_NO_WHY, /* it is not ignored */
    PROVIDER_EVENT_UNKNOWN_TYPE,
    PROVIDER_EVENT_OTHER_MODE,       /* live, and we are in test mode, or the other way round */
    PROVIDER_EVENT_OTHER_ACCOUNT,    /* of Connect: about another account of Stripe's */
    PROVIDER_EVENT_UNKNOWN_CUSTOMER, /* of another product, or nobody's any more */
    PROVIDER_EVENT_FOREIGN_PRICE,
    PROVIDER_EVENT_GONE, /* what it is about is not at Stripe any more */
};
extern const char *const provider_event_why_names[]; /* "none", "unknown_type" ... NULL */

enum provider_event_via { PROVIDER_EVENT_BY_WEBHOOK, PROVIDER_EVENT_BY_RECONCILIATION };
extern const char *const provider_event_via_names[]; /* "webhook", "reconciliation", NULL */

struct provider_event {
    struct uuid id;
    struct str event_id, type;
    const struct stripe_event_kind *kind; /* of the type; NULL: none of ours */
    int64_t created_at_us, received_at_us, done_at_us;
    struct uuid user_id; /* none: nobody's */
    struct str object_id, customer_id, subscription_id, charge_id, link, status;
    int state, why, via;
};

/* What became of one that came. */
struct event_seen {
    bool is_new; /* it was not known before */
    int state, why;
    struct uuid id, user_id;
};

/*
 * Stores it, unless it is known, in a transaction of its own: then nothing happens, whatever has become of it. Whose it is, its
 * customer says; for a customer that nobody has, its metadata, if that user is active and has no customer: the worker asks Stripe
 * before it believes that. ERR_OUTCOME_UNKNOWN: send it again.
 */
MUST_CHECK enum err provider_event_add(struct db *db, struct arena *arena, const struct conf *conf,
                                       const struct stripe_event *event, enum provider_event_via via,
                                       struct str request_id, struct event_seen *ret_seen);

/*
 * The same for several that come at once, DB_MANY_MAX at most: one transaction costs hardly more than one event.
 *
 *    struct event_new new = {.event = &event, .via = PROVIDER_EVENT_BY_WEBHOOK, .request_id = c->req.id}, *const news[] = {&new, ...};
 *    e = provider_events_add(db, arena, conf, news, n);    then new.seen says what became of it
 *
 * ERR_DB_DUPLICATE: one of them came another time meanwhile by another way; none is stored. One that is among them twice is new once.
 */
struct event_new {
    const struct stripe_event *event;
    enum provider_event_via via;
    struct str request_id;
    struct event_seen seen;
    bool by_charge; /* its job is not that of a user */
};
MUST_CHECK enum err provider_events_add(struct db *db, struct arena *arena, const struct conf *conf,
                                        struct event_new *const *news, size_t n);

/* ERR_NOT_FOUND. */
MUST_CHECK enum err provider_event_read(struct db *db, struct arena *arena, const struct uuid *id,
                                        struct provider_event *ret_event);

/* Those of a user that wait, max of them at most, the oldest first; without a lock. */
MUST_CHECK enum err provider_events_waiting(struct db *db, struct arena *arena, const struct uuid *user_id, size_t max,
                                            struct provider_event **ret_events, size_t *ret_n);

/* In a transaction: those of them that wait are done, or ignored. Links are forgotten of those that are ignored; of the others when a mail
 * has them (tell.h), so that one that is replayed, of which no mail was written yet, still has its own. Any number of them; one that is
 * gone is passed over. */
MUST_CHECK enum err provider_events_done(struct db *db, const struct provider_event *events, size_t n);
MUST_CHECK enum err provider_events_ignore(struct db *db, const struct provider_event *events, size_t n,
                                           enum provider_event_why why);

/* In a transaction: the charge of an event that waits has named its customer. The caller adds the job of that user. */
MUST_CHECK enum err provider_event_is_of(struct db *db, const struct uuid *id, const struct uuid *user_id,
                                         struct str customer_id);

/* In a transaction: those of a user who has gone. */
MUST_CHECK enum err provider_events_forget(struct db *db, const struct uuid *user_id);

/* Those whose time is over, max of them at most; *ret_n says how many. */
MUST_CHECK enum err provider_events_purge(struct db *db, int64_t now_us, size_t max, uint64_t *ret_n);

/* For an admin: the newest, max of them at most. user_id none: of everybody, else that user sees it in the activity; state -1: of
 * every state. */
MUST_CHECK enum err provider_events_list(struct db *db, struct arena *arena, const struct uuid *user_id, int state,
                                         size_t max, struct provider_event **ret_events, size_t *ret_n);

/*
 * For an admin: an event that is done or ignored is worked off once more. One that was ignored is looked at anew: its customer may be
 * somebody's by now. ERR_NOT_FOUND; ERR_CONFLICT: it concerns none of our users, whatever is done (ret_seen->why says why).
 */
MUST_CHECK enum err provider_event_replay(struct db *db, struct arena *arena, struct str event_id,
                                          struct str request_id, struct event_seen *ret_seen);
