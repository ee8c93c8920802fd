#include "model/mail/bounced.h"

#include "base/clock.h"
#include "model/mail/outbox.h"
#include "model/mail/reply.h"
#include "model/user/activity.h"
#include "model/user/user.h"

enum { BOUNCED_MAIL, BOUNCED_MOVED, BOUNCED_NOTE, BOUNCED_MARK, BOUNCED_UNMARK };
static const struct sql bounced_sqls[];

struct bounced_mail {
    struct uuid user_id;
    struct str template;
    int64_t created_at_us;
};

struct bounced {
    struct arena *arena;
    const struct uuid *mail_id;
    struct str why;
    bool of_address, marked;
};

/* Whether the user's address is another one since the mail was made: then what came back says nothing about this one. */
static enum err bounced_has_moved(struct db *db, const struct bounced_mail *mail, bool *ret_moved)
{
    struct uuid since = uuid_floor(mail->created_at_us);
    int64_t one;

    enum err e =
        db_number(db, &bounced_sqls[BOUNCED_MOVED],
                  DB_ARGS(db_uuid(&mail->user_id), db_uuid(&since), db_cstr(activity_names[ACTIVITY_EMAIL_CHANGED]),
                          db_cstr(activity_names[ACTIVITY_EMAIL_CHANGE_UNDONE])),
                  &one);
    *ret_moved = e == OK;
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err mail_mark_address(struct db *db, struct arena *arena, const struct uuid *mail_id, bool *ret_marked)
{
    struct bounced_mail mail = {.template = {0}};
    bool moved = true;

    enum err e = db_row(db, &bounced_sqls[BOUNCED_MAIL], DB_ARGS(db_uuid(mail_id)), arena, &mail);
    if (e == OK && !uuid_is_none(&mail.user_id) && mail_goes_to_user(mail.template)) {
        e = user_lock_any(db, &mail.user_id);
        if (e == OK)
            e = bounced_has_moved(db, &mail, &moved);
    }
    if (e == OK && !moved)
        e = db_change(db, &bounced_sqls[BOUNCED_MARK], DB_ARGS(db_i64(clock_now_us()), db_uuid(&mail.user_id)));
    if (e == OK)
        *ret_marked = !moved;
    return e;
}

/* The user first, then the mail: the order of locks. */
static enum err bounced_tx(struct db *db, void *arg)
{
    struct bounced *b = arg;

    b->marked = false;
    enum err e = b->of_address ? mail_mark_address(db, b->arena, b->mail_id, &b->marked) : OK;
    if (e == OK)
        e = db_change(db, &bounced_sqls[BOUNCED_NOTE],
                      DB_ARGS(db_i64(clock_now_us()), db_str(b->why), db_uuid(b->mail_id)));
    return e == ERR_CONFLICT ? ERR_NOT_FOUND : e;
}

enum err mail_bounced(struct db *db, struct arena *arena, const struct uuid *mail_id, struct str why, bool of_address,
                      bool *ret_marked)
{
    struct bounced b = {.arena = arena, .mail_id = mail_id, .why = mail_reply(arena, why), .of_address = of_address};
    enum err e = db_tx(db, bounced_tx, &b);

    if (e == OK)
        *ret_marked = b.marked;
    return e;
}

enum err mail_arrived(struct db *db, const struct uuid *user_id, bool *ret_was)
{
    uint64_t n = 0;

    enum err e = db_exec(db, &bounced_sqls[BOUNCED_UNMARK], DB_ARGS(db_uuid(user_id)), &n);
    if (e == OK && ret_was != NULL)
        *ret_was = n > 0;
    return e;
}

static const struct db_col bounced_mail_cols[] = {DB_COL(struct bounced_mail, user_id, UUID),
                                                  DB_COL(struct bounced_mail, template, STR),
                                                  DB_COL(struct bounced_mail, created_at_us, I64), DB_END};

static const struct sql bounced_sqls[] = {
    [BOUNCED_MAIL] = {.text = "SELECT user_id, template, created_at_us FROM mail_outbox WHERE id = ?",
                      .in = "u",
                      .cols = bounced_mail_cols},
    [BOUNCED_MOVED] = {.text = "SELECT 1 FROM activity WHERE user_id = ? AND id > ? AND what IN (?, ?) LIMIT 1",
                       .in = "uuss",
                       .cols = db_number_cols},
    [BOUNCED_NOTE] = {.text =
                          "UPDATE mail_outbox SET bounced_at_us = COALESCE(bounced_at_us, ?), reply = ? WHERE id = ?",
                      .in = "isu"},
    [BOUNCED_MARK] = {.text = "UPDATE users SET undeliverable_at_us = COALESCE(undeliverable_at_us, ?) WHERE id = ?",
                      .in = "iu"},
    [BOUNCED_UNMARK] = {.text = "UPDATE users SET undeliverable_at_us = NULL WHERE id = ?"
                                " AND undeliverable_at_us IS NOT NULL",
                        .in = "u"},
};
