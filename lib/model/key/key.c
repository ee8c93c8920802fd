#include "model/key/key.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "model/key/key_cache.h"
#include "model/key/key_private.h"
#include "model/post/post.h"
#include "model/user/caps.h"
#include "model/user/session_others.h"
#include "model/user/user.h"

#define RANDOM_BYTES 32
static const char *const key_prefixes[] = {[MODE_LIVE] = "mk_live_", [MODE_TEST] = "mk_test_"};

#define CHECKSUM_CHARS 6
#define CHECKSUM_RANGE UINT64_C(56800235584) /* 62^6 */

/* For its owner. The columns of a key are those of this, too, because it comes first. */
struct key_shown {
    struct key key;
    struct budget_row budget;
};

enum { KEY_INSERT, KEY_BY_HASH, KEY_GET, KEY_LIST, KEY_END_EXPIRED };
static const struct sql key_sqls[];

/* The first 64 bits of the SHA-256, modulo 62^6, in base62: six characters, padded with 0. */
static void key_checksum(struct str s, char ret[static CHECKSUM_CHARS])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    struct sha256 h = sha256_of(s);
    uint64_t v = 0;

    for (size_t i = 0; i < 8; i++)
        v = v << 8 | h.b[i];
    v %= CHECKSUM_RANGE;
    for (size_t i = CHECKSUM_CHARS; i-- > 0; v /= 62)
        ret[i] = digits[v % 62];
}

static bool key_has_prefix(struct str text)
{
    for (size_t i = 0; i < MODE__MAX; i++)
        if (str_starts(text, str_from(key_prefixes[i])))
            return true;
    return false;
}

bool key_is_wellformed(struct str text)
{
    char sum[CHECKSUM_CHARS];

    if (text.n != KEY_CHARS || !key_has_prefix(text))
        return false;
    for (size_t i = KEY_PREFIX_BYTES; i < text.n; i++)
        if (!char_is_alnum(text.p[i]))
            return false;
    key_checksum(str_head(text, KEY_CHARS - CHECKSUM_CHARS), sum);
    return str_eq(str_skip(text, KEY_CHARS - CHECKSUM_CHARS), str_of(sum, sizeof sum));
}

bool key_find(struct str *rest, struct str *ret_text)
{
    for (; rest->n >= KEY_CHARS; *rest = str_skip(*rest, 1)) {
        struct str text = str_head(*rest, KEY_CHARS);
        if (!key_is_wellformed(text))
            continue;
        *ret_text = text;
        *rest = str_skip(*rest, KEY_CHARS);
        return true;
    }
    return false;
}

struct str key_new_text(struct arena *arena, int mode)
{
    struct str token = token_new(arena, RANDOM_BYTES);
    struct str s = arena_printf(arena, "%s%.*s", key_prefixes[mode], STR_FMT(token));
    char sum[CHECKSUM_CHARS];

    key_checksum(s, sum);
    s = arena_printf(arena, "%.*s%.*s", STR_FMT(s), CHECKSUM_CHARS, sum);
    ASSERT(s.n == KEY_CHARS);
    return s;
}

struct key_creation {
    struct arena *arena;
    const struct conf *conf;
    const struct key_asker *by;
    const struct key_terms *terms;
    const struct last_step *last;
    struct new_key made;
};

/* The first statement of a creation. The count needs no clock, so keys that have expired are in it until they are in the way.
 * No more of them end than must, which is for good: the clock may be ahead for a moment. */
static enum err key_take_place(struct db *db, const struct key_creation *c)
{
    uint64_t ended = 1;
    enum err e;

    while ((e = caps_take(db, c->arena, c->conf, c->by->user_id, CAPS_OF_KEY, 0)) == ERR_TOO_MANY && ended > 0) {
        e = db_exec(db, &key_sqls[KEY_END_EXPIRED], DB_ARGS(db_uuid(c->by->user_id), db_i64(clock_now_us())), &ended);
        if (e != OK)
            return e;
    }
    return e;
}

