#include "model/privacy/erasure_private.h"

#include "base/clock.h"
#include "base/rand.h"
#include "base/retention.h"
#include "model/job/job.h"
#include "model/key/key.h"
#include "model/mail/outbox.h"
#include "model/user/session_others.h"
#include "model/user/user.h"

enum {
    ERASURE_ADD,
    ERASURE_GET,
    ERASURE_OF,
    ERASURE_WAS_DISABLED,
    ERASURE_CANCEL,
    ERASURE_USER_STATE,
    ERASURE_SESSIONS_STATE,
    ERASURE_ACCOUNTS,
    ERASURE_LIST,
    ERASURE_LAST_MAIL,
    ERASURE_LATE,
    ERASURE_PURGE,
    ERASURE_NOTE_ACCOUNT
};
static const struct sql erasure_sqls[];

const char *const erasure_state_names[] = {"waiting", "running", "done", "canceled", NULL};
const char *const erasure_waits_names[] = {"tiktok_tokens", "images", "cancel",  "stripe_customer",
                                           "rows",          "mail",   "journal", NULL};

/* A random UUID (RFC 9562 5.4), and not one with a time in it: who sees one receipt must not guess the next. */
static struct uuid erasure_new_id(void)
{
    struct uuid id;

    rand_bytes(id.b, sizeof id.b);
    id.b[6] = (uint8_t)((id.b[6] & 0x0f) | 0x40);
    id.b[8] = (uint8_t)((id.b[8] & 0x3f) | 0x80);
    return id;
}

struct str erasure_link(struct arena *arena, const struct conf *conf, const struct uuid *id)
{
    return arena_printf(arena, "%.*s/api/v1/privacy/erasure/%s", STR_FMT(conf->service_url), uuid_text(id).s);
}

enum err erasure_get(struct db *db, struct arena *arena, const struct uuid *id, struct erasure *ret_erasure)
{
    return db_row(db, &erasure_sqls[ERASURE_GET], DB_ARGS(db_uuid(id)), arena, ret_erasure);
}

enum err erasure_of(struct db *db, struct arena *arena, const struct uuid *user_id, struct erasure *ret_erasure)
{
    return db_row(db, &erasure_sqls[ERASURE_OF], DB_ARGS(db_uuid(user_id)), arena, ret_erasure);
}

enum err erasure_accounts(struct db *db, struct arena *arena, const struct uuid *user_id, struct uuid **ret_ids,
                          size_t *ret_n)
{
    return db_rows(db, &erasure_sqls[ERASURE_ACCOUNTS], DB_ARGS(db_uuid(user_id), db_i64(ERASURE_ACCOUNTS_MAX)), arena,
                   sizeof **ret_ids, ERASURE_ACCOUNTS_MAX, (void **)ret_ids, ret_n);
}

enum err erasure_end_accounts(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *ids,
                              size_t n)
{
    struct job_new *jobs = arena_array(arena, n + 1, sizeof *jobs);

    for (size_t i = 0; i < n; i++)
        jobs[i] = (struct job_new){
            .kind = ACCOUNT_ERASE_JOB, .subject_id = ids[i], .user_id = *user_id, .run_at_us = clock_now_us()};
    return job_add_all(db, JOB_PUBLISH, arena, jobs, n);
}

/* Begin */

struct erasure_beginning {
    struct arena *arena;
    const struct conf *conf;
    const struct erasure_ask *ask;
    enum user_state before;
    struct uuid *accounts;
    size_t accounts_n;
    struct erasure made;
};

static enum err erasure_set_user(struct db *db, const struct uuid *user_id, enum user_state state)
{
    return db_change(db, &erasure_sqls[ERASURE_USER_STATE],
                     DB_ARGS(db_cstr(user_state_names[state]), db_i64(clock_now_us()), db_uuid(user_id)));
}

static enum err erasure_add(struct db *db, struct erasure_beginning *b)
{
    struct erasure *made = &b->made;

