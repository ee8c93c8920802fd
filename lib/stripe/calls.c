#include "stripe/calls.h"

#include "base/clock.h"
#include "stripe/error.h"
#include "stripe/form.h"
#include "stripe/id.h"

#define URL_MAX_BYTES (8u << 10)
#define FORM_MAX_BYTES (8u << 10) /* an address of 254 bytes, ids and our own pages' addresses, encoded */
#define REPLY_MAX_BYTES (1u << 20)
#define CONNECT_TIMEOUT_SEC 5
#define IDEMPOTENCY_KEY_MAX_BYTES 255

MUST_CHECK static bool stripe_calls_key_fits(const struct conf *conf, struct str key, const char **ret_why)
{
    struct str live = STR("rk_live_"), test = STR("rk_test_");

    *ret_why = "the key must be a restricted one, rk_live_... or rk_test_..., without blanks: see docs/stripe.md";
    if ((!str_starts(key, live) && !str_starts(key, test)) || key.n == live.n || !str_is_visible(key))
        return false;
    *ret_why = conf->stripe_livemode ? "stripe.livemode is yes, but this is a key of Stripe's test mode"
                                     : "stripe.livemode is no, but this is a key of Stripe's live mode";
    if (str_starts(key, live) != conf->stripe_livemode)
        return false;
    *ret_why = NULL;
    return true;
}

bool stripe_keys_fit(const struct conf *conf, const struct secret_ring *keys, const char **ret_why)
{
    for (size_t i = 0; i < keys->n; i++)
        if (!stripe_calls_key_fits(conf, secret_str(&keys->v[i]), ret_why))
            return false;
    return true;
}

struct str stripe_idempotency_key(struct arena *arena, const char *what, const struct uuid *id)
{
    return arena_printf(arena, "%s-%s", what, uuid_text(id).s);
}

static struct str stripe_calls_page(const struct stripe *s, struct arena *arena, const char *page)
{
    return arena_printf(arena, "%.*s%s", STR_FMT(s->conf->service_url), page);
}

/* path/id and what is below it. The id is escaped, whatever it is: nobody's id leads to another resource. */
static struct str stripe_calls_path(struct arena *arena, const char *path, struct str id, const char *below)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(URL_MAX_BYTES);

    ASSERT(id.n > 0);
    buf_puts(&b, path);
    buf_putc(&b, '/');
    buf_putescaped(&b, id);
    buf_puts(&b, below);
    ASSERT(!b.overflow);
    return arena_str(arena, buf_str(&b));
}

/* An unknown key, or one that has expired: nothing was looked at, also not an Idempotency-Key (docs/stripe.md#errors). */
static bool stripe_calls_refused(struct arena *arena, const struct net_result *r)
{
    (void)arena;
    return r->status == 401;
}

static void stripe_calls_put_key(const struct net_sign_in *s, struct arena *arena, struct net_call *call)
{
    (void)arena;
    call->bearer = secret_str(secret_try_now(&s->with));
}

static struct net_call stripe_calls_call(const struct stripe *s, struct arena *arena, const char *method,
                                         struct str path, struct str idempotency_key)
{
    int timeout_sec = (int)(s->interactive ? s->conf->stripe_interactive_timeout_sec : s->conf->stripe_timeout_sec);
    struct net_header *headers = arena_array(arena, 2, sizeof *headers);
    struct net_sign_in *sign_in = arena_alloc(arena, sizeof *sign_in);

    ASSERT(idempotency_key.p == NULL || (idempotency_key.n > 0 && idempotency_key.n <= IDEMPOTENCY_KEY_MAX_BYTES &&
                                         str_is_visible(idempotency_key)));
    *sign_in = (struct net_sign_in){secret_try_begin(s->keys), stripe_calls_refused, stripe_calls_put_key, NULL};
    headers[0] = (struct net_header){"Stripe-Version", STR(STRIPE_VERSION)};
    headers[1] = (struct net_header){"Idempotency-Key", arena_str(arena, idempotency_key)};
    return (struct net_call){
        .to = OUTGOING_STRIPE,
        .method = method,
        .url = arena_printf(arena, "%.*s%.*s", STR_FMT(s->conf->stripe_api_url), STR_FMT(path)).p,
        .accept = "application/json",
        .sign_in = sign_in,
        .bearer = secret_str(secret_try_now(&sign_in->with)),
        .headers = headers,
        .n_headers = idempotency_key.p == NULL ? 1 : 2,
        .wanted = {[STRIPE_HEADER_REQUEST_ID] = "Request-Id",
                   [STRIPE_HEADER_SHOULD_RETRY] = "Stripe-Should-Retry",
                   [STRIPE_HEADER_REPLAYED] = "Idempotent-Replayed"},
        .ca_file = arena_strdup(arena, s->conf->stripe_ca_file),
        .allow_private = s->conf->stripe_allow_private_addresses,
        .timeout_sec = timeout_sec,
        .connect_timeout_sec = MIN(timeout_sec, CONNECT_TIMEOUT_SEC),
        .reply_max_bytes = REPLY_MAX_BYTES,
    };
}

