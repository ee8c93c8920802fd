/*
 * TLS sessions that the calls of a net_loop share: a fresh connection to a host that was reached before takes up the session
 * of then, and neither side signs or verifies again, which is most of what a handshake costs. A call on it is as fresh as any:
 * nothing that libcurl would repeat goes over a connection twice, and no request goes with the handshake (no early data).
 *
 *    struct sessions *s = sessions_new();
 *    sessions_use(s, easy);    // any thread; before the transfer begins
 *    sessions_copy(tls);       // in CURLOPT_SSL_CTX_FUNCTION
 *    ... all handles are cleaned up ...
 *    sessions_free(s);
 *
 * A session is used only for the host and port and with the checks for which it was made. Each connection brings the next
 * one; those that begin before it is there take up the same. TLS 1.3 would rather have each used once, so that nobody on the
 * way sees which connections are of one client (RFC 8446 C.4): ours all come from one address. libcurl keeps one for each
 * of eight hosts, in memory alone, for a day at the most.
 */
#pragma once

#include <curl/curl.h>
#include <openssl/ssl.h>

struct sessions;

struct sessions *sessions_new(void);
void sessions_free(struct sessions *s);
void sessions_use(struct sessions *s, CURL *easy);
/*
 * Each connection that is made with tls takes up a copy of its session. OpenSSL marks a session as used up when a handshake with
 * it has ended, and the next one comes a round trip later: whatever begins in between would shake hands from the beginning.
 */
void sessions_copy(SSL_CTX *tls);
