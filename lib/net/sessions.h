/*
 * TLS sessions that the calls of a net_loop share: a fresh connection to a host that was reached before takes up the session
 * of then, and neither side signs or verifies again, which is most of what a handshake costs. A call on it is as fresh as any:
 * nothing that libcurl would repeat goes over a connection twice, and no request goes with the handshake (no early data).
 *
 *    struct sessions *s = sessions_new();
 *    sessions_use(s, easy);    // any thread; before the transfer begins
 *    ... all handles are cleaned up ...
 *    sessions_free(s);
 *
 * A session is used only for the host and port and with the checks for which it was made. Each connection brings the next
 * one; those that begin before it is there take up the same (transfer.c). TLS 1.3 would rather have each used once, so that nobody on the
 * way sees which connections are of one client (RFC 8446 C.4): ours all come from one address. libcurl keeps one for each
 * of eight hosts, in memory alone, for a day at the most.
 */
#pragma once

#include <curl/curl.h>

struct sessions;

struct sessions *sessions_new(void);
void sessions_free(struct sessions *s);
void sessions_use(struct sessions *s, CURL *easy);
