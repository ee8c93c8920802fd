#include "model/user/user_admin.h"

#include "model/mail/bounced.h"
#include "model/mail/outbox.h"
#include "model/user/activity.h"
#include "model/user/password_change.h"
#include "model/user/registration.h"
#include "model/user/session_others.h"

enum { USER_ADMIN_LIST, USER_ADMIN_LIST_IN, USER_ADMIN_POSTS };
static const struct sql user_admin_sqls[];

/* about: which verb, of those that only look. */
static enum err user_admin_note(struct db *db, const struct uuid *id, enum activity_what what, const char *about)
{
    return activity_add(
        db, &(struct activity_new){.user_id = *id, .what = what, .by = ACTIVITY_BY_ADMIN, .about = str_from(about)});
}

/* What the mail says that was done. */
#define PASSWORD_WHY \
    "Your password is another one now, which they hand over to you, and all your sessions have ended. API keys go on " \
    "working."
#define TOTP_WHY "Signing in needs no code any more, and all your sessions have ended. API keys go on working."

static enum err user_admin_mail(struct db *db, const struct uuid *id, struct str why)
{
    const struct mail_params params = {.why = why, .at_us = clock_now_us()};

    return mail_add(db, &(struct mail_new){.template = MAIL_RESET_BY_ADMIN, .user_id = *id, .params = &params});
}

enum err user_admin_find(struct db *db, struct arena *arena, struct str who, struct user *ret_user)
{
    struct uuid id;

    return uuid_parse(who, &id) ? user_by_id(db, arena, &id, ret_user) : user_by_email(db, arena, who, ret_user);
}

struct user_admin_creation {
    struct arena *arena;
    struct str email, name;
    const char *hash;
    struct uuid id;
};

static enum err user_admin_create_tx(struct db *db, void *arg)
{
    struct user_admin_creation *c = arg;

    enum err e = registration_drop_all(db, c->arena, c->email);
    if (e == OK)
        e = user_create(db, c->arena, c->email, c->name, c->hash, &c->id);
    return e == OK ? user_admin_note(db, &c->id, ACTIVITY_ADMIN_CREATED, NULL) : e;
}

enum err user_admin_create(struct db *db, struct arena *arena, struct str email, struct str name, const char *hash,
                           struct uuid *ret_id)
{
    struct user_admin_creation c = {.arena = arena, .email = email, .name = name, .hash = hash};
    enum err e = db_tx(db, user_admin_create_tx, &c);

    if (e == OK)
        *ret_id = c.id;
    return e;
}

static enum err user_admin_verify_tx(struct db *db, void *arg)
{
    struct user_admin_creation *c = arg;
    enum err e = registration_admit(db, c->arena, c->email, c->hash, &c->id);

    return e == OK ? user_admin_note(db, &c->id, ACTIVITY_ADMIN_VERIFIED, NULL) : e;
}

enum err user_admin_verify(struct db *db, struct arena *arena, struct str email, const char *hash, struct uuid *ret_id)
{
    struct user_admin_creation c = {.arena = arena, .email = email, .hash = hash};
    enum err e = db_tx(db, user_admin_verify_tx, &c);

    if (e == OK)
        *ret_id = c.id;
    return e;
}

struct user_admin_listing {
    struct arena *arena;
    const struct user_admin_filter *filter;
    struct str after, begins, upto; /* as addresses are compared; upto: after all that begin so */
    struct user *users;
    size_t n;
};

static enum err user_admin_list_tx(struct db *db, void *arg)
{
    struct user_admin_listing *l = arg;
    const struct user_admin_filter *f = l->filter;
    struct db_arg max = db_i64((int64_t)f->max);
    void *rows;

    enum err e = f->state == NULL ? db_rows(db, &user_admin_sqls[USER_ADMIN_LIST],
                                            DB_ARGS(db_str(l->after), db_str(l->begins), db_str(l->upto), max),
                                            l->arena, sizeof *l->users, f->max, &rows, &l->n)
                                  : db_rows(db, &user_admin_sqls[USER_ADMIN_LIST_IN],
                                            DB_ARGS(db_cstr(user_state_names[*f->state]), db_str(l->after),
                                                    db_str(l->begins), db_str(l->upto), max),
                                            l->arena, sizeof *l->users, f->max, &rows, &l->n);
    if (e == OK)
        l->users = rows;
    for (size_t i = 0; i < l->n && e == OK; i++)
        e = user_admin_note(db, &l->users[i].id, ACTIVITY_ADMIN_READ, "list");
    return e;
}

