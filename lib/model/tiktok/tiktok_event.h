/*
 * What TikTok has told us by its webhooks: one row an event. What an event says of a post is not believed: it makes the post's poll due. Of an
 * attempt of before a retry there is none, so that TikTok has it is noted, and keeps back a retry that waits until TikTok is asked.
 * That a grant has ended nobody else can say, so that is believed, of connections from before: one that was made since has another grant.
 *
 *    comes --+--> waiting ----> done
 *            +--> done                   nothing is left to do
 *            +--> ignored                about nobody here
 *
 * waiting: the job that will look after it (TIKTOK_EVENT_JOB) was added in the same transaction. Each row goes TIKTOK_EVENT_KEEP_US after it
 * was received; a signature is taken for a shorter time, so none that is known is taken for a new one.
 *
 * Locks: the post, the event's row, then the job's (docs/architecture.md#one-order-of-locks).
 */
#pragma once

#include "base/retention.h"
#include "crypto/digest.h"
#include "db/db.h"
#include "tiktok/webhook.h"

#define TIKTOK_EVENT_KEEP_US RETENTION_US(TIKTOK_EVENT)

#define TIKTOK_EVENT_JOB "removed" /* of JOB_PUBLISH; subject: the event */

enum tiktok_event_state { TIKTOK_EVENT_WAITING, TIKTOK_EVENT_DONE, TIKTOK_EVENT_IGNORED };
extern const char *const tiktok_event_state_names[]; /* "waiting", "done", "ignored", NULL */

/* What became of one that came. */
struct tiktok_event_seen {
    bool is_new; /* it was not known before */
    int state;
};

/*
 * Stores it, with its job, unless it is known, in a transaction of its own. digest is the body's. Live accounts alone: the simulator's
 * test accounts have no webhooks. ERR_OUTCOME_UNKNOWN: send it again.
 */
MUST_CHECK enum err tiktok_event_add(struct db *db, struct arena *arena, const struct conf *conf,
                                     const struct tiktok_event *event, const struct sha256 *digest,
                                     struct str request_id, struct tiktok_event_seen *ret_seen);

struct tiktok_event_row {
    struct uuid id;
    struct str open_id, reason;
    int state;
    int64_t created_at_us, received_at_us;
};
MUST_CHECK enum err tiktok_event_read(struct db *db, struct arena *arena, const struct uuid *id,
                                      struct tiktok_event_row *ret_event); /* ERR_NOT_FOUND */

/* In a transaction: it is done. */
MUST_CHECK enum err tiktok_event_done(struct db *db, const struct uuid *id);

/* Some of those whose time is over; fewer than TIKTOK_EVENTS_PURGED: no others are left. */
#define TIKTOK_EVENTS_PURGED 1000
MUST_CHECK enum err tiktok_events_purge(struct db *db, int64_t now_us, uint64_t *ret_n);
