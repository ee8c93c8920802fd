#include "model/user/user.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "model/user/activity.h"
#include "model/user/email_holder.h"

#define LOCAL_MAX_BYTES 64   /* RFC 5321 4.5.3.1.1 */
#define DOMAIN_MAX_BYTES 253 /* RFC 1035 2.3.4: 255 with the root's label and the length bytes */
#define LABEL_MAX_BYTES 63

const char *const user_state_names[] = {"active", "disabled", "erasing", NULL};

enum {
    USER_INSERT,
    USER_ACCEPT,
    USER_BY_ID,
    USER_BY_EMAIL,
    USER_LOCK,
    USER_LOCK_ANY,
    USER_LOCK_MARKED,
    USER_REHASH,
    USER_PROFILE,
    USER_RENAME
};
static const struct sql user_sqls[];

/* The characters of WHATWG HTML's valid e-mail address: RFC 5322's atext and dots anywhere, because such addresses
 * exist. */
static bool user_is_local(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!char_is_alnum(s.p[i]) && (s.p[i] == '\0' || strchr(".!#$%&'*+/=?^_`{|}~-", s.p[i]) == NULL))
            return false;
    return s.n >= 1 && s.n <= LOCAL_MAX_BYTES;
}

static bool user_is_label(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!char_is_alnum(s.p[i]) && s.p[i] != '-')
            return false;
    return s.n >= 1 && s.n <= LABEL_MAX_BYTES && s.p[0] != '-' && s.p[s.n - 1] != '-';
}

/* ASCII labels (xn-- for others), at least two; the last is not a number, so an IPv4 address is not a domain. */
static bool user_is_domain(struct str s)
{
    struct str label = STR("");
    size_t labels = 0;

    if (s.n > DOMAIN_MAX_BYTES)
        return false;
    for (; str_next(&s, '.', &label); labels++)
        if (!user_is_label(label))
            return false;
    return labels >= 2 && !(label.p[0] >= '0' && label.p[0] <= '9');
}

enum err user_email_check(struct str email)
{
    struct str local;

    if (email.n > EMAIL_MAX_BYTES || !str_cut(&email, '@', &local))
        return ERR_BAD_EMAIL;
    return user_is_local(local) && user_is_domain(email) ? OK : ERR_BAD_EMAIL;
}

enum err user_email_key(struct str email, struct arena *arena, struct str *ret_key)
{
    enum err e = user_email_check(email);

    if (e == OK)
        *ret_key = arena_lower(arena, email);
    return e;
}

enum err user_create(struct db *db, struct arena *arena, struct str email, struct str name, const char *hash,
                     struct uuid *ret_id)
{
    struct uuid id = uuid_new();
    int64_t now = clock_now_us();
    struct str key;
    enum err e = user_email_key(email, arena, &key);

    if (e != OK)
        return e;
    e = db_exec(db, &user_sqls[USER_INSERT],
                DB_ARGS(db_uuid(&id), db_str(key), db_str(email), db_str(name), db_cstr(hash),
                        db_cstr(user_state_names[USER_ACTIVE]), db_i64(now), db_i64(now)),
                NULL);
    if (e == OK)
        e = email_check_kept(db, key, &id);
    if (e == OK)
        *ret_id = id;
    return e;
}

enum err user_accept(struct db *db, const struct uuid *id, struct str terms_version, struct str policy_version)
{
    return db_change(db, &user_sqls[USER_ACCEPT], DB_ARGS(db_str(terms_version), db_str(policy_version), db_uuid(id)));
}

enum err user_by_id(struct db *db, struct arena *arena, const struct uuid *id, struct user *ret_user)
{
    return db_row(db, &user_sqls[USER_BY_ID], DB_ARGS(db_uuid(id)), arena, ret_user);
}

enum err user_by_email(struct db *db, struct arena *arena, struct str email, struct user *ret_user)
{
    struct str key;

    if (user_email_key(email, arena, &key) != OK)
        return ERR_NOT_FOUND;
    return db_row(db, &user_sqls[USER_BY_EMAIL], DB_ARGS(db_str(key)), arena, ret_user);
}

static enum err user_lock_by(struct db *db, struct arena *arena, const struct uuid *id, const struct sql *q,
                             struct user *ret_user)
{
    enum err e = db_row(db, q, DB_ARGS(db_uuid(id)), arena, ret_user);

    return e == OK && ret_user->state != USER_ACTIVE ? ERR_ACCOUNT_DISABLED : e;
}

enum err user_lock(struct db *db, struct arena *arena, const struct uuid *id)
{
    struct user user = {0};

    return user_lock_by(db, arena, id, &user_sqls[USER_LOCK], &user);
}

enum err user_lock_any(struct db *db, const struct uuid *id)
{
    int64_t one;

    return db_number(db, &user_sqls[USER_LOCK_ANY], DB_ARGS(db_uuid(id)), &one);
}

enum err user_lock_state(struct db *db, struct arena *arena, const struct uuid *id, enum user_state *ret_state)
{
    struct user user = {0};
    enum err e = db_row(db, &user_sqls[USER_LOCK], DB_ARGS(db_uuid(id)), arena, &user);

    if (e == OK)
        *ret_state = (enum user_state)user.state;
    return e;
}

enum err user_lock_kept(struct db *db, struct arena *arena, const struct uuid *id)
{
    enum user_state state = USER_ACTIVE;
    enum err e = user_lock_state(db, arena, id, &state);

    return e == OK && state == USER_ERASING ? ERR_ACCOUNT_ERASING : e;
}

enum err user_lock_enabled(struct db *db, struct arena *arena, const struct uuid *id)
{
    enum user_state state = USER_ACTIVE;
    enum err e = user_lock_state(db, arena, id, &state);

