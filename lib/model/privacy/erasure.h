/*
 * Erasing an account: all that is held of a user goes, everywhere, and a receipt says what went and what remains until when.
 *
 *    e = erasure_begin(db, arena, conf, &ask, &erasure);
 *    if (e == OK || e == ERR_OUTCOME_UNKNOWN) ... end the credential epoch (base/epoch.h)
 *
 *                 +-------cancel-------> [canceled]
 *                 |
 *    --begin--> [waiting] --run--> [running] --seal--> [done]
 *
 * begin (any of the ways below) puts the user into the state erasing (user/user.h), in which nothing is added under their lock, ends
 * every session, revokes every key, and makes the job that does the rest. That job is worker@privacy's, and comes again until all is
 * done; what it may do next it reads from the rows each time:
 *
 *    waiting   posts end, tokens are wiped and revoked (each account's job at worker@publish, which has the keys), images are deleted
 *              (worker@media). Until due_at_us a cancel gives the account back, without those.
 *    running   no way back: the journal is told (privacy/journal.h). The customer at Stripe goes (worker@billing); then the rows of
 *              every table (held.def), children first; a last mail is sent; and in one transaction the user's row goes and the receipt
 *              is sealed: from then on it names nobody.
 *
 * Nearly every table refers to the user by a constraint. So the row of the user cannot go while there is one more of theirs, and nothing
 * that comes late can add one afterwards.
 */
#pragma once

#include "base/clock.h"
#include "base/conf.h"
#include "base/retention.h"
#include "db/db.h"
#include "model/user/activity.h"

#define ERASE_JOB "erase"                 /* in JOB_PRIVACY; its subject is the receipt */
#define ACCOUNT_ERASE_JOB "account_erase" /* in JOB_PUBLISH: ends an account's connection; its subject is the account */

enum erasure_state { ERASURE_WAITING, ERASURE_RUNNING, ERASURE_DONE, ERASURE_CANCELED };
extern const char *const erasure_state_names[];

/* A receipt. It holds numbers and times alone; user_id is none once it is done or canceled. */
struct erasure {
    struct uuid id; /* 122 random bits: who has it may see it */
    struct uuid user_id;
    int state;
    int64_t asked_at_us, due_at_us;
    int64_t accounts_n, revoked_n;    /* TikTok accounts; of how many TikTok has confirmed the end */
    int64_t posts_n, posts_unknown_n; /* at TikTok: published or in the inbox; of which nobody knows whether they are */
    int64_t tokens_at_us, images_at_us, stripe_at_us, rows_at_us, mailed_at_us, ended_at_us; /* 0: not yet */
};

struct erasure_ask {
    struct uuid user_id;
    enum activity_by by; /* the user, or an admin */
    int64_t grace_us;    /* how long it can be canceled; an admin's as well */
    struct str reason;   /* an admin's, for the user's activity; absent: none */
    struct str request_id;
};

/*
 * In a transaction of its own. Asked for again, it gives the receipt that there is. The user may be disabled; what was canceled comes
 * back so. The receipt is mailed. ERR_NOT_FOUND: there is no such user.
 */
MUST_CHECK enum err erasure_begin(struct db *db, struct arena *arena, const struct conf *conf,
                                  const struct erasure_ask *ask, struct erasure *ret_erasure);

/* reason: an admin's, for the user's activity; absent: none. ERR_ERASURE_NONE: there is none; ERR_ERASURE_LATE: its time is over, or it has
 * been run. */
MUST_CHECK enum err erasure_cancel(struct db *db, struct arena *arena, const struct uuid *user_id, enum activity_by by,
                                   struct str reason, struct erasure *ret_erasure);

/* Whoever has the receipt. ERR_NOT_FOUND. */
MUST_CHECK enum err erasure_get(struct db *db, struct arena *arena, const struct uuid *id, struct erasure *ret_erasure);

/* A user's, that is not over. ERR_NOT_FOUND: none. */
MUST_CHECK enum err erasure_of(struct db *db, struct arena *arena, const struct uuid *user_id,
                               struct erasure *ret_erasure);

/* What it would cost. */
struct erasure_cost {
    struct str email; /* what confirms it */
    struct str plan;  /* the plan that is paid for; absent: none */
    int64_t plan_until_us;
    int64_t accounts, keys, images;                /* that work, or are held */
    int64_t posts_waiting, posts_at_tiktok, posts; /* are canceled; remain there; all, whose history goes */
};
MUST_CHECK enum err erasure_cost(struct db *db, struct arena *arena, const struct uuid *user_id,
                                 struct erasure_cost *ret_cost);

/* For an admin: those that are not over, the oldest first; and of an alarm, how many of them are due since before that time. */
#define ERASURE_LIST_MAX 1000
MUST_CHECK enum err erasure_list(struct db *db, struct arena *arena, struct erasure **ret_erasures, size_t *ret_n);
MUST_CHECK enum err erasure_count_late(struct db *db, int64_t due_before_us, int64_t *ret_n);

/* What one that is not over waits for at this moment, as its rows say, for whoever asks why it is not. */
enum erasure_waits {
    ERASURE_WAITS_TOKENS,
    ERASURE_WAITS_IMAGES,
    ERASURE_WAITS_CANCEL, /* its time: it can be canceled */
    ERASURE_WAITS_STRIPE,
    ERASURE_WAITS_ROWS,
    ERASURE_WAITS_MAIL,    /* the last mail, which no relay has taken yet; not for longer than a day */
    ERASURE_WAITS_JOURNAL, /* or what is left takes a moment */
    ERASURE_WAITS__MAX
};
extern const char *const erasure_waits_names[];
struct erasure_waiting {
    int what;
    int64_t until_us; /* of CANCEL and MAIL: then it goes on in any case; else 0 */
    struct str
        reply; /* of MAIL: what the relay has said, or why it was not reached; absent: it was not tried. For an admin */
};
MUST_CHECK enum err erasure_waits_for(struct db *db, struct arena *arena, const struct erasure *x,
                                      struct erasure_waiting *ret);

#define ERASURE_KEPT_US (RETENTION_ERASURE_N * 30 * US_PER_DAY)
MUST_CHECK enum err erasure_purge(struct db *db, int64_t now_us); /* receipts whose time is over; 1000 at a time */

/* One step of what is left to do, of a few that are bounded; ret: how to go on. */
struct erasure_progress {
    bool is_over;        /* nothing is left to do */
    bool goes_on;        /* there is more to do at once */
    int64_t again_at_us; /* else: not before that; 0: what it waits for is nearly there, or tells */
    const char *waits;   /* for what, for the log */
};
MUST_CHECK enum err erasure_advance(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *id,
                                    struct erasure_progress *ret);

/* An account is about to be ended for an erasure: is a post of it on the way to TikTok, or so shortly ago that its end is worth waiting
 * for? That was asked for at asked_at_us. */
#define ERASURE_POSTS_US (120 * US_PER_SEC)
MUST_CHECK enum err erasure_waits_for_posts(struct db *db, const struct uuid *account_id, int64_t asked_at_us,
                                            bool *ret_waits);

/* Has an erasure of the user been canceled since then, and no other begun? A job of then ends no account any more. */
MUST_CHECK enum err erasure_was_canceled(struct db *db, const struct uuid *user_id, int64_t since_us, bool *ret_was);

/* TikTok has confirmed the end of an account (worker@publish), in the transaction that ends its job. */
MUST_CHECK enum err erasure_note_account(struct db *db, const struct uuid *user_id);
