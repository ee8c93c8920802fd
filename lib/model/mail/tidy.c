#include "model/mail/tidy.h"

#include "base/retention.h"
#include "model/user/second_factor.h"
#include "model/user/token.h"

static const struct tidy_row {
    struct sql sql; /* the time before which rows go, and how many at most */
    int64_t kept_us;
} tidy_rows[];

enum err mail_tidy(struct db *db, int64_t now_us, bool *ret_more)
{
    enum err e = OK;

    *ret_more = false;
    for (const struct tidy_row *r = tidy_rows; r->sql.text != NULL && e == OK; r++) {
        uint64_t n;
        e = db_exec(db, &r->sql, DB_ARGS(db_i64(now_us - r->kept_us), db_i64(TIDY_BATCH)), &n);
        *ret_more = *ret_more || (e == OK && n == TIDY_BATCH);
    }
    return e;
}

#define TIDY(table, time, kept) \
    { \
        .sql = {.text = "DELETE FROM " table " WHERE " time " < ? ORDER BY " time " LIMIT ?", .in = "ii"}, \
        .kept_us = (kept) \
    }

static const struct tidy_row tidy_rows[] = {
    TIDY("mail_outbox", "ended_at_us", RETENTION_US(MAIL)),
    TIDY("one_time_tokens", "expires_at_us", TOKEN_KNOWN_US),
    TIDY("pending_sign_ins", "expires_at_us", 0),
    TIDY("registrations", "expires_at_us", 0),
    TIDY("email_changes", "created_at_us", RETENTION_US(EMAIL_CHANGE)),
    TIDY("activity", "created_at_us", RETENTION_US(ACTIVITY)),
    TIDY("privacy_requests", "done_at_us", RETENTION_US(REQUEST)),
    {.sql = {.text = "DELETE FROM user_totp WHERE enabled_at_us IS NULL AND created_at_us < ? ORDER BY created_at_us"
                     " LIMIT ?",
             .in = "ii"},
     .kept_us = SECOND_FACTOR_SHOWN_US},
    {.sql = {.text = "DELETE FROM mail_allowances WHERE day < ? DIV 86400000000 ORDER BY day LIMIT ?", .in = "ii"}},
    {.sql = {.text = NULL}},
};
