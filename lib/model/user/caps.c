#include "model/user/caps.h"

#include "base/clock.h"
#include "model/billing/counter.h"
#include "model/user/session.h"
#include "model/user/user.h"

#define WALK_MAX 1000 /* posts, a millisecond: beyond it, the count of those that are settled is written down */
/* After that, no transaction runs any more that adds a post whose id was made before. */
#define SETTLED_US (3600 * US_PER_SEC)

struct cap_row {
    const char *name;
    size_t offset; /* of the setting in struct conf */
    int64_t unit;  /* how many of what is counted one of the setting is */
    enum err full; /* OK: nothing is refused (session.c) */
    const char *what;
};

struct caps_counts {
    int state;
    int64_t n[CAP__MAX];
    int64_t a_day;       /* of the cap of a day that the statement has */
    struct uuid upto_id; /* of the posts in n, those that need not be walked: how many, and the last of them */
    int64_t upto_n;
    struct plan_terms plan;
    int64_t plan_month, plan_posts; /* of the row of plan_counters, where it is looked at ahead */
};

static const struct cap_row caps_rows[CAP__MAX];
static const struct sql caps_all, caps_move_on;
static const struct caps_statement {
    struct sql take, look;
    unsigned caps;  /* bits */
    enum cap a_day; /* what it counts of the last 24 hours, if it does */
} caps_statements[];

static int64_t caps_setting(const struct conf *conf, enum cap cap)
{
    return *(const int64_t *)((const char *)conf + caps_rows[cap].offset);
}

int64_t cap_max(const struct conf *conf, enum cap cap)
{
    return caps_setting(conf, cap) * caps_rows[cap].unit;
}

enum err cap_fits(const struct conf *conf, enum cap cap, int64_t used, int64_t more)
{
    return used + more > cap_max(conf, cap) ? caps_rows[cap].full : OK;
}

/* What a statement asks for before the user: the time ("i"), or from which id on the rows are of the last 24 hours ("u"). */
static size_t caps_args(const struct sql *q, const struct uuid *user_id, struct uuid *since, struct db_arg *ret)
{
    size_t n = 0;
    int64_t now = clock_now_us();

    *since = uuid_floor(now - US_PER_DAY);
    if (q->in[1] != '\0')
        ret[n++] = q->in[0] == 'i' ? db_i64(now) : db_uuid(since);
    ret[n++] = db_uuid(user_id);
    return n;
}

static enum err caps_check_one(const struct conf *conf, const struct caps_counts *used, const struct plan *plan,
                               enum cap cap, int64_t bytes)
{
    int64_t more = cap == CAP_UPLOAD_BYTES ? MAX(bytes, 1) : 1;

    if (cap == CAP_UPLOAD_BYTES && !plan_allows(plan, PLAN_STORAGE_BYTES, used->n[cap] + more))
        return ERR_PLAN_STORAGE;
    return cap_fits(conf, cap, used->n[cap], more);
}

static enum err caps_check(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                           const struct caps_statement *s, const struct sql *q, int64_t bytes,
                           struct caps_counts *ret_used, const struct plan **ret_plan)
{
    struct caps_counts used = {0};
    struct db_arg args[2];
    struct uuid since;
    size_t n = caps_args(q, user_id, &since, args);
    enum err e = db_row(db, q, args, n, arena, &used);

    if (s->a_day != 0)
        used.n[s->a_day] = used.a_day;
    *ret_used = used;
    const struct plan *plan = plan_now(plans_of(conf), &used.plan, clock_now_us()).plan;
    if (e == OK && used.state != USER_ACTIVE)
        e = ERR_ACCOUNT_DISABLED;
    for (enum cap cap = 0; cap < CAP__MAX && e == OK; cap++)
        if (s->caps & (1u << cap))
            e = caps_check_one(conf, &used, plan, cap, bytes);
    if (e == OK && ret_plan != NULL)
        *ret_plan = plan;
    return e;
}

