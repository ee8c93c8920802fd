/* The address: a change is asked for in a session, shown and given up there as long as it waits, and confirmed or undone by the link of a mail (nginx/html/change-email.html,
 * undo-email.html). */
#include "auth/auth.h"
#include "crypto/digest.h"
#include "fcgi/credentials.h"
#include "fcgi/input.h"
#include "http/cookie.h"
#include "model/user/email_change.h"
#include "model/user/email_waiting.h"
#include "model/user/session.h"
#include "model/user/token.h"

#define BODY_MAX_BYTES (16u << 10)
#define UNKNOWN_BYTES 32 /* of a password that nobody has */

struct email_input {
    struct str email, token;
};

static const struct json_field email_ask_fields[] = {
    {.name = "email",
     JSON_STR(struct email_input, email),
     .help = "The new address, which gets a mail with a link",
     AUTH_EMAIL_FIELD,
     .policy = "account.email"},
    JSON_END,
};

static const struct json_field email_link_fields[] = {
    {.name = "token", JSON_STR(struct email_input, token), AUTH_LINK_FIELD},
    JSON_END,
};

static const struct json_field email_changed_fields[] = {
    {.name = "email",
     JSON_STR(struct email_changed, email),
     .help = "The account's address now",
     .policy = "account.email"},
    JSON_END,
};

static enum err email_ask(struct ctx *c)
{
    const struct email_asker asker = {.user_id = &c->caller.user_id,
                                      .session_id = &c->caller.session_id,
                                      .sent = c->caller.session_token,
                                      .request_id = c->req.id};
    struct email_input in = {0};
    int64_t wait_us = 0;

    enum err e = input_json(c, email_ask_fields, &in);
    if (e == OK)
        e = email_change_ask(c->db, c->arena, &asker, in.email, &wait_us);
    if (e == ERR_EMAIL_CHANGES || e == ERR_ADDRESS_MAILS)
        c->rate.wait_sec = (wait_us + US_PER_SEC - 1) / US_PER_SEC;
    return e == OK ? auth_reply_accepted(c) : e;
}

struct email_waiting_shown {
    struct email_waiting waiting;
    bool waits;
};

static const struct json_field email_waiting_fields[] = {
    {.name = "email",
     JSON_STR(struct email_waiting, email),
     .help = "The new address, whose mail has the link",
     .policy = "account.email"},
    {.name = "created_at",
     JSON_TIME(struct email_waiting, created_at_us),
     .help = "When it was asked for",
     .policy = "account.times"},
    JSON_END,
};

static const struct json_field email_waiting_shown_fields[] = {
    {.name = "waiting",
     JSON_OBJECT(struct email_waiting_shown, waiting, email_waiting_fields),
     JSON_GIVEN(struct email_waiting_shown, waits),
     .help = "The change that waits to be confirmed; null: none"},
    JSON_END,
};

static enum err email_show_waiting(struct ctx *c)
{
    struct email_waiting_shown out = {.waits = true};

    enum err e = input_query_only(c, NULL);
    if (e == OK)
        e = email_waiting_look(c->db, c->arena, &c->caller.user_id, &out.waiting);
    if (e == ERR_NOT_FOUND) {
        out.waits = false;
        e = OK;
    }
    return e == OK ? reply_data(&c->rep, 200, email_waiting_shown_fields, &out) : e;
}

static enum err email_give_up(struct ctx *c)
{
    enum err e = email_waiting_give_up(c->db, c->arena, &c->caller.user_id);

    return e == OK ? reply_nothing(&c->rep) : e;
}

/* The session that the browser sent along; NULL: none that is good. The link is what counts, and works without one. */
static enum err email_own_session(struct ctx *c, struct session *own, const struct session **ret_own)
{
    struct str token;

    *ret_own = NULL;
    if (cookie_get(c->req.cookie, STR(SESSION_COOKIE), &token) != OK || token.p == NULL)
        return OK;
    enum err e = session_authenticate(c->db, c->arena, c->conf, token, own);
    if (e == OK && !own->is_old_token)
        *ret_own = own;
    return e == ERR_SESSION_EXPIRED || e == ERR_ACCOUNT_DISABLED ? OK : e;
}

static enum err email_confirm(struct ctx *c)
{
    struct email_changed out = {0};
    struct email_input in = {0};
    const struct session *own;
    struct session sent = {0};

    enum err e = input_json(c, email_link_fields, &in);
    if (e == OK)
        e = email_own_session(c, &sent, &own);
    if (e == OK)
        e = email_change_confirm(c->db, c->arena, in.token, own, c->req.id, &out);
    if (e != OK)
        return e;
    if (out.session_token.p != NULL)
        auth_set_cookie(c, out.session_token);
    return reply_data(&c->rep, 200, email_changed_fields, &out);
}

/* The password goes, too, so the hash of one that nobody knows takes its place. */
static enum err email_undo(struct ctx *c)
{
    struct email_changed out = {0};
    struct email_input in = {0};
    char hash[PASSWORD_HASH_SIZE];
    struct uuid id;

    enum err e = input_json(c, email_link_fields, &in);
    if (e == OK)
        e = token_look(c->db, c->arena, TOKEN_UNDO_EMAIL, in.token, &id);
    if (e == OK)
        e = auth_hash_password(c, token_new(c->arena, UNKNOWN_BYTES), hash);
    if (e == OK)
        e = email_change_undo(c->db, c->arena, in.token, hash, c->req.id, &out);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN) /* keys may have been revoked */
        credentials_end(c);
    return e == OK ? reply_data(&c->rep, 200, email_changed_fields, &out) : e;
}

const struct route auth_email_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/auth/change-email",
     .handler = email_ask,
     .auth = AUTH_SESSION,
     .recent_auth = true,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .summary = "Ask for another address: it gets a mail with a link"},
    {.method = "GET",
     .pattern = "/api/v1/auth/change-email",
     .handler = email_show_waiting,
     .auth = AUTH_SESSION,
     .rate = RATE_READ,
     .summary = "Which change of your address waits for its link"},
    {.method = "DELETE",
     .pattern = "/api/v1/auth/change-email",
     .handler = email_give_up,
     .auth = AUTH_SESSION,
     .rate = RATE_WRITE,
     .summary = "Give that change up: its link stops working"},
    {.method = "POST",
     .pattern = "/api/v1/auth/confirm-email",
     .handler = email_confirm,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .summary = "Follow that link: changes the address"},
    {.method = "POST",
     .pattern = "/api/v1/auth/undo-email",
     .handler = email_undo,
     .auth = AUTH_NONE,
     .body_max_bytes = BODY_MAX_BYTES,
     .rate = RATE_AUTH,
     .cost = COST_HEAVY, /* bcrypt */
     .summary = "Follow the link that the old address got: puts it back"},
    ROUTE_END,
};
