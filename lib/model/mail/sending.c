#include "model/mail/sending.h"

#include "base/clock.h"
#include "json/json.h"
#include "model/job/job.h"
#include "model/mail/bounced.h"
#include "model/mail/params.h"
#include "model/mail/reply.h"
#include "model/user/activity.h"
#include "model/user/user.h"

#define BOUNCE_PREFIX "bounce+"
#define REPLY_ARENA_BYTES (64u << 10) /* net/mail.h takes 500 bytes of a reply */

enum {
    SENDING_LOOK,
    SENDING_NOTE,
    SENDING_LIST,
    SENDING_LIST_BOUNCED,
    SENDING_SHOW,
    SENDING_LOCK,
    SENDING_REQUEUE,
    SENDING_HOLD_USER,
    SENDING_IS_QUEUED
};
static const struct sql sending_sqls[], sending_recipients[], sending_address_before;

const char *const mail_state_names[] = {"queued", "sent", "failed", "dropped", NULL};

struct sending_look {
    struct mail_outgoing mail;
    struct str params;
};

struct sending_recipient {
    struct str email;
};

static enum mail_template sending_find_template(struct str name)
{
    size_t i = 0;

    while (i < MAIL__MAX && !str_eqc(name, mail_kinds[i].name))
        i++;
    return (enum mail_template)i;
}

static bool sending_is_news_of_account(const struct mail_kind *kind)
{
    return kind->to == MAIL_TO_USER && (kind->link == TOKEN_NONE || kind->link == TOKEN_UNDO_PASSWORD) &&
           kind->notice == NOTICE_NONE;
}

/* The user's address when the mail was made, if it has changed since. */
static enum err sending_address_of_then(struct db *db, struct arena *arena, struct mail_outgoing *mail)
{
    struct sending_recipient r = {.email = {0}};

    enum err e =
        db_row(db, &sending_address_before, DB_ARGS(db_uuid(&mail->user_id), db_i64(mail->created_at_us)), arena, &r);
    if (e == OK)
        mail->email = r.email;
    return e == ERR_NOT_FOUND ? OK : e;
}

/* Who it is that a mail goes to was read with it, unless it goes to an address that no user has. */
static enum err sending_address(struct db *db, struct arena *arena, struct mail_outgoing *mail)
{
    const struct sql *q = &sending_recipients[mail_kinds[mail->template].to];
    struct sending_recipient r = {.email = {0}};

    if (sending_is_news_of_account(&mail_kinds[mail->template]))
        return sending_address_of_then(db, arena, mail);
    if (q->text == NULL)
        return OK;
    enum err e = db_row(db, q, DB_ARGS(db_uuid(&mail->subject_id), db_i64(clock_now_us())), arena, &r);
    mail->email = r.email;
    mail->name = (struct str){0};
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err mail_look(struct db *db, struct arena *arena, const struct uuid *id, struct mail_outgoing *ret_mail)
{
    struct sending_look look = {.params = {0}};

    enum err e = db_row(db, &sending_sqls[SENDING_LOOK], DB_ARGS(db_uuid(id)), arena, &look);
    if (e != OK)
        return e;
    look.mail.template = sending_find_template(look.mail.template_name);
    if (look.params.p != NULL)
        e = json_read(arena, look.params, mail_param_fields, &look.mail.params);
    if (e == OK && look.mail.template <MAIL__MAX)
        e = sending_address(db, arena, &look.mail);
    if (e == OK)
        *ret_mail = look.mail;
    return e;
}

enum err mail_check_address(struct db *db, const struct mail_outgoing *mail)
{
    const struct mail_kind *kind = &mail_kinds[mail->template];
    struct str of_now = sending_is_news_of_account(kind) ? (struct str){0} : mail->email;
    int64_t one;

    if (kind->to != MAIL_TO_USER)
        return OK;
    enum err e =
        db_number(db, &sending_sqls[SENDING_HOLD_USER], DB_ARGS(db_uuid(&mail->user_id), db_str(of_now)), &one);
    if (e == OK) /* the user is locked: it stays so */
        e = db_number(db, &sending_sqls[SENDING_IS_QUEUED], DB_ARGS(db_uuid(&mail->id)), &one);
    return e == ERR_NOT_FOUND ? ERR_AGAIN : e;
}

enum err mail_note(struct db *db, const struct uuid *id, const struct mail_verdict *verdict)
{
    _cleanup_(arena_done) struct arena arena;
    bool ended = verdict->state != MAIL_IS_QUEUED, keeps = !ended || verdict->state == MAIL_IS_FAILED, marked;

