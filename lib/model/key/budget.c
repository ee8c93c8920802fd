#include "model/key/budget.h"

#include "base/clock.h"
#include "model/post/post.h"

enum {
    BUDGET_READ,
    BUDGET_LOCK,
    BUDGET_HOLD_KEYS,
    BUDGET_OF_KEYS,
    BUDGET_POSTS,
    BUDGET_SET,
    BUDGET_ANEW,
    BUDGET_TAKE,
    BUDGET_ACCOUNT,
};
static const struct sql budget_sqls[];

#define ACCOUNTS_MAX_BYTES (BUDGET_ACCOUNTS_MAX * UUID_TEXT_SIZE)
/* Far more than CLOCKS_DIFFER_US: when a count is taken for one of a day that never was, its key may post as much again. */
#define BUDGET_AHEAD_US (3600 * US_PER_SEC)

static int64_t budget_day(int64_t now_us)
{
    return now_us / US_PER_DAY;
}

int64_t budget_reset_sec(void)
{
    int64_t now = clock_now_us();

    return ((budget_day(now) + 1) * US_PER_DAY - now + US_PER_SEC - 1) / US_PER_SEC;
}

/* A count of tomorrow is of a machine whose clock is ahead. Any other is over. */
static int64_t budget_posts_of_day(const struct budget_row *row, int64_t day)
{
    return row->day == day || row->day == day + 1 ? row->posts : 0;
}

static struct uuids budget_accounts_of(struct arena *arena, struct str text)
{
    struct strs ids = str_split(arena, text, ',');
    struct uuids accounts = {.v = arena_array(arena, ids.n, sizeof *accounts.v)};

    for (size_t i = 0; i < ids.n; i++)
        if (uuid_parse(ids.v[i], &accounts.v[accounts.n]))
            accounts.n++;
    return accounts;
}

static bool budget_is_limited(const struct budget *b)
{
    return b->by_account || b->by_day || b->max_privacy_level != 0 || b->needs_approval;
}

struct budget budget_of(struct arena *arena, const struct budget_row *row, int64_t now_us)
{
    int64_t day = budget_day(now_us);
    struct budget b = {
        .by_account = row->accounts.p != NULL,
        .accounts = budget_accounts_of(arena, row->accounts),
        .by_day = row->posts_per_day != 0,
        .posts_per_day = row->posts_per_day,
        .max_privacy_level = row->max_privacy_level,
        .needs_approval = row->needs_approval,
        .is_ahead = row->day > budget_day(now_us + BUDGET_AHEAD_US),
        .posts_left = MAX(0, row->posts_per_day - budget_posts_of_day(row, day)),
        .resets_at_us = (day + 1) * US_PER_DAY,
    };

    b.is_limited = budget_is_limited(&b);
    return b;
}

static enum err budget_read_by(struct db *db, struct arena *arena, int statement, const struct uuid *key_id,
                               struct budget *ret_budget)
{
    struct budget_row row = {0};
    enum err e = db_row(db, &budget_sqls[statement], DB_ARGS(db_uuid(key_id)), arena, &row);

    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    *ret_budget = budget_of(arena, &row, clock_now_us());
    return OK;
}

enum err budget_read(struct db *db, struct arena *arena, const struct uuid *key_id, struct budget *ret_budget)
{
    return budget_read_by(db, arena, BUDGET_READ, key_id, ret_budget);
}

static bool budget_has_account(const struct budget *b, const struct uuid *id)
{
    for (size_t i = 0; i < b->accounts.n; i++)
        if (uuid_eq(&b->accounts.v[i], id))
            return true;
    return !b->by_account;
}

/* How many may see a post, in the order of privacy_level_names: friends are followers who are followed back. */
static int budget_audience(int privacy_level)
{
    static const int audience[] = {3, 1, 2, 0};

    ASSERT(privacy_level >= 0 && (size_t)privacy_level < ARRAY_LEN(audience));
    return audience[privacy_level];
}

static bool budget_accounts_are_wider(const struct budget *to, const struct budget *from)
{
    if (!from->by_account || !to->by_account)
        return from->by_account;
    for (size_t i = 0; i < to->accounts.n; i++)
        if (!budget_has_account(from, &to->accounts.v[i]))
            return true;
    return false;
}

