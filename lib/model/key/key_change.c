/* What becomes of a key after it was made. A change of the key is one of all its rows: those of old secrets have copies. */
#include "base/clock.h"
#include "base/point.h"
#include "crypto/digest.h"
#include "model/key/key_private.h"
#include "model/mail/outbox.h"
#include "model/privacy/journal.h"
#include "model/user/caps.h"
#include "model/user/session_others.h"
#include "model/user/user.h"

enum {
    KEY_LOCK,
    KEY_CHANGE,
    KEY_REVOKE,
    KEY_REVOKE_SEEN,
    KEY_SINCE,
    KEY_DISMISS,
    KEY_SECRET,
    KEY_NEW_SECRET,
    KEY_OLD_SHORTEN,
    KEY_OLD_LIST,
    KEY_OLD_INSERT,
    KEY_OLD_REUSE,
};
static const struct sql key_change_sqls[];

#define KEYS_A_TIME 100 /* of a user who has more, all are revoked all the same */
/* Far more than CLOCKS_DIFFER_US: what ends at once has ended by other machines' clocks, too, and also if a clock is set back. */
#define KEY_ENDED_BEFORE_US US_PER_DAY

/* Locks a key that still works, and reads it. */
static enum err key_lock(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id,
                         struct key *ret_key)
{
    struct key k = {0};

    enum err e = db_row(db, &key_change_sqls[KEY_LOCK], DB_ARGS(db_uuid(id), db_uuid(user_id)), arena, &k);
    if (e == OK)
        e = key_check(&k);
    if (e != OK)
        return e == ERR_KEY_EXPIRED || e == ERR_KEY_SEEN ? ERR_KEY_ENDED : e;
    *ret_key = k;
    return OK;
}

struct key_new_terms {
    struct arena *arena;
    const struct conf *conf;
    const struct key_asker *by;
    const struct uuid *id;
    const struct key_terms *to;
    bool may_widen;
    struct key key;
};

static enum err key_change_tx(struct db *db, void *arg)
{
    struct key_new_terms *n = arg;
    struct key *k = &n->key;
    bool widens_budget = false;

    enum err e = caps_take(db, n->arena, n->conf, n->by->user_id, CAPS_OF_KEY_CHANGE, 0);
    if (e == OK)
        e = session_check_still(db, n->by->session_id, n->by->sent);
    if (e == OK)
        e = key_lock(db, n->arena, n->by->user_id, n->id, k);
    if (e == OK)
        e = n->to->has_budget
                ? budget_set(db, n->arena, &k->user_id, &k->id, &n->to->budget, &widens_budget, &k->budget)
                : budget_read(db, n->arena, &k->id, &k->budget);
    if (e != OK)
        return e;
    bool widens = widens_budget || (n->to->scopes & ~k->scopes) != 0;
    if (widens && !n->may_widen)
        return ERR_RECENT_AUTH;
    if (n->to->name.p != NULL)
        k->name = n->to->name;
    if (n->to->scopes != 0)
        k->scopes = n->to->scopes;
    e = db_change(db, &key_change_sqls[KEY_CHANGE],
                  DB_ARGS(db_str(k->name), db_i64(k->scopes), db_i64_or_null(widens ? clock_now_us() : 0),
                          db_uuid(&k->user_id), db_uuid(&k->id), db_uuid(&k->id)));
    return e == OK ? key_note(db, ACTIVITY_KEY_CHANGED, k) : e;
}

enum err key_change(struct db *db, struct arena *arena, const struct conf *conf, const struct key_asker *by,
                    const struct uuid *id, const struct key_terms *to, bool may_widen, struct key *ret_key)
{
    struct key_new_terms n = {.arena = arena, .conf = conf, .by = by, .id = id, .to = to, .may_widen = may_widen};
    enum err e = db_tx(db, key_change_tx, &n);

    if (e == OK)
        *ret_key = n.key;
    return e;
}

struct key_end {
    struct arena *arena;
    const struct uuid *user_id, *id;
    bool again; /* as the journal has it: whatever the user is by now, and its owner dismisses nothing */
};

/* The user and the key are locked. */
static enum err key_revoke_one(struct db *db, const struct key *k)
{
    enum err e = db_change(db, &key_change_sqls[KEY_REVOKE],
                           DB_ARGS(db_i64(clock_now_us()), db_uuid(&k->user_id), db_uuid(&k->id), db_uuid(&k->id)));

