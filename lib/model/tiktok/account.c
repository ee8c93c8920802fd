#include "model/tiktok/account.h"

#include <stdlib.h>

#include "base/clock.h"
#include "model/billing/billing.h"
#include "model/tiktok/account_private.h"
#include "model/tiktok/grant_end.h"
#include "model/job/job.h"
#include "model/post/turn.h"
#include "model/user/caps.h"

enum {
    ACCOUNT_GET,
    ACCOUNT_LIST,
    ACCOUNT_BY_ID,
    ACCOUNT_BY_OPEN_ID,
    ACCOUNT_COUNT,
    ACCOUNT_INSERT,
    ACCOUNT_AGAIN,
};
static const struct sql account_sqls[];

const char *const account_state_names[] = {"active", "needs_reconnect", "disconnected", NULL};

/* Older than the policy allows, even if it is not purged yet. */
int64_t account_snapshots_from_us(void)
{
    return clock_now_us() - SNAPSHOT_KEPT_US;
}

static struct db_arg account_snapshots_from(void)
{
    return db_i64(account_snapshots_from_us());
}

enum err account_get(struct db *db, struct arena *arena, const struct uuid *user_id, int mode, const struct uuid *id,
                     struct account *ret_account)
{
    return db_row(db, &account_sqls[ACCOUNT_GET],
                  DB_ARGS(account_snapshots_from(), db_uuid(id), db_uuid(user_id), db_cstr(mode_names[mode])), arena,
                  ret_account);
}

enum err account_list(struct db *db, struct arena *arena, const struct uuid *user_id, int mode,
                      const struct uuid *below, size_t max, struct account **ret_accounts, size_t *ret_n)
{
    return db_rows(db, &account_sqls[ACCOUNT_LIST],
                   DB_ARGS(account_snapshots_from(), db_uuid(user_id), db_cstr(mode_names[mode]), db_uuid(below),
                           db_i64((int64_t)max)),
                   arena, sizeof **ret_accounts, max, (void **)ret_accounts, ret_n);
}

enum err account_by_id(struct db *db, struct arena *arena, const struct uuid *id, struct account *ret_account)
{
    return db_row(db, &account_sqls[ACCOUNT_BY_ID], DB_ARGS(account_snapshots_from(), db_uuid(id)), arena, ret_account);
}

bool account_snapshot_within(const struct account *a, int64_t age_us)
{
    return a->snapshot_at_us > 0 && a->privacy_level_options.n > 0 &&
           llabs(clock_now_us() - a->snapshot_at_us) <= age_us;
}

bool account_has_scope(const struct account *a, struct str scope)
{
    return str_list_has(a->scopes, ',', scope);
}

bool account_offers(const struct account *a, struct str privacy_level)
{
    return str_list_has(a->privacy_level_options, ',', privacy_level);
}

/* Connecting */

struct connecting {
    struct arena *arena;
    const struct conf *conf;
    const struct keyring *ring;
    const struct uuid *user_id;
    const struct account_connection *c;
    struct str request_id;
    const struct last_step *last;
    struct uuid id;
    struct account made;
};

/* How many others are connected, and of these with live tokens. */
struct account_others {
    int64_t all, live;
};

/* One of the user's, as it was before. */
struct account_known {
    struct uuid id;
    int state;
};

/* known: NULL if it was never connected. What is connected already stays so, whatever the plan allows by now. */
static enum err account_check_plan(const struct connecting *x, const struct plan *plan,
                                   const struct account_others *others, const struct account_known *known)
{
    bool is_there = known != NULL && known->state != ACCOUNT_DISCONNECTED;
    bool counts = x->c->tokens.mode == MODE_LIVE && !is_there;

    return counts && !plan_allows(plan, PLAN_ACCOUNTS, others->live + 1) ? ERR_PLAN_ACCOUNTS : OK;
}

static enum err account_check_room(struct db *db, const struct connecting *x, const struct plan **ret_plan,
                                   struct account_others *ret_others)
{
    enum err e = billing_lock_user(db, x->arena, x->conf, x->user_id, ret_plan);
    if (e != OK)
        return e;
    e = db_row(db, &account_sqls[ACCOUNT_COUNT], DB_ARGS(db_uuid(x->user_id), db_str(x->c->open_id)), x->arena,
               ret_others);
    return e == OK ? cap_fits(x->conf, CAP_ACCOUNTS, ret_others->all, 1) : e;
}