static struct net_call stripe_calls_get(const struct stripe *s, struct arena *arena, struct str path)
{
    return stripe_calls_call(s, arena, "GET", path, (struct str){0});
}

static struct net_call stripe_calls_post(const struct stripe *s, struct arena *arena, struct str path,
                                         const struct buf *form, struct str idempotency_key)
{
    struct net_call call = stripe_calls_call(s, arena, "POST", path, idempotency_key);

    ASSERT(!form->overflow);
    call.body = arena_str(arena, buf_str(form));
    call.content_type = "application/x-www-form-urlencoded";
    call.fresh = idempotency_key.p == NULL;
    return call;
}

static struct net_call stripe_calls_query(const struct stripe *s, struct arena *arena, const struct buf *path)
{
    ASSERT(!path->overflow);
    return stripe_calls_get(s, arena, arena_str(arena, buf_str(path)));
}

/* Customers: the address and the user's id, and nothing more */

void stripe_customer_create(const struct stripe *s, struct arena *arena, struct str email, const struct uuid *user_id,
                            struct str idempotency_key, struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);

    stripe_form_put(&form, STRIPE_NAME("email"), email);
    stripe_form_put(&form, STRIPE_NAME("metadata", "user_id"), str_from(uuid_text(user_id).s));
    *ret_call = stripe_calls_post(s, arena, STR("/v1/customers"), &form, idempotency_key);
}

void stripe_customer_update(const struct stripe *s, struct arena *arena, struct str customer, struct str email,
                            struct str idempotency_key, struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);

    stripe_form_put(&form, STRIPE_NAME("email"), email);
    *ret_call =
        stripe_calls_post(s, arena, stripe_calls_path(arena, "/v1/customers", customer, ""), &form, idempotency_key);
}

void stripe_customer_get(const struct stripe *s, struct arena *arena, struct str customer, struct net_call *ret_call)
{
    *ret_call = stripe_calls_get(s, arena, stripe_calls_path(arena, "/v1/customers", customer, ""));
}

void stripe_customer_delete(const struct stripe *s, struct arena *arena, struct str customer, struct net_call *ret_call)
{
    *ret_call =
        stripe_calls_call(s, arena, "DELETE", stripe_calls_path(arena, "/v1/customers", customer, ""), (struct str){0});
}

void stripe_customers_list(const struct stripe *s, struct arena *arena, int64_t created_from_us, struct str after,
                           struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf path = BUF_MAX(URL_MAX_BYTES);

    buf_puts(&path, "/v1/customers?");
    stripe_form_put_i64(&path, STRIPE_NAME("created", "gte"), created_from_us / US_PER_SEC);
    stripe_form_put_i64(&path, STRIPE_NAME("limit"), STRIPE_PAGE_CUSTOMERS);
    stripe_form_put(&path, STRIPE_NAME("starting_after"), after);
    *ret_call = stripe_calls_query(s, arena, &path);
}

/* Checkout and portal. The id stands at the subscription too: what a session has does not reach it. */

void stripe_checkout_create(const struct stripe *s, struct arena *arena, const struct stripe_checkout *checkout,
                            struct str idempotency_key, struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);
    struct uuid_text user_id = uuid_text(&checkout->user_id);

    stripe_form_put(&form, STRIPE_NAME("mode"), STR("subscription"));
    stripe_form_put(&form, STRIPE_NAME("customer"), checkout->customer);
    stripe_form_put(&form, STRIPE_NAME("client_reference_id"), str_from(user_id.s));
    stripe_form_put(&form, STRIPE_NAME("line_items", "0", "price"), checkout->price);
    stripe_form_put_i64(&form, STRIPE_NAME("line_items", "0", "quantity"), 1);
    stripe_form_put(&form, STRIPE_NAME("success_url"),
                    stripe_calls_page(s, arena, STRIPE_DONE_PAGE "?session_id={CHECKOUT_SESSION_ID}"));
    stripe_form_put(&form, STRIPE_NAME("cancel_url"), stripe_calls_page(s, arena, STRIPE_CANCELED_PAGE));
    stripe_form_put(&form, STRIPE_NAME("metadata", "user_id"), str_from(user_id.s));
    stripe_form_put(&form, STRIPE_NAME("subscription_data", "metadata", "user_id"), str_from(user_id.s));
    if (checkout->trial_days > 0)
        stripe_form_put_i64(&form, STRIPE_NAME("subscription_data", "trial_period_days"), checkout->trial_days);
    if (checkout->expires_at_us > 0)
        stripe_form_put_i64(&form, STRIPE_NAME("expires_at"), checkout->expires_at_us / US_PER_SEC);
    if (checkout->ask_consent)
        stripe_form_put(&form, STRIPE_NAME("consent_collection", "terms_of_service"), STR("required"));
    *ret_call = stripe_calls_post(s, arena, STR("/v1/checkout/sessions"), &form, idempotency_key);
}