    if (e == OK)
        e = key_note(db, ACTIVITY_KEY_REVOKED, k);
    return e == OK ? journal_add(db, JOURNAL_REVOCATION, &k->user_id, &k->id) : e;
}

/* A key that was revoked because others have seen it is dismissed: nothing happens that its owner does not know. */
static enum err key_revoke_tx(struct db *db, void *arg)
{
    const struct key_end *end = arg;
    struct key k = {0};

    enum err e = end->again ? user_lock_any(db, end->user_id) : user_lock(db, end->arena, end->user_id);
    if (e == OK)
        e = db_row(db, &key_change_sqls[KEY_LOCK], DB_ARGS(db_uuid(end->id), db_uuid(end->user_id)), end->arena, &k);
    if (e == OK && k.revoked_at_us != 0 && end->again)
        return OK;
    if (e == OK && k.revoked_at_us != 0)
        return db_exec(db, &key_change_sqls[KEY_DISMISS], DB_ARGS(db_uuid(&k.id)), NULL);
    return e == OK ? key_revoke_one(db, &k) : e;
}

enum err key_revoke(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id)
{
    struct key_end end = {.arena = arena, .user_id = user_id, .id = id};
    enum err e = db_tx(db, key_revoke_tx, &end);

    if (e == OK)
        point("key.revoked");
    return e;
}

enum err key_revoke_again(struct db *db, struct arena *arena, const struct uuid *user_id, const struct uuid *id)
{
    struct key_end end = {.arena = arena, .user_id = user_id, .id = id, .again = true};

    return db_tx(db, key_revoke_tx, &end);
}

enum err key_revoke_since(struct db *db, struct arena *arena, const struct uuid *user_id, int64_t since_us)
{
    struct uuid since = uuid_floor(since_us);
    struct key *keys;
    size_t n;
    enum err e;

    do {
        e = db_rows(db, &key_change_sqls[KEY_SINCE],
                    DB_ARGS(db_uuid(user_id), db_i64(since_us), db_i64(since_us), db_uuid(&since),
                            db_cstr(activity_names[ACTIVITY_KEY_ROTATED]), db_i64(KEYS_A_TIME)),
                    arena, sizeof *keys, KEYS_A_TIME, (void **)&keys, &n);
        for (size_t i = 0; e == OK && i < n; i++)
            e = key_revoke_one(db, &keys[i]);
    } while (e == OK && n == KEYS_A_TIME);
    return e;
}

struct key_seen {
    struct arena *arena;
    const struct sha256 *hash;
    struct key key;
};

/* The mail comes first: it refers to the user, who is locked before the key. */
static enum err key_revoke_seen_tx(struct db *db, void *arg)
{
    struct key_seen *s = arg;
    struct key *k = &s->key;

    enum err e = key_by_hash(db, s->arena, s->hash, k);
    if (e != OK)
        return e;
    e = key_check(k);
    if (e != OK && e != ERR_ACCOUNT_DISABLED)
        return ERR_NOT_FOUND;
    const struct mail_params params = {.key_name = k->name, .at_us = clock_now_us()};
    e = mail_add(
        db, &(struct mail_new){
                .template = MAIL_KEY_SEEN_IN_CLEAR, .user_id = k->user_id, .subject_id = k->id, .params = &params});
    if (e == OK)
        e = activity_add(db, &(struct activity_new){.user_id = k->user_id,
                                                    .what = ACTIVITY_KEY_REVOKED,
                                                    .by = ACTIVITY_BY_SERVICE,
                                                    .about_id = k->id,
                                                    .about = k->name});
    if (e == OK)
        e = db_change(db, &key_change_sqls[KEY_REVOKE_SEEN],
                      DB_ARGS(db_i64(clock_now_us()), db_uuid(&k->user_id), db_uuid(&k->id), db_uuid(&k->id)));
    if (e == OK)
        e = journal_add(db, JOURNAL_REVOCATION, &k->user_id, &k->id);
    return e == ERR_CONFLICT ? ERR_NOT_FOUND : e;
}

enum err key_revoke_seen(struct db *db, struct arena *arena, const struct sha256 *hash, struct key *ret_key)
{
    struct key_seen s = {.arena = arena, .hash = hash};
    enum err e = db_tx(db, key_revoke_seen_tx, &s);

    if (e == OK)
        *ret_key = s.key;
    return e;
}