static enum err account_write_connection(struct db *db, const struct connecting *x, const struct sql *q)
{
    const struct account_connection *c = x->c;
    struct account_sealed sealed;
    int64_t now = clock_now_us();

    enum err e = account_seal(x->ring, x->arena, &x->id, &c->tokens, &sealed);
    if (e != OK)
        return e;
    return db_exec(db, q,
                   DB_ARGS(db_str(c->display_name), db_str(c->avatar_url), db_str(c->scopes),
                           db_bytes(sealed.access.p, sealed.access.n), db_bytes(sealed.refresh.p, sealed.refresh.n),
                           db_i64_or_null(c->tokens.access_expires_at_us),
                           db_i64_or_null(c->tokens.refresh_expires_at_us), db_i64(now), db_i64(now), db_uuid(&x->id),
                           db_uuid(x->user_id), db_str(c->open_id), db_cstr(mode_names[c->tokens.mode])),
                   NULL);
}

static enum err account_connect_tx(struct db *db, void *arg)
{
    struct connecting *x = arg;
    const struct account_connection *c = x->c;
    struct account_known known = {0};
    struct account_others others = {0};
    const struct plan *plan;

    enum err e = account_check_room(db, x, &plan, &others);
    if (e != OK)
        return e;
    e = db_row(db, &account_sqls[ACCOUNT_BY_OPEN_ID],
               DB_ARGS(db_uuid(x->user_id), db_str(c->open_id), db_cstr(mode_names[c->tokens.mode])), x->arena, &known);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    bool is_new = e == ERR_NOT_FOUND;
    x->id = is_new ? uuid_new() : known.id;
    e = account_check_plan(x, plan, &others, is_new ? NULL : &known);
    if (e == OK && is_new)
        e = caps_take(db, x->arena, x->conf, x->user_id, CAPS_OF_ACCOUNT, 0);
    if (e != OK)
        return e;
    e = account_write_connection(db, x, &account_sqls[is_new ? ACCOUNT_INSERT : ACCOUNT_AGAIN]);
    if (e == OK)
        e = grant_end_check(db, c->open_id, &x->id, x->request_id);
    if (e == OK && str_list_has(c->scopes, ',', STR(CREATOR_SCOPE)))
        e = job_add(db, JOB_PUBLISH, "creator", &x->id, clock_now_us(), x->request_id);
    if (e == OK && !is_new) /* what waited for this goes on */
        e = account_wake_polls(db, x->arena, &x->id, true, x->request_id);
    if (e == OK && !is_new)
        e = turn_add(db, x->user_id, &x->id, clock_now_us(), x->request_id);
    if (e == OK)
        e = account_get(db, x->arena, x->user_id, c->tokens.mode, &x->id, &x->made);
    if (e == OK) /* without the name, which is not to be kept for longer than the connection */
        e = activity_add(
            db, &(struct activity_new){
                    .user_id = *x->user_id, .what = ACTIVITY_ACCOUNT_CONNECTED, .by = c->by, .about_id = x->id});
    return e == OK && x->last != NULL ? x->last->fn(&x->made, x->last->arg) : e;
}

enum err account_connect(struct db *db, struct arena *arena, const struct conf *conf, const struct keyring *ring,
                         const struct uuid *user_id, const struct account_connection *connection, struct str request_id,
                         const struct last_step *last, struct account *ret_account)
{
    struct connecting x = {.arena = arena,
                           .conf = conf,
                           .ring = ring,
                           .user_id = user_id,
                           .c = connection,
                           .request_id = request_id,
                           .last = last};

    ASSERT(connection->open_id.n > 0 && connection->tokens.access.n > 0 && connection->tokens.refresh.n > 0);
    enum err e = db_tx(db, account_connect_tx, &x);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        *ret_account = x.made;
    return e;
}