    enum err e = erasure_accounts(db, b->arena, &b->ask->user_id, &b->accounts, &b->accounts_n);
    if (e != OK)
        return e;
    *made = (struct erasure){.id = erasure_new_id(),
                             .user_id = b->ask->user_id,
                             .asked_at_us = clock_now_us(),
                             .accounts_n = (int64_t)b->accounts_n};
    made->due_at_us = made->asked_at_us + b->ask->grace_us;
    return db_exec(db, &erasure_sqls[ERASURE_ADD],
                   DB_ARGS(db_uuid(&made->id), db_uuid(&made->user_id), db_i64(b->before == USER_DISABLED),
                           db_i64(made->asked_at_us), db_i64(made->due_at_us), db_i64(made->accounts_n)),
                   NULL);
}

static enum err erasure_tell(struct db *db, const struct erasure_beginning *b)
{
    struct mail_params params = {.link = erasure_link(b->arena, b->conf, &b->made.id), .at_us = b->made.due_at_us};

    enum err e = erasure_posts_left(db, b->arena, b->conf, &b->ask->user_id, &params.about, &params.why);
    if (e != OK)
        return e;
    e = activity_add(
        db, &(struct activity_new){
                .user_id = b->ask->user_id, .what = ACTIVITY_ERASURE_ASKED, .by = b->ask->by, .about = b->ask->reason});

    return e == OK ? mail_add(db, &(struct mail_new){.template = MAIL_ERASURE_ASKED,
                                                     .user_id = b->ask->user_id,
                                                     .params = &params,
                                                     .request_id = b->ask->request_id})
                   : e;
}

static enum err erasure_begin_tx(struct db *db, void *arg)
{
    struct erasure_beginning *b = arg;
    const struct uuid *user_id = &b->ask->user_id;

    enum err e = user_lock_state(db, b->arena, user_id, &b->before);
    if (e == OK && b->before == USER_ERASING)
        return erasure_of(db, b->arena, user_id, &b->made);
    if (e == OK)
        e = erasure_add(db, b);
    if (e == OK)
        e = erasure_set_user(db, user_id, USER_ERASING);
    if (e == OK)
        e = session_end_others(db, b->arena, user_id, &UUID_NONE);
    if (e == OK)
        e = key_revoke_since(db, b->arena, user_id, 0);
    if (e == OK)
        e = erasure_tell(db, b);
    if (e == OK)
        e = erasure_end_accounts(db, b->arena, user_id, b->accounts, b->accounts_n);
    return e == OK ? job_add(db, JOB_PRIVACY, ERASE_JOB, &b->made.id, b->made.asked_at_us, b->ask->request_id) : e;
}

enum err erasure_begin(struct db *db, struct arena *arena, const struct conf *conf, const struct erasure_ask *ask,
                       struct erasure *ret_erasure)
{
    struct erasure_beginning b = {.arena = arena, .conf = conf, .ask = ask};
    enum err e = db_tx(db, erasure_begin_tx, &b);

    if (e == OK)
        *ret_erasure = b.made;
    return e;
}

/* Cancel */

struct erasure_canceling {
    struct arena *arena;
    const struct uuid *user_id;
    enum activity_by by;
    struct str reason;
    struct erasure erasure;
};

/* Keys were revoked, and stay so. */
static enum err erasure_give_back(struct db *db, const struct erasure_canceling *c, const struct uuid *id)
{
    int64_t was_disabled;

    enum err e = db_number(db, &erasure_sqls[ERASURE_WAS_DISABLED], DB_ARGS(db_uuid(id)), &was_disabled);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ERASURE_LATE : e;
    enum user_state before = was_disabled != 0 ? USER_DISABLED : USER_ACTIVE;
    e = erasure_set_user(db, c->user_id, before);
    return e == OK ? db_exec(db, &erasure_sqls[ERASURE_SESSIONS_STATE],
                             DB_ARGS(db_cstr(user_state_names[before]), db_uuid(c->user_id)), NULL)
                   : e;
}

static enum err erasure_cancel_tx(struct db *db, void *arg)
{
    struct erasure_canceling *c = arg;
    struct erasure *x = &c->erasure;
    int64_t now = clock_now_us();
    enum user_state state;

