/*
 * One outgoing HTTPS request, by libcurl. https only, no redirects, no proxies, no cookies; size and time limited; the
 * address that is connected to is checked as a number (CURLOPT_OPENSOCKETFUNCTION), so that no name can lead to a
 * private one, and addresses in mapped or NAT64 form are seen through.
 *
 *    struct net_call call = {.method = "POST", .url = url, .body = body, .content_type = "application/json", ...};
 *    struct net_result r;
 *    net_call_run(arena, &call, &r);    // blocking, for programs where a user waits; the worker uses net/loop.h
 *
 * What a result means (docs/architecture.md#never-twice):
 *    OK            a whole answer came: status and body
 *    ERR_NET_NOT_SENT    it failed before a byte of the request can have left: name, connect, TLS, start_by_us over
 *    ERR_NET_UNKNOWN        everything else: timeout, reset, cut answer, answer too large
 *    ERR_NET_FORBIDDEN    the address is not allowed; nothing was sent
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"

struct net_call {
    const char *method; /* "GET" or "POST" */
    const char *url;    /* https://... */
    struct str body;    /* POST: may be empty */
    const char *content_type;
    struct str bearer;   /* absent: no Authorization header. Never logged */
    const char *accept;  /* NULL: none sent */
    const char *ca_file; /* NULL or "": the system's */
    bool allow_private;  /* private and loopback addresses too (the simulator) */
    bool fresh;          /* a connection of its own that is not used again: libcurl repeats a POST on a reused one */
    int timeout_sec, connect_timeout_sec;
    int64_t start_by_us; /* clock_mono_us; later than this it is not sent at all. 0: no such time */
    size_t reply_max_bytes;
    int body_fd; /* > 0: the answer's body is written there instead of to body */
};

struct net_result {
    enum err err;
    int status;      /* HTTP status when err is OK */
    struct str body; /* arena */
    struct str content_type;
    int64_t body_bytes;
    const char *detail; /* libcurl's words for the program's log: no secrets; static */
};

void net_init(void); /* once, before threads */
void net_call_run(struct arena *arena, const struct net_call *call, struct net_result *ret_result);

/* Whether an address may be connected to without allow_private. Exposed for its test. family AF_INET or AF_INET6. */
struct sockaddr;
bool net_address_is_public(const struct sockaddr *address);
