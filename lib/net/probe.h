/*
 * Is somebody there? Asks programs at their Unix sockets, all at once, and waits for the first byte of each answer: a
 * connection alone shows nothing where systemd holds the listening socket.
 *
 *    struct probe v[] = {{.path = "/run/marketingcli/auth.sock", .question = probe_fcgi_question()}};
 *    probe_all(v, ARRAY_LEN(v), 2000);
 *    if (v[0].state != PROBE_ANSWERS) ...
 *
 * What is in an answer does not matter, and it is not read to its end.
 */
#pragma once

#include "base/str.h"

#define PROBE_MAX 64

enum probe_state {
    PROBE_SILENT,  /* nobody answered in time */
    PROBE_ANSWERS, /* somebody did */
    PROBE_GONE,    /* nothing listens, or it hung up */
    PROBE_REFUSED, /* this user may not connect: nothing is known */
};

struct probe {
    const char *path;    /* of the socket, SOCK_STREAM; one that is too long for a socket's is PROBE_GONE */
    struct str question; /* fits into what a socket takes at once */
    enum probe_state state;
};

void probe_all(struct probe *v, size_t n, int timeout_ms); /* n is at most PROBE_MAX */

/*
 * What any FastCGI program answers: nginx's question whether it would take a body, for a path that it does not have.
 * The answer is a no, costs no query, and is neither logged nor counted.
 */
struct str probe_fcgi_question(void);

/* What whoever shows metrics answers (metrics/expose.h): that it wants another method. */
struct str probe_metrics_question(void);
