#include "model/mail/outbox.h"

#include "crypto/digest.h"
#include "model/job/job.h"
#include "model/mail/params.h"

#define PARAMS_MAX_BYTES 8000 /* 2000 characters */

enum { OUTBOX_ADD, OUTBOX_ALLOW, OUTBOX_ALLOWED };
static const struct sql outbox_sqls[];

const struct json_field mail_param_fields[] = {
    {.name = "key_name", JSON_STR(struct mail_params, key_name), .omit_empty = true, .policy = "key.name"},
    {.name = "about", JSON_STR(struct mail_params, about), .omit_empty = true, .policy = "mail.sent"},
    {.name = "why", JSON_STR(struct mail_params, why), .omit_empty = true},
    {.name = "at", JSON_TIME(struct mail_params, at_us), .omit_empty = true},
    {.name = "count", JSON_I64(struct mail_params, count)},
    JSON_END,
};

enum err mail_add(struct db *db, const struct mail_new *mail)
{
    _cleanup_(buf_done) struct buf params = BUF_MAX(PARAMS_MAX_BYTES);
    struct uuid id = uuid_new();
    int64_t now = clock_now_us();

    if (mail->params != NULL)
        json_write(&params, mail_param_fields, mail->params);
    ASSERT(!params.overflow);
    enum err e = db_exec(db, &outbox_sqls[OUTBOX_ADD],
                         DB_ARGS(db_uuid(&id), db_uuid_or_null(&mail->user_id),
                                 db_cstr(mail_kinds[mail->template].name), db_uuid_or_null(&mail->subject_id),
                                 db_str(mail->params == NULL ? (struct str){0} : buf_str(&params)),
                                 db_str(mail->request_id), db_i64(now)),
                         NULL);
    return e == OK ? job_add_of(db, JOB_MAIL, MAIL_JOB, &id, &mail->user_id, now, mail->request_id) : e;
}

/* One statement counts and locks, so simultaneous requests cannot both take the last. */
enum err mail_take_allowance(struct db *db, struct str email_key, bool *ret_may)
{
    struct sha256 hash = sha256_of(email_key);
    int64_t day = clock_now_us() / US_PER_DAY, mails;

    enum err e = db_exec(db, &outbox_sqls[OUTBOX_ALLOW], DB_ARGS(db_bytes(hash.b, sizeof hash.b), db_i64(day)), NULL);
    if (e == OK)
        e = db_number(db, &outbox_sqls[OUTBOX_ALLOWED], DB_ARGS(db_bytes(hash.b, sizeof hash.b)), &mails);
    if (e == OK)
        *ret_may = mails <= MAIL_STRANGERS_MAX;
    return e;
}

const struct mail_kind mail_kinds[MAIL__MAX] = {
#define MAIL(NAME, text, to_, link_, notice_, always_) \
    [MAIL_##NAME] = {.name = text, .to = (to_), .link = (link_), .notice = (notice_), .always = (always_)},
#include "model/mail/mail.def"
#undef MAIL
};

static const struct sql outbox_sqls[] = {
    [OUTBOX_ADD] = {.text = "INSERT INTO mail_outbox (id, user_id, template, subject_id, params, state, request_id,"
                            " created_at_us) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)",
                    .in = "uusussi"},
    /* mails is set before day is: MariaDB assigns from left to right. */
    [OUTBOX_ALLOW] = {.text = "INSERT INTO mail_allowances (address_hash, day, mails) VALUES (?, ?, 1) ON DUPLICATE KEY"
                              " UPDATE mails = IF(day = VALUES(day), LEAST(mails + 1, 60000), 1), day = VALUES(day)",
                      .in = "bi"},
    [OUTBOX_ALLOWED] = {.text = "SELECT mails FROM mail_allowances WHERE address_hash = ?",
                        .in = "b",
                        .cols = db_number_cols},
};