bool budget_is_wider(const struct budget *to, const struct budget *from)
{
    return budget_accounts_are_wider(to, from) ||
           (from->by_day && (!to->by_day || to->posts_per_day > from->posts_per_day)) ||
           budget_audience(to->max_privacy_level) > budget_audience(from->max_privacy_level) ||
           (from->needs_approval && !to->needs_approval);
}

bool budget_allows_level(const struct budget *b, struct str privacy_level)
{
    if (privacy_level.p == NULL)
        return true;
    for (int i = 0; privacy_level_names[i] != NULL; i++)
        if (str_eqc(privacy_level, privacy_level_names[i]))
            return budget_audience(i) <= budget_audience(b->max_privacy_level);
    return true; /* it is none, which is told elsewhere */
}

static bool budget_is_first(const struct uuids *ids, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (uuid_eq(&ids->v[i], &ids->v[n]))
            return false;
    return true;
}

static bool budget_is_told(const struct problems *problems, struct str param)
{
    for (size_t i = 0; i < problems->n; i++)
        if (str_eq(problems->v[i].param, param))
            return true;
    return false;
}

enum err budget_check_accounts(struct db *db, const struct uuid *user_id, int mode, const struct budget *b,
                               struct arena *arena, struct problems *problems)
{
    for (size_t i = 0; i < b->accounts.n; i++) {
        const struct uuid *id = &b->accounts.v[i];
        struct str param = arena_printf(arena, "budget.accounts[%zu]", i);
        int64_t one;
        if (budget_is_told(problems, param)) /* it is no id at all */
            continue;
        if (!budget_is_first(&b->accounts, i)) {
            problem_add(problems, ERR_FIELD_REPEATED, arena, "%.*s", STR_FMT(param));
            continue;
        }
        enum err e = db_number(db, &budget_sqls[BUDGET_ACCOUNT],
                               DB_ARGS(db_uuid(id), db_uuid(user_id), db_cstr(mode_names[mode])), &one);
        if (e == ERR_NOT_FOUND)
            problem_add_text(problems, e, param,
                             STR("You have connected no TikTok account with this id in the key's mode."));
        else if (e != OK)
            return e;
    }
    return OK;
}

static struct str budget_accounts_text(struct arena *arena, const struct budget *b)
{
    struct buf text = BUF_MAX(ACCOUNTS_MAX_BYTES);

    if (!b->by_account)
        return (struct str){0};
    for (size_t i = 0; i < b->accounts.n; i++)
        buf_printf(&text, "%s%s", i == 0 ? "" : ",", uuid_text(&b->accounts.v[i]).s);
    ASSERT(!text.overflow);
    struct str s = arena_str(arena, buf_str(&text));
    buf_done(&text);
    return s;
}

/* How many posts the key has made on that day, or on the next one by a clock that is ahead. */
static enum err budget_count_posts(struct db *db, const struct uuid *user_id, const struct uuid *key_id, int64_t day,
                                   int64_t *ret_n)
{
    struct uuid from = uuid_floor(day * US_PER_DAY), to = uuid_floor((day + 2) * US_PER_DAY);

    return db_number(db, &budget_sqls[BUDGET_POSTS],
                     DB_ARGS(db_uuid(user_id), db_uuid(&from), db_uuid(&to), db_uuid(key_id)), ret_n);
}

enum err budget_set(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *key_id,
                    const struct budget *to, bool *ret_widens, struct budget *ret_budget)
{
    int64_t day = budget_day(clock_now_us()), posts = 0;
    struct budget from;

    enum err e = budget_read_by(db, arena, BUDGET_LOCK, key_id, &from);
    if (e == OK && to->by_day)
        e = budget_count_posts(db, user_id, key_id, day, &posts);
    if (e != OK)
        return e;
    e = db_exec(db, &budget_sqls[BUDGET_SET],
                DB_ARGS(db_uuid(key_id), db_str(budget_accounts_text(arena, to)),
                        db_i64_or_null(to->by_day ? to->posts_per_day : 0),
                        db_cstr(privacy_level_names[to->max_privacy_level]), db_i64(to->needs_approval), db_i64(day),
                        db_i64(posts), db_i64(day + 1), db_i64(day + 1)),
                NULL);
    if (e == OK)
        e = budget_read(db, arena, key_id, ret_budget);
    if (e == OK)
        *ret_widens = budget_is_wider(to, &from);
    return e;
}

