#include "model/user/email_waiting.h"

#include "model/user/token.h"

enum { EMAIL_WAITING_VOID, EMAIL_WAITING_STOP };
static const struct sql email_waiting_sqls[];

enum err email_waiting_stop(struct db *db, const struct uuid *user_id)
{
    enum err e = db_exec(db, &email_waiting_sqls[EMAIL_WAITING_VOID],
                         DB_ARGS(db_cstr(token_purpose_names[TOKEN_CHANGE_EMAIL]), db_uuid(user_id)), NULL);

    return e == OK ? db_exec(db, &email_waiting_sqls[EMAIL_WAITING_STOP], DB_ARGS(db_uuid(user_id)), NULL) : e;
}

static const struct sql email_waiting_sqls[] = {
    [EMAIL_WAITING_VOID] = {.text = "DELETE t FROM email_changes c JOIN one_time_tokens t ON t.purpose = ?"
                                    " AND t.subject_id = c.id WHERE c.user_id = ? AND c.confirmed_at_us IS NULL",
                            .in = "su"},
    [EMAIL_WAITING_STOP] = {.text = "UPDATE email_changes SET expires_at_us = 0 WHERE user_id = ?"
                                    " AND confirmed_at_us IS NULL",
                            .in = "u"},
};