static enum err key_create_tx(struct db *db, void *arg)
{
    struct key_creation *c = arg;
    struct key *key = &c->made.key;
    struct sha256 hash = sha256_of(c->made.text);

    enum err e = key_take_place(db, c);
    if (e == OK)
        e = session_check_still(db, c->by->session_id, c->by->sent);
    if (e != OK)
        return e;
    *key = (struct key){
        .id = uuid_new(),
        .user_id = *c->by->user_id,
        .user_state = USER_ACTIVE,
        .mode = c->terms->mode,
        .name = c->terms->name,
        .prefix = str_head(c->made.text, KEY_PREFIX_CHARS),
        .scopes = c->terms->scopes,
        .created_at_us = clock_now_us(),
        .expires_at_us = c->terms->expires_at_us,
    };
    e = db_exec(db, &key_sqls[KEY_INSERT],
                DB_ARGS(db_uuid(&key->id), db_cstr(user_state_names[USER_ACTIVE]), db_str(key->name),
                        db_str(key->prefix), db_bytes(hash.b, sizeof hash.b), db_i64(key->scopes),
                        db_i64(key->created_at_us), db_i64_or_null(key->expires_at_us), db_cstr(mode_names[key->mode]),
                        db_uuid(c->by->user_id)),
                NULL);
    if (e == OK && c->terms->has_budget)
        e = budget_set(db, c->arena, &key->user_id, &key->id, &c->terms->budget, &(bool){false}, &key->budget);
    if (e == OK)
        e = key_note(db, ACTIVITY_KEY_CREATED, key);
    return e == OK ? c->last->fn(&c->made, c->last->arg) : e;
}

enum err key_create(struct db *db, struct arena *arena, const struct conf *conf, const struct key_asker *by,
                    const struct key_terms *terms, const struct last_step *last, struct new_key *ret_key)
{
    struct key_creation c = {.arena = arena,
                             .conf = conf,
                             .by = by,
                             .terms = terms,
                             .last = last,
                             .made = {.text = key_new_text(arena, terms->mode)}};
    enum err e = db_tx(db, key_create_tx, &c);

    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        *ret_key = c.made;
    return e;
}

enum err key_note(struct db *db, enum activity_what what, const struct key *k)
{
    return activity_add(
        db, &(struct activity_new){.user_id = k->user_id, .what = what, .about_id = k->id, .about = k->name});
}

enum err key_check(const struct key *k)
{
    if (k->expires_at_us != 0 && clock_now_us() >= k->expires_at_us)
        return k->is_old_secret ? ERR_KEY_ROTATED : ERR_KEY_EXPIRED;
    if (k->revoked_at_us != 0)
        return k->revoked_reason.p != NULL ? ERR_KEY_SEEN : ERR_INVALID_KEY;
    return k->user_state == USER_ACTIVE ? OK : ERR_ACCOUNT_DISABLED;
}

enum err key_by_hash(struct db *db, struct arena *arena, const struct sha256 *hash, struct key *ret_key)
{
    return db_row(db, &key_sqls[KEY_BY_HASH], DB_ARGS(db_bytes(hash->b, sizeof hash->b)), arena, ret_key);
}

enum err key_authenticate(struct db *db, struct key_cache *cache, struct arena *arena, struct str text,
                          struct key *ret_key)
{
    struct key k = {0};

    if (!key_is_wellformed(text))
        return ERR_BAD_KEY;
    struct sha256 hash = sha256_of(text);
    struct key_cache_view view = key_cache_look(cache);
    if (key_cache_get(cache, &view, &hash, arena, &k)) {
        *ret_key = k;
        return key_check(&k);
    }
    enum err e = key_by_hash(db, arena, &hash, &k);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_INVALID_KEY : e;
    if (!str_starts(text, str_from(key_prefixes[k.mode]))) /* no row makes a test key a live one */
        return ERR_INVALID_KEY;
    e = key_check(&k);
    if (e != OK)
        return e;
    key_cache_put(cache, &view, &hash, &k);
    *ret_key = k;
    return OK;
}