static const struct db_col account_cols[] = {
    DB_COL(struct account, id, UUID),
    DB_COL(struct account, user_id, UUID),
    DB_COL(struct account, open_id, STR),
    DB_COL(struct account, display_name, STR),
    DB_COL(struct account, avatar_url, STR),
    DB_COL(struct account, scopes, STR),
    DB_COL_ENUM(struct account, state, account_state_names),
    DB_COL(struct account, state_reason, STR),
    DB_COL_ENUM(struct account, mode, mode_names),
    DB_COL(struct account, connected_at_us, I64),
    DB_COL(struct account, canceled_to_us, I64),
    DB_COL(struct account, held_to_id, UUID),
    DB_COL(struct account, username, STR),
    DB_COL(struct account, nickname, STR),
    DB_COL(struct account, privacy_level_options, STR),
    DB_COL(struct account, post_block, STR),
    DB_COL(struct account, comment_disabled, BOOL),
    DB_COL(struct account, snapshot_at_us, I64),
    DB_END,
};

static const struct db_col account_known_cols[] = {
    DB_COL(struct account_known, id, UUID), DB_COL_ENUM(struct account_known, state, account_state_names), DB_END};

static const struct db_col account_others_cols[] = {DB_COL(struct account_others, all, I64),
                                                    DB_COL(struct account_others, live, I64), DB_END};

/* Not "all but disconnected": so the index finds them, however many there once were. */
#define CONNECTED "'active', 'needs_reconnect'"

#define ACCOUNT_SELECT_BY(index) \
    "SELECT a.id, a.user_id, a.open_id, a.display_name, a.avatar_url, a.scopes, a.state, a.state_reason," \
    " a.mode, a.connected_at_us, a.canceled_to_us, a.held_to_id, s.username, s.nickname," \
    " s.privacy_level_options, s.post_block, s.comment_disabled, s.fetched_at_us" \
    " FROM accounts a " index " LEFT JOIN creator_snapshots s ON s.account_id = a.id AND s.fetched_at_us > ?"
#define ACCOUNT_SELECT ACCOUNT_SELECT_BY("")

static const struct sql account_sqls[] = {
    [ACCOUNT_GET] = {.text = ACCOUNT_SELECT
                     " WHERE a.id = ? AND a.user_id = ? AND a.mode = ? AND a.state <> 'disconnected'",
                     .in = "iuus",
                     .cols = account_cols},
    [ACCOUNT_LIST] = {.text = ACCOUNT_SELECT_BY(
                          "FORCE INDEX (by_user_state)") " WHERE a.user_id = ? AND a.mode = ? AND a.id < ?"
                                                         " AND a.state IN (" CONNECTED ") ORDER BY a.id DESC LIMIT ?",
                      .in = "iusui",
                      .cols = account_cols},
    [ACCOUNT_BY_ID] = {.text = ACCOUNT_SELECT " WHERE a.id = ?", .in = "iu", .cols = account_cols},
    [ACCOUNT_BY_OPEN_ID] =
        {.text = "SELECT id, state FROM accounts WHERE user_id = ? AND open_id = ? AND mode = ? FOR UPDATE",
         .in = "uss",
         .cols = account_known_cols},
    /* Not counting this one: connecting an account again takes no further place. */
    [ACCOUNT_COUNT] =
        {.text = "SELECT COUNT(*), COUNT(IF(mode = 'live', 1, NULL)) FROM accounts FORCE INDEX (by_user_state)"
                 " WHERE user_id = ? AND state IN (" CONNECTED ") AND open_id <> ?",
         .in = "us",
         .cols = account_others_cols},
    [ACCOUNT_INSERT] = {.text = "INSERT INTO accounts SET display_name = ?, avatar_url = ?, scopes = ?,"
                                " access_token = ?, refresh_token = ?, access_expires_at_us = ?,"
                                " refresh_expires_at_us = ?, connected_at_us = ?, updated_at_us = ?, state = 'active',"
                                " id = ?, user_id = ?, open_id = ?, mode = ?",
                        .in = "sssbbiiiiuuss"},
    [ACCOUNT_AGAIN] =
        {.text =
             "UPDATE accounts FORCE INDEX (PRIMARY) SET display_name = ?, avatar_url = ?, scopes = ?, access_token = ?,"
             " refresh_token = ?, access_expires_at_us = ?, refresh_expires_at_us = ?,"
             " connected_at_us = ?, updated_at_us = ?, state = 'active', state_reason = NULL,"
             " disconnected_at_us = NULL, end_asked_at_us = NULL, lease_token = NULL, lease_until_us = NULL"
             " WHERE id = ? AND user_id = ? AND open_id = ? AND mode = ?",
         .in = "sssbbiiiiuuss"},
};
