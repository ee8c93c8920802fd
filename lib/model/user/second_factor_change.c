/* What users do with their second factor, and with it. */
#include "base/clock.h"
#include "model/user/second_factor_private.h"
#include "model/user/session.h"
#include "model/user/session_others.h"
#include "model/user/user.h"

enum { FACTOR_CHANGE_ENABLE };
static const struct sql factor_change_sqls[];

/* What its user does, as a transaction; run does what it is about. */
struct factor_change {
    struct arena *arena;
    const struct keyring *ring;
    const struct second_factor_change *by;
    enum err (*run)(struct db *db, struct factor_change *x);
    struct str code, token;
    struct recovery_codes codes;
    int64_t until_us;
};

static enum err factor_change_tx(struct db *db, void *arg)
{
    struct factor_change *x = arg;

    enum err e = user_lock(db, x->arena, x->by->user_id);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
    return x->run(db, x);
}

/* The session is worth something else from now on. */
static enum err factor_change_renew_session(struct db *db, struct factor_change *x)
{
    return session_renew(db, x->arena, x->by->session_id, x->by->sent, &x->token);
}

static enum err factor_change_enable(struct db *db, struct factor_change *x)
{
    const struct uuid *user_id = x->by->user_id;
    struct second_code code = second_code_read(x->code);
    int64_t now_us = clock_now_us(), step;
    struct second_factor_row row;

    enum err e = second_factor_get(db, x->arena, user_id, &row);
    if (e != OK)
        return e;
    if (row.enabled_at_us != 0)
        return ERR_TOTP_ON;
    if (row.secret.p == NULL || now_us - row.created_at_us >= SECOND_FACTOR_SHOWN_US)
        return ERR_TOTP_NOT_SHOWN;
    if (code.kind != SECOND_CODE_TOTP)
        return ERR_WRONG_CODE;
    e = second_factor_find_step(x->arena, x->ring, user_id, &row, &code, now_us, &step);
    if (e != OK)
        return e;
    e = db_change(db, &factor_change_sqls[FACTOR_CHANGE_ENABLE],
                  DB_ARGS(db_i64(now_us), db_i64(step), db_uuid(user_id), db_bytes(row.secret.p, row.secret.n)));
    if (e == OK)
        e = second_factor_make_codes(db, user_id, &x->codes);
    if (e == OK) /* a password alone has opened them, and could switch it off again */
        e = session_end_others(db, x->arena, user_id, x->by->session_id);
    if (e == OK)
        e = factor_change_renew_session(db, x);
    if (e != OK)
        return e;
    return second_factor_tell(db, user_id, ACTIVITY_TOTP_ENABLED, MAIL_TOTP_ENABLED,
                              &(struct mail_params){.at_us = now_us}, x->by->request_id);
}

enum err second_factor_enable(struct db *db, struct arena *arena, const struct keyring *ring,
                              const struct second_factor_change *change, struct str code,
                              struct recovery_codes *ret_codes, struct str *ret_token)
{
    struct factor_change x = {arena, ring, change, factor_change_enable, .code = code};

    enum err e = db_tx(db, factor_change_tx, &x);
    if (e == OK) {
        *ret_codes = x.codes;
        *ret_token = x.token;
    }
    return e;
}

static enum err factor_change_disable(struct db *db, struct factor_change *x)
{
    bool was_on = false;

    enum err e = second_factor_remove(db, x->arena, x->by->user_id, &was_on);
    if (e != OK || !was_on)
        return e != OK ? e : ERR_TOTP_OFF;
    e = factor_change_renew_session(db, x);
    if (e != OK)
        return e;
    return second_factor_tell(db, x->by->user_id, ACTIVITY_TOTP_DISABLED, MAIL_TOTP_DISABLED,
                              &(struct mail_params){.at_us = clock_now_us()}, x->by->request_id);
}

enum err second_factor_disable(struct db *db, struct arena *arena, const struct second_factor_change *change,
                               struct str *ret_token)
{
    struct factor_change x = {arena, NULL, change, factor_change_disable};

    enum err e = db_tx(db, factor_change_tx, &x);
    if (e == OK)
        *ret_token = x.token;
    return e;
}

static enum err factor_change_renew(struct db *db, struct factor_change *x)
{
    struct second_factor_row row;

    enum err e = second_factor_get(db, x->arena, x->by->user_id, &row);
    if (e != OK)
        return e;
    if (row.enabled_at_us == 0)
        return ERR_TOTP_OFF;
    e = second_factor_make_codes(db, x->by->user_id, &x->codes);
    if (e == OK)
        e = factor_change_renew_session(db, x);
    if (e != OK)
        return e;
    return activity_add(db, &(struct activity_new){.user_id = *x->by->user_id, .what = ACTIVITY_RECOVERY_CODES_MADE});
}

enum err second_factor_renew_codes(struct db *db, struct arena *arena, const struct second_factor_change *change,
                                   struct recovery_codes *ret_codes, struct str *ret_token)
{
    struct factor_change x = {arena, NULL, change, factor_change_renew};

    enum err e = db_tx(db, factor_change_tx, &x);
    if (e == OK) {
        *ret_codes = x.codes;
        *ret_token = x.token;
    }
    return e;
}

static enum err factor_change_confirm(struct db *db, struct factor_change *x)
{
    const struct second_factor_change *by = x->by;

    enum err e = second_factor_use(db, x->arena, x->ring, by->user_id, x->code, by->request_id);
    return e == OK ? session_confirm(db, x->arena, by->session_id, by->sent, &x->token, &x->until_us) : e;
}

enum err second_factor_confirm(struct db *db, struct arena *arena, const struct keyring *ring,
                               const struct second_factor_change *by, struct str code, struct str *ret_token,
                               int64_t *ret_until_us)
{
    struct factor_change x = {arena, ring, by, factor_change_confirm, .code = code};

    enum err e = db_tx(db, factor_change_tx, &x);
    if (e == OK) {
        *ret_token = x.token;
        *ret_until_us = x.until_us;
    }
    return e;
}

static const struct sql factor_change_sqls[] = {
    [FACTOR_CHANGE_ENABLE] = {.text = "UPDATE user_totp SET enabled_at_us = ?, last_step = ? WHERE user_id = ?"
                                      " AND secret = ? AND enabled_at_us IS NULL",
                              .in = "iiub"},
};