    return e == OK && state == USER_DISABLED ? ERR_ACCOUNT_DISABLED : e;
}

struct sha256 user_password_mark(struct str password_hash)
{
    return sha256_of(password_hash);
}

enum err user_lock_marked(struct db *db, struct arena *arena, const struct uuid *id, const struct sha256 *mark,
                          enum user_state *ret_state)
{
    struct user user = {0};
    enum err e = user_lock_by(db, arena, id, &user_sqls[USER_LOCK_MARKED], &user);

    if (e == ERR_ACCOUNT_DISABLED && user.state == USER_ERASING)
        e = OK;
    if (e != OK)
        return e;
    *ret_state = (enum user_state)user.state;
    struct sha256 now = user_password_mark(user.password_hash);
    return memcmp(now.b, mark->b, sizeof now.b) == 0 ? OK : ERR_BAD_CREDENTIALS;
}

enum err user_rehash(struct db *db, const struct uuid *id, struct str old_hash, const char *new_hash)
{
    return db_change(db, &user_sqls[USER_REHASH],
                     DB_ARGS(db_cstr(new_hash), db_i64(clock_now_us()), db_uuid(id), db_str(old_hash)));
}

enum err user_profile(struct db *db, struct arena *arena, const struct uuid *id, struct user *ret_user)
{
    return db_row(db, &user_sqls[USER_PROFILE], DB_ARGS(db_uuid(id)), arena, ret_user);
}

struct user_renaming {
    struct arena *arena;
    const struct uuid *id;
    struct str name;
    enum activity_by by;
    struct user user;
};

static enum err user_rename_tx(struct db *db, void *arg)
{
    struct user_renaming *r = arg;
    struct str *name = &r->user.name;

    enum err e = r->by == ACTIVITY_BY_ADMIN ? user_lock_kept(db, r->arena, r->id) : user_lock(db, r->arena, r->id);
    if (e == OK)
        e = user_profile(db, r->arena, r->id, &r->user);
    if (e != OK || str_eq(*name, r->name))
        return e;
    *name = r->name;
    e = db_change(db, &user_sqls[USER_RENAME], DB_ARGS(db_str(*name), db_i64(clock_now_us()), db_uuid(r->id)));
    return e == OK ? activity_add(db, &(struct activity_new){.user_id = *r->id,
                                                             .what = ACTIVITY_NAME_CHANGED,
                                                             .by = r->by,
                                                             .is_minor = r->by == ACTIVITY_BY_USER})
                   : e;
}

enum err user_rename(struct db *db, struct arena *arena, const struct uuid *id, struct str name, enum activity_by by,
                     struct user *ret_user)
{
    struct user_renaming r = {.arena = arena, .id = id, .name = name, .by = by};
    enum err e = db_tx(db, user_rename_tx, &r);

    if (e == OK)
        *ret_user = r.user;
    return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
}

static const struct db_col user_cols[] = {
    DB_COL(struct user, id, UUID),
    DB_COL(struct user, email, STR),
    DB_COL(struct user, name, STR),
    DB_COL(struct user, password_hash, STR),
    DB_COL_ENUM(struct user, state, user_state_names),
    DB_COL(struct user, created_at_us, I64),
    DB_COL(struct user, undeliverable_at_us, I64),
    DB_END,
};

/* What users are shown about themselves; not the hash. */
static const struct db_col user_profile_cols[] = {
    DB_COL(struct user, id, UUID),
    DB_COL(struct user, email, STR),
    DB_COL(struct user, name, STR),
    DB_COL(struct user, created_at_us, I64),
    DB_COL(struct user, undeliverable_at_us, I64),
    DB_END,
};

static const struct db_col user_lock_cols[] = {DB_COL_ENUM(struct user, state, user_state_names), DB_END};

static const struct db_col user_lock_marked_cols[] = {
    DB_COL_ENUM(struct user, state, user_state_names),
    DB_COL(struct user, password_hash, STR),
    DB_END,
};

#define USER_COLS "id, email, name, password_hash, state, created_at_us, undeliverable_at_us"

static const struct sql user_sqls[] = {
    [USER_INSERT] = {.text = "INSERT INTO users (id, email_key, email, name, password_hash, state, created_at_us,"
                             " updated_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                     .in = "usssssii"},
    [USER_ACCEPT] = {.text = "UPDATE users SET terms_version = ?, policy_version = ? WHERE id = ?", .in = "ssu"},
    [USER_BY_ID] = {.text = "SELECT " USER_COLS " FROM users WHERE id = ?", .in = "u", .cols = user_cols},
    [USER_BY_EMAIL] = {.text = "SELECT " USER_COLS " FROM users WHERE email_key = ?", .in = "s", .cols = user_cols},
    [USER_LOCK] = {.text = "SELECT state FROM users WHERE id = ? FOR UPDATE", .in = "u", .cols = user_lock_cols},
    [USER_LOCK_ANY] = {.text = "SELECT 1 FROM users WHERE id = ? FOR UPDATE", .in = "u", .cols = db_number_cols},
    [USER_LOCK_MARKED] = {.text = "SELECT state, password_hash FROM users WHERE id = ? FOR UPDATE",
                          .in = "u",
                          .cols = user_lock_marked_cols},
    [USER_REHASH] = {.text = "UPDATE users SET password_hash = ?, updated_at_us = ? WHERE id = ? AND password_hash = ?",
                     .in = "sius"},
    [USER_PROFILE] = {.text = "SELECT id, email, name, created_at_us, undeliverable_at_us FROM users WHERE id = ?",
                      .in = "u",
                      .cols = user_profile_cols},
    [USER_RENAME] = {.text = "UPDATE users SET name = ?, updated_at_us = ? WHERE id = ?", .in = "siu"},
};
