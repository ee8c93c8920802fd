/*
 * An HTTPS server for the tests of lib/net: a thread a connection, one request each, and a gate that holds those whose
 * path begins with /gate until the test opens it.
 */
#pragma once

#include <openssl/ssl.h>
#include <pthread.h>

#include "base/buf.h"
#include "net/call.h"

enum server_mode {
    SERVER_REPLY,
    SERVER_DROP_ACCEPTED, /* during the handshake */
    SERVER_DROP_REQUEST,
    SERVER_HANG,       /* reads the head and answers nothing, until the client gives up */
    SERVER_REPLY_HEAD, /* answers before it reads the body */
    SERVER_KEEP,       /* keeps its connections */
    SERVER_DIE_REUSED, /* keeps the first connection, and drops it when it has read the second request */
};

struct server {
    int fd, port;
    SSL_CTX *tls;
    char ca[64], other_ca[64], key[64]; /* files */
    pthread_t thread;

    enum server_mode mode; /* set while no connection is open */
    struct buf reply;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    char request[65536]; /* the head of the last one */
    struct buf body;     /* of the last one, chunks and all */
    int connections, accepted, requests, resumed, at_gate,
        at_gate_most; /* resumed: handshakes that took up a session */
    bool gate_is_open;
};

void server_start(struct server *s);
void server_stop(struct server *s);  /* opens the gate */
void server_clear(struct server *s); /* before each test: asked nothing yet, it answers {} */
struct net_call server_call(const struct server *s, struct arena *arena); /* of /path/?q=1, posting a form */
void server_reply(struct server *s, const char *reply);
void server_wait_idle(struct server *s); /* it is done with all that it has accepted */
void server_wait_at_gate(struct server *s, int n);
void server_open_gate(struct server *s);
