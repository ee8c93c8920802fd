#include "model/user/second_factor.h"

#include "base/clock.h"
#include "base/rand.h"
#include "crypto/digest.h"
#include "model/user/pending.h"
#include "model/user/second_factor_private.h"

#define HASHED_BYTES (sizeof(struct uuid) + SECOND_CODE_RECOVERY_CHARS)

#define LAST_CODE "It was the last one, and none is left: make new ones now, or without your app you cannot sign in."

enum {
    SECOND_FACTOR_READ,
    SECOND_FACTOR_SHOW,
    SECOND_FACTOR_USE,
    SECOND_FACTOR_DELETE,
    SECOND_FACTOR_ADD_CODE,
    SECOND_FACTOR_USE_CODE,
    SECOND_FACTOR_COUNT_CODES,
    SECOND_FACTOR_DELETE_CODES,
};
static const struct sql second_factor_sqls[];

enum err second_factor_get(struct db *db, struct arena *arena, const struct uuid *user_id,
                           struct second_factor_row *ret_row)
{
    struct second_factor_row row = {0};
    enum err e = db_row(db, &second_factor_sqls[SECOND_FACTOR_READ], DB_ARGS(db_uuid(user_id)), arena, &row);

    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    *ret_row = row;
    return OK;
}

static enum err second_factor_count_codes(struct db *db, const struct uuid *user_id, int64_t *ret_n)
{
    return db_number(db, &second_factor_sqls[SECOND_FACTOR_COUNT_CODES], DB_ARGS(db_uuid(user_id)), ret_n);
}

enum err second_factor_read(struct db *db, struct arena *arena, const struct uuid *user_id,
                            struct second_factor *ret_factor)
{
    struct second_factor_row row;
    struct second_factor factor = {0};

    enum err e = second_factor_get(db, arena, user_id, &row);
    if (e == OK && row.enabled_at_us != 0)
        e = second_factor_count_codes(db, user_id, &factor.recovery_codes_left);
    if (e != OK)
        return e;
    factor.is_on = row.enabled_at_us != 0;
    factor.enabled_at_us = row.enabled_at_us;
    *ret_factor = factor;
    return OK;
}

struct str second_factor_place(struct arena *arena, const struct uuid *user_id)
{
    return arena_printf(arena, "user_totp.secret:%s", uuid_text(user_id).s);
}

enum err second_factor_enrol(struct db *db, struct arena *arena, const struct keyring *ring, const struct uuid *user_id,
                             uint8_t ret_secret[static TOTP_SECRET_BYTES])
{
    uint8_t secret[TOTP_SECRET_BYTES];
    struct str sealed;
    struct second_factor_row row;

    enum err e = second_factor_get(db, arena, user_id, &row);
    if (e != OK || row.enabled_at_us != 0)
        return e != OK ? e : ERR_TOTP_ON;
    rand_bytes(secret, sizeof secret);
    e = keyring_seal(ring, str_of(secret, sizeof secret), second_factor_place(arena, user_id), arena, &sealed);
    if (e == OK)
        e = db_exec(db, &second_factor_sqls[SECOND_FACTOR_SHOW],
                    DB_ARGS(db_uuid(user_id), db_bytes(sealed.p, sealed.n), db_i64(clock_now_us())), NULL);
    if (e == OK)
        memcpy(ret_secret, secret, sizeof secret);
    explicit_bzero(secret, sizeof secret);
    return e;
}

static struct sha256 second_factor_hash(const struct uuid *user_id, struct str code)
{
    uint8_t text[HASHED_BYTES];

    ASSERT(code.n == SECOND_CODE_RECOVERY_CHARS);
    memcpy(text, user_id->b, sizeof user_id->b);
    memcpy(text + sizeof user_id->b, code.p, code.n);
    return sha256_of(str_of(text, sizeof text));
}

enum err second_factor_make_codes(struct db *db, const struct uuid *user_id, struct recovery_codes *ret_codes)
{
    enum err e = db_exec(db, &second_factor_sqls[SECOND_FACTOR_DELETE_CODES], DB_ARGS(db_uuid(user_id)), NULL);

