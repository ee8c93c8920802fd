/*
 * A mail as it leaves: whose it is, its headers, its words.
 *
 *    if (compose_sender(conf, arena, &sender) && compose(arena, &sender, &mail, token, now_us, &composed)) ...
 *
 * Nothing that a user has chosen comes into a header: To has the bare address, and a subject names the service at most.
 */
#pragma once

#include "base/conf.h"
#include "mail/template.h"
#include "mail/unsubscribe.h"
#include "model/mail/sending.h"
#include "net/mail.h"

/* Who sends. */
struct compose_sender {
    struct str service, url; /* what the service is called, and where it is */
    const char *hello;       /* its host name, as DNS has it */
    struct str from, domain; /* smtp.from, and its domain */
};

/* False: smtp.from is no address, or service.url names no host that could be the domain of one. */
MUST_CHECK bool compose_sender(const struct conf *conf, struct arena *arena, struct compose_sender *ret_sender);

#define COMPOSE_HEADERS_MAX (6 + UNSUBSCRIBE_HEADERS)

struct composed {
    struct str from, to; /* the envelope */
    struct net_header headers[COMPOSE_HEADERS_MAX];
    size_t headers_n;
    struct letter letter;
};

/* token: absent for a mail without a link. False: no mail can go to this address. */
MUST_CHECK bool compose(struct arena *arena, const struct compose_sender *sender, const struct mail_outgoing *mail,
                        struct str token, int64_t now_us, struct composed *ret_composed);

/* Text of a header as RFC 2047 has it: ASCII. A line break becomes a blank. Exposed for its test. */
struct str compose_words(struct arena *arena, struct str text);
