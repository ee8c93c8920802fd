#include <stdlib.h>
#include <time.h>

#include "sandbox/stripe/stripe.h"
#include "stripe/calls.h"
#include "stripe/signature.h"

static const struct route *const sandbox_routes[] = {oauth_routes,
                                                     consent_routes,
                                                     user_routes,
                                                     publish_routes,
                                                     page_routes,
                                                     settings_routes,
                                                     stripe_customer_routes,
                                                     stripe_checkout_routes,
                                                     stripe_read_routes,
                                                     stripe_pay_routes,
                                                     stripe_portal_routes,
                                                     NULL};

/* They are empty unless somebody tries billing without Stripe. */
static enum err sandbox_read_stripe(const struct conf *conf, struct sandbox_state *state, struct buf *why)
{
    struct stripe_secrets secrets;
    const char *fault;

    enum err e = secret_ring_read(SIMULATOR_KEY_CREDENTIAL, SECRET_RING_WORDS, &state->stripe_keys, why);
    if (e == OK)
        e = secret_ring_read(SIMULATOR_SECRETS_CREDENTIAL, SECRET_RING_WORDS, &state->stripe_secrets, why);
    if (e != OK)
        return e;
    if (!stripe_simulates(conf, state)) {
        secret_ring_done(&state->stripe_keys);
        secret_ring_done(&state->stripe_secrets);
        return OK;
    }
    if (state->stripe_secrets.n > 0 && !stripe_secrets_of(&state->stripe_secrets, &secrets, &fault)) {
        buf_printf(why, "the credential " SIMULATOR_SECRETS_CREDENTIAL ": %s", fault);
        return ERR_VALIDATION;
    }
    return OK;
}

static void sandbox_stop(void *arg)
{
    struct sandbox_state *state = arg;

    secret_ring_done(&state->stripe_keys);
    secret_ring_done(&state->stripe_secrets);
    secret_ring_done(&state->tiktok_secrets);
    free(state);
}

static enum err sandbox_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    struct sandbox_state *state = xcalloc(1, sizeof *state);

    net_init();
    enum err e = secret_ring_read("tiktok-simulator-secret", SECRET_RING_WORDS, &state->tiktok_secrets, why);
    if (e == OK)
        e = sandbox_read_stripe(conf, state, why);
    if (e == OK)
        *ret_state = state;
    else
        sandbox_stop(state);
    return e;
}

/* The pullers (puller.c), and one thread more that sends Stripe's events (stripe/sender.c). */
static int sandbox_background_n(const struct conf *conf)
{
    return (int)conf->sandbox_pullers + 1;
}

static void sandbox_wait_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    (void)nanosleep(&t, NULL);
}

static void sandbox_background(const struct conf *conf, struct db *db, struct arena *arena, void *arg,
                               const atomic_bool *stopping)
{
    struct sandbox_state *state = arg;
    bool sends = !atomic_exchange(&state->has_sender, true);

    while (!atomic_load(stopping)) {
        arena_clear(arena);
        sandbox_wait_ms(sends ? sender_round(conf, db, arena, state) : puller_round(conf, db, arena, state, stopping));
    }
}

static void sandbox_answer_either(struct ctx *c, enum err e)
{
    if (stripe_answers(c))
        stripe_answer_error(c, e);
    else
        answer_error(c, e);
}

extern const struct app app_sandbox;
const struct app app_sandbox = {
    .name = "sandbox",
    .routes = sandbox_routes,
    .start = sandbox_start,
    .stop = sandbox_stop,
    .background = sandbox_background,
    .background_n = sandbox_background_n,
    .answer_error = sandbox_answer_either,
};
