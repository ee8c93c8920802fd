#include "model/user/email_change.h"

#include "model/billing/jobs.h"
#include "model/mail/allowance.h"
#include "model/user/activity.h"
#include "model/user/email_holder.h"
#include "model/user/email_waiting.h"
#include "model/user/password_change.h"
#include "model/user/session.h"
#include "model/user/session_others.h"
#include "model/user/taken_over.h"
#include "model/user/user.h"

#define DAY_US (24 * 3600 * US_PER_SEC)

enum {
    EMAIL_CHANGE_LOOK,
    EMAIL_CHANGE_LAST_DAY,
    EMAIL_CHANGE_INSERT,
    EMAIL_CHANGE_LAST_MADE,
    EMAIL_CHANGE_MAKE,
    EMAIL_CHANGE_UNDO,
    EMAIL_OF_USER,
    EMAIL_SET,
};
static const struct sql email_change_sqls[];

struct email_address {
    struct str email, key;
};

struct email_change {
    struct uuid id, user_id;
    struct email_address old, new;
    int64_t created_at_us, expires_at_us, confirmed_at_us, undo_until_us, undone_at_us; /* 0: not */
};

/* Parts of the transactions; the user is locked. */

static enum err email_of_user(struct db *db, struct arena *arena, const struct uuid *user_id,
                              struct email_address *ret_address)
{
    enum err e = db_row(db, &email_change_sqls[EMAIL_OF_USER], DB_ARGS(db_uuid(user_id)), arena, ret_address);

    return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
}

static enum err email_set(struct db *db, const struct uuid *user_id, const struct email_address *to, int64_t now)
{
    enum err e = db_change(db, &email_change_sqls[EMAIL_SET],
                           DB_ARGS(db_str(to->email), db_str(to->key), db_i64(now), db_uuid(user_id)));

    if (e == OK)
        e = email_check_kept(db, to->key, user_id);
    return e == ERR_DB_DUPLICATE ? ERR_EMAIL_TAKEN : e;
}

/* Reads the change whose token that is, and locks its user, before the token is used. */
static enum err email_change_read(struct db *db, struct arena *arena, enum token_purpose purpose, struct str token,
                                  struct email_change *ret_change)
{
    struct email_change change = {0};
    struct uuid id;

    enum err e = token_look(db, arena, purpose, token, &id);
    if (e == OK)
        e = db_row(db, &email_change_sqls[EMAIL_CHANGE_LOOK], DB_ARGS(db_uuid(&id)), arena, &change);
    if (e == OK)
        e = user_lock(db, arena, &change.user_id);
    if (e == ERR_ACCOUNT_DISABLED && purpose == TOKEN_UNDO_EMAIL) /* an address is put back, and opens nothing */
        e = OK;
    if (e == OK) /* again: by now somebody else may have done what this one is to do */
        e = db_row(db, &email_change_sqls[EMAIL_CHANGE_LOOK], DB_ARGS(db_uuid(&id)), arena, &change);
    if (e == OK)
        e = token_use(db, arena, purpose, token, &id);
    if (e == OK)
        *ret_change = change;
    return e == ERR_NOT_FOUND || e == ERR_ACCOUNT_DISABLED ? ERR_TOKEN : e;
}

/* Asking */

struct email_ask {
    struct arena *arena;
    const struct email_asker *by;
    struct email_address to;
    int64_t wait_us;
};

struct email_last_day {
    int64_t first_us, n;
};

/* One from before the clock was set back does not count: nobody waits for that. */
static enum err email_ask_check_number(struct db *db, struct email_ask *ask, int64_t now)
{
    struct email_last_day day = {0};
    enum err e = db_row(db, &email_change_sqls[EMAIL_CHANGE_LAST_DAY],
                        DB_ARGS(db_uuid(ask->by->user_id), db_i64(now - DAY_US), db_i64(now + CLOCKS_DIFFER_US)),
                        ask->arena, &day);

    ask->wait_us = MIN(day.first_us - now, 0) + DAY_US;
    return e == OK && day.n >= EMAIL_CHANGES_PER_DAY ? ERR_EMAIL_CHANGES : e;
}

static enum err email_ask_insert(struct db *db, const struct email_ask *ask, const struct uuid *id, int64_t now)
{
    struct email_address old = {0};

    enum err e = email_of_user(db, ask->arena, ask->by->user_id, &old);
    if (e != OK)
        return e;
    return db_exec(db, &email_change_sqls[EMAIL_CHANGE_INSERT],
                   DB_ARGS(db_uuid(id), db_uuid(ask->by->user_id), db_str(old.email), db_str(old.key),
                           db_str(ask->to.email), db_str(ask->to.key), db_i64(now),
                           db_i64(now + EMAIL_CHANGE_WAITS_US)),
                   NULL);
}