    enum err e = user_lock_state(db, c->arena, c->user_id, &state);
    if (e == OK && state != USER_ERASING)
        return ERR_ERASURE_NONE;
    if (e == OK)
        e = erasure_of(db, c->arena, c->user_id, x);
    if (e == OK && (x->state != ERASURE_WAITING || x->due_at_us <= now))
        return ERR_ERASURE_LATE;
    if (e == OK)
        e = erasure_give_back(db, c, &x->id);
    if (e == OK)
        e = db_change(db, &erasure_sqls[ERASURE_CANCEL], DB_ARGS(db_i64(now), db_uuid(&x->id)));
    if (e == OK)
        e = activity_add(
            db, &(struct activity_new){
                    .user_id = *c->user_id, .what = ACTIVITY_ERASURE_CANCELED, .by = c->by, .about = c->reason});
    if (e == OK)
        e = mail_add(db, &(struct mail_new){.template = MAIL_ERASURE_CANCELED, .user_id = *c->user_id});
    if (e == OK) /* it finds that nothing is left to do, now and not on the day that was set */
        e = job_add(db, JOB_PRIVACY, ERASE_JOB, &x->id, now, (struct str){0});
    x->state = ERASURE_CANCELED;
    x->ended_at_us = now;
    return e;
}

enum err erasure_cancel(struct db *db, struct arena *arena, const struct uuid *user_id, enum activity_by by,
                        struct str reason, struct erasure *ret_erasure)
{
    struct erasure_canceling c = {.arena = arena, .user_id = user_id, .by = by, .reason = reason};
    enum err e = db_tx(db, erasure_cancel_tx, &c);

    if (e == OK)
        *ret_erasure = c.erasure;
    return e == ERR_NOT_FOUND ? ERR_ERASURE_NONE : e;
}

/* For who looks after them */

enum err erasure_list(struct db *db, struct arena *arena, struct erasure **ret_erasures, size_t *ret_n)
{
    return db_rows(db, &erasure_sqls[ERASURE_LIST], DB_ARGS(db_i64(ERASURE_LIST_MAX)), arena, sizeof **ret_erasures,
                   ERASURE_LIST_MAX, (void **)ret_erasures, ret_n);
}

/* Those that erasure_run.c goes through, in its order. */
static int erasure_next(const struct erasure *x)
{
    if (x->tokens_at_us == 0)
        return ERASURE_WAITS_TOKENS;
    if (x->images_at_us == 0)
        return ERASURE_WAITS_IMAGES;
    if (x->state == ERASURE_WAITING)
        return ERASURE_WAITS_CANCEL;
    if (x->stripe_at_us == 0)
        return ERASURE_WAITS_STRIPE;
    if (x->rows_at_us == 0)
        return ERASURE_WAITS_ROWS;
    return x->mailed_at_us == 0 ? ERASURE_WAITS_JOURNAL : ERASURE_WAITS_MAIL;
}

static enum err erasure_last_mail(struct db *db, struct arena *arena, const struct erasure *x,
                                  struct erasure_waiting *w)
{
    enum err e = db_row(db, &erasure_sqls[ERASURE_LAST_MAIL], DB_ARGS(db_uuid(&x->user_id)), arena, w);