struct key_rotation {
    struct arena *arena;
    const struct conf *conf;
    const struct key_asker *by;
    const struct uuid *id;
    int64_t overlap_us;
    const struct last_step *last;
    struct new_key made; /* its key, as it was and then as it becomes */
};

struct key_old_secret {
    struct uuid id;
    int64_t expires_at_us;
};

/* The row for one more old secret: one whose secret has ended, else a new one (none in *ret_id), of which a key has only so
 * many. */
static enum err key_old_row(struct db *db, const struct key_rotation *r, int64_t now, struct uuid *ret_id)
{
    struct key_old_secret *rows;
    size_t n;

    *ret_id = (struct uuid){0};
    enum err e =
        db_rows(db, &key_change_sqls[KEY_OLD_LIST], DB_ARGS(db_uuid(&r->made.key.id), db_i64(KEY_OLD_SECRETS_MAX)),
                r->arena, sizeof *rows, KEY_OLD_SECRETS_MAX, (void **)&rows, &n);
    if (e != OK)
        return e;
    if (n > 0 && rows[0].expires_at_us <= now)
        *ret_id = rows[0].id;
    else if (n == KEY_OLD_SECRETS_MAX)
        return ERR_OLD_SECRETS_TOO_MANY;
    return OK;
}

static enum err key_old_put(struct db *db, const struct key_rotation *r, const struct sha256 *hash, int64_t until,
                            const struct uuid *row)
{
    const struct key *k = &r->made.key;
    bool reused = !uuid_is_none(row);
    struct uuid id = reused ? *row : uuid_new();

    return db_change(db, &key_change_sqls[reused ? KEY_OLD_REUSE : KEY_OLD_INSERT],
                     DB_ARGS(db_uuid(&k->id), db_uuid(&k->user_id), db_cstr(user_state_names[k->user_state]),
                             db_str(k->name), db_str(k->prefix), db_bytes(hash->b, sizeof hash->b), db_i64(k->scopes),
                             db_i64(k->created_at_us), db_i64(until), db_cstr(mode_names[k->mode]),
                             db_str(k->plan.subscribed), db_i64_or_null(k->plan.subscribed_until_us),
                             db_str(k->plan.granted), db_i64_or_null(k->plan.granted_until_us), db_uuid(&id)));
}

/* The key's row is locked, and r->made.key is what it held. */
static enum err key_change_secret(struct db *db, struct key_rotation *r, int64_t now)
{
    struct sha256 hash = sha256_of(r->made.text), old;
    struct str prefix = str_head(r->made.text, KEY_PREFIX_CHARS);
    int64_t until = now + r->overlap_us;
    struct uuid row;

    if (r->made.key.expires_at_us != 0)
        until = MIN(until, r->made.key.expires_at_us);
    int64_t ends = r->overlap_us == 0 ? until - KEY_ENDED_BEFORE_US : until;
    enum err e = db_exec(db, &key_change_sqls[KEY_OLD_SHORTEN],
                         DB_ARGS(db_i64(ends), db_uuid(&r->made.key.id), db_i64(ends)), NULL);
    if (e == OK)
        e = key_old_row(db, r, now, &row);
    if (e == OK)
        e = db_row(db, &key_change_sqls[KEY_SECRET], DB_ARGS(db_uuid(&r->made.key.id)), r->arena, &old);
    if (e == OK)
        e = db_change(
            db, &key_change_sqls[KEY_NEW_SECRET],
            DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_str(prefix), db_i64(until), db_uuid(&r->made.key.id)));
    if (e == OK)
        e = key_old_put(db, r, &old, ends, &row);
    r->made.key.prefix = prefix;
    r->made.key.old_secret_expires_at_us = until;
    return e;
}

static enum err key_rotate_tx(struct db *db, void *arg)
{
    struct key_rotation *r = arg;

    enum err e = caps_take(db, r->arena, r->conf, r->by->user_id, CAPS_OF_KEY_CHANGE, 0);
    if (e == OK)
        e = session_check_still(db, r->by->session_id, r->by->sent);
    if (e != OK)
        return e;
    e = key_lock(db, r->arena, r->by->user_id, r->id, &r->made.key);
    if (e != OK)
        return e;
    r->made.text = key_new_text(r->arena, r->made.key.mode);
    e = key_change_secret(db, r, clock_now_us());
    if (e == OK)
        e = budget_read(db, r->arena, &r->made.key.id, &r->made.key.budget);
    if (e == OK)
        e = key_note(db, ACTIVITY_KEY_ROTATED, &r->made.key);
    return e == OK ? r->last->fn(&r->made, r->last->arg) : e;
}