/* Under the user's lock. */
static enum err caps_count_on(struct db *db, const struct uuid *user_id, const struct caps_counts *used)
{
    struct uuid until = uuid_floor(MAX(0, clock_now_us() - SETTLED_US));

    return db_exec(db, &caps_move_on,
                   DB_ARGS(db_i64(used->upto_n), db_uuid(user_id), db_uuid(&used->upto_id), db_uuid(&until)), NULL);
}

enum err caps_take_of_plan(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                           enum caps_of what, int64_t bytes, const struct plan **ret_plan)
{
    const struct caps_statement *s = &caps_statements[what];
    struct caps_counts used;

    enum err e = caps_check(db, arena, conf, user_id, s, &s->take, bytes, &used, ret_plan);
    return e == OK && used.n[CAP_POSTS] - used.upto_n >= WALK_MAX ? caps_count_on(db, user_id, &used) : e;
}

enum err caps_take(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                   enum caps_of what, int64_t bytes)
{
    return caps_take_of_plan(db, arena, conf, user_id, what, bytes, NULL);
}

enum err caps_look(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                   enum caps_of what, bool plan_counts)
{
    const struct caps_statement *s = &caps_statements[what];
    struct caps_counts used;

    const struct plan *plan;
    enum err e = caps_check(db, arena, conf, user_id, s, &s->look, 0, &used, &plan);

    return e == OK && plan_counts ? plan_posts_fit(plan, used.plan_month, used.plan_posts) : e;
}

enum err caps_used(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *user_id,
                   struct cap_use *ret)
{
    struct caps_counts used = {0};
    int64_t now = clock_now_us();
    struct uuid since = uuid_floor(now - US_PER_DAY);
    struct db_arg day = db_uuid(&since);

    enum err e = db_row(
        db, &caps_all,
        DB_ARGS(db_i64(now), db_i64(now - session_idle_us(conf)), db_i64(now), day, day, day, day, db_uuid(user_id)),
        arena, &used);
    for (enum cap cap = 0; cap < CAP__MAX && e == OK; cap++)
        ret[cap] =
            (struct cap_use){.name = str_from(caps_rows[cap].name), .max = cap_max(conf, cap), .used = used.n[cap]};
    return e;
}

void caps_explain(const struct conf *conf, struct arena *arena, enum err e, struct problems *problems)
{
    for (enum cap cap = 0; cap < CAP__MAX && e != OK; cap++)
        if (caps_rows[cap].full == e)
            problem_add_text(problems, e, (struct str){0},
                             arena_printf(arena, "%s At most %lld %s.", err_sentence(e),
                                          (long long)caps_setting(conf, cap), caps_rows[cap].what));
}

static const struct db_col caps_cols[] = {
    DB_COL_ENUM(struct caps_counts, state, user_state_names),
    DB_COL(struct caps_counts, n[CAP_UPLOADS], I64),
    DB_COL(struct caps_counts, n[CAP_UPLOAD_BYTES], I64),
    DB_COL(struct caps_counts, n[CAP_QUEUED_POSTS], I64),
    DB_COL(struct caps_counts, n[CAP_POSTS], I64),
    DB_COL(struct caps_counts, n[CAP_KEYS], I64),
    DB_COL(struct caps_counts, n[CAP_ACCOUNTS], I64),
    DB_COL(struct caps_counts, n[CAP_IDEMPOTENCY_KEYS], I64),
    DB_COL(struct caps_counts, a_day, I64),
    DB_COL(struct caps_counts, upto_id, UUID),
    DB_COL(struct caps_counts, upto_n, I64),
    DB_COL(struct caps_counts, plan_month, I64),
    DB_COL(struct caps_counts, plan_posts, I64),
    PLAN_TERMS_DB_COLS(struct caps_counts, plan.),
    DB_END,
};

