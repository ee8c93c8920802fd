/*
 * One outgoing HTTPS request, by libcurl. https only (http to a socket of this machine, unix_socket), no redirects, no proxies, no cookies; size and time are limited.
 * The address that is connected to is checked as a number (CURLOPT_OPENSOCKETFUNCTION), so that no name can lead to a
 * private one; addresses in mapped or NAT64 form are seen through.
 *
 *    struct net_call call = {.to = OUTGOING_STRIPE, .method = "POST", .url = url, .body = body, .content_type = "application/json", ...};
 *    struct net_result r;
 *    net_call_run(arena, &call, &r);    // blocks: for programs where a user waits. Workers use net/loop.h
 *
 * What a result means (docs/architecture.md#never-twice):
 *    OK                   a whole answer came: status, body and the headers that were asked for
 *    ERR_NET_NOT_SENT     it failed before a byte of the request can have left: name, connection, TLS, start_by_us
 *    ERR_NET_UNKNOWN      anything else: timeout, reset, answer cut or too large, body not readable
 *    ERR_NET_FORBIDDEN    the call must not be made: a private address, or a header with a line break (which would
 *                         inject another header). Nothing was sent
 *
 * Bodies: the request's comes from memory (body), from a region of a file (body_fd) or from a function (body_read), the
 * answer's goes to memory or to a file (reply_fd). Files and functions may block: net_call_run is on its caller's
 * thread, and a net_loop runs such calls on threads of their own. The alternative is to pause the transfer while
 * another thread reads. That takes two handovers for each 64 KiB, because only the network thread may resume it; and
 * the threads are needed in any case, because libcurl itself blocks in SMTP.
 *
 * libcurl repeats a request when a connection that it has kept dies before the answer's first byte. A call that must
 * not be made twice is fresh: it gets a connection of its own, and nothing is repeated.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/secret_ring.h"
#include "net/outgoing.h"

#define NET_WANTED_MAX 4 /* headers of an answer that a caller may ask for */

struct net_header {
    const char *name; /* a token (RFC 9110, 5.6.2); none that libcurl or another field sets */
    struct str value; /* may be secret: wiped after use, never logged */
};

/* Writes up to n bytes to p. *ret_n is 0 at the end of the body. Anything but OK ends the call. */
typedef enum err net_body_fn(void *arg, char *p, size_t n, size_t *ret_n);

/*
 * What a call signs in with, when that may be replaced at the other side meanwhile (base/secret_ring.h). An answer that says that the
 * secret is wrong, so that nothing was done, is not the last one while there is another secret: the call is made again with that, and
 * both together take no longer than the call alone may. Without an answer, or with any other one, it is not.
 */
struct net_call;
struct net_result;
struct net_sign_in {
    struct secret_try with;
    bool (*refused)(struct arena *arena, const struct net_result *r);
    void (*put)(const struct net_sign_in *s, struct arena *arena,
                struct net_call *call); /* the secret, into the call */
    const void *arg;                    /* of put */
};

#define NET_BYTES_UNKNOWN (-1) /* body_read only: the body is sent in chunks, which S3 refuses */

struct net_call {
    enum outgoing to;                  /* whom it goes to, and so what it may reach */
    const char *method;                /* GET, HEAD, DELETE without a body; POST, PUT, PATCH with one, even if empty */
    const char *url;                   /* https://... */
    const char *content_type, *accept; /* NULL: none sent */
    struct net_sign_in
        *sign_in;      /* NULL: it has no secret, or one that has no other beside it. Not with body_read or reply_fd */
    struct str bearer; /* absent: no Authorization header. Wiped, never logged */
    const struct net_header *headers; /* more of them */
    size_t n_headers;

    /* At most one of body, body_fd and body_read. */
    struct str body;        /* copied */
    int body_fd;            /* > 0: body_bytes of this file from body_offset on, by pread: its position stays */
    int64_t body_offset;    /* bytes */
    net_body_fn *body_read; /* not NULL: called until body_bytes are there. Only for a fresh call */
    void *body_arg;         /* of body_read. Like the files it must live until the result is there */
    int64_t body_bytes;     /* of body_fd or body_read. A body that ends sooner ends the call */
    int reply_fd;           /* > 0: the answer's body is written there, also what comes before an error */
    size_t reply_max_bytes; /* of the answer's body; its headers have 64 KiB */

    const char *wanted[NET_WANTED_MAX]; /* headers of the answer that the result shall have; NULL: no more */

    const char *
        unix_socket; /* NULL: over the network. Else the path of the socket to connect to, and nowhere else; url is http://… then */
    const char *ca_file; /* NULL or "": the system's */
    bool
        allow_private; /* private and loopback addresses too (the simulator, a store of our own), where the row of to lets that be set */
    bool fresh;      /* a connection of its own that is not used again */
    int timeout_sec; /* from its start (in a net_loop: its turn) to its end */
    int connect_timeout_sec;
    int64_t start_by_us;     /* clock_boot_us; later than this it is not sent. 0: no such time */
    int64_t start_before_us; /* clock_now_us; likewise: a lease that others see by the wall clock must cover the call */
};

struct net_result {
    enum err err;
    int status;                         /* when err is OK: HTTP status */
    struct str body;                    /* arena; empty when it went to reply_fd */
    struct str headers[NET_WANTED_MAX]; /* as in wanted; absent: not in the answer. The first of several */
    int64_t body_bytes;
    const char *detail;   /* libcurl's words for the program's log: no secrets; static */
    bool unasked;         /* ERR_NET_NOT_SENT, and it says nothing of the peer: it was too late, or the loop stops */
    bool of_recipient;    /* of a mail: status and body are the relay's word on its recipient, and on nothing else */
    bool sign_in_refused; /* of a mail: the relay has refused its user or secret, and has seen nothing of it */
};

/*
 * After a result that a net_loop gave, for who submitted the call at began_us (clock_mono_us): shall it be submitted again, with the next
 * secret that was put into it? Of a call without sign_in: never. net_call_run does it by itself.
 */
bool net_call_again(struct net_call *call, struct arena *arena, const struct net_result *r, int64_t began_us);

void net_init(void); /* once, before threads */
void net_call_run(struct arena *arena, const struct net_call *call, struct net_result *ret_result);

/* Whether an address may be connected to without allow_private. Exposed for its test. family AF_INET or AF_INET6. */
struct sockaddr;
bool net_address_is_public(const struct sockaddr *address);
bool net_address_is_loopback(const struct sockaddr *address);