static enum err budget_allows(const struct budget *b, const struct budget_use *use)
{
    if (!budget_has_account(b, &use->account_id))
        return ERR_BUDGET_ACCOUNT;
    return budget_allows_level(b, use->privacy_level) ? OK : ERR_BUDGET_PRIVACY;
}

enum err budget_look(struct db *db, struct arena *arena, const struct uuid *key_id, const struct uuid *account_id,
                     struct budget *ret_budget)
{
    struct budget b = {0};

    enum err e = uuid_is_none(key_id) ? OK : budget_read(db, arena, key_id, &b);
    if (e != OK)
        return e;
    if (!budget_has_account(&b, account_id))
        return ERR_BUDGET_ACCOUNT;
    *ret_budget = b;
    return b.by_day && b.posts_left == 0 ? ERR_BUDGET_POSTS : OK;
}

/* What was made today: the row counts a day that has not begun on any machine, because a clock was wrong for a moment. */
static enum err budget_count_anew(struct db *db, const struct uuid *user_id, const struct uuid *key_id)
{
    int64_t day = budget_day(clock_now_us()), posts;

    enum err e = budget_count_posts(db, user_id, key_id, day, &posts);
    return e == OK ? db_exec(db, &budget_sqls[BUDGET_ANEW], DB_ARGS(db_i64(posts), db_i64(day), db_uuid(key_id)), NULL)
                   : e;
}

/* The UPDATE decides; what was read before it only says which limit it is. */
static enum err budget_count(struct db *db, const struct uuid *key_id)
{
    int64_t day = budget_day(clock_now_us());
    uint64_t counted;

    enum err e = db_exec(db, &budget_sqls[BUDGET_TAKE],
                         DB_ARGS(db_i64(day), db_i64(day + 1), db_i64(day + 1), db_i64(day + 1), db_i64(day),
                                 db_uuid(key_id), db_i64(day), db_i64(day + 1)),
                         &counted);
    return e == OK && counted == 0 ? ERR_BUDGET_POSTS : e;
}

enum err budget_take(struct db *db, struct arena *arena, const struct uuid *user_id, const struct budget_use *use,
                     bool *ret_needs_approval)
{
    struct budget b = {0};

    enum err e = uuid_is_none(&use->key_id) ? OK : budget_read_by(db, arena, BUDGET_LOCK, &use->key_id, &b);
    if (e == OK)
        e = budget_allows(&b, use);
    if (e == OK && b.is_ahead)
        e = budget_count_anew(db, user_id, &use->key_id);
    if (e == OK && b.is_limited)
        e = budget_count(db, &use->key_id);
    if (e == OK)
        *ret_needs_approval = b.needs_approval;
    return e;
}

/* May a post of the key still be handed over? */
static enum err budget_still_allows(const struct budget *b, const struct budget_use *use)
{
    enum err e = budget_allows(b, use);

    return e == OK && b->needs_approval && !use->is_approved ? ERR_BUDGET_APPROVAL : e;
}

struct budget_of_key {
    struct uuid key_id;
    struct budget_row row;
};

enum err budget_check(struct db *db, struct arena *arena, const struct budget_use *const *uses, size_t n)
{
    struct db_arg args[DB_MANY_MAX];
    struct uuid ids[DB_MANY_MAX];
    struct budget_of_key *rows;
    void *found;
    size_t ids_n = 0, rows_n;

    ASSERT(n <= DB_MANY_MAX);
    for (size_t i = 0; i < n; i++)
        if (!uuid_is_none(&uses[i]->key_id))
            ids[ids_n++] = uses[i]->key_id;
    if (ids_n == 0)
        return OK;
    db_many_ids(args, ids, ids_n);
    enum err e = db_rows(db, &budget_sqls[BUDGET_HOLD_KEYS], args, DB_MANY_MAX, arena, sizeof(struct uuid), DB_MANY_MAX,
                         &found, &rows_n);
    if (e == OK)
        e = db_rows(db, &budget_sqls[BUDGET_OF_KEYS], args, DB_MANY_MAX, arena, sizeof *rows, DB_MANY_MAX, &found,
                    &rows_n);
    rows = found;
    for (size_t i = 0; e == OK && i < rows_n; i++) {
        struct budget b = budget_of(arena, &rows[i].row, clock_now_us());
        for (size_t j = 0; e == OK && j < n; j++)
            if (uuid_eq(&uses[j]->key_id, &rows[i].key_id))
                e = budget_still_allows(&b, uses[j]);
    }
    return e;
}