static const struct db_col caps_all_cols[] = {
    DB_COL(struct caps_counts, n[CAP_UPLOADS], I64),
    DB_COL(struct caps_counts, n[CAP_UPLOAD_BYTES], I64),
    DB_COL(struct caps_counts, n[CAP_QUEUED_POSTS], I64),
    DB_COL(struct caps_counts, n[CAP_POSTS], I64),
    DB_COL(struct caps_counts, n[CAP_KEYS], I64),
    DB_COL(struct caps_counts, n[CAP_ACCOUNTS], I64),
    DB_COL(struct caps_counts, n[CAP_SESSIONS], I64),
    DB_COL(struct caps_counts, n[CAP_IDEMPOTENCY_KEYS], I64),
    DB_COL(struct caps_counts, n[CAP_UPLOADS_A_DAY], I64),
    DB_COL(struct caps_counts, n[CAP_KEYS_A_DAY], I64),
    DB_COL(struct caps_counts, n[CAP_KEY_CHANGES_A_DAY], I64),
    DB_COL(struct caps_counts, n[CAP_ACCOUNTS_A_DAY], I64),
    DB_END,
};

/* Subqueries of the user's row: they are evaluated once it is locked, and lock nothing themselves. */
#define UPLOADS "(SELECT COUNT(*) FROM uploads t WHERE t.user_id = u.id AND t.deleted_at_us IS NULL)"
#define UPLOAD_BYTES \
    "(SELECT CAST(SUM(t.size_bytes) AS SIGNED) FROM uploads t WHERE t.user_id = u.id AND t.deleted_at_us IS NULL)"
#define QUEUED_POSTS "(SELECT COUNT(*) FROM posts t WHERE t.user_id = u.id AND t.ended_at_us IS NULL)"
/* Of OF_POSTS: with the row in an outer join, MariaDB finds the beginning by the index; from a subquery it would not. */
#define POSTS \
    "COALESCE(c.n, 0) + (SELECT COUNT(*) FROM posts t WHERE t.user_id = u.id AND t.id > COALESCE(c.upto_id, ''))"
#define KEYS \
    "(SELECT COUNT(*) FROM api_keys t WHERE t.user_id = u.id AND t.revoked_at_us IS NULL AND t.of_key_id IS NULL)"
#define ACCOUNTS "(SELECT COUNT(*) FROM accounts t WHERE t.user_id = u.id AND t.state IN ('active', 'needs_reconnect'))"
#define SESSIONS \
    "(SELECT COUNT(*) FROM sessions t WHERE t.user_id = u.id AND t.expires_at_us > ? AND t.last_seen_at_us > ?)"
#define IDEMPOTENCY_KEYS "(SELECT COUNT(*) FROM idempotency_keys t WHERE t.user_id = u.id AND t.expires_at_us > ?)"
/* By an index of the user and the id, which is what of a day is bounded by. */
#define A_DAY(table, index) \
    "(SELECT COUNT(*) FROM " table " t FORCE INDEX (" index ") WHERE t.user_id = u.id AND t.id > ?"
#define UPLOADS_A_DAY A_DAY("uploads", "by_user") ")"
#define KEYS_A_DAY A_DAY("api_keys", "by_user") " AND t.of_key_id IS NULL)"
#define KEY_CHANGES_A_DAY A_DAY("activity", "by_user") " AND t.what IN ('key_changed', 'key_rotated'))"
#define ACCOUNTS_A_DAY A_DAY("accounts", "by_user_id") ")"
#define NONE "0" /* not asked for */

#define OF_USER "NULL, 0, NULL, 0, " PLAN_TERMS_COLS("u.") " FROM users u WHERE u.id = ?"
#define OF_POSTS \
    "c.upto_id, COALESCE(c.n, 0), NULL, 0, " PLAN_TERMS_COLS( \
        "u.") " FROM users u" \
              " LEFT JOIN posts_counted c ON c.user_id = u.id WHERE u.id = ?"
/* With what the plan counts, of a look that locks nothing. */
#define OF_POSTS_AHEAD \
    "c.upto_id, COALESCE(c.n, 0), m.month, COALESCE(m.posts, 0), " PLAN_TERMS_COLS( \
        "u.") " FROM users u" \
              " LEFT JOIN posts_counted c ON c.user_id = u.id LEFT JOIN plan_counters m ON m.user_id = u.id WHERE " \
              "u.id = ?"

