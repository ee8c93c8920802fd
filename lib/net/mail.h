/*
 * One mail, handed to a relay by SMTP (RFC 5321), by libcurl: a text part and an HTML part, quoted-printable. Either
 * the relay's certificate is verified or the relay is on this machine; there is nothing in between.
 *
 *    struct net_header headers[] = {{"From", ...}, {"To", ...}, {"Subject", ...}, {"Date", ...}, {"Message-ID", ...}};
 *    struct net_mail mail = {.host = "localhost", .port = 25, .tls = NET_MAIL_PLAIN, .from = sender,
 *                            .to = address, .headers = headers, .n_headers = ARRAY_LEN(headers), .text = text, ...};
 *    struct net_result r;
 *    net_mail_run(arena, &mail, &r);    // blocks; or net_loop_submit_mail
 *
 * What a result means:
 *    OK                   the relay has judged this mail. status is its reply code: 2xx taken, 4xx not now, 5xx never.
 *                         body is what the last line of its reply says, for the admin. of_recipient: it has
 *                         refused the recipient (4xx or 5xx to RCPT), before it knew anything of the mail
 *    ERR_NET_NOT_SENT     the relay has not taken it, for a reason other than the mail: no connection, no TLS or none
 *                         to be trusted, sign-in refused or not offered, our sender or us refused (5xx to
 *                         MAIL, 5.7.x to RCPT), cut off before the mail was whole, start_by_us. status and body are the
 *                         reply that ended it; status is 0 if there was none
 *    ERR_NET_UNKNOWN      the whole mail may have left and no reply came: the relay may have taken it
 *    ERR_NET_FORBIDDEN    the mail must not be sent: an address or a header could inject another one, or is too long,
 *                         a part is empty or too large, or the relay of NET_MAIL_PLAIN is not on this machine
 *
 * A mail has a connection of its own, because libcurl may repeat what it sends on a connection that it has kept. It has
 * one recipient, so that the reply is about one address, and so that a bounce can tell which mail it is about (VERP).
 */
#pragma once

#include "net/call.h"

#define NET_MAIL_PART_MAX_BYTES (1u << 20)

enum net_mail_tls {                    /* in the order of smtp_tls_names (base/conf.h) */
                    NET_MAIL_PLAIN,    /* loopback addresses only: the machine's own MTA */
                    NET_MAIL_STARTTLS, /* port 587 as a rule: TLS or nothing */
                    NET_MAIL_TLS,      /* port 465: TLS from the first byte (RFC 8314) */
};

struct net_mail {
    const char *host; /* name, IPv4 address, or IPv6 address in brackets */
    int port;
    enum net_mail_tls tls;
    const char *ca_file;     /* NULL or "": the system's */
    const char *hello;       /* what we call ourselves in EHLO: the service's host name. NULL: the machine's */
    struct str user;         /* absent: no sign-in */
    struct secret secret;    /* copied, as all of this is */
    struct secret_try *with; /* NULL: there is no other. Else where secret is from, for net_mail_again */

    /* Both ASCII: libidn2 converts a domain, and before, because libcurl would do it by the locale's character set. */
    struct str from; /* the envelope's sender; empty for a mail that must not bounce */
    struct str to;

    /* From, To, Subject, Date, Message-ID and more; MIME-Version and Content-* are made here. ASCII (RFC 2047 encodes
     * the rest), at most 998 bytes a line with the name. */
    const struct net_header *headers;
    size_t n_headers;
    struct str text, html; /* UTF-8, lines end with LF; html absent: text only */

    int timeout_sec,
        connect_timeout_sec; /* the first covers all until the mail is whole, the second what comes before MAIL */
    int judge_timeout_sec; /* then: a relay may look into a mail for minutes, and who goes away before may have it sent twice */
    int64_t start_by_us; /* as in struct net_call */
};

/* RFC 5321's Dot-string, an at sign and a domain, all ASCII: what from and to must be. */
bool net_mail_is_address(struct str address);

/* As net_call_again: the relay has refused the sign-in with this secret, so it has seen nothing of the mail, and there is another. */
bool net_mail_again(struct net_mail *mail, const struct net_result *r, int64_t began_us);

void net_mail_run(struct arena *arena, const struct net_mail *mail, struct net_result *ret_result);
