/*
 * Idempotency keys: a request that makes something and is repeated with the same key makes it once, and gets the same
 * answer.
 *
 *                claim                    keep
 *      (no row) ───────► claimed ────────────────────► answered ───► (24 hours later: no row)
 *          ▲              │  │ ▲                           │
 *          └──── release ─┘  └─┘ claim, after the lease    └► claim gives the answer
 *
 *    e = idempotency_claim(db, arena, conf, user_id, mode, key, &claim, &answer);
 *    if (e == OK && answer.status == 0)
 *        e = db_tx(db, ...);    the last statement of it is idempotency_keep
 *    if (e != OK)
 *        idempotency_release(db, &claim, &settled);
 *
 * The claim is committed before the work begins, so that a repeat that comes meanwhile does not begin it, too. The effect and
 * the answer are one transaction, and keep matches only while the claim is still the one that was made: so whoever was so
 * slow that another has taken the key over changes nothing. The lease only says how long others wait for somebody who has
 * died; no promise depends on it.
 *
 * A failure is not kept: what made nothing releases the key, and its repeat runs again. Keys are the user's own, whatever
 * credential of the same mode brings them: the same key with test data is another one. A stored answer holds no secret: the caller leaves it out.
 */
#pragma once

#include "base/clock.h"
#include "base/conf.h"
#include "base/mode.h"
#include "base/retention.h"
#include "crypto/digest.h"
#include "db/db.h"

#define IDEMPOTENCY_KEPT_US RETENTION_US(ANSWER)
/* Longer than the database and the longest image take (service.queue_sec, store.image_timeout_sec as they come): work with
 * several images renews it. Short enough that a client waits for it when a program has died. */
#define IDEMPOTENCY_LEASE_US (60 * US_PER_SEC)
#define IDEMPOTENCY_DATA_MAX 65535 /* what a BLOB holds; the longest answer, a post of 35 images, has 30 kB */

struct idempotency_claim {
    struct uuid user_id;
    struct uuid id;    /* of this request alone; none: there is no claim */
    struct sha256 key; /* of the key */
    int64_t lease_until_us;
};

/* What was answered before. */
struct idempotency_answer {
    int64_t status;        /* 0: nothing */
    struct sha256 request; /* what was asked for */
    struct str data;       /* JSON */
};

/*
 * OK: this request has the key now; or, with a status in ret_answer, it was answered before. ERR_IDEMPOTENCY_IN_PROGRESS:
 * another request has it, until ret_claim->lease_until_us at most. ERR_IDEMPOTENCY_KEYS_TOO_MANY: of CAPS_OF_IDEMPOTENCY_KEY.
 * ERR_IDEMPOTENCY_KEYS_OF_KEY: the API key key_id (none: a session) has claimed half of those that the user can.
 */
MUST_CHECK enum err idempotency_claim(struct db *db, struct arena *arena, const struct conf *conf,
                                      const struct uuid *user_id, int mode, const struct uuid *key_id, struct str key,
                                      struct idempotency_claim *ret_claim, struct idempotency_answer *ret_answer);

/*
 * Whether a request with that key has been answered or is under way: then a claim makes nothing new. It promises nothing,
 * because the key may be given back at any moment.
 */
MUST_CHECK enum err idempotency_is_known(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                                         struct str key, bool *ret_known);

/*
 * The last statement of the transaction that makes what was asked for. ERR_IDEMPOTENCY_IN_PROGRESS: another request has taken
 * the key over, so nothing must come of this one. ERR_INTERNAL: data is longer than IDEMPOTENCY_DATA_MAX.
 */
MUST_CHECK enum err idempotency_keep(struct db *db, const struct idempotency_claim *claim, const struct sha256 *request,
                                     int status, struct str data);

/* Of work that takes long: the lease begins anew, unless it just did. ERR_IDEMPOTENCY_IN_PROGRESS as above. */
MUST_CHECK enum err idempotency_renew(struct db *db, struct idempotency_claim *claim);

/*
 * After a failure, gives the key back if the answer was not kept; and so finds out what became of a COMMIT whose answer was
 * lost, because it waits for that transaction's end. Any error: it is not known.
 */
enum idempotency_end {
    IDEMPOTENCY_RELEASED, /* nothing was made, and nothing will be */
    IDEMPOTENCY_KEPT,     /* it was made, and the answer was kept with it */
    IDEMPOTENCY_LOST,     /* another request has the key by now */
};
MUST_CHECK enum err idempotency_release(struct db *db, const struct idempotency_claim *claim,
                                        enum idempotency_end *ret_end);

/*
 * Deletes some of those whose time is over. Some that would be kept for more than twice IDEMPOTENCY_KEPT_US, because the clock was
 * ahead when they came, are kept for IDEMPOTENCY_KEPT_US from now: who repeats a request after the clock was set back makes nothing
 * twice. *ret_n is IDEMPOTENCY_PURGE_BATCH when there may be more of either.
 */
#define IDEMPOTENCY_PURGE_BATCH 1000
MUST_CHECK enum err idempotency_purge(struct db *db, int64_t now_us, uint64_t *ret_n);

/*
 * What a transaction that makes something runs last, with what it made: so that the answer is built, and kept, before the
 * COMMIT. An error of fn takes back everything. It may run several times, as the transaction does. made is the type that
 * the model's function names.
 */
struct last_step {
    enum err (*fn)(const void *made, void *arg);
    void *arg;
};