/* One mail, whoever has the address: to the new address with the link, or to its holder. */
static enum err email_ask_mail(struct db *db, const struct email_ask *ask, const struct uuid *change_id)
{
    struct email_holder holder;

    enum err e = email_holder_find(db, ask->arena, ask->to.key, &holder);
    if (e != OK)
        return e;
    if (!uuid_is_none(&holder.user_id) && !uuid_eq(&holder.user_id, ask->by->user_id))
        return email_holder_tell(db, &holder, MAIL_ALREADY_REGISTERED, true, ask->by->request_id);
    return mail_add(db, &(struct mail_new){.template = MAIL_CHANGE_EMAIL,
                                           .user_id = *ask->by->user_id,
                                           .subject_id = *change_id,
                                           .request_id = ask->by->request_id});
}

static enum activity_by email_asked_by(const struct email_asker *by)
{
    return by->session_id != NULL ? ACTIVITY_BY_USER : ACTIVITY_BY_ADMIN;
}

static enum err email_ask_tx(struct db *db, void *arg)
{
    struct email_ask *ask = arg;
    int64_t now = clock_now_us();
    struct uuid id = uuid_new();
    bool may;

    enum err e = mail_take_allowance(db, MAIL_WISH_CHANGE_EMAIL, ask->to.key, &may);
    if (e == OK && !may) {
        ask->wait_us = US_PER_DAY - now % US_PER_DAY;
        return ERR_ADDRESS_MAILS;
    }
    if (e == OK)
        e = user_lock(db, ask->arena, ask->by->user_id);
    if (e == OK && ask->by->session_id != NULL) /* whoever has ended it meanwhile has also stopped what waited then */
        e = session_check_still(db, ask->by->session_id, ask->by->sent);
    if (e == OK)
        e = email_ask_check_number(db, ask, now);
    if (e == OK)
        e = email_waiting_stop(db, ask->by->user_id);
    if (e == OK)
        e = email_ask_insert(db, ask, &id, now);
    if (e == OK)
        e = email_ask_mail(db, ask, &id);
    if (e == OK)
        e = activity_add(db, &(struct activity_new){.user_id = *ask->by->user_id,
                                                    .what = ACTIVITY_EMAIL_CHANGE_ASKED,
                                                    .by = email_asked_by(ask->by)});
    return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
}

enum err email_change_ask(struct db *db, struct arena *arena, const struct email_asker *asker, struct str email,
                          int64_t *ret_wait_us)
{
    struct email_ask ask = {.arena = arena, .by = asker, .to.email = email};

    enum err e = user_email_key(email, arena, &ask.to.key);
    if (e == OK)
        e = db_tx(db, email_ask_tx, &ask);
    if (e == ERR_EMAIL_CHANGES || e == ERR_ADDRESS_MAILS)
        *ret_wait_us = ask.wait_us;
    return e;
}

/* Confirming and undoing */

struct email_link {
    struct arena *arena;
    struct str token;
    const struct session *own;
    const char *no_hash;
    struct str request_id;
    struct email_changed done;
};

/* Later than the one before, whatever the clock says: undoing goes by the order. */
static enum err email_change_make(struct db *db, const struct email_link *link, const struct email_change *change,
                                  int64_t now)
{
    struct email_address old = {0};
    int64_t last_us = 0;

    enum err e = email_of_user(db, link->arena, &change->user_id, &old);
    if (e == OK)
        e = email_set(db, &change->user_id, &change->new, now);
    if (e == OK)
        e = db_number(db, &email_change_sqls[EMAIL_CHANGE_LAST_MADE], DB_ARGS(db_uuid(&change->user_id)), &last_us);
    if (e != OK)
        return e;
    return db_change(db, &email_change_sqls[EMAIL_CHANGE_MAKE],
                     DB_ARGS(db_str(old.email), db_str(old.key), db_i64(MAX(now, last_us + 1)),
                             db_i64(now + EMAIL_UNDO_US), db_uuid(&change->id)));
}

/* Links to reset the password went to the address before. */
static enum err email_confirm_sessions(struct db *db, struct email_link *link, const struct uuid *user_id)
{
    bool own = link->own != NULL && uuid_eq(&link->own->user_id, user_id);
    struct uuid stays = own ? link->own->id : UUID_NONE;

    link->done.session_token = (struct str){0};
    enum err e = own ? session_change_token(db, link->arena, &stays, &link->done.session_token) : OK;
    if (e == OK || e == ERR_SESSION_EXPIRED)
        e = session_end_others(db, link->arena, user_id, &stays);
    return e == OK ? token_void(db, TOKEN_RESET_PASSWORD, user_id) : e;
}