#define COUNTS(of, uploads, bytes, queued, posts, keys, accounts, idempotency_keys, a_day) \
    "SELECT u.state, " uploads ", " bytes ", " queued ", " posts ", " keys ", " accounts ", " idempotency_keys \
    ", " a_day ", " of
#define LOOK(args, ...) \
    { \
        .text = COUNTS(__VA_ARGS__), .in = args, .cols = caps_cols \
    }
#define TAKE(args, ...) \
    { \
        .text = COUNTS(__VA_ARGS__) " FOR UPDATE", .in = args, .cols = caps_cols \
    }
#define BIT(cap) (1u << CAP_##cap)

static const struct caps_statement caps_statements[] = {
    [CAPS_OF_UPLOAD] = {.take = TAKE("uu", OF_USER, UPLOADS, UPLOAD_BYTES, NONE, NONE, NONE, NONE, NONE, UPLOADS_A_DAY),
                        .look = LOOK("uu", OF_USER, UPLOADS, UPLOAD_BYTES, NONE, NONE, NONE, NONE, NONE, UPLOADS_A_DAY),
                        .caps = BIT(UPLOADS) | BIT(UPLOAD_BYTES) | BIT(UPLOADS_A_DAY),
                        .a_day = CAP_UPLOADS_A_DAY},
    [CAPS_OF_IMAGE] = {.take = TAKE("u", OF_USER, NONE, UPLOAD_BYTES, NONE, NONE, NONE, NONE, NONE, NONE),
                       .caps = BIT(UPLOAD_BYTES)},
    [CAPS_OF_POST] = {.take = TAKE("u", OF_POSTS, NONE, NONE, QUEUED_POSTS, POSTS, NONE, NONE, NONE, NONE),
                      .look = LOOK("u", OF_POSTS_AHEAD, NONE, NONE, QUEUED_POSTS, POSTS, NONE, NONE, NONE, NONE),
                      .caps = BIT(QUEUED_POSTS) | BIT(POSTS)},
    [CAPS_OF_POST_OF_IMAGES] = {.take = TAKE("u", OF_POSTS, NONE, UPLOAD_BYTES, QUEUED_POSTS, POSTS, NONE, NONE, NONE,
                                             NONE),
                                .caps = BIT(UPLOAD_BYTES) | BIT(QUEUED_POSTS) | BIT(POSTS)},
    [CAPS_OF_RETRY] = {.take = TAKE("u", OF_USER, NONE, NONE, QUEUED_POSTS, NONE, NONE, NONE, NONE, NONE),
                       .caps = BIT(QUEUED_POSTS)},
    [CAPS_OF_FORM] = {.look = LOOK("uu", OF_POSTS_AHEAD, UPLOADS, UPLOAD_BYTES, QUEUED_POSTS, POSTS, NONE, NONE, NONE,
                                   UPLOADS_A_DAY),
                      .caps = BIT(UPLOADS) | BIT(UPLOAD_BYTES) | BIT(QUEUED_POSTS) | BIT(POSTS) | BIT(UPLOADS_A_DAY),
                      .a_day = CAP_UPLOADS_A_DAY},
    [CAPS_OF_KEY] = {.take = TAKE("uu", OF_USER, NONE, NONE, NONE, NONE, KEYS, NONE, NONE, KEYS_A_DAY),
                     .caps = BIT(KEYS) | BIT(KEYS_A_DAY),
                     .a_day = CAP_KEYS_A_DAY},
    [CAPS_OF_KEY_CHANGE] = {.take = TAKE("uu", OF_USER, NONE, NONE, NONE, NONE, NONE, NONE, NONE, KEY_CHANGES_A_DAY),
                            .caps = BIT(KEY_CHANGES_A_DAY),
                            .a_day = CAP_KEY_CHANGES_A_DAY},
    [CAPS_OF_ACCOUNT] = {.take = TAKE("uu", OF_USER, NONE, NONE, NONE, NONE, NONE, NONE, NONE, ACCOUNTS_A_DAY),
                         .look = LOOK("uu", OF_USER, NONE, NONE, NONE, NONE, NONE, ACCOUNTS, NONE, ACCOUNTS_A_DAY),
                         .caps = BIT(ACCOUNTS) | BIT(ACCOUNTS_A_DAY),
                         .a_day = CAP_ACCOUNTS_A_DAY},
    [CAPS_OF_IDEMPOTENCY_KEY] = {.take =
                                     TAKE("iu", OF_USER, NONE, NONE, NONE, NONE, NONE, NONE, IDEMPOTENCY_KEYS, NONE),
                                 .caps = BIT(IDEMPOTENCY_KEYS)},
};

