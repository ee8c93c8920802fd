#include "model/user/activity.h"

#include "base/text.h"

enum { ACTIVITY_INSERT, ACTIVITY_FIND, ACTIVITY_LIST };
static const struct sql activity_sqls[];

/* ERR_NOT_FOUND: in that time there are fewer rows of the kind than so many. One from before the clock was set back does not count. */
static enum err activity_find(struct db *db, const struct activity_new *activity, int64_t within_us, int64_t many)
{
    int64_t now = clock_now_us(), one;
    struct uuid above = uuid_floor(now - within_us);

    return db_number(db, &activity_sqls[ACTIVITY_FIND],
                     DB_ARGS(db_uuid(&activity->user_id), db_uuid(&above), db_cstr(activity_names[activity->what]),
                             db_i64(now), db_i64(many - 1)),
                     &one);
}

enum err activity_add(struct db *db, const struct activity_new *activity)
{
    enum err e = activity->is_minor ? OK : activity_find(db, activity, US_PER_DAY, ACTIVITY_A_DAY);
    struct uuid id = uuid_new();

    if (e == OK)
        e = activity_find(db, activity, ACTIVITY_MINOR_US, 1);
    if (e != ERR_NOT_FOUND)
        return e;
    return db_exec(db, &activity_sqls[ACTIVITY_INSERT],
                   DB_ARGS(db_uuid(&id), db_uuid(&activity->user_id), db_cstr(activity_names[activity->what]),
                           db_cstr(activity_by_names[activity->by]), db_uuid_or_null(&activity->about_id),
                           db_str(text_utf16_head(activity->about, ACTIVITY_ABOUT_CHARS)), db_i64(clock_now_us())),
                   NULL);
}

enum err activity_list(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *below,
                       size_t max, struct activity **ret_rows, size_t *ret_n)
{
    return db_rows(db, &activity_sqls[ACTIVITY_LIST], DB_ARGS(db_uuid(user_id), db_uuid(below), db_i64((int64_t)max)),
                   arena, sizeof **ret_rows, max, (void **)ret_rows, ret_n);
}

const char *const activity_names[] = {
#define ACTIVITY(name, text, words) text,
#include "model/user/activity.def"
#undef ACTIVITY
    NULL,
};

const char *const activity_words[] = {
#define ACTIVITY(name, text, words) words,
#include "model/user/activity.def"
#undef ACTIVITY
    NULL,
};

const char *const activity_by_names[] = {"user", "key", "admin", "service", NULL};

static const struct db_col activity_cols[] = {
    DB_COL(struct activity, id, UUID),
    DB_COL_ENUM(struct activity, what, activity_names),
    DB_COL_ENUM(struct activity, by, activity_by_names),
    DB_COL(struct activity, about_id, UUID),
    DB_COL(struct activity, about, STR),
    DB_COL(struct activity, created_at_us, I64),
    DB_END,
};

static const struct sql activity_sqls[] = {
    [ACTIVITY_LIST] = {.text = "SELECT id, what, by_whom, about_id, about, created_at_us FROM activity"
                               " WHERE user_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
                       .in = "uui",
                       .cols = activity_cols},
    [ACTIVITY_FIND] = {.text = "SELECT 1 FROM activity WHERE user_id = ? AND id > ? AND what = ?"
                               " AND created_at_us <= ? LIMIT ?, 1",
                       .in = "uusii",
                       .cols = db_number_cols},
    [ACTIVITY_INSERT] = {.text = "INSERT INTO activity (id, user_id, what, by_whom, about_id, about, created_at_us)"
                                 " VALUES (?, ?, ?, ?, ?, ?, ?)",
                         .in = "uussusi"},
};
