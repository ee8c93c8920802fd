/*
 * Idempotency-Key: what a route whose row says .creates does with it (model/idempotency/idempotency.h has the rules).
 *
 *    handle.c    reads the header and runs the handler by idempotent_run, which claims the key, answers a repeat without
 *                the handler, and gives the key back after a failure
 *    handler     has its model run idempotent_answer as the last step of the transaction that makes the thing:
 *
 *        static enum err uploads_create_answer(const void *made, void *arg) { ... return idempotent_answer(c, 201, f, &shape); }
 *        e = upload_keep(..., &(struct last_step){uploads_create_answer, c});
 *
 * So an answer is built before the COMMIT, with or without a key: nothing that comes later can turn a success into an error.
 * A repeat is compared with the first by method, path and body (http/body_digest.h), while it is read: nothing of it is
 * decoded or kept. While the first still runs nobody knows its digest, so its repeat is told to wait, whatever it says.
 */
#pragma once

#include "base/problem.h"
#include "http/body_digest.h"
#include "json/json.h"
#include "model/idempotency/idempotency.h"

struct ctx;
struct route;

/* Of a request; zeroed: it has no key. */
struct idempotent {
    struct str key;
    struct idempotency_claim claim;
    struct body_digest body;
    struct sha256 request;
    bool request_known;             /* the body has been read, and request is set */
    bool replayed;                  /* the answer is an earlier request's: this one makes nothing */
    enum err refused;               /* why it may make nothing: it was let in for that answer; OK: it may */
    const struct problems *refusal; /* what there is to say of that */
};

/* Reads the header. ERR_IDEMPOTENCY_KEY: it is not a key, or is there twice. */
MUST_CHECK enum err idempotent_read(struct ctx *c);

/* Whether it repeats a request that was answered or is under way, so that it makes nothing new. */
MUST_CHECK bool idempotent_repeats(struct ctx *c);

/*
 * Lets a request in that was refused, because making something needs more than it has, if it repeats one that was answered or is
 * under way. It makes nothing: when that one's key has been given back meanwhile, it gets its refusal then. Returns OK, or refused.
 */
MUST_CHECK enum err idempotent_let_in(struct ctx *c, enum err refused);

/* Runs the route's handler, or answers what it answered before. */
MUST_CHECK enum err idempotent_run(struct ctx *c, const struct route *route);

/*
 * Fills c->rep with a success, as reply_data does, and keeps the answer for a repeat if there is a key. Only as the last
 * step of the transaction that made the thing, after the body was read. idempotent_keep alone keeps another value than the
 * answer shows: one without its secret.
 */
MUST_CHECK enum err idempotent_answer(struct ctx *c, int status, const struct json_field *fields, const void *value);
MUST_CHECK enum err idempotent_keep(struct ctx *c, int status, const struct json_field *fields, const void *value);

/* In work that takes long, now and then. ERR_IDEMPOTENCY_IN_PROGRESS: it has taken so long that another does it. */
MUST_CHECK enum err idempotent_renew(struct ctx *c);