enum err user_admin_list(struct db *db, struct arena *arena, const struct user_admin_filter *filter,
                         struct user **ret_users, size_t *ret_n)
{
    struct user_admin_listing l = {.arena = arena, .filter = filter, .after = STR("")};
    enum err e = filter->after.p == NULL ? OK : user_email_key(filter->after, arena, &l.after);

    ASSERT(filter->max <= USER_ADMIN_LIST_MAX);
    if (e != OK)
        return e;
    l.begins = arena_lower(arena, filter->begins);
    l.upto = arena_printf(arena, "%.*s\x7f", STR_FMT(l.begins)); /* no address has a control character */
    e = db_tx(db, user_admin_list_tx, &l);
    if (e != OK)
        return e;
    *ret_users = l.users;
    *ret_n = l.n;
    return OK;
}

struct user_admin_showing {
    struct arena *arena;
    const struct conf *conf;
    const struct uuid *id;
    struct user_admin_shown shown;
};

/* Live ones, then test ones. */
static enum err user_admin_read_accounts(struct db *db, struct user_admin_showing *s)
{
    struct account *live, *test;
    size_t live_n, test_n;

    enum err e = account_list(db, s->arena, s->id, MODE_LIVE, &UUID_LAST, USER_ADMIN_SHOWN_MAX, &live, &live_n);
    if (e == OK)
        e = account_list(db, s->arena, s->id, MODE_TEST, &UUID_LAST, USER_ADMIN_SHOWN_MAX, &test, &test_n);
    if (e != OK)
        return e;
    s->shown.accounts = arena_array(s->arena, live_n + test_n, sizeof *live);
    s->shown.accounts_n = live_n + test_n;
    for (size_t i = 0; i < s->shown.accounts_n; i++)
        s->shown.accounts[i] = i < live_n ? live[i] : test[i - live_n];
    return OK;
}

static enum err user_admin_show_tx(struct db *db, void *arg)
{
    struct user_admin_showing *s = arg;
    struct user_admin_shown *shown = &s->shown;
    void *rows;

    enum err e = user_by_id(db, s->arena, s->id, &shown->user);
    if (e == OK)
        e = caps_used(db, s->arena, s->conf, s->id, shown->caps);
    if (e == OK)
        e = db_rows(db, &user_admin_sqls[USER_ADMIN_POSTS], DB_ARGS(db_uuid(s->id)), s->arena, sizeof *shown->posts,
                    POST_STATE__MAX, &rows, &shown->posts_n);
    if (e == OK) {
        shown->posts = rows;
        e = key_list(db, s->arena, s->id, &UUID_LAST, USER_ADMIN_SHOWN_MAX, &shown->keys, &shown->keys_n);
    }
    if (e == OK)
        e = user_admin_read_accounts(db, s);
    if (e == OK)
        e = second_factor_read(db, s->arena, s->id, &shown->factor);
    return e == OK ? user_admin_note(db, s->id, ACTIVITY_ADMIN_READ, "show") : e;
}

enum err user_admin_show(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *id,
                         struct user_admin_shown *ret_shown)
{
    struct user_admin_showing s = {.arena = arena, .conf = conf, .id = id};
    enum err e = db_tx(db, user_admin_show_tx, &s);

    if (e == OK)
        *ret_shown = s.shown;
    return e;
}

struct user_admin_visit {
    struct arena *arena;
    const struct conf *conf;
    const struct uuid *id;
    bool end, was;
    const char *hash; /* of the new password */
    struct session *sessions;
    size_t n;
};

/* While the user is locked no session is added. */
static enum err user_admin_sessions_tx(struct db *db, void *arg)
{
    struct user_admin_visit *v = arg;

    enum err e = user_lock_any(db, v->id);
    if (e == OK)
        e = session_list(db, v->arena, v->conf, v->id, &UUID_LAST, USER_ADMIN_LIST_MAX, &v->sessions, &v->n);
    if (e != OK)
        return e;
    if (!v->end)
        return user_admin_note(db, v->id, ACTIVITY_ADMIN_READ, "sessions");
    e = session_end_others(db, v->arena, v->id, &UUID_NONE);
    return e == OK ? user_admin_note(db, v->id, ACTIVITY_ADMIN_ENDED_SESSIONS, NULL) : e;
}

