#include "model/mail/undelivered.h"

#include "model/mail/outbox.h"

enum { UNDELIVERED_LIST };
static const struct sql undelivered_sqls[];

enum err mail_list_undelivered(struct db *db, struct arena *arena, const struct uuid *user_id,
                               struct mail_undelivered **ret_rows, size_t *ret_n)
{
    struct mail_undelivered *rows;
    size_t found, n = 0;

    enum err e =
        db_rows(db, &undelivered_sqls[UNDELIVERED_LIST], DB_ARGS(db_uuid(user_id), db_i64(MAIL_UNDELIVERED_MAX)), arena,
                sizeof *rows, MAIL_UNDELIVERED_MAX, (void **)&rows, &found);
    if (e != OK)
        return e;
    for (size_t i = 0; i < found; i++)
        if (mail_goes_to_user(rows[i].template_name))
            rows[n++] = rows[i];
    *ret_rows = rows;
    *ret_n = n;
    return OK;
}

static const struct db_col undelivered_cols[] = {
    DB_COL(struct mail_undelivered, template_name, STR),
    DB_COL(struct mail_undelivered, created_at_us, I64),
    DB_COL(struct mail_undelivered, failed_at_us, I64),
    DB_COL(struct mail_undelivered, came_back, BOOL),
    DB_END,
};

static const struct sql undelivered_sqls[] = {
    [UNDELIVERED_LIST] = {.text = "SELECT template, created_at_us, COALESCE(bounced_at_us, ended_at_us),"
                                  " bounced_at_us IS NOT NULL FROM mail_outbox FORCE INDEX (by_user) WHERE user_id = ?"
                                  " AND (state = 'failed' OR bounced_at_us IS NOT NULL) ORDER BY id DESC LIMIT ?",
                          .in = "ui",
                          .cols = undelivered_cols},
};
