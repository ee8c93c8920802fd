#include "model/idempotency/idempotency.h"

#include "model/user/caps.h"

#define RENEW_AFTER_US (5 * US_PER_SEC)
#define KEY_SHARES 2  /* one API key may have so much less than its user: one that runs wild leaves the others theirs */
#define CLAIM_TRIES 3 /* of somebody who always comes a moment after another */

enum {
    IDEMPOTENCY_READ,
    IDEMPOTENCY_OF_KEY,
    IDEMPOTENCY_INSERT,
    IDEMPOTENCY_TAKE_OVER,
    IDEMPOTENCY_KEEP,
    IDEMPOTENCY_RENEW,
    IDEMPOTENCY_RELEASE,
    IDEMPOTENCY_IS_OURS,
    IDEMPOTENCY_PURGE,
    IDEMPOTENCY_SHORTEN,
};
static const struct sql idempotency_sqls[];

struct idempotency_row {
    struct uuid claim;
    int64_t lease_until_us, expires_at_us;
    struct idempotency_answer answer;
};

struct key_claiming {
    struct arena *arena;
    const struct conf *conf;
    const struct uuid *key_id; /* of the API key that sends it; none: a session does */
    struct idempotency_claim claim;
    struct idempotency_answer answer;
};

/* What stands before the key of test data is in no header. */
static struct sha256 idempotency_hash(struct arena *arena, int mode, struct str key)
{
    return sha256_of(mode == MODE_TEST ? arena_printf(arena, "\ntest\n%.*s", STR_FMT(key)) : key);
}

static enum err idempotency_read(struct db *db, struct arena *arena, const struct idempotency_claim *c,
                                 struct idempotency_row *ret_row)
{
    *ret_row = (struct idempotency_row){.claim = UUID_NONE};
    enum err e = db_row(db, &idempotency_sqls[IDEMPOTENCY_READ],
                        DB_ARGS(db_uuid(&c->user_id), db_bytes(c->key.b, SHA256_BYTES)), arena, ret_row);

    return e == ERR_NOT_FOUND ? OK : e;
}

enum err idempotency_is_known(struct db *db, struct arena *arena, const struct uuid *user_id, int mode, struct str key,
                              bool *ret_known)
{
    struct idempotency_claim c = {.user_id = *user_id, .key = idempotency_hash(arena, mode, key)};
    struct idempotency_row row;

    enum err e = idempotency_read(db, arena, &c, &row);
    if (e == OK)
        *ret_known = !uuid_is_none(&row.claim) && clock_now_us() < row.expires_at_us;
    return e;
}

/* Whether there is room for one more: of the user, and of the API key. */
static enum err idempotency_take_room(struct db *db, const struct key_claiming *c, int64_t now_us)
{
    int64_t n;

    enum err e = caps_take(db, c->arena, c->conf, &c->claim.user_id, CAPS_OF_IDEMPOTENCY_KEY, 0);
    if (e != OK || uuid_is_none(c->key_id))
        return e;
    e = db_number(db, &idempotency_sqls[IDEMPOTENCY_OF_KEY],
                  DB_ARGS(db_uuid(&c->claim.user_id), db_uuid(c->key_id), db_i64(now_us)), &n);
    if (e != OK)
        return e;
    return n < cap_max(c->conf, CAP_IDEMPOTENCY_KEYS) / KEY_SHARES ? OK : ERR_IDEMPOTENCY_KEYS_OF_KEY;
}

/* ERR_AGAIN: another was quicker. */
static enum err idempotency_insert(struct db *db, const struct key_claiming *c, int64_t now_us)
{
    const struct idempotency_claim *claim = &c->claim;

    enum err e = idempotency_take_room(db, c, now_us);
    if (e != OK)
        return e;
    e = db_exec(db, &idempotency_sqls[IDEMPOTENCY_INSERT],
                DB_ARGS(db_uuid(&claim->user_id), db_bytes(claim->key.b, SHA256_BYTES), db_uuid(&claim->id),
                        db_i64(claim->lease_until_us), db_i64(now_us + IDEMPOTENCY_KEPT_US),
                        db_uuid_or_null(c->key_id)),
                NULL);
    return e == ERR_DB_DUPLICATE ? ERR_AGAIN : e;
}

/* What was not answered while its lease lasted, or was answered a day ago. ERR_AGAIN likewise. */
static enum err idempotency_take_over(struct db *db, const struct key_claiming *c, const struct idempotency_row *row,
                                      int64_t now_us)
{
    const struct idempotency_claim *claim = &c->claim;
    bool counts_anew = now_us >= row->expires_at_us;

    enum err e = counts_anew ? idempotency_take_room(db, c, now_us) : OK;
    if (e != OK)
        return e;
    e = db_change(db, &idempotency_sqls[IDEMPOTENCY_TAKE_OVER],
                  DB_ARGS(db_uuid(&claim->id), db_i64(claim->lease_until_us), db_i64(now_us + IDEMPOTENCY_KEPT_US),
                          db_uuid_or_null(c->key_id), db_uuid(&claim->user_id), db_bytes(claim->key.b, SHA256_BYTES),
                          db_uuid(&row->claim), db_i64(row->lease_until_us), db_i64(row->answer.status)));
    return e == ERR_CONFLICT ? ERR_AGAIN : e;
}

