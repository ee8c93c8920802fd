#include "billing/ask.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/rand.h"
#include "fcgi/credentials.h"

#define CLAIM_PAUSE_US (200 * US_PER_MS) /* a worker asks for some hundred milliseconds */

void ask_begin(struct ask *a, struct ctx *c)
{
    *a =
        (struct ask){.c = c,
                     .stripe = {.conf = c->conf, .keys = &app_state(c)->keys, .interactive = true},
                     .until_us = clock_boot_us() + ASK_TIMEOUTS * c->conf->stripe_interactive_timeout_sec * US_PER_SEC};
}

enum err ask_told(enum err e)
{
    switch (e) {
    case ERR_STRIPE_REFUSED:
    case ERR_NET_FORBIDDEN:
        return ERR_STRIPE_REJECTED;
    case ERR_NET_UNKNOWN:
    case ERR_NET_NOT_SENT:
        return ERR_STRIPE_UNREACHABLE;
    case ERR_CONFLICT: /* we stood still, and somebody else has the lease */
        return ERR_BILLING_IN_PROGRESS;
    default:
        return e;
    }
}

static void ask_pause(int64_t pause_us)
{
    struct timespec left = {.tv_sec = pause_us / US_PER_SEC, .tv_nsec = pause_us % US_PER_SEC * 1000};

    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        ;
}

enum err ask_claim(struct ask *a, struct sync *ret_sync)
{
    struct ctx *c = a->c;
    int64_t begun_us = clock_boot_us(), until_us = MIN(a->until_us, begun_us + ASK_CLAIM_SEC * US_PER_SEC);

    for (;;) {
        enum err e = sync_claim(c->db, c->arena, &c->caller.user_id, clock_now_us(), ret_sync);
        if (e == OK) {
            a->lease_until_us = ret_sync->until_us;
            a->until_us +=
                clock_boot_us() - begun_us; /* else Stripe would be said not to answer, and was never asked */
        }
        if (e != ERR_AGAIN)
            return e;
        if (clock_boot_us() >= until_us)
            return ERR_BILLING_IN_PROGRESS;
        ask_pause(CLAIM_PAUSE_US);
    }
}

/* For the log: Stripe's dashboard shows by the id what was asked and answered. */
static void ask_note(struct ask *a, const struct net_result *r)
{
    struct provider_said *said = &a->c->provider_said;
    struct str word = a->error.code.p != NULL ? a->error.code : a->error.type;

    said->request_id = a->error.request_id;
    said->error = (struct str){0};
    if (r->err != OK)
        said->error = str_from(r->detail != NULL ? r->detail : err_slug(r->err));
    else if (r->status >= 300)
        said->error = arena_printf(a->c->arena, "%d %.*s", r->status, STR_FMT(word));
}

/* Once. ERR_AGAIN: it can be made again. */
static enum err ask_once(struct ask *a, struct net_call *call, struct net_result *r)
{
    int64_t left_sec = (a->until_us - clock_boot_us()) / US_PER_SEC;

    if (left_sec < 1)
        return ERR_STRIPE_UNREACHABLE;
    call->timeout_sec = (int)MIN(call->timeout_sec, left_sec);
    call->connect_timeout_sec = MIN(call->connect_timeout_sec, call->timeout_sec);
    if (a->lease_until_us != 0)
        call->start_before_us = a->lease_until_us - call->timeout_sec * US_PER_SEC;
    net_call_run(a->c->arena, call, r);
    enum err e = stripe_read_answer(r, a->c->arena, &a->error);
    a->was_replayed = str_eqc(r->headers[STRIPE_HEADER_REPLAYED], "true");
    ask_note(a, r);
    if (r->unasked)
        return ERR_BILLING_IN_PROGRESS;
    switch (stripe_next(call, r)) {
    case STRIPE_DONE:
        return OK;
    case STRIPE_AGAIN:
        return ERR_AGAIN;
    case STRIPE_REFUSED:
        return e == ERR_NET_FORBIDDEN ? e : ERR_STRIPE_REFUSED;
    case STRIPE_LOOK:
        break;
    }
    return ERR_NET_UNKNOWN;
}

enum err ask_call(struct ask *a, struct net_call *call, struct net_result *ret_result)
{
    const struct arena_mark mark = arena_mark(a->c->arena);

    for (int tries = 1;; tries++) {
        arena_back(a->c->arena, &mark); /* an answer that was no use may be as long as any */
        enum err e = ask_once(a, call, ret_result);
        if (e != ERR_AGAIN)
            return e;
        int64_t pause_us = stripe_retry_delay_us(tries, (uint32_t)rand_below(UINT32_MAX));
        if (clock_boot_us() + pause_us >= a->until_us)
            return ERR_STRIPE_UNREACHABLE;
        ask_pause(pause_us);
    }
}

enum err ask_fetch(struct ask *a, struct str customer, enum fetch_from from, struct fetch *ret_fetch, bool *ret_gone)
{
    struct net_result result;
    enum fetch_step step = FETCH_CALL;

    fetch_begin(ret_fetch, &a->stripe, a->c->arena, customer, from);
    while (step == FETCH_CALL) {
        enum err e = ask_call(a, &ret_fetch->call, &result);
        /* A no can be what tells that the customer is gone: fetch_take reads that. */
        if (e != OK && e != ERR_STRIPE_REFUSED)
            return ask_told(e);
        step = fetch_take(ret_fetch, &result);
    }
    *ret_gone = step == FETCH_GONE;
    if (step != FETCH_FAILED)
        return OK;
    return ret_fetch->next == STRIPE_REFUSED ? ERR_STRIPE_REJECTED : ERR_STRIPE_UNREACHABLE;
}

struct ask_storing {
    struct ctx *c;
    const struct sync *sync;
    const struct stripe_state *state;
};

static enum err ask_store_tx(struct db *db, void *arg)
{
    const struct ask_storing *s = arg;

    return sync_store(db, s->c->arena, s->c->conf, s->sync, s->state);
}

enum err ask_store(struct ask *a, const struct sync *sync, const struct stripe_state *state)
{
    struct ask_storing storing = {.c = a->c, .sync = sync, .state = state};

    enum err e = db_tx(a->c->db, ask_store_tx, &storing);
    if (e == OK || e == ERR_OUTCOME_UNKNOWN)
        credentials_end(a->c);
    a->lease_until_us = 0;
    return ask_told(e);
}

enum err ask_portal(struct ask *a, struct str customer, struct str *ret_url)
{
    struct uuid id = uuid_new();
    struct net_result result;
    struct net_call call;

    stripe_portal_create(&a->stripe, a->c->arena, customer, stripe_idempotency_key(a->c->arena, "portal", &id), &call);
    enum err e = ask_call(a, &call, &result);
    return e == OK ? stripe_read_portal(&result, a->c->arena, ret_url, &a->error) : e;
}