    arena_init(&arena, REPLY_ARENA_BYTES);
    enum err e = verdict->of_address ? mail_mark_address(db, &arena, id, &marked) : OK;
    if (e != OK && e != ERR_NOT_FOUND) /* the mail is gone */
        return e;
    return db_exec(db, &sending_sqls[SENDING_NOTE],
                   DB_ARGS(db_cstr(mail_state_names[verdict->state]), db_i64(verdict->tried), db_i64(verdict->unknown),
                           db_i64_or_null(verdict->tried ? clock_now_us() : 0), db_i64_or_null(verdict->reply_code),
                           db_str(verdict->reply.n == 0 ? (struct str){0} : mail_reply(&arena, verdict->reply)),
                           db_i64_or_null(ended ? clock_now_us() : 0), db_i64(keeps), db_uuid(id)),
                   NULL);
}

struct str mail_sender(struct arena *arena, const struct uuid *id, struct str domain)
{
    return arena_printf(arena, BOUNCE_PREFIX "%s@%.*s", uuid_text(id).s, STR_FMT(domain));
}

bool mail_of_sender(struct str address, struct uuid *ret_id)
{
    struct str local;

    return str_cut(&address, '@', &local) && address.n > 0 && str_starts(local, STR(BOUNCE_PREFIX)) &&
           uuid_parse(str_skip(local, strlen(BOUNCE_PREFIX)), ret_id);
}

enum err mail_list(struct db *db, struct arena *arena, enum mail_state state, size_t max, struct mail_row **ret_rows,
                   size_t *ret_n)
{
    void *rows;

    ASSERT(max <= MAIL_LIST_MAX);
    enum err e =
        db_rows(db, &sending_sqls[SENDING_LIST], DB_ARGS(db_cstr(mail_state_names[state]), db_i64((int64_t)max)), arena,
                sizeof(struct mail_row), max, &rows, ret_n);
    if (e == OK)
        *ret_rows = rows;
    return e;
}

enum err mail_list_bounced(struct db *db, struct arena *arena, size_t max, struct mail_row **ret_rows, size_t *ret_n)
{
    void *rows;

    ASSERT(max <= MAIL_LIST_MAX);
    enum err e = db_rows(db, &sending_sqls[SENDING_LIST_BOUNCED], DB_ARGS(db_i64((int64_t)max)), arena,
                         sizeof(struct mail_row), max, &rows, ret_n);
    if (e == OK)
        *ret_rows = rows;
    return e;
}

static enum err sending_note_admin(struct db *db, const struct mail_row *row, enum activity_what what)
{
    if (uuid_is_none(&row->user_id))
        return OK;
    return activity_add(
        db, &(struct activity_new){
                .user_id = row->user_id, .what = what, .by = ACTIVITY_BY_ADMIN, .about = row->template_name});
}

enum err mail_show(struct db *db, struct arena *arena, const struct uuid *id, struct mail_row *ret_row)
{
    enum err e = db_row(db, &sending_sqls[SENDING_SHOW], DB_ARGS(db_uuid(id)), arena, ret_row);

    return e == OK ? sending_note_admin(db, ret_row, ACTIVITY_ADMIN_READ) : e;
}

/* The user first, whom the activity's row refers to, then the mail: the order of locks. */
enum err mail_retry(struct db *db, struct arena *arena, const struct uuid *id)
{
    struct mail_row row;