static enum err idempotency_claim_once(struct db *db, struct key_claiming *c)
{
    struct idempotency_row row;
    int64_t now_us = clock_now_us();

    c->claim.lease_until_us = now_us + IDEMPOTENCY_LEASE_US;
    enum err e = idempotency_read(db, c->arena, &c->claim, &row);
    if (e != OK)
        return e;
    if (uuid_is_none(&row.claim))
        return idempotency_insert(db, c, now_us);
    bool answered = row.answer.status != 0;
    /* A lease that ends later than one can was given before the clock was set back. */
    bool lives = answered ? now_us < row.expires_at_us
                          : now_us < row.lease_until_us && row.lease_until_us <= now_us + 2 * IDEMPOTENCY_LEASE_US;
    if (!lives)
        return idempotency_take_over(db, c, &row, now_us);
    if (!answered)
        c->claim.lease_until_us = row.lease_until_us;
    c->answer = row.answer;
    return answered ? OK : ERR_IDEMPOTENCY_IN_PROGRESS;
}

static enum err idempotency_claim_tx(struct db *db, void *arg)
{
    struct key_claiming *c = arg;
    enum err e = ERR_AGAIN;

    c->answer = (struct idempotency_answer){0};
    for (int i = 0; i < CLAIM_TRIES && e == ERR_AGAIN; i++)
        e = idempotency_claim_once(db, c);
    return e == ERR_AGAIN ? ERR_IDEMPOTENCY_IN_PROGRESS : e;
}

enum err idempotency_claim(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                           int mode, const struct uuid *key_id, struct str key, struct idempotency_claim *ret_claim,
                           struct idempotency_answer *ret_answer)
{
    struct key_claiming c = {
        .arena = arena,
        .conf = conf,
        .key_id = key_id,
        .claim = {.user_id = *user_id, .id = uuid_new(), .key = idempotency_hash(arena, mode, key)}};
    enum idempotency_end end;

    enum err e = db_tx(db, idempotency_claim_tx, &c);
    if (e == ERR_OUTCOME_UNKNOWN) { /* of the claim alone: nothing of the request has happened yet */
        enum err released = idempotency_release(db, &c.claim, &end);
        (void)released; /* or its lease ends */
        e = ERR_DB_UNAVAILABLE;
    }
    if (e != OK || c.answer.status != 0)
        c.claim.id = UUID_NONE;
    *ret_claim = c.claim;
    *ret_answer = c.answer;
    return e;
}

enum err idempotency_keep(struct db *db, const struct idempotency_claim *claim, const struct sha256 *request,
                          int status, struct str data)
{
    if (data.n > IDEMPOTENCY_DATA_MAX)
        return ERR_INTERNAL;
    enum err e =
        db_change(db, &idempotency_sqls[IDEMPOTENCY_KEEP],
                  DB_ARGS(db_bytes(request->b, SHA256_BYTES), db_i64(status), db_bytes(data.p, data.n),
                          db_uuid(&claim->user_id), db_bytes(claim->key.b, SHA256_BYTES), db_uuid(&claim->id)));
    return e == ERR_CONFLICT ? ERR_IDEMPOTENCY_IN_PROGRESS : e;
}

enum err idempotency_renew(struct db *db, struct idempotency_claim *claim)
{
    int64_t now_us = clock_now_us(), until_us = now_us + IDEMPOTENCY_LEASE_US;

    if (claim->lease_until_us - now_us > IDEMPOTENCY_LEASE_US - RENEW_AFTER_US)
        return OK;
    enum err e = db_change(
        db, &idempotency_sqls[IDEMPOTENCY_RENEW],
        DB_ARGS(db_i64(until_us), db_uuid(&claim->user_id), db_bytes(claim->key.b, SHA256_BYTES), db_uuid(&claim->id)));
    if (e == OK)
        claim->lease_until_us = until_us;
    /* A renewal that may have been made is as good as one that failed: the work itself has not happened. */
    return e == ERR_CONFLICT ? ERR_IDEMPOTENCY_IN_PROGRESS : e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e;
}

struct releasing {
    const struct idempotency_claim *claim;
    enum idempotency_end end;
};

static enum err idempotency_release_tx(struct db *db, void *arg)
{
    struct releasing *r = arg;
    const struct idempotency_claim *c = r->claim;
    uint64_t deleted;
    int64_t is_ours;

