#include "model/restore/restore.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "model/key/key.h"
#include "model/post/hold.h"
#include "model/privacy/erasure.h"
#include "model/tiktok/account.h"

enum {
    RESTORE_KEYS,
    RESTORE_ACCOUNTS,
    RESTORE_USERS,
    RESTORE_SESSIONS,
    RESTORE_SIGN_INS,
    RESTORE_TOKENS,
    RESTORE_STATES,
    RESTORE_MAILS,
    RESTORE_MAIL_JOBS
};
static const struct sql restore_sqls[];

struct restoring {
    struct db *db;
    struct arena *arena;
    const struct conf *conf;
    const struct secret_ring *keys;
    const struct journal_line *lines;
    size_t n;
    struct restore_done *done;
};

struct restore_row {
    struct uuid id, user_id;
};

static int restore_compare(const void *a, const void *b)
{
    const struct journal_line *x = a, *y = b;
    int by_name = memcmp(x->name.b, y->name.b, sizeof x->name.b);

    return by_name != 0 ? by_name : (x->at_us > y->at_us) - (x->at_us < y->at_us);
}

/* When the line of that name was written last; 0: never. */
static int64_t restore_when_named(const struct restoring *r, const struct sha256 *name)
{
    const struct journal_line later = {.name = *name, .at_us = INT64_MAX};
    size_t low = 0, high = r->n;

    while (low < high) { /* to the first that is later */
        size_t middle = low + (high - low) / 2;
        if (restore_compare(&r->lines[middle], &later) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool is_it = low > 0 && memcmp(r->lines[low - 1].name.b, later.name.b, sizeof later.name.b) == 0;
    return is_it ? r->lines[low - 1].at_us : 0;
}

/* When that happened last; 0: never. The kind is a part of what the name is a hash of, and each key makes another name. */
static int64_t restore_when(const struct restoring *r, enum journal_what what, const struct uuid *id)
{
    int64_t at_us = 0;

    for (size_t i = 0; i < r->keys->n; i++) {
        struct sha256 name = journal_name(&r->keys->v[i], what, id);
        at_us = MAX(at_us, restore_when_named(r, &name));
    }
    return at_us;
}

static enum err restore_key(const void *row, void *arg)
{
    const struct restore_row *k = row;
    struct restoring *r = arg;

    if (restore_when(r, JOURNAL_REVOCATION, &k->id) == 0)
        return OK;
    struct arena_mark mark = arena_mark(r->arena);
    enum err e = key_revoke_again(r->db, r->arena, &k->user_id, &k->id);
    arena_back(r->arena, &mark);
    r->done->revoked += e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err restore_account(const void *row, void *arg)
{
    const struct restore_row *a = row;
    struct restoring *r = arg;

    int64_t at_us = restore_when(r, JOURNAL_DISCONNECT, &a->id);
    if (at_us == 0)
        return OK;
    struct arena_mark mark = arena_mark(r->arena);
    enum err e = account_end_again(r->db, r->arena, r->conf, &a->user_id, &a->id, at_us);
    arena_back(r->arena, &mark);
    r->done->disconnected += e == OK;
    return e == ERR_NOT_FOUND || e == ERR_CONFLICT ? OK : e; /* it was connected after that */
}

/* No user comes back under an id, so whenever that was, the row must go. */
static enum err restore_user(const void *row, void *arg)
{
    const struct restore_row *u = row;
    struct restoring *r = arg;
    struct erasure erasure;

    if (restore_when(r, JOURNAL_ERASURE, &u->id) == 0)
        return OK;
    const struct erasure_ask ask = {
        .user_id = u->id, .by = ACTIVITY_BY_ADMIN, .reason = STR("erased before a restore")};
    struct arena_mark mark = arena_mark(r->arena);
    enum err e = erasure_begin(r->db, r->arena, r->conf, &ask, &erasure);
    arena_back(r->arena, &mark);
    r->done->erased += e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err restore_replay(struct db *db, struct arena *arena, const struct conf *conf, const struct secret_ring *keys,
                        struct journal_line *lines, size_t n, struct restore_done *done)
{
    static enum err (*const fns[])(const void *row, void *arg) = {
        [RESTORE_KEYS] = restore_key, [RESTORE_ACCOUNTS] = restore_account, [RESTORE_USERS] = restore_user};
    struct restoring r = {db, arena, conf, keys, lines, n, done};
    enum err e = OK;

    if (n > 0)
        qsort(lines, n, sizeof *lines, restore_compare);
    for (size_t i = 0; e == OK && n > 0 && i < ARRAY_LEN(fns); i++)
        e = db_each(db, &restore_sqls[i], DB_NO_ARGS, sizeof(struct restore_row), fns[i], &r);
    return e;
}

struct restore_ending {
    struct restore_done *done;
};

static enum err restore_end_tx(struct db *db, void *arg)
{
    const struct restore_ending *x = arg;
    int64_t *counts[] = {&x->done->sessions, &x->done->sign_ins, &x->done->tokens, NULL};
    uint64_t n;
    enum err e = OK;

    for (size_t i = 0; e == OK && i < ARRAY_LEN(counts); i++) {
        e = db_exec(db, &restore_sqls[RESTORE_SESSIONS + i], DB_NO_ARGS, &n);
        if (e == OK && counts[i] != NULL)
            *counts[i] = (int64_t)n;
    }
    if (e == OK)
        e = db_exec(db, &restore_sqls[RESTORE_MAILS], DB_ARGS(db_i64(clock_now_us())), &n);
    if (e == OK)
        x->done->mails = (int64_t)n;
    return e == OK ? db_exec(db, &restore_sqls[RESTORE_MAIL_JOBS], DB_NO_ARGS, NULL) : e;
}

enum err restore_end(struct db *db, struct restore_done *done)
{
    struct restore_ending x = {done};

    enum err e = db_tx(db, restore_end_tx, &x);
    return e == OK ? hold_all(db, &done->held) : e;
}

static const struct db_col restore_cols[] = {DB_COL(struct restore_row, id, UUID),
                                             DB_COL(struct restore_row, user_id, UUID), DB_END};

static const struct sql restore_sqls[] = {
    [RESTORE_KEYS] = {.text = "SELECT id, user_id FROM api_keys WHERE of_key_id IS NULL AND revoked_at_us IS NULL AND "
                              "id > ? ORDER BY id LIMIT ?",
                      .in = "ui",
                      .cols = restore_cols},
    [RESTORE_ACCOUNTS] = {.text = "SELECT id, user_id FROM accounts WHERE state <> 'disconnected' AND id > ?"
                                  " ORDER BY id LIMIT ?",
                          .in = "ui",
                          .cols = restore_cols},
    [RESTORE_USERS] = {.text = "SELECT id, id FROM users WHERE id > ? ORDER BY id LIMIT ?",
                       .in = "ui",
                       .cols = restore_cols},
    [RESTORE_SESSIONS] = {.text = "DELETE FROM sessions", .in = ""},
    [RESTORE_SIGN_INS] = {.text = "DELETE FROM pending_sign_ins", .in = ""},
    [RESTORE_TOKENS] = {.text = "DELETE FROM one_time_tokens", .in = ""},
    [RESTORE_STATES] = {.text = "DELETE FROM oauth_states", .in = ""},
    [RESTORE_MAILS] = {.text = "UPDATE mail_outbox SET state = 'dropped', params = NULL, ended_at_us = ?"
                               " WHERE state = 'queued'",
                       .in = "i"},
    [RESTORE_MAIL_JOBS] = {.text = "DELETE FROM jobs_mail WHERE kind = 'mail'", .in = ""},
};
