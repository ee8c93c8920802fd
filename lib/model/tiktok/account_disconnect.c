/* The end of a connection. */
#include "base/clock.h"
#include "model/post/turn.h"
#include "model/privacy/journal.h"
#include "model/tiktok/account_private.h"
#include "model/user/user.h"

#define SHARERS_MAX 100 /* connections of one open id that a disconnect looks at; with more, the grant is in use */

enum {
    ACCOUNT_LOOK,
    ACCOUNT_LOCK,
    ACCOUNT_SHARERS,
    ACCOUNT_LOCK_ACTIVE,
    ACCOUNT_IN_USE,
    ACCOUNT_WIPE,
    ACCOUNT_WIPE_SNAPSHOT,
};
static const struct sql account_disconnect_sqls[];

struct disconnecting {
    struct arena *arena;
    const struct conf *conf;
    const struct keyring *ring;
    const struct uuid *user_id, *id;
    int mode;
    struct str request_id;
    struct account_ended *ended;
};

enum err account_grant_in_use(struct db *db, struct str open_id, bool *ret_in_use)
{
    int64_t n;
    enum err e = db_number(db, &account_disconnect_sqls[ACCOUNT_IN_USE], DB_ARGS(db_str(open_id)), &n);

    *ret_in_use = e != ERR_NOT_FOUND;
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err account_disconnect_lock(struct db *db, const struct disconnecting *x)
{
    int64_t one;

    return db_number(db, &account_disconnect_sqls[ACCOUNT_LOCK], DB_ARGS(db_uuid(x->id), db_uuid(x->user_id)), &one);
}

static enum err account_disconnect_lock_sharer(struct db *db, const struct uuid *id, bool *ret_active)
{
    int64_t one;
    enum err e = db_number(db, &account_disconnect_sqls[ACCOUNT_LOCK_ACTIVE], DB_ARGS(db_uuid(id)), &one);

    *ret_active = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

/*
 * Locks the row, so that what is read after it is what will be wiped; and those that share its grant, up to the first that
 * is active, so that several that end at once see each other. In the order of their ids, whoever's end this is: else two
 * of them would wait for each other.
 */
static enum err account_disconnect_lock_all(struct db *db, const struct disconnecting *x, bool *ret_in_use)
{
    struct str *open_id = &x->ended->open_id;
    struct uuid *ids;
    size_t n, i = 0;
    bool in_use = false;

    enum err e = db_row(db, &account_disconnect_sqls[ACCOUNT_LOOK],
                        DB_ARGS(db_uuid(x->id), db_uuid(x->user_id), db_cstr(mode_names[x->mode])), x->arena, open_id);
    if (e == OK)
        e = db_rows(db, &account_disconnect_sqls[ACCOUNT_SHARERS],
                    DB_ARGS(db_str(*open_id), db_uuid(x->id), db_i64(SHARERS_MAX)), x->arena, sizeof *ids, SHARERS_MAX,
                    (void **)&ids, &n);
    for (; e == OK && i < n && !in_use && uuid_cmp(&ids[i], x->id) < 0; i++)
        e = account_disconnect_lock_sharer(db, &ids[i], &in_use);
    if (e == OK)
        e = account_disconnect_lock(db, x);
    for (; e == OK && i < n && !in_use; i++)
        e = account_disconnect_lock_sharer(db, &ids[i], &in_use);
    *ret_in_use = in_use;
    return e;
}

static enum err account_disconnect_read(struct db *db, const struct disconnecting *x)
{
    account_tokens_done(&x->ended->tokens);
    enum err e = account_disconnect_lock_all(db, x, &x->ended->in_use);
    if (e != OK)
        return e;
    e = account_tokens_left(db, x->arena, x->ring, x->id, &x->ended->tokens);
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err account_end_connection(struct db *db, const struct account_ending *x)
{
    int64_t now = clock_now_us(), cancel_to_us = now;
    bool more;

    enum err e = account_find_cancel_end(db, x->arena, x->id, now, &cancel_to_us);
    if (e == OK)
        e = db_change(db, &account_disconnect_sqls[ACCOUNT_WIPE],
                      DB_ARGS(db_i64(now), db_i64(cancel_to_us), db_i64(now), db_uuid(x->id), db_uuid(x->user_id)));
    if (e == OK)
        e = db_exec(db, &account_disconnect_sqls[ACCOUNT_WIPE_SNAPSHOT], DB_ARGS(db_uuid(x->id)), NULL);
    if (e == OK)
        e = account_cancel_posts(db, x->arena, x->conf, x->id, x->request_id, &more);
    if (e == OK)
        e = account_wake_polls(db, x->arena, x->id, false, x->request_id);
    if (e == OK)
        e = activity_add(
            db, &(struct activity_new){.user_id = *x->user_id, .what = x->what, .by = x->by, .about_id = *x->id});
    /* Whatever is left: the others of a long queue, and a post that a worker is just about to bring back. */
    if (e == OK)
        e = turn_add(db, x->user_id, x->id, now, x->request_id);
    return e == OK ? journal_add(db, JOURNAL_DISCONNECT, x->user_id, x->id) : e;
}

static enum err account_disconnect_tx(struct db *db, void *arg)
{
    const struct disconnecting *x = arg;