    r->end = IDEMPOTENCY_RELEASED;
    enum err e = db_exec(db, &idempotency_sqls[IDEMPOTENCY_RELEASE],
                         DB_ARGS(db_uuid(&c->user_id), db_bytes(c->key.b, SHA256_BYTES), db_uuid(&c->id)), &deleted);
    if (e != OK || deleted > 0)
        return e;
    e = db_number(db, &idempotency_sqls[IDEMPOTENCY_IS_OURS],
                  DB_ARGS(db_uuid(&c->id), db_uuid(&c->user_id), db_bytes(c->key.b, SHA256_BYTES)), &is_ours);
    if (e == ERR_NOT_FOUND) /* the claim was not committed */
        return OK;
    if (e == OK)
        r->end = is_ours != 0 ? IDEMPOTENCY_KEPT : IDEMPOTENCY_LOST;
    return e;
}

enum err idempotency_release(struct db *db, const struct idempotency_claim *claim, enum idempotency_end *ret_end)
{
    struct releasing r = {.claim = claim};
    enum err e = db_tx(db, idempotency_release_tx, &r);

    if (e == OK)
        *ret_end = r.end;
    return e;
}

enum err idempotency_purge(struct db *db, int64_t now_us, uint64_t *ret_n)
{
    uint64_t deleted, shortened;

    enum err e = db_exec(db, &idempotency_sqls[IDEMPOTENCY_PURGE],
                         DB_ARGS(db_i64(now_us), db_i64(IDEMPOTENCY_PURGE_BATCH)), &deleted);
    if (e == OK)
        e = db_exec(db, &idempotency_sqls[IDEMPOTENCY_SHORTEN],
                    DB_ARGS(db_i64(now_us + IDEMPOTENCY_KEPT_US), db_i64(now_us + 2 * IDEMPOTENCY_KEPT_US),
                            db_i64(IDEMPOTENCY_PURGE_BATCH)),
                    &shortened);
    if (e == OK)
        *ret_n = MAX(deleted, shortened);
    return e;
}

static const struct db_col idempotency_cols[] = {
    DB_COL(struct idempotency_row, claim, UUID),
    DB_COL(struct idempotency_row, lease_until_us, I64),
    DB_COL(struct idempotency_row, expires_at_us, I64),
    DB_COL_FIXED(struct idempotency_row, answer.request.b),
    DB_COL(struct idempotency_row, answer.status, I64),
    DB_COL(struct idempotency_row, answer.data, BYTES),
    DB_END,
};

#define OWN "user_id = ? AND key_hash = ? AND claim = ?"

static const struct sql idempotency_sqls[] = {
    [IDEMPOTENCY_READ] = {.text = "SELECT claim, lease_until_us, expires_at_us, request, status, data"
                                  " FROM idempotency_keys WHERE user_id = ? AND key_hash = ?",
                          .in = "ub",
                          .cols = idempotency_cols},
    [IDEMPOTENCY_OF_KEY] = {.text = "SELECT COUNT(*) FROM idempotency_keys FORCE INDEX (by_key) WHERE user_id = ? AND"
                                    " key_id = ? AND expires_at_us > ?",
                            .in = "uui",
                            .cols = db_number_cols},
    [IDEMPOTENCY_INSERT] = {.text = "INSERT INTO idempotency_keys (user_id, key_hash, claim, lease_until_us,"
                                    " expires_at_us, key_id) VALUES (?, ?, ?, ?, ?, ?)",
                            .in = "ubuiiu"},
    [IDEMPOTENCY_TAKE_OVER] = {.text = "UPDATE idempotency_keys SET claim = ?, lease_until_us = ?, expires_at_us = ?,"
                                       " key_id = ?, request = NULL, status = NULL, data = NULL WHERE " OWN
                                       " AND lease_until_us = ? AND COALESCE(status, 0) = ?",
                               .in = "uiiuubuii"},
    [IDEMPOTENCY_KEEP] = {.text = "UPDATE idempotency_keys SET request = ?, status = ?, data = ? WHERE " OWN
                                  " AND status IS NULL",
                          .in = "bibubu"},
    [IDEMPOTENCY_RENEW] = {.text = "UPDATE idempotency_keys SET lease_until_us = ? WHERE " OWN " AND status IS NULL",
                           .in = "iubu"},
    [IDEMPOTENCY_RELEASE] = {.text = "DELETE FROM idempotency_keys WHERE " OWN " AND status IS NULL", .in = "ubu"},
    [IDEMPOTENCY_IS_OURS] = {.text = "SELECT claim = ? FROM idempotency_keys WHERE user_id = ? AND key_hash = ?",
                             .in = "uub",
                             .cols = db_number_cols},
    [IDEMPOTENCY_PURGE] = {.text =
                               "DELETE FROM idempotency_keys WHERE expires_at_us < ? ORDER BY expires_at_us LIMIT ?",
                           .in = "ii"},
    [IDEMPOTENCY_SHORTEN] = {.text = "UPDATE idempotency_keys SET expires_at_us = ? WHERE expires_at_us > ?"
                                     " ORDER BY expires_at_us LIMIT ?",
                             .in = "iii"},
};
