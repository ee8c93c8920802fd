#include "model/mail/notice.h"

#include "model/job/job.h"
#include "model/mail/outbox.h"
#include "model/user/activity.h"
#include "model/user/user.h"

enum { NOTICE_ADD, NOTICE_OFF, NOTICE_LOCK, NOTICE_SET, NOTICE_OF_MAIL, NOTICE_WANTED, NOTICE_WANTED_LOCK };
static const struct sql notice_sqls[];

/* A SET as a number has a bit for each of its members, and NOTICE_NONE is none of them. */
static int64_t notice_bit(enum notice kind)
{
    return INT64_C(1) << (kind - 1);
}

enum err notice_add_many(struct db *db, const struct notice_new *notices, size_t n)
{
    struct job_new jobs[DB_MANY_MAX];
    struct db_many many = {.n = 0};
    int64_t now = clock_now_us();

    ASSERT(n <= DB_MANY_MAX);
    for (size_t i = 0; i < n; i++) {
        const struct notice_new *v = &notices[i];
        ASSERT(v->kind != NOTICE_NONE && v->kind < NOTICE__MAX);
        db_many_add(
            &many, DB_ARGS(db_uuid(&v->user_id), db_cstr(notice_names[v->kind]), db_uuid(&v->subject_id), db_i64(now)));
        jobs[i] = (struct job_new){.kind = NOTICES_JOB,
                                   .subject_id = v->user_id,
                                   .user_id = v->user_id,
                                   .run_at_us = now + NOTICE_GATHER_US,
                                   .request_id = v->request_id};
    }
    db_many_sort(&many, 2);
    enum err e = db_exec_many(db, &notice_sqls[NOTICE_ADD], &many);
    return e == OK ? job_add_many(db, JOB_MAIL, jobs, n) : e;
}

enum err notice_add(struct db *db, const struct notice_new *notice)
{
    return notice_add_many(db, notice, 1);
}

static void notice_shape(int64_t off, struct notices *ret)
{
    *ret = (struct notices){.on = {false}};
    for (enum notice kind = NOTICE_NONE + 1; kind < NOTICE__MAX; kind++)
        ret->on[kind] = (off & notice_bit(kind)) == 0;
}

enum err notices_read(struct db *db, const struct uuid *user_id, struct notices *ret_notices)
{
    int64_t off;

    enum err e = db_number(db, &notice_sqls[NOTICE_OFF], DB_ARGS(db_uuid(user_id)), &off);
    if (e == OK)
        notice_shape(off, ret_notices);
    return e;
}

struct notice_user {
    int state;
    int64_t off, undeliverable_at_us;
};

enum err notices_wanted(struct db *db, struct arena *arena, const struct uuid *user_id, bool lock,
                        struct notices *ret_notices, bool *ret_reached)
{
    struct notice_user user = {.state = USER_DISABLED};
    struct notices wanted = {.on = {false}};

    enum err e =
        db_row(db, &notice_sqls[lock ? NOTICE_WANTED_LOCK : NOTICE_WANTED], DB_ARGS(db_uuid(user_id)), arena, &user);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    if (e == OK)
        notice_shape(user.off, &wanted);
    *ret_notices = wanted;
    *ret_reached = user.state == USER_ACTIVE && user.undeliverable_at_us == 0;
    return OK;
}

struct notice_changing {
    const struct uuid *user_id;
    const struct notices_change *change;
    struct notices made;
};

static int64_t notice_off_after(const struct notices_change *change, int64_t off)
{
    for (enum notice kind = NOTICE_NONE + 1; kind < NOTICE__MAX; kind++)
        if (change->given[kind])
            off = change->to.on[kind] ? off & ~notice_bit(kind) : off | notice_bit(kind);
    return off;
}

static enum err notice_change_tx(struct db *db, void *arg)
{
    struct notice_changing *c = arg;
    int64_t off;

