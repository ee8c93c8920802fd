/* For the tests of calls that wait for their answer: a server, and what a call to it gave. */
#pragma once

#include "net/call.h"
#include "server.h"

static struct server server;
static struct arena arena;

/* Back when the server is done with it too: it looks at what the test is about to change. */
static inline struct net_result run(struct server *s, const struct net_call *call)
{
    struct net_result r;

    net_call_run(&arena, call, &r);
    server_wait_idle(s);
    return r;
}

static inline int clear(void **state)
{
    struct server *s = &server;

    *state = s;
    server_clear(s);
    arena_done(&arena);
    arena_init(&arena, 1 << 20);
    return 0;
}
