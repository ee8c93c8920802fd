/*
 * The guard before libfcgi: it lets through the records of one well-formed FastCGI request at a time, and nothing else.
 *
 * libfcgi 2.4.2 trusts its peer. Many FCGI_GET_VALUES overflow a buffer on its stack; a name with a NUL in it ends the
 * process; a length of 4 GiB is allocated before any of those bytes has come; records that it skips for one request are
 * taken from the next. nginx sends nothing of that kind, but somebody else may reach the socket. So OS_Read, the
 * function by which libfcgi reads, is defined here and checks what it reads.
 *
 *    guard_begin(&guard);
 *    FCGX_Accept_r(q);
 *
 * A request is (FastCGI specification 1.0, 3.3, 5.1, 5.2): FCGI_BEGIN_REQUEST in the role of responder, FCGI_PARAMS and
 * an empty one, FCGI_STDIN and an empty one; all of version 1 and with the same id; and nothing after them until it has
 * been answered. Anything else shuts the connection down, and libfcgi reads an error (EPROTO). Limit: GUARD_PARAMS_MAX
 * bytes of parameters.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* nginx sends fewer: they are made from a request's headers, of which it takes 32 KiB (large_client_header_buffers). */
#define GUARD_PARAMS_MAX (64u << 10)

enum guard_record { GUARD_BEGIN = 1, GUARD_PARAMS = 4, GUARD_STDIN = 5 }; /* FCGI_... of the specification, 8 */

/* The place in the parameters: the lengths of a name and of its value, then their bytes (specification, 3.4). */
struct guard_pairs {
    uint64_t total;  /* of all parameters so far */
    uint64_t left;   /* bytes of the current name and value that are still to come */
    uint32_t length; /* the length that is being read */
    int wanted;      /* bytes of that length that are still to come */
    bool is_value;   /* that length is the value's, not the name's */
};

struct guard_header {
    uint8_t version, type, id[2], length[2], padding, reserved;
};

#define GUARD_HEADER_BYTES 8

/* How far a request has been read. Of the functions below alone. */
struct guard {
    enum guard_record expected; /* what may come next */
    bool ended;
    union {
        struct guard_header header;
        uint8_t bytes[GUARD_HEADER_BYTES];
    };
    size_t have; /* bytes of the header that have been read */
    size_t content, padding;
    size_t at; /* the place in the content */
    uint16_t id;
    struct guard_pairs pairs;
};

/*
 * What the calling thread reads next begins the request of this guard; or goes on with it, perhaps on another thread than
 * before. libfcgi passes OS_Read only the connection, so each thread has one guard at a time.
 */
void guard_begin(struct guard *guard);
void guard_go_on(struct guard *guard);
