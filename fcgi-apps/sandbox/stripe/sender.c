/*
 * The background thread: lets happen what is due by itself, and sends events to our webhooks as Stripe and TikTok do, signed and
 * until they are taken. One event at a time, so a webhook that hangs keeps the later ones waiting.
 */
#include "base/clock.h"
#include "base/log.h"
#include "net/call.h"
#include "sandbox/stripe/stripe.h"
#include "stripe/signature.h"

#define SENDER_IDLE_MS 100
#define SENDER_TROUBLE_MS 1000 /* the database is away */
#define SENDER_TIMEOUT_SEC 20  /* Stripe's is not published */

/* By enum sim_provider. */
static const struct {
    const char *path, *header, *signature;
} sender_hooks[] = {
    [SIM_STRIPE] = {"/webhooks/stripe", "Stripe-Signature", "v1"},
    [SIM_TIKTOK] = {"/webhooks/tiktok", "TikTok-Signature", "s"},
};

struct sender_due {
    const struct conf *conf;
    struct arena *arena;
    const struct stripe_sim_checkout *checkout; /* ids alone */
};

static enum err sender_due_tx(struct db *db, void *arg)
{
    const struct sender_due *d = arg;
    struct stripe_sim_customer customer;
    struct stripe_sim_checkout checkout;
    const struct stripe_teller t = {.db = db, .arena = d->arena, .conf = d->conf, .customer = &customer};

    enum err e = stripe_sim_customer_lock(db, d->arena, &d->checkout->customer_id, &customer);
    if (e == OK)
        e = stripe_sim_checkout(db, d->arena, &d->checkout->id, &checkout);
    return e == OK ? stripe_advance(&t, &checkout) : e;
}

static enum err sender_let_happen(const struct conf *conf, struct db *db, struct arena *arena)
{
    struct stripe_sim_checkout *v;
    size_t n;

    enum err e = stripe_sim_due(db, arena, &v, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        struct sender_due due = {conf, arena, &v[i]};
        e = db_tx(db, sender_due_tx, &due);
        if (e == ERR_NOT_FOUND) /* purged meanwhile */
            e = OK;
    }
    return e;
}

/* Of what is being replaced Stripe signs with old and new, TikTok with one of them. */
static struct str sender_signature(struct arena *arena, const struct sandbox_state *state,
                                   const struct stripe_sim_event *event)
{
    const struct secret_ring *ring = event->provider == SIM_TIKTOK ? &state->tiktok_secrets : &state->stripe_secrets;
    struct str secrets[SECRET_RING_MAX];
    size_t n = secret_ring_texts(ring, secrets);

    return timed_signature_make(arena, sender_hooks[event->provider].signature, secrets,
                                event->provider == SIM_TIKTOK ? 1 : n, event->body, clock_now_us());
}

/* False: it is to be sent again. */
static bool sender_send(const struct conf *conf, struct arena *arena, const struct sandbox_state *state,
                        const struct stripe_sim_event *event)
{
    const struct net_header signature = {sender_hooks[event->provider].header, sender_signature(arena, state, event)};
    struct net_result r;

    const struct net_call call = {
        .to = OUTGOING_SIMULATED,
        .method = "POST",
        .url = arena_printf(arena, "%.*s%s", STR_FMT(conf->service_url), sender_hooks[event->provider].path).p,
        .content_type = "application/json; charset=utf-8",
        .accept = "*/*",
        .headers = &signature,
        .n_headers = 1,
        .body = event->body,
        .ca_file = arena_strdup(arena, conf->sandbox_ca_file),
        .allow_private = conf->sandbox_allow_private_addresses,
        .fresh = true,
        .timeout_sec = SENDER_TIMEOUT_SEC,
        .connect_timeout_sec = SENDER_TIMEOUT_SEC,
        .reply_max_bytes = 64u << 10,
    };
    net_call_run(arena, &call, &r);
    log_event(LOG_INFO, "sandbox_stripe_event", LOG_CSTR("provider", sim_provider_names[event->provider]),
              LOG_STR("event_id", stripe_sim_id(arena, "evt_", &event->id)), LOG_STR("type", event->type),
              LOG_INT("try", event->tries), LOG_INT("status", r.err == OK ? r.status : 0), LOG_END);
    return r.err == OK && r.status >= 200 && r.status < 300;
}

static enum err sender_send_next(const struct conf *conf, struct db *db, struct arena *arena,
                                 const struct sandbox_state *state)
{
    struct stripe_sim_event event;
    bool stripe = stripe_simulates(conf, state) && state->stripe_secrets.n > 0;
    bool tiktok = sandbox_hooked(conf, state).n > 0;
    struct str providers = arena_printf(arena, "%s,%s", stripe ? "stripe" : "", tiktok ? "tiktok" : "");

    if (!stripe && !tiktok)
        return ERR_NOT_FOUND;
    enum err e = stripe_sim_event_claim(db, arena, providers, &event);
    return e == OK ? stripe_sim_event_sent(db, &event, sender_send(conf, arena, state, &event)) : e;
}

/* Once, and once more when it is over: the same each second would fill the log while the database is away. */
static void sender_tell(struct sandbox_state *state, struct db *db, enum err e)
{
    if (e == OK && state->sender_trouble_is_told)
        log_event(LOG_INFO, "sandbox_stripe_back", LOG_END);
    else if (e != OK && !state->sender_trouble_is_told)
        log_event(LOG_ERROR, "sandbox_stripe", LOG_CSTR("code", err_slug(e)), LOG_INT("db_errno", db_errno(db)),
                  LOG_CSTR("db_error", db_error(db)), LOG_END);
    state->sender_trouble_is_told = e != OK;
}

int sender_round(const struct conf *conf, struct db *db, struct arena *arena, struct sandbox_state *state)
{
    bool stripe = stripe_simulates(conf, state);

    if (!stripe && sandbox_hooked(conf, state).n == 0)
        return SENDER_TROUBLE_MS;
    enum err e = stripe ? sender_let_happen(conf, db, arena) : OK;
    if (e == OK)
        e = sender_send_next(conf, db, arena, state);
    bool is_well = e == OK || e == ERR_NOT_FOUND || e == ERR_CONFLICT; /* conflict: a test has taken it over */
    sender_tell(state, db, is_well ? OK : e);
    if (!is_well)
        return SENDER_TROUBLE_MS;
    return e == ERR_NOT_FOUND ? SENDER_IDLE_MS : 0;
}
