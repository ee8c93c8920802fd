#include "fcgi/idempotent.h"

#include "base/point.h"
#include "fcgi/app.h"
#include "fcgi/credentials.h"
#include "http/idempotency_key.h"
#include "http/multipart.h"

#define CHUNK_BYTES (16u << 10)

enum err idempotent_read(struct ctx *c)
{
    const struct request *r = &c->req;

    if (r->idempotency_key.p == NULL)
        return OK;
    return r->idempotency_key_times > 1 ? ERR_IDEMPOTENCY_KEY
                                        : idempotency_key_parse(c->arena, r->idempotency_key, &c->idempotent.key);
}

bool idempotent_repeats(struct ctx *c)
{
    bool known = false;

    return c->idempotent.key.p != NULL &&
           idempotency_is_known(c->db, c->arena, &c->caller.user_id, c->caller.mode, c->idempotent.key, &known) == OK &&
           known;
}

enum err idempotent_let_in(struct ctx *c, enum err refused)
{
    struct idempotent *i = &c->idempotent;

    if (!idempotent_repeats(c))
        return refused;
    if (i->refused == OK) {
        struct problems *refusal = arena_alloc(c->arena, sizeof *refusal);
        *refusal = c->problems;
        i->refused = refused;
        i->refusal = refusal;
    }
    c->problems = (struct problems){0};
    return OK;
}

/* Of what was asked for: once the body has been read. */
static const struct sha256 *idempotent_request(struct ctx *c)
{
    struct idempotent *i = &c->idempotent;

    if (!i->request_known) {
        struct sha256 body = body_digest_end(&i->body);
        struct str digits = hex_encode(c->arena, body.b, sizeof body.b);
        i->request = sha256_of(
            arena_printf(c->arena, "%.*s %.*s %.*s", STR_FMT(c->req.method), STR_FMT(c->req.path), STR_FMT(digits)));
        i->request_known = true;
    }
    return &i->request;
}

static enum err idempotent_read_form(struct ctx *c, void *chunk)
{
    struct multipart mp;
    struct multipart_part part;
    size_t n;

    enum err e = multipart_init(&mp, c->arena, c->req.content_type, &c->req.body);
    while (e == OK && (e = multipart_next(&mp, &part)) == OK && part.name.p != NULL)
        while ((e = multipart_read(&mp, chunk, CHUNK_BYTES, &n)) == OK && n > 0)
            ;
    return e;
}

/* For its digest alone. */
static enum err idempotent_read_body(struct ctx *c)
{
    char chunk[CHUNK_BYTES];
    enum err e;
    size_t n;

    if (str_eqc(request_media_type(&c->req, c->arena), "multipart/form-data"))
        return idempotent_read_form(c, chunk);
    while ((e = body_read(&c->req.body, chunk, sizeof chunk, &n)) == OK && n > 0)
        ;
    return e;
}

static enum err idempotent_replay(struct ctx *c, const struct idempotency_answer *answer)
{
    enum err e = idempotent_read_body(c);

    if (e != OK)
        return e;
    if (memcmp(idempotent_request(c)->b, answer->request.b, SHA256_BYTES) != 0)
        return ERR_IDEMPOTENCY_REUSED;
    reply_header(&c->rep, "Idempotent-Replayed", STR("true"));
    return reply_data_text(&c->rep, (int)answer->status, answer->data);
}

/*
 * A failure gives the key back. Where nobody knows whether the COMMIT was done, that tells: then it is as if its answer had
 * come.
 */
static enum err idempotent_failed(struct ctx *c, enum err e)
{
    enum idempotency_end end;

    if (idempotency_release(c->db, &c->idempotent.claim, &end) != OK || e != ERR_OUTCOME_UNKNOWN)
        return e;
    switch (end) {
    case IDEMPOTENCY_RELEASED:
        return ERR_DB_UNAVAILABLE;
    case IDEMPOTENCY_KEPT:
        if (c->ended_credentials) /* before the COMMIT was done: meanwhile others may have kept the old one anew */
            credentials_end(c);
        return OK;
    case IDEMPOTENCY_LOST:
        return ERR_IDEMPOTENCY_IN_PROGRESS;
    }
    return e;
}

/* After as long as it has taken so far: soon in the beginning, and not too often when a program has died with the key. */
static void idempotent_say_when(struct ctx *c)
{
    int64_t left_us = c->idempotent.claim.lease_until_us - clock_now_us();
    int64_t sec = MAX(MIN(left_us, IDEMPOTENCY_LEASE_US - left_us), 0) / US_PER_SEC + 1;

    reply_standing_header(&c->rep, "Retry-After", arena_printf(c->arena, "%lld", (long long)sec));
}

/* The one that it repeats has failed meanwhile. */
static enum err idempotent_refuse(struct ctx *c)
{
    enum idempotency_end end;
    enum err released = idempotency_release(c->db, &c->idempotent.claim, &end);

    (void)released; /* or its lease ends */
    c->problems = *c->idempotent.refusal;
    return c->idempotent.refused;
}

static enum err idempotent_run_claimed(struct ctx *c, const struct route *route)
{
    if (c->idempotent.refused != OK)
        return idempotent_refuse(c);
    point("idempotent.claimed");
    enum err e = route->handler(c);
    return e == OK ? OK : idempotent_failed(c, e);
}

enum err idempotent_run(struct ctx *c, const struct route *route)
{
    struct idempotent *i = &c->idempotent;
    struct idempotency_answer answer;

    if (i->key.p == NULL)
        return route->handler(c);
    c->problems.has_key = true;
    enum err e = idempotency_claim(c->db, c->arena, c->conf, &c->caller.user_id, c->caller.mode, &c->caller.key_id,
                                   i->key, &i->claim, &answer);
    if (e == OK) {
        body_digest_init(&i->body, c->arena);
        c->req.body.digest = &i->body;
        i->replayed = answer.status != 0;
        e = i->replayed ? idempotent_replay(c, &answer) : idempotent_run_claimed(c, route);
        c->req.body.digest = NULL;
        body_digest_done(&i->body);
    }
    if (e == ERR_IDEMPOTENCY_IN_PROGRESS)
        idempotent_say_when(c);
    return e;
}

enum err idempotent_keep(struct ctx *c, int status, const struct json_field *fields, const void *value)
{
    _cleanup_(buf_done) struct buf data = BUF_MAX(IDEMPOTENCY_DATA_MAX);

    if (uuid_is_none(&c->idempotent.claim.id))
        return OK;
    json_write(&data, fields, value);
    if (data.overflow)
        return ERR_INTERNAL;
    return idempotency_keep(c->db, &c->idempotent.claim, idempotent_request(c), status, buf_str(&data));
}

enum err idempotent_answer(struct ctx *c, int status, const struct json_field *fields, const void *value)
{
    enum err e = reply_data(&c->rep, status, fields, value);

    return e == OK ? idempotent_keep(c, status, fields, value) : e;
}

enum err idempotent_renew(struct ctx *c)
{
    return uuid_is_none(&c->idempotent.claim.id) ? OK : idempotency_renew(c->db, &c->idempotent.claim);
}