static const struct sql caps_all = {
    .text = "SELECT " UPLOADS ", " UPLOAD_BYTES ", " QUEUED_POSTS ", " POSTS ", " KEYS ", " ACCOUNTS ", " SESSIONS
            ", " IDEMPOTENCY_KEYS ", " UPLOADS_A_DAY ", " KEYS_A_DAY ", " KEY_CHANGES_A_DAY ", " ACCOUNTS_A_DAY
            " FROM users u LEFT JOIN posts_counted c ON c.user_id = u.id WHERE u.id = ?",
    .in = "iiiuuuuu",
    .cols = caps_all_cols,
};

static const struct sql caps_move_on = {
    .text = "INSERT INTO posts_counted (user_id, upto_id, n) SELECT t.user_id, MAX(t.id), COUNT(*) + ? FROM posts t"
            " WHERE t.user_id = ? AND t.id > ? AND t.id < ? GROUP BY t.user_id"
            " ON DUPLICATE KEY UPDATE upto_id = VALUES(upto_id), n = VALUES(n)",
    .in = "iuuu",
};

static const struct cap_row caps_rows[CAP__MAX] = {
    [CAP_UPLOADS] = {"uploads", offsetof(struct conf, caps_uploads), 1, ERR_UPLOADS_TOO_MANY, "images"},
    [CAP_UPLOAD_BYTES] = {"upload_bytes", offsetof(struct conf, caps_upload_mb), 1 << 20, ERR_UPLOAD_BYTES_TOO_MANY,
                          "MB"},
    [CAP_QUEUED_POSTS] = {"queued_posts", offsetof(struct conf, caps_queued_posts), 1, ERR_QUEUED_POSTS_TOO_MANY,
                          "posts"},
    [CAP_POSTS] = {"posts", offsetof(struct conf, caps_posts), 1, ERR_POSTS_TOO_MANY, "posts"},
    [CAP_SESSIONS] = {"sessions", offsetof(struct conf, caps_sessions), 1, OK, "sessions"},
    [CAP_KEYS] = {"keys", offsetof(struct conf, keys_max_per_user), 1, ERR_TOO_MANY, "keys"},
    [CAP_ACCOUNTS] = {"accounts", offsetof(struct conf, tiktok_accounts_max), 1, ERR_ACCOUNTS_TOO_MANY, "accounts"},
    [CAP_IDEMPOTENCY_KEYS] = {"idempotency_keys", offsetof(struct conf, caps_idempotency_keys), 1,
                              ERR_IDEMPOTENCY_KEYS_TOO_MANY, "keys"},
    [CAP_UPLOADS_A_DAY] = {"uploads_a_day", offsetof(struct conf, caps_uploads_a_day), 1, ERR_UPLOADS_A_DAY, "images"},
    [CAP_KEYS_A_DAY] = {"keys_a_day", offsetof(struct conf, caps_keys_a_day), 1, ERR_KEYS_A_DAY, "keys"},
    [CAP_KEY_CHANGES_A_DAY] = {"key_changes_a_day", offsetof(struct conf, caps_key_changes_a_day), 1,
                               ERR_KEY_CHANGES_A_DAY, "changes"},
    [CAP_ACCOUNTS_A_DAY] = {"accounts_a_day", offsetof(struct conf, caps_accounts_a_day), 1, ERR_ACCOUNTS_A_DAY,
                            "accounts"},
};