enum err user_admin_sessions(struct db *db, struct arena *arena, const struct conf *conf, const struct uuid *id,
                             bool end, struct session **ret_sessions, size_t *ret_n)
{
    struct user_admin_visit v = {.arena = arena, .conf = conf, .id = id, .end = end};
    enum err e = db_tx(db, user_admin_sessions_tx, &v);

    if (e != OK)
        return e;
    *ret_sessions = v.sessions;
    *ret_n = v.n;
    return OK;
}

static enum err user_admin_reset_password_tx(struct db *db, void *arg)
{
    const struct user_admin_visit *v = arg;

    enum err e = user_lock_any(db, v->id);
    if (e == OK)
        e = password_put(db, v->id, v->hash);
    if (e == OK)
        e = session_end_others(db, v->arena, v->id, &UUID_NONE);
    if (e == OK)
        e = user_admin_note(db, v->id, ACTIVITY_ADMIN_RESET_PASSWORD, NULL);
    return e == OK ? user_admin_mail(db, v->id, STR(PASSWORD_WHY)) : e;
}

enum err user_admin_reset_password(struct db *db, struct arena *arena, const struct uuid *id, const char *hash)
{
    struct user_admin_visit v = {.arena = arena, .id = id, .hash = hash};

    return db_tx(db, user_admin_reset_password_tx, &v);
}

static enum err user_admin_deliverable_tx(struct db *db, void *arg)
{
    struct user_admin_visit *v = arg;

    enum err e = user_lock_any(db, v->id);
    if (e == OK)
        e = mail_arrived(db, v->id, &v->was);
    return e == OK && v->was ? user_admin_note(db, v->id, ACTIVITY_ADMIN_SET_DELIVERABLE, NULL) : e;
}

enum err user_admin_deliverable(struct db *db, struct arena *arena, const struct uuid *id, bool *ret_was)
{
    struct user_admin_visit v = {.arena = arena, .id = id};
    enum err e = db_tx(db, user_admin_deliverable_tx, &v);

    if (e == OK)
        *ret_was = v.was;
    return e;
}

static enum err user_admin_reset_totp_tx(struct db *db, void *arg)
{
    const struct user_admin_visit *v = arg;
    bool was_on = false;

    enum err e = user_lock_any(db, v->id);
    if (e == OK)
        e = second_factor_remove(db, v->arena, v->id, &was_on);
    if (e != OK || !was_on)
        return e != OK ? e : ERR_TOTP_OFF;
    e = session_end_others(db, v->arena, v->id, &UUID_NONE);
    if (e == OK)
        e = user_admin_note(db, v->id, ACTIVITY_ADMIN_RESET_TOTP, NULL);
    return e == OK ? user_admin_mail(db, v->id, STR(TOTP_WHY)) : e;
}

enum err user_admin_reset_totp(struct db *db, struct arena *arena, const struct uuid *id)
{
    struct user_admin_visit v = {.arena = arena, .id = id};

    return db_tx(db, user_admin_reset_totp_tx, &v);
}

static const struct db_col user_admin_user_cols[] = {
    DB_COL(struct user, id, UUID),           DB_COL(struct user, email, STR),
    DB_COL(struct user, name, STR),          DB_COL_ENUM(struct user, state, user_state_names),
    DB_COL(struct user, created_at_us, I64), DB_END};

static const struct db_col user_admin_count_cols[] = {DB_COL_ENUM(struct user_admin_count, state, post_state_names),
                                                      DB_COL(struct user_admin_count, n, I64), DB_END};

#define USER_ADMIN_COLS "id, email, name, state, created_at_us"

static const struct sql user_admin_sqls[] = {
    [USER_ADMIN_LIST] = {.text = "SELECT " USER_ADMIN_COLS " FROM users WHERE email_key > ? AND email_key >= ?"
                                 " AND email_key < ? ORDER BY email_key LIMIT ?",
                         .in = "sssi",
                         .cols = user_admin_user_cols},
    [USER_ADMIN_LIST_IN] = {.text =
                                "SELECT " USER_ADMIN_COLS " FROM users FORCE INDEX (by_state) WHERE state = ?"
                                " AND email_key > ? AND email_key >= ? AND email_key < ? ORDER BY email_key LIMIT ?",
                            .in = "ssssi",
                            .cols = user_admin_user_cols},
    /* That index has those of a user that have not ended: no more than the cap of posts under way. */
    [USER_ADMIN_POSTS] = {.text = "SELECT state, COUNT(*) FROM posts FORCE INDEX (by_user_ended) WHERE user_id = ?"
                                  " AND ended_at_us IS NULL GROUP BY state ORDER BY state",
                          .in = "u",
                          .cols = user_admin_count_cols},
};