    for (size_t i = 0; e == OK && i < RECOVERY_CODES; i++) {
        struct second_code code = second_code_new();
        struct sha256 hash = second_factor_hash(user_id, second_code_str(&code));
        second_code_show(&code, ret_codes->v[i]);
        e = db_exec(db, &second_factor_sqls[SECOND_FACTOR_ADD_CODE],
                    DB_ARGS(db_uuid(user_id), db_bytes(hash.b, sizeof hash.b), db_i64(clock_now_us())), NULL);
    }
    return e;
}

enum err second_factor_find_step(struct arena *arena, const struct keyring *ring, const struct uuid *user_id,
                                 const struct second_factor_row *row, const struct second_code *code, int64_t now_us,
                                 int64_t *ret_step)
{
    _cleanup_(secret_done) struct secret secret = {0};
    int64_t step;

    enum err e = keyring_open(ring, row->secret, second_factor_place(arena, user_id), &secret);
    if (e != OK)
        return e;
    if (!totp_find(secret_str(&secret), second_code_str(code), now_us, &step))
        return ERR_WRONG_CODE;
    *ret_step = step;
    return OK;
}

/* The UPDATE decides: of two with the same code one wins. ERR_CONFLICT: the other one, or the row is another by now. */
static enum err second_factor_try_totp(struct db *db, struct arena *arena, const struct keyring *ring,
                                       const struct uuid *user_id, const struct second_factor_row *row,
                                       const struct second_code *code)
{
    int64_t now_us = clock_now_us(), step;
    struct str sealed;

    enum err e = second_factor_find_step(arena, ring, user_id, row, code, now_us, &step);
    if (e == OK)
        e = keyring_seal_again(ring, row->secret, second_factor_place(arena, user_id), arena, &sealed);
    if (e != OK)
        return e;
    return db_change(db, &second_factor_sqls[SECOND_FACTOR_USE],
                     DB_ARGS(db_i64(step), db_bytes(sealed.p, sealed.n), db_uuid(user_id),
                             db_bytes(row->secret.p, row->secret.n), db_i64(step),
                             db_i64(totp_step(now_us) + TOTP_SKEW_STEPS)));
}

/* A rotation of the keys may have sealed it again since it was read (second_factor_reseal.c): that is no wrong code. */
static enum err second_factor_use_totp(struct db *db, struct arena *arena, const struct keyring *ring,
                                       const struct uuid *user_id, const struct second_factor_row *row,
                                       const struct second_code *code)
{
    enum err e = second_factor_try_totp(db, arena, ring, user_id, row, code);
    struct second_factor_row now;

    if (e != ERR_CONFLICT)
        return e;
    e = second_factor_get(db, arena, user_id, &now);
    if (e == OK && !str_eq(now.secret, row->secret) && now.enabled_at_us == row->enabled_at_us)
        e = second_factor_try_totp(db, arena, ring, user_id, &now, code);
    else if (e == OK)
        e = ERR_CONFLICT;
    return e == ERR_CONFLICT ? ERR_WRONG_CODE : e;
}

enum err second_factor_tell(struct db *db, const struct uuid *user_id, enum activity_what what,
                            enum mail_template template, const struct mail_params *params, struct str request_id)
{
    enum err e = activity_add(db, &(struct activity_new){.user_id = *user_id, .what = what});

    if (e != OK)
        return e;
    return mail_add(
        db, &(struct mail_new){.template = template, .user_id = *user_id, .params = params, .request_id = request_id});
}

static enum err second_factor_use_recovery(struct db *db, const struct uuid *user_id, const struct second_code *code,
                                           struct str request_id)
{
    struct sha256 hash = second_factor_hash(user_id, second_code_str(code));
    struct mail_params params = {.at_us = clock_now_us()};