static enum err email_confirm_note(struct db *db, const struct email_link *link, const struct email_change *change,
                                   enum activity_by by, int64_t now)
{
    struct mail_params params = {.at_us = now};

    enum err e =
        activity_add(db, &(struct activity_new){.user_id = change->user_id, .what = ACTIVITY_EMAIL_CHANGED, .by = by});
    if (e != OK)
        return e;
    return mail_add(db, &(struct mail_new){.template = MAIL_EMAIL_CHANGED,
                                           .user_id = change->user_id,
                                           .subject_id = change->id,
                                           .params = &params,
                                           .request_id = link->request_id});
}

static enum err email_confirm_tx(struct db *db, void *arg)
{
    struct email_link *link = arg;
    struct email_change change;

    enum err e = email_change_read(db, link->arena, TOKEN_CHANGE_EMAIL, link->token, &change);
    int64_t now = clock_now_us();
    if (e == OK && (change.confirmed_at_us != 0 || change.expires_at_us <= now))
        e = ERR_TOKEN;
    if (e == OK)
        e = email_change_make(db, link, &change, now);
    if (e == OK)
        e = email_confirm_sessions(db, link, &change.user_id);
    if (e == OK)
        e = email_confirm_note(db, link, &change, ACTIVITY_BY_USER, now);
    if (e == OK)
        e = billing_ask_email(db, &change.user_id, link->request_id);
    link->done.email = e == OK ? change.new.email : (struct str){0};
    return e;
}

enum err email_change_confirm(struct db *db, struct arena *arena, struct str token, const struct session *own,
                              struct str request_id, struct email_changed *ret_changed)
{
    struct email_link link = {.arena = arena, .token = token, .own = own, .request_id = request_id};
    enum err e = db_tx(db, email_confirm_tx, &link);

    if (e == OK)
        *ret_changed = link.done;
    return e;
}

/* What asking and the link do, in one; the old address gets the mail by which it is undone. */
static enum err email_correct_tx(struct db *db, void *arg)
{
    struct email_ask *ask = arg;
    struct email_link link = {.arena = ask->arena, .request_id = ask->by->request_id};
    struct email_change change = {.id = uuid_new(), .user_id = *ask->by->user_id, .new = ask->to};
    int64_t now = clock_now_us();

    enum err e = user_lock_kept(db, ask->arena, ask->by->user_id);
    if (e == OK)
        e = email_waiting_stop(db, ask->by->user_id);
    if (e == OK)
        e = email_ask_insert(db, ask, &change.id, now);
    if (e == OK)
        e = email_change_make(db, &link, &change, now);
    if (e == OK)
        e = email_confirm_sessions(db, &link, &change.user_id);
    if (e == OK)
        e = email_confirm_note(db, &link, &change, ACTIVITY_BY_ADMIN, now);
    if (e == OK)
        e = billing_ask_email(db, &change.user_id, link.request_id);
    return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
}

enum err email_change_correct(struct db *db, struct arena *arena, const struct uuid *user_id, struct str email)
{
    const struct email_asker admin = {.user_id = user_id};
    struct email_ask ask = {.arena = arena, .by = &admin, .to.email = email};

    enum err e = user_email_key(email, arena, &ask.to.key);
    return e == OK ? db_tx(db, email_correct_tx, &ask) : e;
}

/* The change, and all that were made after it. */
static enum err email_change_take_back(struct db *db, const struct email_link *link, const struct email_change *change,
                                       int64_t now)
{
    enum err e = email_set(db, &change->user_id, &change->old, now);
    if (e == OK)
        e = password_put(db, &change->user_id, link->no_hash);
    if (e == OK)
        e = db_change(db, &email_change_sqls[EMAIL_CHANGE_UNDO],
                      DB_ARGS(db_i64(now), db_uuid(&change->user_id), db_i64(change->confirmed_at_us)));
    if (e == OK)
        e = taken_over_clear(db, link->arena, &change->user_id, change->created_at_us - EMAIL_OWN_US);
    return e == OK ? session_end_others(db, link->arena, &change->user_id, &UUID_NONE) : e;
}

/* For a password of their own, which nobody needs while they are disabled. */
static enum err email_undo_mail(struct db *db, const struct email_link *link, const struct uuid *user_id)
{
    enum err e = user_lock_enabled(db, link->arena, user_id);

    if (e != OK)
        return e == ERR_ACCOUNT_DISABLED ? OK : e;
    return mail_add(db, &(struct mail_new){
                            .template = MAIL_EMAIL_CHANGE_UNDONE, .user_id = *user_id, .request_id = link->request_id});
}