    enum err e = db_row(db, &sending_sqls[SENDING_SHOW], DB_ARGS(db_uuid(id)), arena, &row);
    if (e == OK)
        e = sending_note_admin(db, &row, ACTIVITY_ADMIN_SENT_MAIL);
    if (e == OK)
        e = db_row(db, &sending_sqls[SENDING_LOCK], DB_ARGS(db_uuid(id)), arena, &row);
    if (e == OK && row.state != MAIL_IS_QUEUED && row.state != MAIL_IS_FAILED)
        e = ERR_CONFLICT;
    if (e == OK)
        e = db_exec(db, &sending_sqls[SENDING_REQUEUE], DB_ARGS(db_uuid(id)), NULL);
    return e == OK ? job_add_of(db, JOB_MAIL, MAIL_JOB, id, &row.user_id, clock_now_us(), row.request_id) : e;
}

static const struct db_col sending_look_cols[] = {
    DB_COL(struct sending_look, mail.id, UUID),
    DB_COL(struct sending_look, mail.user_id, UUID),
    DB_COL(struct sending_look, mail.subject_id, UUID),
    DB_COL(struct sending_look, mail.template_name, STR),
    DB_COL_ENUM(struct sending_look, mail.state, mail_state_names),
    DB_COL(struct sending_look, mail.created_at_us, I64),
    DB_COL(struct sending_look, mail.tried_at_us, I64),
    DB_COL(struct sending_look, mail.unknown_tries, I64),
    DB_COL(struct sending_look, params, STR),
    DB_COL(struct sending_look, mail.email, STR),
    DB_COL(struct sending_look, mail.name, STR),
    DB_COL_ENUM(struct sending_look, mail.user_state, user_state_names),
    DB_END,
};

static const struct db_col sending_recipient_cols[] = {DB_COL(struct sending_recipient, email, STR), DB_END};

static const struct db_col sending_row_cols[] = {
    DB_COL(struct mail_row, id, UUID),
    DB_COL(struct mail_row, user_id, UUID),
    DB_COL(struct mail_row, subject_id, UUID),
    DB_COL(struct mail_row, template_name, STR),
    DB_COL_ENUM(struct mail_row, state, mail_state_names),
    DB_COL(struct mail_row, tries, I64),
    DB_COL(struct mail_row, reply_code, I64),
    DB_COL(struct mail_row, reply, STR),
    DB_COL(struct mail_row, request_id, STR),
    DB_COL(struct mail_row, created_at_us, I64),
    DB_COL(struct mail_row, ended_at_us, I64),
    DB_COL(struct mail_row, bounced_at_us, I64),
    DB_END,
};

#define ROW_COLUMNS \
    "id, user_id, subject_id, template, state, tries, reply_code, reply, request_id, created_at_us, ended_at_us," \
    " bounced_at_us"

static const struct sql sending_sqls[] = {
    [SENDING_LOOK] = {.text =
                          "SELECT m.id, m.user_id, m.subject_id, m.template, m.state, m.created_at_us, m.tried_at_us,"
                          " m.unknown_tries, m.params, u.email, u.name, COALESCE(u.state, 'active')"
                          " FROM mail_outbox m LEFT JOIN users u ON u.id = m.user_id WHERE m.id = ?",
                      .in = "u",
                      .cols = sending_look_cols},
    [SENDING_NOTE] = {.text = "UPDATE mail_outbox SET state = ?, tries = LEAST(tries + ?, 60000),"
                              " unknown_tries = LEAST(unknown_tries + ?, 200), tried_at_us = COALESCE(tried_at_us, ?),"
                              " reply_code = COALESCE(?, reply_code), reply = COALESCE(?, reply), ended_at_us = ?,"
                              " params = IF(?, params, NULL) WHERE id = ? AND state = 'queued'",
                      .in = "siiiisiiu"},
    [SENDING_LIST] = {.text = "SELECT " ROW_COLUMNS " FROM mail_outbox WHERE state = ? ORDER BY id DESC LIMIT ?",
                      .in = "si",
                      .cols = sending_row_cols},
    [SENDING_LIST_BOUNCED] = {.text = "SELECT " ROW_COLUMNS " FROM mail_outbox FORCE INDEX (by_bounce)"
                                      " WHERE bounced_at_us IS NOT NULL ORDER BY bounced_at_us DESC, id DESC LIMIT ?",
                              .in = "i",
                              .cols = sending_row_cols},
    [SENDING_SHOW] = {.text = "SELECT " ROW_COLUMNS " FROM mail_outbox WHERE id = ?",
                      .in = "u",
                      .cols = sending_row_cols},
    [SENDING_LOCK] = {.text = "SELECT " ROW_COLUMNS " FROM mail_outbox WHERE id = ? FOR UPDATE",
                      .in = "u",
                      .cols = sending_row_cols},
    [SENDING_REQUEUE] = {.text = "UPDATE mail_outbox SET state = 'queued', ended_at_us = NULL,"
                                 " tried_at_us = NULL, unknown_tries = 0 WHERE id = ?",
                         .in = "u"},
    [SENDING_HOLD_USER] = {.text = "SELECT 1 FROM users WHERE id = ? AND email = COALESCE(?, email)"
                                   " LOCK IN SHARE MODE",
                           .in = "us",
                           .cols = db_number_cols},
    [SENDING_IS_QUEUED] = {.text = "SELECT 1 FROM mail_outbox WHERE id = ? AND state = 'queued'",
                           .in = "u",
                           .cols = db_number_cols},
};

/* The oldest change since: what stood there before it. Rows are kept for six days, and a mail is tried for two. */
static const struct sql sending_address_before = {
    .text = "SELECT old_email FROM email_changes WHERE user_id = ? AND confirmed_at_us > ? ORDER BY confirmed_at_us, id"
            " LIMIT 1",
    .in = "ui",
    .cols = sending_recipient_cols,
};

/* By enum mail_to: the address, where it is not the user's; none when there is nothing left that a link could do. */
static const struct sql sending_recipients[] = {
    [MAIL_TO_USER] = {.text = NULL},
    [MAIL_TO_ADMIN] = {.text = NULL}, /* who sends knows the address */
    [MAIL_TO_REGISTRATION] = {.text = "SELECT email FROM registrations WHERE id = ? AND expires_at_us > ?",
                              .in = "ui",
                              .cols = sending_recipient_cols},
    [MAIL_TO_NEW_EMAIL] = {.text = "SELECT new_email FROM email_changes WHERE id = ? AND expires_at_us > ?"
                                   " AND confirmed_at_us IS NULL",
                           .in = "ui",
                           .cols = sending_recipient_cols},
    [MAIL_TO_OLD_EMAIL] = {.text = "SELECT old_email FROM email_changes WHERE id = ? AND undo_until_us > ?"
                                   " AND undone_at_us IS NULL",
                           .in = "ui",
                           .cols = sending_recipient_cols},
};