    if (e == ERR_NOT_FOUND)
        w->what = ERASURE_WAITS_JOURNAL;
    else if (e == OK)
        w->until_us = x->mailed_at_us + ERASURE_MAIL_WAIT_US;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err erasure_waits_for(struct db *db, struct arena *arena, const struct erasure *x, struct erasure_waiting *ret)
{
    *ret = (struct erasure_waiting){.what = erasure_next(x)};
    if (ret->what == ERASURE_WAITS_CANCEL)
        ret->until_us = x->due_at_us;
    return ret->what == ERASURE_WAITS_MAIL ? erasure_last_mail(db, arena, x, ret) : OK;
}

enum err erasure_count_late(struct db *db, int64_t due_before_us, int64_t *ret_n)
{
    return db_number(db, &erasure_sqls[ERASURE_LATE], DB_ARGS(db_i64(due_before_us), db_i64(due_before_us)), ret_n);
}

enum err erasure_purge(struct db *db, int64_t now_us)
{
    return db_exec(db, &erasure_sqls[ERASURE_PURGE], DB_ARGS(db_i64(now_us - ERASURE_KEPT_US)), NULL);
}

enum err erasure_note_account(struct db *db, const struct uuid *user_id)
{
    return db_exec(db, &erasure_sqls[ERASURE_NOTE_ACCOUNT], DB_ARGS(db_uuid(user_id)), NULL);
}

static const struct db_col erasure_mail_cols[] = {DB_COL(struct erasure_waiting, reply, STR), DB_END};
static const struct db_col erasure_cols[] = {
    DB_COL(struct erasure, id, UUID),
    DB_COL(struct erasure, user_id, UUID),
    DB_COL_ENUM(struct erasure, state, erasure_state_names),
    DB_COL(struct erasure, asked_at_us, I64),
    DB_COL(struct erasure, due_at_us, I64),
    DB_COL(struct erasure, accounts_n, I64),
    DB_COL(struct erasure, revoked_n, I64),
    DB_COL(struct erasure, posts_n, I64),
    DB_COL(struct erasure, posts_unknown_n, I64),
    DB_COL(struct erasure, tokens_at_us, I64),
    DB_COL(struct erasure, images_at_us, I64),
    DB_COL(struct erasure, stripe_at_us, I64),
    DB_COL(struct erasure, rows_at_us, I64),
    DB_COL(struct erasure, mailed_at_us, I64),
    DB_COL(struct erasure, ended_at_us, I64),
    DB_END,
};

#define ERASURE_COLS \
    "id, user_id, state, asked_at_us, due_at_us, accounts_n, revoked_n, posts_n, posts_unknown_n, tokens_at_us," \
    " images_at_us, stripe_at_us, rows_at_us, mailed_at_us, ended_at_us"

static const struct sql erasure_sqls[] = {
    [ERASURE_ADD] = {.text = "INSERT INTO erasures (id, user_id, state, was_disabled, asked_at_us, due_at_us,"
                             " accounts_n) VALUES (?, ?, 'waiting', ?, ?, ?, ?)",
                     .in = "uuiiii"},
    [ERASURE_GET] = {.text = "SELECT " ERASURE_COLS " FROM erasures WHERE id = ?", .in = "u", .cols = erasure_cols},
    [ERASURE_OF] = {.text = "SELECT " ERASURE_COLS " FROM erasures WHERE user_id = ?", .in = "u", .cols = erasure_cols},
    [ERASURE_WAS_DISABLED] = {.text = "SELECT was_disabled FROM erasures WHERE id = ? AND state = 'waiting'"
                                      " FOR UPDATE",
                              .in = "u",
                              .cols = db_number_cols},
    [ERASURE_CANCEL] = {.text = "UPDATE erasures SET state = 'canceled', user_id = NULL, ended_at_us = ? WHERE id = ?"
                                " AND state = 'waiting'",
                        .in = "iu"},
    [ERASURE_USER_STATE] = {.text = "UPDATE users SET state = ?, updated_at_us = ? WHERE id = ?", .in = "siu"},
    [ERASURE_SESSIONS_STATE] = {.text = "UPDATE sessions SET user_state = ? WHERE user_id = ?", .in = "su"},
    [ERASURE_ACCOUNTS] = {.text = "SELECT id FROM accounts WHERE user_id = ? AND state <> 'disconnected' ORDER BY id"
                                  " LIMIT ?",
                          .in = "ui",
                          .cols = db_uuid_cols},
    [ERASURE_LIST] = {.text = "SELECT " ERASURE_COLS " FROM erasures WHERE state IN ('waiting', 'running')"
                              " ORDER BY due_at_us, id LIMIT ?",
                      .in = "i",
                      .cols = erasure_cols},
    [ERASURE_LAST_MAIL] = {.text = "SELECT reply FROM mail_outbox WHERE user_id = ? AND state = 'queued'"
                                   " ORDER BY id DESC LIMIT 1",
                           .in = "u",
                           .cols = erasure_mail_cols},
    [ERASURE_LATE] = {.text = "SELECT (SELECT COUNT(*) FROM erasures WHERE state = 'waiting' AND due_at_us < ?) +"
                              " (SELECT COUNT(*) FROM erasures WHERE state = 'running' AND due_at_us < ?)",
                      .in = "ii",
                      .cols = db_number_cols},
    [ERASURE_PURGE] = {.text = "DELETE FROM erasures WHERE ended_at_us < ? ORDER BY ended_at_us LIMIT 1000", .in = "i"},
    /* One that was ended before this erasure was asked for is none of its accounts. */
    [ERASURE_NOTE_ACCOUNT] = {.text =
                                  "UPDATE erasures SET revoked_n = LEAST(revoked_n + 1, accounts_n) WHERE user_id = ?",
                              .in = "u"},
};
