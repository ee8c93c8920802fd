#include "model/mail/outbox.h"

#include "model/job/job.h"
#include "model/mail/params.h"

#define PARAMS_MAX_BYTES 8000 /* 2000 characters */

enum { OUTBOX_ADD, OUTBOX_DROP };
static const struct sql outbox_sqls[];

const struct json_field mail_param_fields[] = {
    {.name = "key_name", JSON_STR(struct mail_params, key_name), .omit_empty = true, .policy = "key.name"},
    {.name = "about", JSON_STR(struct mail_params, about), .omit_empty = true, .policy = "mail.sent"},
    {.name = "why", JSON_STR(struct mail_params, why), .omit_empty = true},
    {.name = "link", JSON_STR(struct mail_params, link), .omit_empty = true, .policy = "mail.sent"},
    {.name = "at", JSON_TIME(struct mail_params, at_us), .omit_empty = true},
    {.name = "count", JSON_I64(struct mail_params, count)},
    JSON_END,
};

bool mail_goes_to_user(struct str template_name)
{
    for (size_t i = 0; i < MAIL__MAX; i++)
        if (str_eqc(template_name, mail_kinds[i].name))
            return mail_kinds[i].to == MAIL_TO_USER;
    return false;
}

enum err mail_add(struct db *db, const struct mail_new *mail)
{
    _cleanup_(buf_done) struct buf params = BUF_MAX(PARAMS_MAX_BYTES);
    struct uuid id = uuid_new();
    int64_t now = clock_now_us();

    ASSERT(mail->params == NULL || mail->params->link.n <= MAIL_LINK_MAX_BYTES);
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

enum err mail_drop_links(struct db *db, const struct uuid *user_id, enum token_purpose purpose)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < MAIL__MAX; i++)
        if (mail_kinds[i].link == purpose)
            e = db_exec(db, &outbox_sqls[OUTBOX_DROP],
                        DB_ARGS(db_i64(clock_now_us()), db_uuid(user_id), db_cstr(mail_kinds[i].name)), NULL);
    return e;
}

const struct mail_kind mail_kinds[MAIL__MAX] = {
#define MAIL(NAME, text, to_, link_, notice_, during_) \
    [MAIL_##NAME] = {.name = text, .to = (to_), .link = (link_), .notice = (notice_), .during = (during_)},
#include "model/mail/mail.def"
#undef MAIL
};

static const struct sql outbox_sqls[] = {
    [OUTBOX_ADD] = {.text = "INSERT INTO mail_outbox (id, user_id, template, subject_id, params, state, request_id,"
                            " created_at_us) VALUES (?, ?, ?, ?, ?, 'queued', ?, ?)",
                    .in = "uusussi"},
    [OUTBOX_DROP] = {.text = "UPDATE mail_outbox FORCE INDEX (by_user) SET state = 'dropped', params = NULL,"
                             " ended_at_us = ? WHERE user_id = ? AND template = ? AND state IN ('queued', 'failed')",
                     .in = "ius"},
};
