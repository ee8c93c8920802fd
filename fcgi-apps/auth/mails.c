/* Mails that did not reach the user: what they may have waited for in vain. */
#include "auth/auth.h"
#include "fcgi/input.h"
#include "model/mail/undelivered.h"

static const struct json_field mails_row_fields[] = {
    {.name = "mail",
     JSON_STR(struct mail_undelivered, template_name),
     .help = "Which mail: reset_password, say",
     .policy = "mail.sent"},
    {.name = "created_at",
     JSON_TIME(struct mail_undelivered, created_at_us),
     .help = "When it was due",
     .policy = "mail.sent"},
    {.name = "failed_at",
     JSON_TIME(struct mail_undelivered, failed_at_us),
     .help = "When it was given up, or came back",
     .policy = "mail.sent"},
    {.name = "came_back",
     JSON_BOOL(struct mail_undelivered, came_back),
     .help = "Whether a mail server had taken it first",
     .policy = "mail.sent"},
    JSON_END,
};

struct mails_shown {
    struct json_array undelivered;
};

static const struct json_field mails_fields[] = {
    {.name = "undelivered",
     JSON_ARRAY(struct mails_shown, undelivered, struct mail_undelivered, mails_row_fields),
     .help = "The newest first, of the last 90 days"},
    JSON_END,
};

static enum err mails_show(struct ctx *c)
{
    struct mail_undelivered *rows;
    size_t n;

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = mail_list_undelivered(c->db, c->arena, &c->caller.user_id, &rows, &n);
    return e == OK ? reply_data(&c->rep, 200, mails_fields, &(struct mails_shown){.undelivered = {.v = rows, .n = n}})
                   : e;
}

const struct route auth_mails_routes[] = {
    {.method = "GET",
     .pattern = "/api/v1/me/mails",
     .handler = mails_show,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "Mails that did not reach you"},
    ROUTE_END,
};
