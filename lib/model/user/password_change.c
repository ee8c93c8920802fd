#include "model/user/password_change.h"

#include "model/mail/allowance.h"
#include "model/mail/bounced.h"
#include "model/user/activity.h"
#include "model/user/email_holder.h"
#include "model/user/session_others.h"
#include "model/user/user.h"

enum { PASSWORD_HELD, PASSWORD_SET };
static const struct sql password_sqls[];

static enum err password_end_links(struct db *db, const struct uuid *user_id, enum token_purpose purpose)
{
    enum err e = token_void(db, purpose, user_id);

    return e == OK ? mail_drop_links(db, user_id, purpose) : e;
}

static enum err password_set(struct db *db, const struct uuid *user_id, const char *hash)
{
    enum err e =
        db_change(db, &password_sqls[PASSWORD_SET], DB_ARGS(db_cstr(hash), db_i64(clock_now_us()), db_uuid(user_id)));

    return e == OK ? password_end_links(db, user_id, TOKEN_RESET_PASSWORD) : e;
}

enum err password_put(struct db *db, const struct uuid *user_id, const char *hash)
{
    enum err e = password_set(db, user_id, hash);

    return e == OK ? password_end_links(db, user_id, TOKEN_UNDO_PASSWORD) : e;
}

/* What every change of the password is followed by. */
static enum err password_note(struct db *db, const struct uuid *user_id, enum activity_what what, struct str request_id)
{
    struct mail_params params = {.at_us = clock_now_us()};

    enum err e = activity_add(db, &(struct activity_new){.user_id = *user_id, .what = what});
    if (e != OK)
        return e;
    return mail_add(
        db, &(struct mail_new){
                .template = MAIL_PASSWORD_CHANGED, .user_id = *user_id, .params = &params, .request_id = request_id});
}

struct password_changing {
    struct arena *arena;
    const struct password_change *change;
    struct str token;
};

/* The user is locked: of two that knew the same old password, the second finds another one. */
static enum err password_check_held(struct db *db, const struct password_change *change)
{
    int64_t one;
    enum err e = db_number(db, &password_sqls[PASSWORD_HELD],
                           DB_ARGS(db_uuid(&change->user_id), db_str(change->old_hash)), &one);

    return e == ERR_NOT_FOUND ? ERR_CONFLICT : e;
}

static enum err password_change_tx(struct db *db, void *arg)
{
    struct password_changing *p = arg;
    const struct password_change *change = p->change;

    enum err e = user_lock(db, p->arena, &change->user_id);
    if (e == OK)
        e = password_check_held(db, change);
    if (e == OK)
        e = password_set(db, &change->user_id, change->new_hash);
    if (e == OK)
        e = session_change_token(db, p->arena, &change->session_id, &p->token);
    if (e == OK)
        e = session_end_others(db, p->arena, &change->user_id, &change->session_id);
    if (e == OK)
        e = password_note(db, &change->user_id, ACTIVITY_PASSWORD_CHANGED, change->request_id);
    return e == ERR_NOT_FOUND ? ERR_ACCOUNT_DISABLED : e;
}

enum err password_change(struct db *db, struct arena *arena, const struct password_change *change,
                         struct str *ret_session_token)
{
    struct password_changing p = {.arena = arena, .change = change};
    enum err e = db_tx(db, password_change_tx, &p);

    if (e == OK)
        *ret_session_token = p.token;
    return e;
}

struct password_forgetting {
    struct arena *arena;
    struct str email_key, request_id;
};

static enum err password_forgotten_tx(struct db *db, void *arg)
{
    const struct password_forgetting *f = arg;
    bool may, is_mailed = false;
    struct email_holder holder;

    enum err e = mail_take_allowance(db, MAIL_WISH_RESET, f->email_key, &may);
    if (e == OK)
        e = email_holder_find(db, f->arena, f->email_key, &holder);
    if (e != OK || !may)
        return e;
    e = mail_take_place(db, MAIL_PLACE_LINK, f->email_key, email_holder_is_there(&holder), &is_mailed);
    return e == OK ? email_holder_tell(db, &holder, MAIL_RESET_PASSWORD, is_mailed, f->request_id) : e;
}

enum err password_forgotten(struct db *db, struct arena *arena, struct str email, struct str request_id)
{
    struct password_forgetting f = {.arena = arena, .request_id = request_id};
    enum err e = user_email_key(email, arena, &f.email_key);

    return e == OK ? db_tx(db, password_forgotten_tx, &f) : e;
}

