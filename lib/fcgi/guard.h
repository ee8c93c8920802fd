/*
 * The guard before libfcgi: it lets through the records of one well-formed FastCGI request at a time, and nothing else.
 *
 * libfcgi 2.4.2 trusts its peer. Many FCGI_GET_VALUES overflow a buffer on its stack; a name with a NUL in it ends the
 * process; a length of 4 GiB is allocated before any of those bytes has come; records that it skips for one request are
 * taken from the next. nginx sends nothing of that kind, but somebody else may reach the socket. So OS_Read, the
 * function by which libfcgi reads, is defined here and checks what it reads.
 *
 *    guard_begin();      what this thread reads next begins a request
 *    FCGX_Accept_r(q);
 *
 * A request is (FastCGI specification 1.0, 3.3, 5.1, 5.2): FCGI_BEGIN_REQUEST in the role of responder, FCGI_PARAMS and
 * an empty one, FCGI_STDIN and an empty one; all of version 1 and with the same id; and nothing after them until it has
 * been answered. Anything else shuts the connection down, and libfcgi reads an error (EPROTO). Limit: GUARD_PARAMS_MAX
 * bytes of parameters.
 */
#pragma once

/* nginx sends fewer: they are made from a request's headers, of which it takes 32 KiB (large_client_header_buffers). */
#define GUARD_PARAMS_MAX (64u << 10)

/* For the calling thread. */
void guard_begin(void);