    enum err e = db_change(db, &second_factor_sqls[SECOND_FACTOR_USE_CODE],
                           DB_ARGS(db_uuid(user_id), db_bytes(hash.b, sizeof hash.b)));
    if (e == OK)
        e = second_factor_count_codes(db, user_id, &params.count);
    if (e == OK && params.count == 0)
        params.why = STR(LAST_CODE);
    if (e == OK)
        e = second_factor_tell(db, user_id, ACTIVITY_RECOVERY_CODE_USED, MAIL_RECOVERY_CODE_USED, &params, request_id);
    return e == ERR_CONFLICT ? ERR_WRONG_CODE : e;
}

enum err second_factor_use(struct db *db, struct arena *arena, const struct keyring *ring, const struct uuid *user_id,
                           struct str typed, struct str request_id)
{
    struct second_code code = second_code_read(typed);
    struct second_factor_row row;

    enum err e = second_factor_get(db, arena, user_id, &row);
    if (e != OK)
        return e;
    if (row.enabled_at_us == 0)
        return ERR_TOTP_OFF;
    switch (code.kind) {
    case SECOND_CODE_TOTP:
        return second_factor_use_totp(db, arena, ring, user_id, &row, &code);
    case SECOND_CODE_RECOVERY:
        return second_factor_use_recovery(db, user_id, &code, request_id);
    case SECOND_CODE_NONE:
        break;
    }
    return ERR_WRONG_CODE;
}

enum err second_factor_remove(struct db *db, struct arena *arena, const struct uuid *user_id, bool *ret_was_on)
{
    struct second_factor_row row;

    enum err e = second_factor_get(db, arena, user_id, &row);
    if (e == OK)
        e = db_exec(db, &second_factor_sqls[SECOND_FACTOR_DELETE], DB_ARGS(db_uuid(user_id)), NULL);
    if (e == OK)
        e = db_exec(db, &second_factor_sqls[SECOND_FACTOR_DELETE_CODES], DB_ARGS(db_uuid(user_id)), NULL);
    if (e == OK)
        e = pending_end_all(db, arena, user_id);
    if (e == OK)
        *ret_was_on = row.enabled_at_us != 0;
    return e;
}

static const struct db_col second_factor_cols[] = {
    DB_COL(struct second_factor_row, secret, BYTES),
    DB_COL(struct second_factor_row, created_at_us, I64),
    DB_COL(struct second_factor_row, enabled_at_us, I64),
    DB_END,
};

static const struct sql second_factor_sqls[] = {
    [SECOND_FACTOR_READ] = {.text = "SELECT secret, created_at_us, enabled_at_us FROM user_totp"
                                    " WHERE user_id = ?",
                            .in = "u",
                            .cols = second_factor_cols},
    /* One that counts stays: whoever enables it at the same moment has won. */
    [SECOND_FACTOR_SHOW] = {.text =
                                "INSERT INTO user_totp (user_id, secret, created_at_us) VALUES (?, ?, ?)"
                                " ON DUPLICATE KEY UPDATE secret = IF(enabled_at_us IS NULL, VALUES(secret), secret),"
                                " created_at_us = IF(enabled_at_us IS NULL, VALUES(created_at_us), created_at_us)",
                            .in = "ubi"},
    [SECOND_FACTOR_USE] = {.text = "UPDATE user_totp SET last_step = ?, secret = ? WHERE user_id = ? AND secret = ?"
                                   " AND (last_step < ? OR last_step > ?)",
                           .in = "ibubii"},
    [SECOND_FACTOR_DELETE] = {.text = "DELETE FROM user_totp WHERE user_id = ?", .in = "u"},
    [SECOND_FACTOR_ADD_CODE] = {.text = "INSERT INTO recovery_codes (user_id, code_hash, created_at_us)"
                                        " VALUES (?, ?, ?)",
                                .in = "ubi"},
    [SECOND_FACTOR_USE_CODE] = {.text = "DELETE FROM recovery_codes WHERE user_id = ? AND code_hash = ?", .in = "ub"},
    [SECOND_FACTOR_COUNT_CODES] = {.text = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = ?",
                                   .in = "u",
                                   .cols = db_number_cols},
    [SECOND_FACTOR_DELETE_CODES] = {.text = "DELETE FROM recovery_codes WHERE user_id = ?", .in = "u"},
};