enum err budget_look_again(struct db *db, struct arena *arena, const struct budget_use *use)
{
    struct budget b = {0};

    enum err e = uuid_is_none(&use->key_id) ? OK : budget_read(db, arena, &use->key_id, &b);
    return e == OK ? budget_still_allows(&b, use) : e;
}

struct str budget_failure(enum err e)
{
    bool is_one = e == ERR_BUDGET_ACCOUNT || e == ERR_BUDGET_PRIVACY || e == ERR_BUDGET_APPROVAL;

    return str_from(is_one ? err_slug(e) : NULL);
}

static const struct db_col budget_cols[] = {BUDGET_DB_COLS(struct budget_row, ), DB_END};

static const struct db_col budget_of_key_cols[] = {DB_COL(struct budget_of_key, key_id, UUID),
                                                   BUDGET_DB_COLS(struct budget_of_key, row.), DB_END};

#define BUDGET_SELECT "SELECT " BUDGET_COLS " FROM key_budgets WHERE key_id = ?"

static const struct sql budget_sqls[] = {
    [BUDGET_READ] = {.text = BUDGET_SELECT, .in = "u", .cols = budget_cols},
    [BUDGET_LOCK] = {.text = BUDGET_SELECT " FOR UPDATE", .in = "u", .cols = budget_cols},
    [BUDGET_HOLD_KEYS] = {.text = "SELECT id FROM api_keys FORCE INDEX (PRIMARY) WHERE id IN " DB_MANY_IDS
                                  " ORDER BY id LOCK IN SHARE MODE",
                          .in = DB_MANY_IDS_IN,
                          .cols = db_uuid_cols},
    [BUDGET_OF_KEYS] = {.text = "SELECT key_id, " BUDGET_COLS " FROM key_budgets WHERE key_id IN " DB_MANY_IDS,
                        .in = DB_MANY_IDS_IN,
                        .cols = budget_of_key_cols},
    [BUDGET_POSTS] = {.text =
                          "SELECT COUNT(*) FROM posts FORCE INDEX (by_user) WHERE user_id = ? AND id >= ? AND id < ?"
                          " AND key_id = ?",
                      .in = "uuuu",
                      .cols = db_number_cols},
    [BUDGET_SET] = {.text =
                        "INSERT INTO key_budgets (key_id, accounts, posts_per_day, max_privacy_level, needs_approval,"
                        " day, posts) VALUES (?, ?, ?, ?, ?, ?, ?) ON DUPLICATE KEY UPDATE accounts = VALUES(accounts),"
                        " posts_per_day = VALUES(posts_per_day), max_privacy_level = VALUES(max_privacy_level),"
                        " needs_approval = VALUES(needs_approval),"
                        " posts = GREATEST(VALUES(posts), IF(day IN (VALUES(day), ?), posts, 0)),"
                        " day = IF(day = ?, day, VALUES(day))",
                    .in = "usisiiiii"},
    [BUDGET_ANEW] = {.text = "UPDATE key_budgets SET posts = ?, day = ? WHERE key_id = ?", .in = "iiu"},
    /* posts first: day is still the old one then. */
    [BUDGET_TAKE] = {.text = "UPDATE key_budgets SET posts = IF(day IN (?, ?), posts, 0) + 1, day = IF(day = ?, ?, ?)"
                             " WHERE key_id = ? AND (posts_per_day IS NULL OR posts < posts_per_day"
                             " OR day NOT IN (?, ?))",
                     .in = "iiiiiuii"},
    [BUDGET_ACCOUNT] = {.text = "SELECT 1 FROM accounts WHERE id = ? AND user_id = ? AND mode = ?",
                        .in = "uus",
                        .cols = db_number_cols},
};
