/*
 * A call or a mail as a curl easy handle, and its end as a struct net_result. Shared by call.c and mail.c (one that
 * blocks), loop.c (many on one thread) and aside.c (those that may block); nothing outside lib/net includes it.
 *
 *    struct transfer *t = transfer_new_call(&call);    // copies all it needs of the call
 *    if (transfer_may_start(t))    // else it has ended
 *        curl_multi_add_handle(multi, t->easy);    // CURLINFO_PRIVATE of the handle is t
 *    ...
 *    transfer_end(t, msg->data.result);    // on the thread that ran it, after curl_multi_remove_handle
 *    transfer_result(t, &result);    // on any thread, when that one is done with it
 *    transfer_free(t);
 *
 * Whether a byte of the request may have left is known from CURLOPT_PREREQFUNCTION, which libcurl calls when the
 * connection is up (TLS verified, signed in to a relay) and before it writes the request: a transfer that ends without
 * that call was not sent; every other end without a whole answer is unknown. A mail counts as sent once it is whole.
 */
#pragma once

#include <curl/curl.h>
#include <stdatomic.h>

#include "base/fault.h"
#include "net/call.h"
#include "net/mail.h"

#define TRANSFER_LATE "too late to be sent"

struct transfer;

/* What differs between HTTP and SMTP. */
struct transfer_kind {
    /* The connection is up: NULL, or why nothing may be sent. */
    const char *(*begin)(struct transfer *t);
    /* A whole answer is there. Otherwise may_have_left decides what the end means. */
    bool (*answered)(struct transfer *t, CURLcode code);
    void (*result)(const struct transfer *t, struct net_result *r);
    void (*done)(struct transfer *t); /* wipes and frees what it added */
};

enum transfer_reach { TRANSFER_PUBLIC, TRANSFER_ANYWHERE, TRANSFER_LOOPBACK, TRANSFER_UNIX };

/* The beginning of a struct call_transfer (call.c) and a struct mail_transfer (mail.c). */
struct transfer {
    const struct transfer_kind *kind;
    CURL *easy;
    struct curl_slist *headers; /* wiped */
    char *host;                 /* "name:port", lower case: whose place it takes in a net_loop */
    enum transfer_reach reach;
    enum outgoing to;
    bool may_block; /* reads or writes more than sockets */
    int64_t start_by_us, start_before_us;
    size_t header_bytes; /* of the answer */

    bool may_have_left;
    struct fault fault; /* of the call, from the moment when it may have left */
    const char *unsent; /* why it was stopped when the connection stood; static */
    bool address_refused, address_tried;

    enum err err; /* set at the end, or before the start: it must not be made */
    int status;
    const char *detail;
    bool unasked;                   /* as in struct net_result */
    const atomic_llong *stop_by_us; /* clock_mono_us, of its loop; 0 there: it does not stop. NULL: it is in none */

    struct arena *arena; /* for the loop: where its result goes */
    void *tag;
    struct transfer *next;         /* in the one queue where it is */
    struct transfer *next_running; /* in the loop's list, also while it is in a queue aside */
};

struct transfer_queue {
    struct transfer *first, **last;
};

struct transfer *transfer_new_call(const struct net_call *call);
struct transfer *transfer_new_mail(const struct net_mail *mail);
void transfer_free(struct transfer *t); /* wipes what may be secret; not while the handle is in a multi */
DEFINE_FREEP(struct transfer, transfer_free)

bool transfer_may_start(struct transfer *t); /* false: it has ended, as late or as forbidden */
bool transfer_is_late(const struct transfer *t);
bool transfer_must_stop(const struct transfer *t); /* its loop has waited for it for as long as it could */
void transfer_end(struct transfer *t, CURLcode code);
/* ERR_NET_NOT_SENT, unasked; detail is static. */
void transfer_end_unsent(struct transfer *t, const char *detail);
void transfer_run(struct transfer *t, struct arena *arena, struct net_result *ret_result); /* all of it; blocks */

/* Strings are copied to t->arena. */
void transfer_result(const struct transfer *t, struct net_result *ret_result);

void transfer_queue_init(struct transfer_queue *q);
void transfer_put(struct transfer_queue *q, struct transfer *t);
struct transfer *transfer_take(struct transfer_queue *q);     /* NULL when there is none */
struct transfer *transfer_take_all(struct transfer_queue *q); /* a list by next */

/* For call.c and mail.c, which begin with a struct transfer of their own. */

struct transfer_options {
    const char *protocol, *ca_file;
    int timeout_sec, connect_timeout_sec;
    int64_t start_by_us, start_before_us;
    enum transfer_reach reach;
    enum outgoing to;
};

void transfer_init(struct transfer *t, const struct transfer_kind *kind, const struct transfer_options *options);
void transfer_set_url(struct transfer *t, const char *url);
void transfer_add_header(struct transfer *t, const char *name, struct str value, size_t line_max_bytes);
void transfer_leave_out(struct transfer *t, const char *line); /* "Name:" of a header that libcurl would add */
void transfer_forbid(struct transfer *t, const char *why);     /* it must not be made; why is static */
bool transfer_count_header(struct transfer *t, size_t n);      /* false: the answer has too many of them */

#define TRANSFER_SET(t, option, value) ASSERT(curl_easy_setopt((t)->easy, (option), (value)) == CURLE_OK)
