#include "model/post/hold.h"

#include "base/clock.h"
#include "model/post/turn.h"

#define ACCOUNTS_A_TIME 100
#define GIVEN_UP_A_TIME 100 /* posts of a transaction; each moves alone, and may be told by mail */

enum {
    HOLD_SET,
    HOLD_NOTE_ALL,
    HOLD_COUNT,
    HOLD_COUNT_TO,
    HOLD_LIST,
    HOLD_LIST_OF,
    HOLD_ACCOUNTS,
    HOLD_LOCK,
    HOLD_OF_ACCOUNT,
    HOLD_NOTE,
    HOLD_END
};
static const struct sql hold_sqls[];

struct held_account {
    struct uuid id, user_id;
};

bool hold_has(const struct account *account, const struct uuid *post_id)
{
    return !uuid_is_none(&account->held_to_id) && uuid_cmp(post_id, &account->held_to_id) <= 0;
}

static enum err hold_all_tx(struct db *db, void *arg)
{
    enum err e = db_exec(db, &hold_sqls[HOLD_SET], DB_NO_ARGS, NULL);

    if (e == OK)
        e = db_exec(db, &hold_sqls[HOLD_NOTE_ALL], DB_ARGS(db_i64(clock_now_us())), NULL);
    return e == OK ? db_number(db, &hold_sqls[HOLD_COUNT], DB_NO_ARGS, arg) : e;
}

enum err hold_all(struct db *db, int64_t *ret_n)
{
    return db_tx(db, hold_all_tx, ret_n);
}

enum err hold_count(struct db *db, int64_t max, int64_t *ret_n)
{
    return db_number(db, &hold_sqls[HOLD_COUNT_TO], DB_ARGS(db_i64(max)), ret_n);
}

enum err hold_list(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *above, size_t max,
                   struct held_post **ret_posts, size_t *ret_n)
{
    if (uuid_is_none(user_id))
        return db_rows(db, &hold_sqls[HOLD_LIST], DB_ARGS(db_uuid(above), db_i64((int64_t)max)), arena,
                       sizeof **ret_posts, max, (void **)ret_posts, ret_n);
    return db_rows(db, &hold_sqls[HOLD_LIST_OF], DB_ARGS(db_uuid(user_id), db_uuid(above), db_i64((int64_t)max)), arena,
                   sizeof **ret_posts, max, (void **)ret_posts, ret_n);
}

struct hold_ending {
    struct arena *arena;
    const struct conf *conf; /* NULL: they go */
    const struct held_account *account;
    int64_t posts;
    bool more;
};

/* Nothing of the account is on hold any more, and its queue moves. */
static enum err hold_end(struct db *db, const struct hold_ending *h)
{
    const struct held_account *a = h->account;

    enum err e = db_exec(db, &hold_sqls[HOLD_END], DB_ARGS(db_i64(clock_now_us()), db_uuid(&a->id)), NULL);
    return e == OK ? turn_add(db, &a->user_id, &a->id, clock_now_us(), (struct str){0}) : e;
}

static enum err hold_release_tx(struct db *db, void *arg)
{
    struct hold_ending *h = arg;
    const struct uuid *id = &h->account->id;
    uint64_t noted = 0;
    int64_t one;

    enum err e = db_number(db, &hold_sqls[HOLD_LOCK], DB_ARGS(db_uuid(id)), &one);
    if (e == OK)
        e = db_exec(db, &hold_sqls[HOLD_NOTE], DB_ARGS(db_i64(clock_now_us()), db_uuid(id)), &noted);
    if (e != OK)
        return e;
    h->posts = (int64_t)noted;
    return hold_end(db, h);
}

static enum err hold_give_up_tx(struct db *db, void *arg)
{
    const struct post_move move = {.event = "lost_by_restore", .failure_code = STR("outcome_unknown")};
    struct hold_ending *h = arg;
    struct uuid *ids;
    int64_t one;
    size_t n;

    enum err e = db_number(db, &hold_sqls[HOLD_LOCK], DB_ARGS(db_uuid(&h->account->id)), &one);
    if (e == OK)
        e = db_rows(db, &hold_sqls[HOLD_OF_ACCOUNT], DB_ARGS(db_uuid(&h->account->id), db_i64(GIVEN_UP_A_TIME)),
                    h->arena, sizeof *ids, GIVEN_UP_A_TIME, (void **)&ids, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        e = post_move(db, h->arena, h->conf, &ids[i], &move);
    if (e != OK)
        return e;
    h->posts = (int64_t)n;
    h->more = n == GIVEN_UP_A_TIME;
    return h->more ? OK : hold_end(db, h);
}

/* ERR_NOT_FOUND: somebody else was quicker. */
static enum err hold_end_account(struct db *db, struct hold_ending *h, int64_t *n)
{
    enum err e;

