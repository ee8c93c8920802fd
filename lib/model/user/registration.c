#include "model/user/registration.h"

#include "model/mail/allowance.h"
#include "model/mail/outbox.h"
#include "model/user/activity.h"
#include "model/user/email_holder.h"
#include "model/user/invitation.h"
#include "model/user/user.h"

#define ALL_MAX 100 /* of an address: five a day (mail/allowance.c), for as long as they are kept */

enum {
    REGISTRATION_INSERT,
    REGISTRATION_BY_ID,
    REGISTRATION_NEWEST,
    REGISTRATION_LOCK_ALL,
    REGISTRATION_TRY,
    REGISTRATION_DELETE,
};
static const struct sql registration_sqls[];

/* Who registers, or wants the mail again. */
struct registration_asking {
    struct arena *arena;
    const struct registration_new *new;
    struct str email_key;
};

/* What its mail is about; where there is none, one that is not there. */
struct registration_mailed {
    struct uuid id;
    int64_t expires_at_us;
    int64_t has_password;
};

/* Of an address that has a user, or no place for another mail, the row is over when it is made, and holds no more than it must:
 * it is there so that the same is written. */
static enum err registration_insert(struct db *db, const struct registration_asking *a, bool is_over,
                                    const struct registration_mailed *mailed)
{
    const struct registration_new blank = {.email = a->new->email}, *new = is_over ? &blank : a->new;
    int64_t now = mailed->expires_at_us - REGISTRATION_LIFETIME_US;

    return db_exec(db, &registration_sqls[REGISTRATION_INSERT],
                   DB_ARGS(db_uuid(&mailed->id), db_str(a->email_key), db_str(new->email), db_str(new->name),
                           db_cstr(new->password_hash), db_uuid_or_null(&new->invitation_id),
                           db_str(new->terms_version), db_str(new->policy_version), db_i64(now),
                           db_i64(is_over ? now : mailed->expires_at_us)),
                   NULL);
}

/* may: if not, it is added all the same, about a registration that nobody can confirm. */
static enum err registration_mail(struct db *db, const struct registration_asking *a, const struct email_holder *holder,
                                  const struct registration_mailed *mailed, bool may)
{
    const struct mail_params params = {.at_us = mailed->expires_at_us};
    const struct mail_new mail = {
        .template = MAIL_VERIFY_EMAIL, .subject_id = mailed->id, .params = &params, .request_id = a->new->request_id};

    if (!uuid_is_none(&holder->user_id))
        return email_holder_tell(db, holder, MAIL_ALREADY_REGISTERED, may, a->new->request_id);
    enum err e = user_lock_any(db, &mail.user_id); /* of nobody: so that the time tells nothing */
    return e == ERR_NOT_FOUND ? mail_add(db, &mail) : e;
}

static struct registration_mailed registration_mailed_new(void)
{
    return (struct registration_mailed){.id = uuid_new(), .expires_at_us = clock_now_us() + REGISTRATION_LIFETIME_US};
}

static enum err registration_begin(struct db *db, const struct registration_asking *a, bool has_password, bool *ret_may,
                                   struct email_holder *ret_holder)
{
    enum mail_wish wish = has_password ? MAIL_WISH_REGISTER_PASSWORD : MAIL_WISH_REGISTER;
    enum err e = mail_take_allowance(db, wish, a->email_key, ret_may);

    return e == OK && *ret_may ? email_holder_find(db, a->arena, a->email_key, ret_holder) : e;
}

/* pending: there is a registration, if the address has no user. */
static enum err registration_take_place(struct db *db, const struct registration_asking *a,
                                        const struct email_holder *holder, bool pending, bool has_password,
                                        bool *ret_may)
{
    bool known = !uuid_is_none(&holder->user_id);
    enum mail_place place = known          ? MAIL_PLACE_LINK
                            : has_password ? MAIL_PLACE_REGISTRATION_PASSWORD
                                           : MAIL_PLACE_REGISTRATION;

    return mail_take_place(db, place, a->email_key, known ? holder->is_enabled : pending, ret_may);
}

static enum err registration_create_tx(struct db *db, void *arg)
{
    const struct registration_asking *a = arg;
    struct registration_mailed mailed = registration_mailed_new();
    bool has_password = a->new->password_hash != NULL, may, is_mailed = false;
    struct email_holder holder;

    enum err e = registration_begin(db, a, has_password, &may, &holder);
    if (e != OK || !may)
        return e;
    e = registration_take_place(db, a, &holder, true, has_password, &is_mailed);
    if (e == OK)
        e = registration_insert(db, a, !uuid_is_none(&holder.user_id) || !is_mailed, &mailed);
    return e == OK ? registration_mail(db, a, &holder, &mailed, is_mailed) : e;
}

