#include "model/user/email_waiting.h"

#include "base/clock.h"
#include "model/user/token.h"
#include "model/user/user.h"

enum { EMAIL_WAITING_VOID, EMAIL_WAITING_STOP, EMAIL_WAITING_LOOK };
static const struct sql email_waiting_sqls[];

enum err email_waiting_stop(struct db *db, const struct uuid *user_id)
{
    enum err e = db_exec(db, &email_waiting_sqls[EMAIL_WAITING_VOID],
                         DB_ARGS(db_cstr(token_purpose_names[TOKEN_CHANGE_EMAIL]), db_uuid(user_id)), NULL);

    return e == OK ? db_exec(db, &email_waiting_sqls[EMAIL_WAITING_STOP], DB_ARGS(db_uuid(user_id)), NULL) : e;
}

enum err email_waiting_look(struct db *db, struct arena *arena, const struct uuid *user_id,
                            struct email_waiting *ret_waiting)
{
    return db_row(db, &email_waiting_sqls[EMAIL_WAITING_LOOK], DB_ARGS(db_uuid(user_id), db_i64(clock_now_us())), arena,
                  ret_waiting);
}

struct email_giving_up {
    struct arena *arena;
    const struct uuid *user_id;
};

static enum err email_waiting_give_up_tx(struct db *db, void *arg)
{
    const struct email_giving_up *x = arg;

    enum err e = user_lock(db, x->arena, x->user_id);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
    return email_waiting_stop(db, x->user_id);
}

enum err email_waiting_give_up(struct db *db, struct arena *arena, const struct uuid *user_id)
{
    struct email_giving_up x = {arena, user_id};

    return db_tx(db, email_waiting_give_up_tx, &x);
}

static const struct db_col email_waiting_cols[] = {
    DB_COL(struct email_waiting, email, STR),
    DB_COL(struct email_waiting, created_at_us, I64),
    DB_END,
};

static const struct sql email_waiting_sqls[] = {
    [EMAIL_WAITING_VOID] = {.text = "DELETE t FROM email_changes c JOIN one_time_tokens t ON t.purpose = ?"
                                    " AND t.subject_id = c.id WHERE c.user_id = ? AND c.confirmed_at_us IS NULL",
                            .in = "su"},
    [EMAIL_WAITING_STOP] = {.text = "UPDATE email_changes SET expires_at_us = 0 WHERE user_id = ?"
                                    " AND confirmed_at_us IS NULL",
                            .in = "u"},
    [EMAIL_WAITING_LOOK] = {.text = "SELECT new_email, created_at_us FROM email_changes WHERE user_id = ?"
                                    " AND confirmed_at_us IS NULL AND expires_at_us > ? ORDER BY id DESC LIMIT 1",
                            .in = "ui",
                            .cols = email_waiting_cols},
};