    enum err e = user_lock_any(
        db, x->user_id); /* the activity refers to the user, who may be disabled, or be erased right now */
    if (e == OK)
        e = account_disconnect_read(db, x);
    const struct account_ending ending = {.arena = x->arena,
                                          .conf = x->conf,
                                          .user_id = x->user_id,
                                          .id = x->id,
                                          .what = ACTIVITY_ACCOUNT_DISCONNECTED,
                                          .request_id = x->request_id};
    return e == OK ? account_end_connection(db, &ending) : e;
}

/* The answer to the COMMIT was lost. If the tokens are gone, they are still to be revoked, and nobody else has them. */
static bool account_disconnect_has_happened(struct db *db, const struct disconnecting *x)
{
    struct account a;

    return account_by_id(db, x->arena, x->id, &a) == OK && a.state == ACCOUNT_DISCONNECTED;
}

enum err account_disconnect(struct db *db, struct arena *arena, const struct conf *conf, const struct keyring *ring,
                            const struct uuid *user_id, int mode, const struct uuid *id, struct str request_id,
                            struct account_ended *ret_ended)
{
    struct account_ended ended = {0};
    struct disconnecting x = {arena, conf, ring, user_id, id, mode, request_id, &ended};

    enum err e = db_tx(db, account_disconnect_tx, &x);
    if (e == ERR_OUTCOME_UNKNOWN && account_disconnect_has_happened(db, &x))
        e = OK;
    if (e == OK)
        *ret_ended = ended;
    else
        account_tokens_done(&ended.tokens);
    return e;
}

static const struct db_col account_disconnect_open_id_cols[] = {{.type = DB_STR}, DB_END};

static const struct sql account_disconnect_sqls[] = {
    [ACCOUNT_LOOK] = {.text = "SELECT open_id FROM accounts WHERE id = ? AND user_id = ? AND mode = ?"
                              " AND state <> 'disconnected'",
                      .in = "uus",
                      .cols = account_disconnect_open_id_cols},
    [ACCOUNT_LOCK] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND user_id = ? AND state <> 'disconnected'"
                              " FOR UPDATE",
                      .in = "uu",
                      .cols = db_number_cols},
    /* Read without a lock, which would hold up whoever connects an account with an open id beside this one. */
    [ACCOUNT_SHARERS] = {.text = "SELECT id FROM accounts WHERE open_id = ? AND id <> ? AND state = 'active'"
                                 " ORDER BY id LIMIT ?",
                         .in = "sui",
                         .cols = db_uuid_cols},
    [ACCOUNT_LOCK_ACTIVE] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND state = 'active' FOR UPDATE",
                             .in = "u",
                             .cols = db_number_cols},
    [ACCOUNT_IN_USE] = {.text = "SELECT 1 FROM accounts WHERE open_id = ? AND state = 'active' LIMIT 1",
                        .in = "s",
                        .cols = db_number_cols},
    [ACCOUNT_WIPE] = {.text = "UPDATE accounts FORCE INDEX (PRIMARY) SET state = 'disconnected', state_reason = NULL, "
                              "display_name = NULL,"
                              " avatar_url = NULL, access_token = NULL, refresh_token = NULL,"
                              " access_expires_at_us = NULL, refresh_expires_at_us = NULL, lease_token = NULL,"
                              " lease_until_us = NULL, end_asked_at_us = NULL, disconnected_at_us = ?,"
                              " canceled_to_us = ?,"
                              " updated_at_us = ? WHERE id = ? AND user_id = ? AND state <> 'disconnected'",
                      .in = "iiiuu"},
    [ACCOUNT_WIPE_SNAPSHOT] = {.text = "DELETE FROM creator_snapshots WHERE account_id = ?", .in = "u"},
};