/* Without a registration there is a mail all the same, about one that is not there: the worker drops it. */
static enum err registration_resend_tx(struct db *db, void *arg)
{
    const struct registration_asking *a = arg;
    struct registration_mailed mailed = registration_mailed_new();
    bool pending, may = false, is_mailed = false;
    struct email_holder holder;

    enum err e = db_row(db, &registration_sqls[REGISTRATION_NEWEST],
                        DB_ARGS(db_str(a->email_key), db_i64(clock_now_us())), a->arena, &mailed);
    pending = e == OK;
    if (e == OK || e == ERR_NOT_FOUND)
        e = registration_begin(db, a, mailed.has_password != 0, &may, &holder);
    if (e != OK || !may)
        return e;
    e = registration_take_place(db, a, &holder, pending, mailed.has_password != 0, &is_mailed);
    if (!is_mailed)
        mailed = registration_mailed_new();
    return e == OK ? registration_mail(db, a, &holder, &mailed, is_mailed) : e;
}

static enum err registration_ask(struct db *db, struct arena *arena, const struct registration_new *new,
                                 enum err (*fn)(struct db *db, void *arg))
{
    struct registration_asking a = {.arena = arena, .new = new};

    enum err e = user_email_key(new->email, arena, &a.email_key);
    return e == OK ? db_tx(db, fn, &a) : e;
}

enum err registration_create(struct db *db, struct arena *arena, const struct registration_new *registration)
{
    return registration_ask(db, arena, registration, registration_create_tx);
}

enum err registration_resend(struct db *db, struct arena *arena, struct str email, struct str request_id)
{
    const struct registration_new asked = {.email = email, .request_id = request_id};

    return registration_ask(db, arena, &asked, registration_resend_tx);
}

enum err registration_by_token(struct db *db, struct arena *arena, struct str token,
                               struct registration *ret_registration)
{
    struct uuid id;

    enum err e = token_look(db, arena, TOKEN_VERIFY_EMAIL, token, &id);
    if (e == OK)
        e = db_row(db, &registration_sqls[REGISTRATION_BY_ID], DB_ARGS(db_uuid(&id), db_i64(clock_now_us())), arena,
                   ret_registration);
    return e == ERR_NOT_FOUND ? ERR_TOKEN : e;
}

static enum err registration_drop(struct db *db, const struct uuid *id)
{
    enum err e = db_exec(db, &registration_sqls[REGISTRATION_DELETE], DB_ARGS(db_uuid(id)), NULL);

    return e == OK ? token_void(db, TOKEN_VERIFY_EMAIL, id) : e;
}

struct registration_try {
    const struct registration *registration;
    bool may;
};

static enum err registration_try_tx(struct db *db, void *arg)
{
    struct registration_try *t = arg;

    enum err e = db_change(db, &registration_sqls[REGISTRATION_TRY],
                           DB_ARGS(db_uuid(&t->registration->id), db_i64(REGISTRATION_TRIES_MAX)));
    t->may = e == OK;
    return e == ERR_CONFLICT ? registration_drop(db, &t->registration->id) : e;
}

enum err registration_count_try(struct db *db, const struct registration *registration)
{
    struct registration_try t = {.registration = registration};

    enum err e = db_tx(db, registration_try_tx, &t);
    if (e != OK) /* whoever asks does not mind whether it was counted */
        return e == ERR_OUTCOME_UNKNOWN ? ERR_DB_UNAVAILABLE : e;
    return t.may ? OK : ERR_TOKEN;
}

struct registration_confirmation {
    struct arena *arena;
    struct str token;
    const struct registration *registration;
    const char *hash;
    struct user *user;
};

static enum err registration_accept(struct db *db, const struct registration *r, const struct uuid *user_id)
{
    bool has = r->terms_version.p != NULL || r->policy_version.p != NULL;

    return has ? user_accept(db, user_id, r->terms_version, r->policy_version) : OK;
}

static enum err registration_make_user(struct db *db, const struct registration_confirmation *c)
{
    const struct registration *r = c->registration;
    struct uuid id;

    enum err e = user_create(db, c->arena, r->email, r->name, c->hash, &id);
    if (e == OK)
        e = registration_accept(db, r, &id);
    if (e == OK)
        e = activity_add(db, &(struct activity_new){.user_id = id, .what = ACTIVITY_REGISTERED});
    if (e == OK)
        e = user_profile(db, c->arena, &id, c->user);
    return e == ERR_DB_DUPLICATE ? ERR_TOKEN : e;
}

/* All rows of the address are locked first, in one order: of two links of the same address, the second waits here. */
static enum err registration_confirm_tx(struct db *db, void *arg)
{
    const struct registration_confirmation *c = arg;
    const struct registration *r = c->registration;
    struct uuid *ids, used;
    size_t n;

