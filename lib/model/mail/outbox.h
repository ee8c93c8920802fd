/*
 * The outbox: a mail is a row, written in the transaction of what causes it, so neither is without the other. It says
 * which template, whose mail it is and what it is about; it holds no address, no secret and no link that opens anything here. worker@mail reads the
 * address when it sends, makes the link's token then (user/token.h), and notes what the relay said.
 *
 *    struct mail_params params = {.key_name = key->name};
 *    e = mail_add(db, &(struct mail_new){.template = MAIL_KEY_SEEN_IN_CLEAR, .user_id = key->user_id,
 *                                        .subject_id = key->id, .params = &params, .request_id = c->request_id});
 *
 *                add          send: taken             after 90 days
 *      (no row) ─────► queued ───────────────► sent ──────────────► (no row)
 *                        │ send: refused for good, or for two days; or
 *                        │ MAIL_UNKNOWN_MAX times nobody knows
 *                        ├─────────────────► failed ──────────────► (no row)
 *                        │                     │ its link is not wanted any more
 *                        │                     ▼
 *                        └─────────────────► dropped ─────────────► (no row)
 *                          nobody is left who should get it, or its link is not wanted any more
 *
 * A try whose end is unknown is made again, MAIL_UNKNOWN_MAX (sending.h) at most: a mail may come twice, and is never lost.
 */
#pragma once

#include "db/db.h"
#include "model/mail/notice.h"
#include "model/user/token.h"

enum mail_to {
    MAIL_TO_USER,         /* users.email of user_id */
    MAIL_TO_REGISTRATION, /* of the registration subject_id; there is no user yet */
    MAIL_TO_NEW_EMAIL,    /* of the change of address subject_id */
    MAIL_TO_OLD_EMAIL,    /* of the same */
    MAIL_TO_ADMIN,        /* billing.admin_email, as it is when the mail is sent; without one nobody gets it */
};

/* The states of its user in which it is sent. */
enum mail_while { MAIL_WHILE_ACTIVE, MAIL_WHILE_ERASING, MAIL_WHILE_ANY }; /* erasing: and active */

enum mail_template {
#define MAIL(name, text, to, link, notice, during) MAIL_##name,
#include "model/mail/mail.def"
#undef MAIL
    MAIL__MAX
};

struct mail_kind {
    const char *name;
    enum mail_to to;
    enum token_purpose link;
    enum notice notice;
    enum mail_while during;
};

extern const struct mail_kind mail_kinds[MAIL__MAX];

#define MAIL_LINK_MAX_BYTES 1024 /* Stripe's have some 300; with the other parameters it must fit in 2000 characters */

/* What the words of a mail need beside the recipient's name; those that its template does not use are absent or 0. */
struct mail_params {
    struct str key_name;
    struct str about; /* a post's title, an account's name */
    struct str why;   /* a sentence */
    struct str
        link; /* of the button: a page of Stripe's, or one of ours that needs a sign-in; of MAIL_LINK_MAX_BYTES at most */
    int64_t at_us; /* when it happened */
    int64_t count;
};

struct mail_new {
    enum mail_template template;
    struct uuid user_id;              /* none: of a registration */
    struct uuid subject_id;           /* none: it is about the user alone */
    const struct mail_params *params; /* NULL: none */
    struct str request_id;
};

/* Whether mails of that name go to the address that their user has. False: also of a newer program's. */
bool mail_goes_to_user(struct str template_name);

#define MAIL_JOB "mail" /* the kind of job; its subject is the mail */

/* Call it in a transaction; what a stranger has asked for takes a part of an allowance first (mail/allowance.h). */
MUST_CHECK enum err mail_add(struct db *db, const struct mail_new *mail);

/* A part of a transaction that has locked the user: those of their mails that would bring a link of that purpose are dropped: the
 * queued ones, and those that have failed, which an admin could have sent again. worker@mail, which makes the link when it sends, and
 * mail_retry ask for the user's lock first. */
MUST_CHECK enum err mail_drop_links(struct db *db, const struct uuid *user_id, enum token_purpose purpose);