void stripe_checkout_get(const struct stripe *s, struct arena *arena, struct str session, struct net_call *ret_call)
{
    *ret_call = stripe_calls_get(s, arena, stripe_calls_path(arena, "/v1/checkout/sessions", session, ""));
}

void stripe_checkout_expire(const struct stripe *s, struct arena *arena, struct str session, struct str idempotency_key,
                            struct net_call *ret_call)
{
    const struct buf nothing = BUF_MAX(0);

    *ret_call = stripe_calls_post(s, arena, stripe_calls_path(arena, "/v1/checkout/sessions", session, "/expire"),
                                  &nothing, idempotency_key);
}

void stripe_checkouts_list(const struct stripe *s, struct arena *arena, struct str customer, struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf path = BUF_MAX(URL_MAX_BYTES);

    buf_puts(&path, "/v1/checkout/sessions?");
    stripe_form_put(&path, STRIPE_NAME("customer"), customer);
    stripe_form_put(&path, STRIPE_NAME("status"), STR("open"));
    stripe_form_put_i64(&path, STRIPE_NAME("limit"), STRIPE_PAGE_SUBSCRIPTIONS);
    *ret_call = stripe_calls_query(s, arena, &path);
}

void stripe_portal_create(const struct stripe *s, struct arena *arena, struct str customer, struct str idempotency_key,
                          struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf form = BUF_MAX(FORM_MAX_BYTES);

    stripe_form_put(&form, STRIPE_NAME("customer"), customer);
    stripe_form_put(&form, STRIPE_NAME("return_url"), stripe_calls_page(s, arena, STRIPE_RETURN_PAGE));
    *ret_call = stripe_calls_post(s, arena, STR("/v1/billing_portal/sessions"), &form, idempotency_key);
}

/* What is there */

void stripe_subscriptions_list(const struct stripe *s, struct arena *arena, struct str customer, struct str after,
                               struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf path = BUF_MAX(URL_MAX_BYTES);

    buf_puts(&path, "/v1/subscriptions?");
    stripe_form_put(&path, STRIPE_NAME("customer"), customer);
    stripe_form_put(&path, STRIPE_NAME("status"), STR("all")); /* else those that were canceled are left out */
    stripe_form_put_i64(&path, STRIPE_NAME("limit"), STRIPE_PAGE_SUBSCRIPTIONS);
    stripe_form_put(&path, STRIPE_NAME("starting_after"), after);
    *ret_call = stripe_calls_query(s, arena, &path);
}

void stripe_subscription_get(const struct stripe *s, struct arena *arena, struct str subscription,
                             struct net_call *ret_call)
{
    *ret_call = stripe_calls_get(s, arena, stripe_calls_path(arena, "/v1/subscriptions", subscription, ""));
}

void stripe_events_list(const struct stripe *s, struct arena *arena, const struct stripe_events_query *query,
                        struct net_call *ret_call)
{
    _cleanup_(buf_done) struct buf path = BUF_MAX(URL_MAX_BYTES);

    ASSERT(query->types_n <= STRIPE_EVENT_TYPES_MAX && (query->newer_than.p == NULL || query->older_than.p == NULL));
    buf_puts(&path, "/v1/events?");
    stripe_form_put_bool(&path, STRIPE_NAME("delivery_success"), false);
    stripe_form_put_list(&path, "types", query->types, query->types_n);
    stripe_form_put(&path, STRIPE_NAME("ending_before"), query->newer_than);
    stripe_form_put(&path, STRIPE_NAME("starting_after"), query->older_than);
    stripe_form_put_i64(&path, STRIPE_NAME("limit"), STRIPE_PAGE_EVENTS);
    *ret_call = stripe_calls_query(s, arena, &path);
}

void stripe_charge_get(const struct stripe *s, struct arena *arena, struct str charge, struct net_call *ret_call)
{
    *ret_call = stripe_calls_get(s, arena, stripe_calls_path(arena, "/v1/charges", charge, ""));
}
