#include "fcgi/webhook.h"

#include "base/log.h"
#include "metrics/metrics.h"

#define SIGNATURES_BAD_MAX 20 /* a replay and a stranger who tries some things out are no reason to look */

struct webhook_shape {
    bool received;
};
static const struct json_field webhook_fields[];

enum err webhook_ends(struct ctx *c, enum webhook_outcome outcome, const char *why, enum err e)
{
    metric_add(app_metrics_of(c), METRIC_WEBHOOKS, outcome, 1);
    c->log_why = why;
    return e;
}

enum err webhook_taken(struct ctx *c, enum webhook_outcome outcome, const char *why)
{
    struct webhook_shape shape = {.received = true};

    return webhook_ends(c, outcome, why, reply_data(&c->rep, 200, webhook_fields, &shape));
}

enum err webhook_not_stored(struct ctx *c, enum err e)
{
    return webhook_ends(c, WEBHOOK_NOT_STORED, NULL, db_is_away(e) ? ERR_OUTCOME_UNKNOWN : e);
}

/* Of the right form, but not for us, or not of now: that is what a wrong secret or a wrong clock of ours looks like. */
static bool webhook_may_be_theirs(enum timed_signature s)
{
    return s == TIMED_SIGNATURE_WRONG || s == TIMED_SIGNATURE_TOO_OLD || s == TIMED_SIGNATURE_TOO_NEW;
}

/* Whether they were the provider's, strangers must not say, who can send as many as they like: so that is no alarm. */
static void webhook_note_bad(struct ctx *c, enum timed_signature s, struct webhook_bad *bad,
                             enum err (*ask)(struct ctx *c))
{
    if (!webhook_may_be_theirs(s) || atomic_fetch_add(&bad->n, 1) != SIGNATURES_BAD_MAX - 1)
        return;
    enum err e = ask == NULL ? OK : ask(c);
    log_event(LOG_WARNING, "signatures_bad", LOG_CSTR("last", timed_signature_word(s)),
              LOG_CSTR("error", e == OK ? NULL : err_slug(e)), LOG_END);
}

static void webhook_note_good(struct webhook_bad *bad)
{
    if (atomic_load_explicit(&bad->n, memory_order_relaxed) > 0 && atomic_exchange(&bad->n, 0) >= SIGNATURES_BAD_MAX)
        log_event(LOG_WARNING, "signatures_good", LOG_END);
}

enum err webhook_judge(struct ctx *c, int times, enum timed_signature s, struct webhook_bad *bad,
                       enum err (*ask)(struct ctx *c))
{
    if (times > 1)
        s = TIMED_SIGNATURE_MALFORMED;
    if (s == TIMED_SIGNATURE_GOOD) {
        webhook_note_good(bad);
        return OK;
    }
    webhook_note_bad(c, s, bad, ask);
    enum err e = rate_unsigned(c);
    return webhook_ends(c, WEBHOOK_BAD_SIGNATURE, timed_signature_word(s), e == OK ? ERR_SIGNATURE : e);
}

const char *const webhook_names[] = {
    [WEBHOOK_NEW] = "new",
    [WEBHOOK_KNOWN] = "known",
    [WEBHOOK_IGNORED] = "ignored",
    [WEBHOOK_UNREADABLE] = "unreadable",
    [WEBHOOK_BAD_SIGNATURE] = "bad_signature",
    [WEBHOOK_NOT_STORED] = "not_stored",
    [WEBHOOK__MAX] = NULL,
};

static const struct json_field webhook_fields[] = {
    {.name = "received", JSON_BOOL(struct webhook_shape, received), .help = "True: it is stored"}, JSON_END};