struct password_asking_again {
    struct arena *arena;
    struct str token, request_id;
};

static enum err password_forgotten_again_tx(struct db *db, void *arg)
{
    const struct password_asking_again *a = arg;
    struct user user = {0};
    struct str email_key;
    struct uuid id;
    bool may;

    enum err e = token_look_late(db, a->arena, TOKEN_RESET_PASSWORD, a->token, &id);
    if (e == OK)
        e = user_by_id(db, a->arena, &id, &user);
    if (e == OK && user.state == USER_DISABLED)
        e = ERR_NOT_FOUND;
    if (e == OK)
        e = user_email_key(user.email, a->arena, &email_key);
    if (e == OK)
        e = mail_take_allowance(db, MAIL_WISH_RESET_AGAIN, email_key, &may);
    if (e == OK) /* an erasure may have taken them since */
        e = user_lock_any(db, &id);
    if (e != OK)
        return e == ERR_NOT_FOUND ? ERR_TOKEN : e;
    return may ? mail_add(
                     db,
                     &(struct mail_new){.template = MAIL_RESET_PASSWORD, .user_id = id, .request_id = a->request_id})
               : ERR_ADDRESS_MAILS;
}

enum err password_forgotten_again(struct db *db, struct arena *arena, struct str token, struct str request_id,
                                  int64_t *ret_wait_us)
{
    struct password_asking_again a = {.arena = arena, .token = token, .request_id = request_id};
    enum err e = db_tx(db, password_forgotten_again_tx, &a);

    if (e == ERR_ADDRESS_MAILS)
        *ret_wait_us = US_PER_DAY - clock_now_us() % US_PER_DAY;
    return e;
}

struct password_resetting {
    struct arena *arena;
    struct str token;
    const char *hash;
    struct str request_id;
    struct uuid user_id;
};

static enum err password_find_link(struct db *db, struct arena *arena, struct str token,
                                   enum token_purpose *ret_purpose, struct uuid *ret_user_id)
{
    static const enum token_purpose purposes[] = {TOKEN_RESET_PASSWORD, TOKEN_UNDO_PASSWORD};
    enum err e = ERR_TOKEN;

    for (size_t i = 0; e == ERR_TOKEN && i < ARRAY_LEN(purposes); i++) {
        *ret_purpose = purposes[i];
        e = token_look(db, arena, purposes[i], token, ret_user_id);
    }
    return e;
}

enum err password_look_link(struct db *db, struct arena *arena, struct str token, struct uuid *ret_user_id)
{
    enum token_purpose purpose;

    return password_find_link(db, arena, token, &purpose, ret_user_id);
}

/* One to undo a change went to the address of then, and says nothing of mail to that of now. */
static enum err password_reset_tx(struct db *db, void *arg)
{
    struct password_resetting *r = arg;
    enum token_purpose purpose;

    enum err e = password_find_link(db, r->arena, r->token, &purpose, &r->user_id);
    if (e == OK)
        e = user_lock_enabled(db, r->arena, &r->user_id);
    if (e == OK)
        e = token_use(db, r->arena, purpose, r->token, &r->user_id);
    if (e == OK)
        e = password_put(db, &r->user_id, r->hash);
    if (e == OK && purpose == TOKEN_RESET_PASSWORD)
        e = mail_arrived(db, &r->user_id, NULL);
    if (e == OK)
        e = session_end_others(db, r->arena, &r->user_id, &UUID_NONE);
    if (e == OK)
        e = password_note(db, &r->user_id, ACTIVITY_PASSWORD_RESET, r->request_id);
    return e == ERR_NOT_FOUND || e == ERR_ACCOUNT_DISABLED ? ERR_TOKEN : e;
}

enum err password_reset(struct db *db, struct arena *arena, struct str token, const char *hash, struct str request_id,
                        struct uuid *ret_user_id)
{
    struct password_resetting r = {.arena = arena, .token = token, .hash = hash, .request_id = request_id};
    enum err e = db_tx(db, password_reset_tx, &r);

    if (e == OK)
        *ret_user_id = r.user_id;
    return e;
}

static const struct sql password_sqls[] = {
    [PASSWORD_HELD] = {.text = "SELECT 1 FROM users WHERE id = ? AND password_hash = ?",
                       .in = "us",
                       .cols = db_number_cols},
    [PASSWORD_SET] = {.text = "UPDATE users SET password_hash = ?, updated_at_us = ? WHERE id = ?", .in = "siu"},
};
