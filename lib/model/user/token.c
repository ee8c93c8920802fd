#include "model/user/token.h"

#include "crypto/digest.h"

#define TOKEN_BYTES 32

enum { TOKEN_INSERT, TOKEN_LOOK, TOKEN_TAKE, TOKEN_VOID };
static const struct sql token_sqls[];

const char *const token_purpose_names[] = {
    "verify_email", "reset_password", "change_email", "undo_email", "unsubscribe", "undo_password", NULL};

const int64_t token_lifetime_us[TOKEN__MAX] = {
    [TOKEN_VERIFY_EMAIL] = 7 * 24 * 3600 * US_PER_SEC, /* as long as the registration */
    [TOKEN_RESET_PASSWORD] = 30 * 60 * US_PER_SEC,
    [TOKEN_CHANGE_EMAIL] = 24 * 3600 * US_PER_SEC,
    [TOKEN_UNDO_EMAIL] = 72 * 3600 * US_PER_SEC,
    [TOKEN_UNSUBSCRIBE] = INT64_C(90) * 24 * 3600 * US_PER_SEC, /* as long as the mail's row */
    [TOKEN_UNDO_PASSWORD] = 72 * 3600 * US_PER_SEC,             /* as the undoing of a change of address */
};

enum err token_make(struct db *db, struct arena *arena, enum token_purpose purpose, const struct uuid *subject_id,
                    int64_t from_us, struct str *ret_token)
{
    struct str token = token_new(arena, TOKEN_BYTES);
    struct sha256 hash = sha256_of(token);

    ASSERT(purpose < TOKEN__MAX);
    enum err e =
        db_exec(db, &token_sqls[TOKEN_INSERT],
                DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_cstr(token_purpose_names[purpose]), db_uuid(subject_id),
                        db_i64(clock_now_us()), db_i64(from_us + token_lifetime_us[purpose])),
                NULL);
    if (e == OK)
        *ret_token = token;
    return e;
}

static enum err token_look_at(struct db *db, struct arena *arena, enum token_purpose purpose, struct str text,
                              int64_t at_us, struct uuid *ret_subject_id)
{
    struct sha256 hash = sha256_of(text);

    enum err e = db_row(db, &token_sqls[TOKEN_LOOK],
                        DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_cstr(token_purpose_names[purpose]), db_i64(at_us)),
                        arena, ret_subject_id);
    return e == ERR_NOT_FOUND ? ERR_TOKEN : e;
}

enum err token_look(struct db *db, struct arena *arena, enum token_purpose purpose, struct str text,
                    struct uuid *ret_subject_id)
{
    return token_look_at(db, arena, purpose, text, clock_now_us(), ret_subject_id);
}

enum err token_look_late(struct db *db, struct arena *arena, enum token_purpose purpose, struct str text,
                         struct uuid *ret_subject_id)
{
    return token_look_at(db, arena, purpose, text, clock_now_us() - TOKEN_KNOWN_US, ret_subject_id);
}

/* The row of the token itself is what two at once fight about. */
enum err token_use(struct db *db, struct arena *arena, enum token_purpose purpose, struct str text,
                   struct uuid *ret_subject_id)
{
    struct sha256 hash = sha256_of(text);
    struct uuid subject_id;

    enum err e = token_look(db, arena, purpose, text, &subject_id);
    if (e == OK)
        e = db_change(db, &token_sqls[TOKEN_TAKE], DB_ARGS(db_bytes(hash.b, sizeof hash.b)));
    if (e == OK)
        e = token_void(db, purpose, &subject_id);
    if (e == OK)
        *ret_subject_id = subject_id;
    return e == ERR_CONFLICT ? ERR_TOKEN : e;
}

enum err token_void(struct db *db, enum token_purpose purpose, const struct uuid *subject_id)
{
    return db_exec(db, &token_sqls[TOKEN_VOID], DB_ARGS(db_cstr(token_purpose_names[purpose]), db_uuid(subject_id)),
                   NULL);
}

static const struct sql token_sqls[] = {
    [TOKEN_INSERT] = {.text = "INSERT INTO one_time_tokens (token_hash, purpose, subject_id, created_at_us,"
                              " expires_at_us) VALUES (?, ?, ?, ?, ?)",
                      .in = "bsuii"},
    [TOKEN_LOOK] = {.text = "SELECT subject_id FROM one_time_tokens WHERE token_hash = ? AND purpose = ?"
                            " AND expires_at_us > ?",
                    .in = "bsi",
                    .cols = db_uuid_cols},
    [TOKEN_TAKE] = {.text = "DELETE FROM one_time_tokens WHERE token_hash = ?", .in = "b"},
    [TOKEN_VOID] = {.text = "DELETE FROM one_time_tokens WHERE purpose = ? AND subject_id = ?", .in = "su"},
};