static struct key key_of_shown(struct arena *arena, const struct key_shown *shown)
{
    struct key k = shown->key;

    k.budget = budget_of(arena, &shown->budget, clock_now_us());
    return k;
}

enum err key_get(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id,
                 struct key *ret_key)
{
    struct key_shown shown = {0};
    enum err e = db_row(db, &key_sqls[KEY_GET], DB_ARGS(db_uuid(id), db_uuid(user_id)), arena, &shown);

    if (e == OK)
        *ret_key = key_of_shown(arena, &shown);
    return e;
}

enum err key_list(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *below, size_t max,
                  struct key **ret_keys, size_t *ret_n)
{
    struct key_shown *rows;
    size_t n;

    enum err e = db_rows(db, &key_sqls[KEY_LIST], DB_ARGS(db_uuid(user_id), db_uuid(below), db_i64((int64_t)max)),
                         arena, sizeof *rows, max, (void **)&rows, &n);
    if (e != OK)
        return e;
    *ret_keys = arena_array(arena, n, sizeof **ret_keys);
    for (size_t i = 0; i < n; i++)
        (*ret_keys)[i] = key_of_shown(arena, &rows[i]);
    *ret_n = n;
    return OK;
}

#define KEY_DB_COLS \
    DB_COL(struct key, id, UUID), DB_COL(struct key, is_old_secret, BOOL), DB_COL(struct key, user_id, UUID), \
        DB_COL_ENUM(struct key, user_state, user_state_names), DB_COL(struct key, name, STR), \
        DB_COL(struct key, prefix, STR), DB_COL(struct key, scopes, I64), DB_COL(struct key, created_at_us, I64), \
        DB_COL(struct key, expires_at_us, I64), DB_COL(struct key, old_secret_expires_at_us, I64), \
        DB_COL(struct key, last_used_at_us, I64), DB_COL(struct key, revoked_at_us, I64), \
        DB_COL(struct key, revoked_reason, STR), DB_COL_ENUM(struct key, mode, mode_names), \
        DB_COL(struct key, has_budget, BOOL), PLAN_TERMS_DB_COLS(struct key, plan.)

const struct db_col key_cols[] = {KEY_DB_COLS, DB_END};
static const struct db_col key_shown_cols[] = {KEY_DB_COLS, BUDGET_DB_COLS(struct key_shown, budget.), DB_END};

#define KEY_SELECT_SHOWN \
    "SELECT " KEY_COLS ", " BUDGET_COLS " FROM api_keys LEFT JOIN key_budgets ON key_id = id WHERE " KEY_IS_SHOWN

static const struct sql key_sqls[] = {
    [KEY_INSERT] =
        {.text =
             "INSERT INTO api_keys (id, user_id, user_state, name, prefix, hash, scopes, created_at_us,"
             " expires_at_us, mode, " PLAN_TERMS_COLS("") ") SELECT ?, u.id, ?, ?, ?, ?, ?, ?, ?, ?, " PLAN_TERMS_COLS(
                 "u.") " FROM users u WHERE u.id = ?",
         .in = "usssbiiisu"},
    [KEY_BY_HASH] = {.text = "SELECT " KEY_COLS " FROM api_keys WHERE hash = ?", .in = "b", .cols = key_cols},
    [KEY_GET] = {.text = KEY_SELECT_SHOWN " AND id = ? AND user_id = ?", .in = "uu", .cols = key_shown_cols},
    [KEY_LIST] = {.text = KEY_SELECT_SHOWN " AND user_id = ? AND id < ? ORDER BY id DESC LIMIT ?",
                  .in = "uui",
                  .cols = key_shown_cols},
    [KEY_END_EXPIRED] = {.text = "UPDATE api_keys SET revoked_at_us = expires_at_us WHERE user_id = ? AND"
                                 " of_key_id IS NULL AND revoked_at_us IS NULL AND expires_at_us <= ?"
                                 " ORDER BY expires_at_us LIMIT 1",
                         .in = "ui"},
};
