#include "model/user/activity.h"

#include "base/clock.h"
#include "base/text.h"

enum { ACTIVITY_INSERT };
static const struct sql activity_sqls[];

enum err activity_add(struct db *db, const struct activity_new *activity)
{
    struct uuid id = uuid_new();

    return db_exec(db, &activity_sqls[ACTIVITY_INSERT],
                   DB_ARGS(db_uuid(&id), db_uuid(&activity->user_id), db_cstr(activity_names[activity->what]),
                           db_cstr(activity_by_names[activity->by]), db_uuid_or_null(&activity->about_id),
                           db_str(text_utf16_head(activity->about, ACTIVITY_ABOUT_CHARS)), db_i64(clock_now_us())),
                   NULL);
}

const char *const activity_names[] = {
#define ACTIVITY(name, text, words) text,
#include "model/user/activity.def"
#undef ACTIVITY
    NULL,
};

const char *const activity_by_names[] = {"user", "key", "admin", "service", NULL};

static const struct sql activity_sqls[] = {
    [ACTIVITY_INSERT] = {.text = "INSERT INTO activity (id, user_id, what, by_whom, about_id, about, created_at_us)"
                                 " VALUES (?, ?, ?, ?, ?, ?, ?)",
                         .in = "uussusi"},
};