    enum err e = db_number(db, &notice_sqls[NOTICE_LOCK], DB_ARGS(db_uuid(c->user_id)), &off);
    if (e != OK)
        return e;
    int64_t after = notice_off_after(c->change, off);
    notice_shape(after, &c->made);
    if (after == off)
        return OK;
    e = db_change(db, &notice_sqls[NOTICE_SET], DB_ARGS(db_i64(after), db_i64(clock_now_us()), db_uuid(c->user_id)));
    return e == OK ? activity_add(db, &(struct activity_new){.user_id = *c->user_id,
                                                             .what = ACTIVITY_NOTICES_CHANGED,
                                                             .is_minor = true})
                   : e;
}

enum err notices_change(struct db *db, const struct uuid *user_id, const struct notices_change *change,
                        struct notices *ret_notices)
{
    struct notice_changing c = {.user_id = user_id, .change = change};

    enum err e = db_tx(db, notice_change_tx, &c);
    if (e == OK)
        *ret_notices = c.made;
    return e;
}

struct notice_mail {
    struct uuid user_id;
    struct str template;
};

static enum notice notice_of_template(struct str template)
{
    for (size_t i = 0; i < MAIL__MAX; i++)
        if (str_eqc(template, mail_kinds[i].name))
            return mail_kinds[i].notice;
    return NOTICE_NONE;
}

enum err notices_unsubscribe(struct db *db, struct arena *arena, struct str token, enum notice *ret_kind)
{
    struct notices_change change = {.given = {false}};
    struct notice_mail mail = {.template = {0}};
    struct notices after;
    struct uuid mail_id;

    enum err e = token_look(db, arena, TOKEN_UNSUBSCRIBE, token, &mail_id);
    if (e == OK)
        e = db_row(db, &notice_sqls[NOTICE_OF_MAIL], DB_ARGS(db_uuid(&mail_id)), arena, &mail);
    enum notice kind = e == OK ? notice_of_template(mail.template) : NOTICE_NONE;
    if (e == ERR_NOT_FOUND || (e == OK && kind == NOTICE_NONE))
        return ERR_TOKEN;
    change.given[kind] = true;
    if (e == OK)
        e = notices_change(db, &mail.user_id, &change, &after);
    if (e == OK)
        *ret_kind = kind;
    return e == ERR_NOT_FOUND ? ERR_TOKEN : e;
}

const char *const notice_names[] = {
    "",
#define NOTICE(name, text, help) text,
#include "model/mail/notice.def"
#undef NOTICE
    NULL,
};

static const struct db_col notice_mail_cols[] = {DB_COL(struct notice_mail, user_id, UUID),
                                                 DB_COL(struct notice_mail, template, STR), DB_END};

static const struct db_col notice_user_cols[] = {DB_COL_ENUM(struct notice_user, state, user_state_names),
                                                 DB_COL(struct notice_user, off, I64),
                                                 DB_COL(struct notice_user, undeliverable_at_us, I64), DB_END};

#define WANTED "SELECT state, CAST(notices_off AS UNSIGNED), undeliverable_at_us FROM users WHERE id = ?"

static const struct sql notice_sqls[] = {
    /* IGNORE: what is due already is told of once. */
    [NOTICE_ADD] = {.text = "INSERT IGNORE INTO notices_due (user_id, kind, subject_id, at_us) VALUES (?, ?, ?, ?)",
                    .in = "usui"},
    [NOTICE_OFF] = {.text = "SELECT CAST(notices_off AS UNSIGNED) FROM users WHERE id = ?",
                    .in = "u",
                    .cols = db_number_cols},
    [NOTICE_LOCK] = {.text = "SELECT CAST(notices_off AS UNSIGNED) FROM users WHERE id = ? FOR UPDATE",
                     .in = "u",
                     .cols = db_number_cols},
    [NOTICE_SET] = {.text = "UPDATE users SET notices_off = ?, updated_at_us = ? WHERE id = ?", .in = "iiu"},
    [NOTICE_OF_MAIL] = {.text = "SELECT user_id, template FROM mail_outbox WHERE id = ?",
                        .in = "u",
                        .cols = notice_mail_cols},
    [NOTICE_WANTED] = {.text = WANTED, .in = "u", .cols = notice_user_cols},
    [NOTICE_WANTED_LOCK] = {.text = WANTED " LOCK IN SHARE MODE", .in = "u", .cols = notice_user_cols},
};