static enum err email_undo_tx(struct db *db, void *arg)
{
    struct email_link *link = arg;
    struct email_change change;

    enum err e = email_change_read(db, link->arena, TOKEN_UNDO_EMAIL, link->token, &change);
    int64_t now = clock_now_us();
    if (e == OK && (change.undone_at_us != 0 || change.undo_until_us <= now))
        e = ERR_TOKEN;
    if (e == OK)
        e = email_change_take_back(db, link, &change, now);
    if (e == OK)
        e = activity_add(db, &(struct activity_new){.user_id = change.user_id, .what = ACTIVITY_EMAIL_CHANGE_UNDONE});
    if (e == OK)
        e = email_undo_mail(db, link, &change.user_id);
    if (e == OK)
        e = billing_ask_email(db, &change.user_id, link->request_id);
    link->done = (struct email_changed){.email = e == OK ? change.old.email : (struct str){0}};
    return e;
}

enum err email_change_undo(struct db *db, struct arena *arena, struct str token, const char *no_hash,
                           struct str request_id, struct email_changed *ret_changed)
{
    struct email_link link = {.arena = arena, .token = token, .no_hash = no_hash, .request_id = request_id};
    enum err e = db_tx(db, email_undo_tx, &link);

    if (e == OK)
        *ret_changed = link.done;
    return e;
}

static const struct db_col email_change_cols[] = {
    DB_COL(struct email_change, id, UUID),
    DB_COL(struct email_change, user_id, UUID),
    DB_COL(struct email_change, old.email, STR),
    DB_COL(struct email_change, old.key, STR),
    DB_COL(struct email_change, new.email, STR),
    DB_COL(struct email_change, new.key, STR),
    DB_COL(struct email_change, created_at_us, I64),
    DB_COL(struct email_change, expires_at_us, I64),
    DB_COL(struct email_change, confirmed_at_us, I64),
    DB_COL(struct email_change, undo_until_us, I64),
    DB_COL(struct email_change, undone_at_us, I64),
    DB_END,
};

static const struct db_col email_last_day_cols[] = {
    DB_COL(struct email_last_day, first_us, I64),
    DB_COL(struct email_last_day, n, I64),
    DB_END,
};

static const struct db_col email_address_cols[] = {
    DB_COL(struct email_address, email, STR),
    DB_COL(struct email_address, key, STR),
    DB_END,
};

static const struct sql email_change_sqls[] = {
    [EMAIL_CHANGE_LOOK] =
        {.text = "SELECT id, user_id, old_email, old_email_key, new_email, new_email_key,"
                 " created_at_us, expires_at_us, confirmed_at_us, undo_until_us, undone_at_us FROM email_changes"
                 " WHERE id = ?",
         .in = "u",
         .cols = email_change_cols},
    [EMAIL_CHANGE_LAST_DAY] = {.text = "SELECT COALESCE(MIN(created_at_us), 0), COUNT(*) FROM email_changes"
                                       " WHERE user_id = ? AND created_at_us > ? AND created_at_us <= ?",
                               .in = "uii",
                               .cols = email_last_day_cols},
    [EMAIL_CHANGE_INSERT] = {.text = "INSERT INTO email_changes (id, user_id, old_email, old_email_key, new_email,"
                                     " new_email_key, created_at_us, expires_at_us) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                             .in = "uussssii"},
    [EMAIL_CHANGE_LAST_MADE] = {.text = "SELECT MAX(confirmed_at_us) FROM email_changes WHERE user_id = ?",
                                .in = "u",
                                .cols = db_number_cols},
    [EMAIL_CHANGE_MAKE] = {.text = "UPDATE email_changes SET old_email = ?, old_email_key = ?, confirmed_at_us = ?,"
                                   " undo_until_us = ? WHERE id = ?",
                           .in = "ssiiu"},
    [EMAIL_CHANGE_UNDO] = {.text = "UPDATE email_changes SET undone_at_us = ? WHERE user_id = ?"
                                   " AND confirmed_at_us >= ? AND undone_at_us IS NULL",
                           .in = "iui"},
    [EMAIL_OF_USER] = {.text = "SELECT email, email_key FROM users WHERE id = ?",
                       .in = "u",
                       .cols = email_address_cols},
    /* Of a new address nothing is known to have come back. */
    [EMAIL_SET] = {.text = "UPDATE users SET email = ?, email_key = ?, undeliverable_at_us = NULL, updated_at_us = ?"
                           " WHERE id = ?",
                   .in = "ssiu"},
};
