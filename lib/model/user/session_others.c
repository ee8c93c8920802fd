#include "model/user/session_others.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "model/user/email_waiting.h"
#include "model/user/pending.h"
#include "model/user/session_private.h"

#define TOKEN_BYTES 32
#define SESSIONS_A_TIME 1000 /* of a user who has more, all end all the same */

enum { SESSION_OTHERS, SESSION_CHANGE_TOKEN, SESSION_STILL };
static const struct sql session_others_sqls[];

enum err session_end_others(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id)
{
    struct uuid *ids;
    size_t n;
    enum err e;

    do {
        e = db_rows(db, &session_others_sqls[SESSION_OTHERS],
                    DB_ARGS(db_uuid(user_id), db_uuid(id), db_i64(SESSIONS_A_TIME)), arena, sizeof *ids,
                    SESSIONS_A_TIME, (void **)&ids, &n);
        for (size_t i = 0; e == OK && i < n; i++)
            e = session_end(db, &ids[i]);
    } while (e == OK && n == SESSIONS_A_TIME);
    if (e == OK)
        e = email_waiting_stop(db, user_id);
    return e == OK ? pending_end_all(db, arena, user_id) : e;
}

enum err session_change_token(struct db *db, struct arena *arena, const struct uuid *id, struct str *ret_token)
{
    struct str token = token_new(arena, TOKEN_BYTES);
    struct sha256 hash = sha256_of(token);

    enum err e = db_change(db, &session_others_sqls[SESSION_CHANGE_TOKEN],
                           DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(clock_now_us()), db_uuid(id)));
    if (e == OK)
        *ret_token = token;
    return e == ERR_CONFLICT ? ERR_SESSION_EXPIRED : e;
}

enum err session_check_still(struct db *db, const struct uuid *id, struct str sent)
{
    struct sha256 hash = sha256_of(sent);
    struct db_arg token = db_bytes(hash.b, sizeof hash.b);
    int64_t now = clock_now_us(), one;

    enum err e = db_number(db, &session_others_sqls[SESSION_STILL],
                           DB_ARGS(db_uuid(id), token, token, SESSION_OLD_TOKEN_ARGS(now)), &one);
    return e == ERR_NOT_FOUND ? ERR_SESSION_EXPIRED : e;
}

static const struct sql session_others_sqls[] = {
    [SESSION_OTHERS] = {.text = "SELECT id FROM sessions WHERE user_id = ? AND id <> ? LIMIT ?",
                        .in = "uui",
                        .cols = db_uuid_cols},
    /* Where the sign-in needs a code, neither a password nor a link makes a session recent. */
    [SESSION_CHANGE_TOKEN] = {.text =
                                  "UPDATE sessions SET token_hash = ?, confirmed_at_us = IF(EXISTS (SELECT 1 FROM"
                                  " user_totp t WHERE t.user_id = sessions.user_id AND t.enabled_at_us IS NOT NULL),"
                                  " confirmed_at_us, ?), old_token_hash = NULL, old_token_until_us = NULL"
                                  " WHERE id = ?",
                              .in = "biu"},
    [SESSION_STILL] = {.text = "SELECT 1 FROM sessions WHERE id = ? AND (token_hash = ? OR (" SESSION_OLD_TOKEN "))",
                       .in = "ub" SESSION_OLD_TOKEN_IN,
                       .cols = db_number_cols},
};