    do {
        struct arena_mark mark = arena_mark(h->arena);
        h->more = false;
        e = db_tx(db, h->conf == NULL ? hold_release_tx : hold_give_up_tx, h);
        *n += e == OK ? h->posts : 0;
        arena_back(h->arena, &mark);
    } while (e == OK && h->more);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err hold_end_all(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                             int64_t *ret_n)
{
    struct hold_ending h = {.arena = arena, .conf = conf};
    struct uuid above = UUID_NONE;
    struct held_account *accounts;
    int64_t n = 0;
    size_t found;
    enum err e;

    do {
        e = db_rows(db, &hold_sqls[HOLD_ACCOUNTS],
                    DB_ARGS(db_uuid(&above), db_uuid_or_null(user_id), db_uuid(user_id), db_i64(ACCOUNTS_A_TIME)),
                    arena, sizeof *accounts, ACCOUNTS_A_TIME, (void **)&accounts, &found);
        for (size_t i = 0; e == OK && i < found; i++) {
            h.account = &accounts[i];
            above = accounts[i].id;
            e = hold_end_account(db, &h, &n);
        }
    } while (e == OK && found == ACCOUNTS_A_TIME);
    *ret_n = n;
    return e;
}

enum err hold_release(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t *ret_n)
{
    return hold_end_all(db, arena, NULL, user_id, ret_n);
}

enum err hold_give_up(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                      int64_t *ret_n)
{
    return hold_end_all(db, arena, conf, user_id, ret_n);
}

static const struct db_col hold_post_cols[] = {DB_COL(struct held_post, id, UUID),
                                               DB_COL(struct held_post, user_id, UUID),
                                               DB_COL(struct held_post, account_id, UUID),
                                               DB_COL_ENUM(struct held_post, state, post_state_names),
                                               DB_COL_ENUM(struct held_post, mode, mode_names),
                                               DB_COL(struct held_post, created_at_us, I64),
                                               DB_END};
static const struct db_col hold_account_cols[] = {DB_COL(struct held_account, id, UUID),
                                                  DB_COL(struct held_account, user_id, UUID), DB_END};

/* What TikTok may be told of again: all that waits. */
#define WAITS "('draft', 'awaiting_approval', 'scheduled', 'queued', 'deferred')"
#define HELD "posts p JOIN accounts a ON a.id = p.account_id AND p.id <= a.held_to_id"
#define HOLD_SELECT "SELECT p.id, p.user_id, p.account_id, p.state, p.mode, p.created_at_us FROM " HELD
/* An id as good as any: events are read in the order of their times. */
#define HOLD_EVENT_OF(event) \
    "INSERT INTO post_events (id, post_id, at_us, event, state, code) SELECT UNHEX(REPLACE(UUID(), '-', '')), p.id, " \
    "?, '" event "', p.state, 'service_restored' FROM " HELD " WHERE p.state IN " WAITS

static const struct sql hold_sqls[] = {
    [HOLD_SET] = {.text =
                      "UPDATE accounts a JOIN (SELECT account_id, MAX(id) AS newest FROM posts WHERE state IN " WAITS
                      " GROUP BY account_id) p ON p.account_id = a.id SET a.held_to_id = p.newest",
                  .in = ""},
    [HOLD_NOTE_ALL] = {.text = HOLD_EVENT_OF("held"), .in = "i"},
    [HOLD_COUNT] = {.text = "SELECT COUNT(*) FROM " HELD " WHERE p.state IN " WAITS, .in = "", .cols = db_number_cols},
    [HOLD_COUNT_TO] = {.text = "SELECT COUNT(*) FROM (SELECT 1 FROM accounts a FORCE INDEX (by_hold) JOIN posts p"
                               " ON p.account_id = a.id AND p.id <= a.held_to_id AND p.state IN " WAITS
                               " WHERE a.held_to_id IS NOT NULL LIMIT ?) held",
                       .in = "i",
                       .cols = db_number_cols},
    [HOLD_LIST] = {.text = HOLD_SELECT " WHERE p.state IN " WAITS " AND p.id > ? ORDER BY p.id LIMIT ?",
                   .in = "ui",
                   .cols = hold_post_cols},
    [HOLD_LIST_OF] = {.text = HOLD_SELECT " WHERE a.user_id = ? AND p.state IN " WAITS
                                          " AND p.id > ? ORDER BY p.id LIMIT ?",
                      .in = "uui",
                      .cols = hold_post_cols},
    [HOLD_ACCOUNTS] = {.text = "SELECT id, user_id FROM accounts WHERE id > ? AND held_to_id IS NOT NULL"
                               " AND (ISNULL(?) OR user_id = ?) ORDER BY id LIMIT ?",
                       .in = "uuui",
                       .cols = hold_account_cols},
    [HOLD_LOCK] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND held_to_id IS NOT NULL FOR UPDATE",
                   .in = "u",
                   .cols = db_number_cols},
    [HOLD_OF_ACCOUNT] = {.text =
                             "SELECT p.id FROM " HELD " WHERE a.id = ? AND p.state IN " WAITS " ORDER BY p.id LIMIT ?",
                         .in = "ui",
                         .cols = db_uuid_cols},
    [HOLD_NOTE] = {.text = HOLD_EVENT_OF("released") " AND a.id = ?", .in = "iu"},
    [HOLD_END] = {.text = "UPDATE accounts SET held_to_id = NULL, updated_at_us = ? WHERE id = ?", .in = "iu"},
};