enum err key_rotate(struct db *db, struct arena *arena, const struct conf *conf, const struct key_asker *by,
                    const struct uuid *id, int64_t overlap_us, const struct last_step *last)
{
    struct key_rotation r = {.arena = arena, .conf = conf, .by = by, .id = id, .overlap_us = overlap_us, .last = last};
    enum err e = db_tx(db, key_rotate_tx, &r);

    if (e == OK)
        point("key.rotated");
    return e;
}

static const struct db_col key_old_cols[] = {
    DB_COL(struct key_old_secret, id, UUID),
    DB_COL(struct key_old_secret, expires_at_us, I64),
    DB_END,
};

static const struct db_col key_secret_cols[] = {DB_COL_FIXED(struct sha256, b), DB_END};

static const struct sql key_change_sqls[] = {
    [KEY_LOCK] = {.text =
                      "SELECT " KEY_COLS " FROM api_keys WHERE id = ? AND user_id = ? AND " KEY_IS_SHOWN " FOR UPDATE",
                  .in = "uu",
                  .cols = key_cols},
    [KEY_CHANGE] = {.text =
                        "UPDATE " KEY_ALL_ROWS " SET name = ?, scopes = ?, widened_at_us = COALESCE(?, widened_at_us)"
                        " WHERE " KEY_ARE_ITS_ROWS,
                    .in = "siiuuu"},
    [KEY_REVOKE] = {.text = "UPDATE " KEY_ALL_ROWS " SET revoked_at_us = ? WHERE " KEY_ARE_ITS_ROWS, .in = "iuuu"},
    [KEY_REVOKE_SEEN] = {.text = "UPDATE " KEY_ALL_ROWS " SET revoked_at_us = ?, revoked_reason = 'seen_in_clear'"
                                 " WHERE " KEY_ARE_ITS_ROWS,
                         .in = "iuuu"},
    /* When a key was rotated is in the activity alone. */
    [KEY_SINCE] =
        {.text =
             "SELECT " KEY_COLS " FROM " KEY_ALL_ROWS " WHERE user_id = ? AND revoked_at_us IS NULL"
             " AND of_key_id IS NULL AND (created_at_us >= ? OR widened_at_us >= ? OR EXISTS (SELECT 1 FROM activity a"
             " WHERE a.user_id = api_keys.user_id AND a.id >= ? AND a.what = ?"
             " AND a.about_id = api_keys.id)) LIMIT ? FOR UPDATE",
         .in = "uiiusi",
         .cols = key_cols},
    [KEY_DISMISS] = {.text = "UPDATE api_keys SET revoked_reason = NULL WHERE id = ?", .in = "u"},
    [KEY_SECRET] = {.text = "SELECT hash FROM api_keys WHERE id = ?", .in = "u", .cols = key_secret_cols},
    [KEY_NEW_SECRET] = {.text = "UPDATE api_keys SET hash = ?, prefix = ?, old_secret_expires_at_us = ? WHERE id = ?",
                        .in = "bsiu"},
    [KEY_OLD_SHORTEN] = {.text = "UPDATE api_keys SET expires_at_us = ? WHERE of_key_id = ? AND expires_at_us > ?",
                         .in = "iui"},
    [KEY_OLD_LIST] = {.text =
                          "SELECT id, expires_at_us FROM api_keys WHERE of_key_id = ? ORDER BY expires_at_us LIMIT ?",
                      .in = "ui",
                      .cols = key_old_cols},
    [KEY_OLD_INSERT] = {.text = "INSERT INTO api_keys (of_key_id, user_id, user_state, name, prefix, hash, scopes,"
                                " created_at_us, expires_at_us, mode, " PLAN_TERMS_COLS(
                                    "") ", id)"
                                        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                        .in = "uusssbiiissisiu"},
    /* All that is copied, for a row that has ended may have missed changes of its key. */
    [KEY_OLD_REUSE] = {.text =
                           "UPDATE api_keys SET of_key_id = ?, user_id = ?, user_state = ?, name = ?, prefix = ?,"
                           " hash = ?, scopes = ?, created_at_us = ?, expires_at_us = ?, mode = ?, subscribed_plan = ?,"
                           " subscribed_until_us = ?, granted_plan = ?, granted_until_us = ?, revoked_at_us = NULL,"
                           " revoked_reason = NULL WHERE id = ?",
                       .in = "uusssbiiissisiu"},
};
