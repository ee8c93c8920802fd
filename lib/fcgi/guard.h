/*
 * What libfcgi gets to read: the records of one well-formed FastCGI request at a time, or an error.
 *
 * libfcgi 2.4.2 trusts who is on the other side of the socket: many FCGI_GET_VALUES overflow a buffer on its stack, a
 * name with a NUL in it ends the process, lengths up to 4 GiB are allocated before a byte of them came, and what is
 * skipped for one request is taken from another. nginx sends nothing of that; whoever else gets at the socket finds this
 * in between: OS_Read, by which libfcgi reads, is defined here.
 *
 *    guard_begin();   what this thread reads next begins a request
 *    FCGX_Accept_r(q) ...
 *
 * Accepted is (FastCGI specification 1.0, 3.3, 5.1, 5.2): FCGI_BEGIN_REQUEST as responder, FCGI_PARAMS and an empty
 * one, FCGI_STDIN and an empty one, all of version 1 and one request id, and nothing behind them before the answer.
 * Anything else shuts the connection down and is read as an error (EPROTO). Limit: GUARD_PARAMS_MAX bytes of
 * parameters.
 */
#pragma once

/* nginx sends less: large_client_header_buffers 4 8k bounds what they are made from. */
#define GUARD_PARAMS_MAX (64u << 10)

/* On this thread, and until it is called again. */
void guard_begin(void);