    enum err e = db_rows(db, &registration_sqls[REGISTRATION_LOCK_ALL], DB_ARGS(db_str(r->email_key), db_i64(ALL_MAX)),
                         c->arena, sizeof *ids, ALL_MAX, (void **)&ids, &n);
    if (e == OK)
        e = token_use(db, c->arena, TOKEN_VERIFY_EMAIL, c->token, &used);
    if (e == OK && !uuid_is_none(&r->invitation_id))
        e = invitation_use(db, &r->invitation_id, r->created_at_us);
    if (e == OK)
        e = registration_make_user(db, c);
    for (size_t i = 0; e == OK && i < n; i++)
        e = registration_drop(db, &ids[i]);
    return e == OK ? mail_give_place_back(db, r->email_key, r->created_at_us) : e;
}

enum err registration_confirm(struct db *db, struct arena *arena, struct str token,
                              const struct registration *registration, const char *hash, struct user *ret_user)
{
    struct user user = {0};
    struct registration_confirmation c = {arena, token, registration, hash, &user};

    enum err e = db_tx(db, registration_confirm_tx, &c);
    if (e == OK)
        *ret_user = user;
    return e;
}

enum err registration_drop_all(struct db *db, struct arena *arena, struct str email)
{
    struct uuid *ids;
    struct str key;
    size_t n;

    enum err e = user_email_key(email, arena, &key);
    if (e == OK)
        e = db_rows(db, &registration_sqls[REGISTRATION_LOCK_ALL], DB_ARGS(db_str(key), db_i64(ALL_MAX)), arena,
                    sizeof *ids, ALL_MAX, (void **)&ids, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        e = registration_drop(db, &ids[i]);
    return e;
}

enum err registration_admit(struct db *db, struct arena *arena, struct str email, const char *hash,
                            struct uuid *ret_user_id)
{
    int64_t now = clock_now_us();
    struct registration_mailed newest;
    struct registration r = {0};
    struct str key;

    enum err e = user_email_key(email, arena, &key);
    if (e == OK)
        e = db_row(db, &registration_sqls[REGISTRATION_NEWEST], DB_ARGS(db_str(key), db_i64(now)), arena, &newest);
    if (e == OK)
        e = db_row(db, &registration_sqls[REGISTRATION_BY_ID], DB_ARGS(db_uuid(&newest.id), db_i64(now)), arena, &r);
    if (e == OK)
        e = registration_drop_all(db, arena, email);
    if (e == OK)
        e = user_create(db, arena, r.email, r.name, hash, ret_user_id);
    return e == OK ? registration_accept(db, &r, ret_user_id) : e;
}

static const struct db_col registration_cols[] = {
    DB_COL(struct registration, id, UUID),           DB_COL(struct registration, email_key, STR),
    DB_COL(struct registration, email, STR),         DB_COL(struct registration, name, STR),
    DB_COL(struct registration, password_hash, STR), DB_COL(struct registration, invitation_id, UUID),
    DB_COL(struct registration, terms_version, STR), DB_COL(struct registration, policy_version, STR),
    DB_COL(struct registration, created_at_us, I64), DB_END,
};

static const struct db_col registration_mailed_cols[] = {
    DB_COL(struct registration_mailed, id, UUID),
    DB_COL(struct registration_mailed, expires_at_us, I64),
    DB_COL(struct registration_mailed, has_password, I64),
    DB_END,
};

static const struct sql registration_sqls[] = {
    [REGISTRATION_INSERT] = {.text = "INSERT INTO registrations (id, email_key, email, name, password_hash,"
                                     " invitation_id, terms_version, policy_version, created_at_us, expires_at_us)"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                             .in = "ussssussii"},
    [REGISTRATION_BY_ID] = {.text = "SELECT id, email_key, email, name, password_hash, invitation_id, terms_version,"
                                    " policy_version, created_at_us FROM registrations WHERE id = ?"
                                    " AND expires_at_us > ?",
                            .in = "ui",
                            .cols = registration_cols},
    [REGISTRATION_NEWEST] = {.text = "SELECT id, expires_at_us, password_hash IS NOT NULL FROM registrations"
                                     " WHERE email_key = ? AND expires_at_us > ?"
                                     " ORDER BY password_hash IS NOT NULL, id DESC LIMIT 1",
                             .in = "si",
                             .cols = registration_mailed_cols},
    [REGISTRATION_LOCK_ALL] = {.text = "SELECT id FROM registrations WHERE email_key = ? ORDER BY id LIMIT ?"
                                       " FOR UPDATE",
                               .in = "si",
                               .cols = db_uuid_cols},
    [REGISTRATION_TRY] = {.text = "UPDATE registrations SET tries = tries + 1 WHERE id = ? AND tries < ?", .in = "ui"},
    [REGISTRATION_DELETE] = {.text = "DELETE FROM registrations WHERE id = ?", .in = "u"},
};
