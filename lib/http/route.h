/*
 * Routes are rows: policy is a column, enforced before the handler runs (STYLE 4).
 *
 *    const struct route key_routes[] = {
 *        {.method = "GET", .pattern = "/api/v1/keys", .handler = keys_list, .auth = AUTH_SESSION,
 *         .rate = RATE_READ, .summary = "List API keys"},
 *        ROUTE_END};
 *
 * A pattern is a path in which {name} stands for one segment; a HEAD request is answered by the GET route, unless that
 * has an effect: then it needs a row of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct ctx;

enum route_auth {
    AUTH_UNSET,   /* a row that forgot: the lint test and the start refuse it */
    AUTH_NONE,    /* anybody */
    AUTH_SESSION, /* a person who is signed in; a key gets 403 session_required */
    AUTH_ANY,     /* a session or a key */
};

enum route_rate { RATE_UNSET, RATE_READ, RATE_WRITE, RATE_CREATE_POST, RATE_AUTH, RATE_NONE };

enum route_effect {
    EFFECT_NONE, /* the default: GET and HEAD change nothing, others may */
    EFFECT_GET,  /* a GET that changes something: nginx must not repeat or pool it */
};

struct route {
    const char *method, *pattern;
    enum err (*handler)(struct ctx *c);
    enum route_auth auth;
    const char *scope;       /* a key needs it; NULL: none (session only or public) */
    uint64_t body_max_bytes; /* 0: no body is taken */
    enum route_rate rate;
    enum route_effect effect;
    bool streams; /* may answer with reply_stream: nginx passes the body on and puts nothing of it on its disk */
    bool foreign; /* answers in somebody else's form (simulator, images): no cookies, no envelope by the core */
    const char *summary;
};

#define ROUTE_END \
    { \
        .method = NULL \
    }
#define ROUTE_PARAMS_MAX 4

struct route_match {
    const struct route *route;          /* NULL: none */
    struct str param[ROUTE_PARAMS_MAX]; /* decoded? no: segments as sent; ids never need decoding */
    const char *allow[8];               /* methods of the rows whose pattern fits, when none has the method */
    size_t allow_n;
};

/* tables: NULL-ended list of route tables. Literal segments win over {name}. */
struct route_match route_find(const struct route *const *tables, struct str method, struct str path);

const char *route_auth_name(enum route_auth auth); /* "none", "session", "any" */
