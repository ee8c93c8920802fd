/*
 * A route is a row: its policy is in columns, which are enforced before the handler runs
 * (docs/style.md#policy-is-a-column).
 *
 *    const struct route key_routes[] = {
 *        {.method = "GET", .pattern = "/api/v1/keys", .handler = keys_list, .auth = AUTH_SESSION,
 *         .rate = RATE_READ, .summary = "List API keys"},
 *        ROUTE_END};
 *
 * A pattern is a path in which {name} stands for one segment. A HEAD request is answered by the route of GET, unless
 * that has an effect: then HEAD needs a row of its own.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/scope.h"
#include "base/str.h"

struct ctx;

enum route_auth {
    AUTH_UNSET,   /* the row has none: the program does not start */
    AUTH_NONE,    /* anybody; what a browser sends must come from our own pages */
    AUTH_SESSION, /* a person who is signed in; a key gets 403 session_required */
    AUTH_ANY,     /* a session or a key */
    AUTH_FOREIGN, /* not our credentials: the handler decides (the simulator's tokens, an image's secret address), or
                     nobody needs any (health) */
};

/*
 * How often a caller may ask. The program counts the classes of the first group exactly (fcgi/rate.h); nginx has a wall
 * before them that stops only floods, and counts the others by itself (RATES in tools/generate/generate.py).
 */
enum route_rate {
    RATE_UNSET,
    RATE_READ,   /* changes nothing, or looks only */
    RATE_IMAGES, /* images of one's own: a post has up to 35 */
    RATE_WRITE,  /* changes something */
    RATE_POST,   /* makes a post: takes one of RATE_WRITE, too, and one of this only when a post was made */
    RATE_AUTH,   /* tries a password, registers; nginx lets through a few a second of one network */

    RATE_HEALTH,   /* per network, few: for monitors, each of which asks a few times a minute */
    RATE_SIGNED,   /* nothing that is signed; the handler counts what is not (rate_unsigned in fcgi/rate.h) */
    RATE_DELIVERY, /* per network, many: TikTok fetches whole posts at once, from few addresses */
    RATE_NONE,     /* nothing: the simulator, and what nginx asks by itself */
    RATE__MAX
};

enum route_effect {
    EFFECT_NONE, /* the default: GET and HEAD change nothing, others may */
    EFFECT_GET,  /* a GET that changes something: nginx must not repeat or pool it */
};

/* What an answer takes. Each cost has its own share of the program's threads, so that none keeps another waiting
 * (fcgi/turns.h). */
enum route_cost {
    COST_LIGHT,   /* the default: milliseconds */
    COST_HEAVY,   /* takes in images, hashes a password */
    COST_OUTSIDE, /* waits for somebody else's machine, or for a reader that may be slow */
    COST__MAX
};

/* A body that may be longer is let in only after nginx has asked, or kept in its memory; client_max_body_size of nginx/snippets/server.conf. */
#define ROUTE_SMALL_BODY_BYTES (UINT64_C(64) << 10)

/*
 * The program enforces auth, scope, while_erasing, recent_auth, by_mode, body_max_bytes, before_body, rate and cost. nginx's location of the pattern is
 * generated from all rows that share it (tools/generate): the largest body_max_bytes, rate, timeout_sec and effect.
 */
struct route {
    const char *method, *pattern;
    enum err (*handler)(struct ctx *c);
    enum route_auth auth;
    enum key_scope scope; /* of AUTH_ANY: what a key must be allowed; SCOPE_NONE if nothing. A session may do all */
    bool
        while_erasing; /* of AUTH_ANY and AUTH_SESSION: also for a session of somebody who is being erased (privacy/erasure.h) */
    bool recent_auth; /* of AUTH_SESSION: only where the password was typed within ten minutes (model/user/session.h) */
    bool
        by_mode; /* of AUTH_ANY and AUTH_SESSION: about live or about test data (base/mode.h). A session says which by ?mode= */
    bool internal; /* nginx alone asks, from a location that is written by hand: nobody comes to it from outside */
    uint64_t body_max_bytes; /* 0: no body is taken */
    bool
        body_in_memory; /* nobody can say of a longer one whether it may come before it is there: nginx keeps it in its memory */
    /*
     * Of a route that takes more than ROUTE_SMALL_BODY_BYTES: what the handler would refuse whatever the body says. It is
     * run when nginx asks whether the body may come, with the head alone, and changes nothing.
     */
    enum err (*before_body)(struct ctx *c);
    enum route_rate rate;
    enum route_effect effect;
    enum route_cost cost;
    bool creates; /* a POST of a user that makes something: it takes an Idempotency-Key (fcgi/idempotent.h) */
    const char
        *makes; /* where that is afterwards, for Location: "/api/v1/keys/", and its id, which the answer begins with */
    uint64_t
        json_max_bytes; /* of a heavy route: a body that is called JSON is light, and no longer. 0: it is like any other */
    int timeout_sec;    /* how long nginx waits for the answer; 0: 120 s */
    bool streams;       /* may answer with reply_stream: nginx puts nothing of it on its disk; never COST_LIGHT */
    bool
        compressed; /* of each route of the address: nginx compresses the answer, for who takes that. Only where nothing in it is
                       secret: beside what somebody else can choose, its length would tell of a secret, guess by guess
                       (https://breachattack.com) */
    const char
        *browser_page; /* of a GET that people come to: a browser is sent there with ?error=CODE, and not given JSON */
    const char *summary;
};

#define ROUTE_END \
    { \
        .method = NULL \
    }
#define ROUTE_PARAMS_MAX 4

struct route_match {
    const struct route *route;          /* NULL: none */
    const struct route *other;          /* where there is none: one of the same address, for another method; or NULL */
    struct str param[ROUTE_PARAMS_MAX]; /* the segments as sent, not decoded: an id never needs it */
    const char *allow[8]; /* methods of the rows whose pattern fits, when none of them has the method asked for */
    size_t allow_n;
};

/* tables: NULL-ended list of route tables. Literal segments win over {name}. */
struct route_match route_find(const struct route *const *tables, struct str method, struct str path);

/* "none", "session", "any", "foreign"; "read", "images", "write", "post", "auth", "health", "signed", "delivery", "none"; "light", "heavy", "outside" */
const char *route_auth_name(enum route_auth auth);
const char *route_rate_name(enum route_rate rate);
const char *route_cost_name(enum route_cost cost);
