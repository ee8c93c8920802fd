/* /v1/checkout/sessions */
#include "base/clock.h"
#include "sandbox/stripe/stripe.h"
#include "stripe/id.h"

#define EXPIRES_MIN_US (30 * 60 * US_PER_SEC)
#define TRIAL_MAX_DAYS 730

static struct uuid stripe_checkouts_user(const struct form *f)
{
    static const char *const names[] = {"client_reference_id", "metadata[user_id]",
                                        "subscription_data[metadata][user_id]"};
    struct uuid id;

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (uuid_parse(form_get(f, names[i]), &id))
            return id;
    return UUID_NONE;
}

/* A number; 0 without one. */
static bool stripe_checkouts_number(const struct form *f, const char *name, int64_t *ret)
{
    struct str text = form_get(f, name);

    *ret = 0;
    return text.p == NULL || str_to_i64(text, ret);
}

/* Reads the form. False: refused. */
static bool stripe_checkouts_read(struct stripe_api *a, struct stripe_sim_checkout *ret, enum err *ret_err)
{
    const struct form *f = a->form;
    int64_t now = clock_now_us(), expires_sec = 0;
    bool numbers = stripe_checkouts_number(f, "subscription_data[trial_period_days]", &ret->trial_days) &&
                   stripe_checkouts_number(f, "expires_at", &expires_sec) && expires_sec < INT64_MAX / US_PER_SEC;

    ret->user_id = stripe_checkouts_user(f);
    ret->price = form_get(f, "line_items[0][price]");
    ret->success_url = form_get(f, "success_url");
    ret->cancel_url = form_get(f, "cancel_url");
    ret->ask_consent = str_eqc(form_get(f, "consent_collection[terms_of_service]"), "required");
    ret->expires_at_us = numbers ? expires_sec * US_PER_SEC : 0;
    const struct {
        bool broken;
        const char *code, *param, *what;
    } checks[] = {
        {!str_eqc(form_get(f, "mode"), "subscription"), "parameter_invalid", "mode",
         "Only subscriptions are sold here."},
        {!stripe_id_is(ret->price, STRIPE_ID_PRICE), "resource_missing", "line_items[0][price]",
         "There is no such price."},
        {!stripe_url_is_ours(a->c->conf, ret->success_url), "url_invalid", "success_url",
         "This is not an address below service.url."},
        {!stripe_url_is_ours(a->c->conf, ret->cancel_url), "url_invalid", "cancel_url",
         "This is not an address below service.url."},
        {!numbers || ret->trial_days > TRIAL_MAX_DAYS, "parameter_invalid_integer",
         "subscription_data[trial_period_days]", "This is no such number."},
        {expires_sec != 0 && (ret->expires_at_us < now + EXPIRES_MIN_US ||
                              ret->expires_at_us > now + STRIPE_SIM_SESSION_US + US_PER_SEC),
         "parameter_invalid", "expires_at", "This must be 30 minutes to 24 hours ahead."},
    };
    for (size_t i = 0; i < ARRAY_LEN(checks); i++)
        if (checks[i].broken) {
            *ret_err = stripe_refuse(a, 400, checks[i].code, checks[i].param, checks[i].what);
            return false;
        }
    return true;
}

static enum err stripe_checkouts_create(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_checkout checkout = {.status = STRIPE_SESSION_OPEN};
    struct stripe_sim_customer customer;
    enum err e;

    if (!stripe_checkouts_read(a, &checkout, &e) ||
        !stripe_customer_hold(db, a, form_get(a->form, "customer"), "customer", &customer, &e))
        return e;
    checkout.customer_id = customer.id;
    e = stripe_sim_checkout_add(db, &checkout);
    if (e == OK)
        stripe_put_session(&a->body, a->c->arena, a->c->conf, &checkout);
    return e;
}

/* That of the path. False: refused, or *ret_err. */
static bool stripe_checkouts_find(struct db *db, struct stripe_api *a, struct stripe_sim_checkout *ret,
                                  enum err *ret_err)
{
    struct uuid id;
    enum err e = ERR_NOT_FOUND;

    if (stripe_sim_id_read(a->c->req.param[0], "cs_test_", &id))
        e = stripe_sim_checkout(db, a->c->arena, &id, ret);
    *ret_err = e == ERR_NOT_FOUND ? stripe_refuse_missing(a, NULL) : e;
    return e == OK;
}

static enum err stripe_checkouts_get(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_checkout checkout;
    enum err e;

    if (stripe_checkouts_find(db, a, &checkout, &e))
        stripe_put_session(&a->body, a->c->arena, a->c->conf, &checkout);
    return e;
}

static enum err stripe_checkouts_expire(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_checkout checkout;
    struct stripe_sim_customer customer;
    const struct stripe_teller t = {.db = db, .arena = a->c->arena, .conf = a->c->conf, .customer = &customer};
    enum err e;

    if (!stripe_checkouts_find(db, a, &checkout, &e))
        return e;
    e = stripe_sim_customer_lock(db, a->c->arena, &checkout.customer_id, &customer);
    if (e == OK && !stripe_checkouts_find(db, a, &checkout, &e)) /* anew: somebody may have been first */
        return e;
    if (e != OK)
        return e == ERR_NOT_FOUND ? stripe_refuse_missing(a, NULL) : e;
    if (checkout.status != STRIPE_SESSION_OPEN)
        return stripe_refuse(a, 400, "resource_already_exists", NULL,
                             "Only Checkout Sessions with a status in [\"open\"] can be expired.");
    checkout.status = STRIPE_SESSION_EXPIRED;
    e = stripe_tell(&t, &checkout, "checkout.session.expired", stripe_sim_now_us(&customer));
    if (e == OK)
        e = stripe_sim_checkout_save(db, &checkout, &customer);
    if (e == OK)
        stripe_put_session(&a->body, a->c->arena, a->c->conf, &checkout);
    return e;
}

static enum err stripe_checkouts_list(struct db *db, struct stripe_api *a)
{
    _cleanup_(buf_done) struct buf items = BUF_MAX(2u << 20);
    struct str status = form_get(a->form, "status");
    struct uuid before = UUID_LAST;
    struct stripe_sim_customer customer;
    struct stripe_sim_checkout *v;
    size_t n;
    enum err e = OK;
    int64_t limit = stripe_limit(a, &e);

    if (limit == 0 || !stripe_customer_look(db, a, form_get(a->form, "customer"), "customer", &customer, &e))
        return e;
    if (status.p != NULL && !str_is_one_of(status, (const char *const[]){"open", "complete", "expired", NULL}))
        return stripe_refuse(a, 400, "parameter_invalid", "status", "There is no such status.");
    if (form_count(a->form, "starting_after") > 0 &&
        !stripe_sim_id_read(form_get(a->form, "starting_after"), "cs_test_", &before))
        return stripe_refuse_missing(a, "starting_after");
    e = stripe_sim_checkouts(db, a->c->arena, &customer.id, &before,
                             status.p == NULL ? NULL : arena_strdup(a->c->arena, status), limit + 1, &v, &n);
    for (size_t i = 0; e == OK && i < n && i < (size_t)limit; i++) {
        buf_puts(&items, i > 0 ? "," : "");
        stripe_put_session(&items, a->c->arena, a->c->conf, &v[i]);
    }
    if (e == OK)
        stripe_object_put_list(&a->body, "/v1/checkout/sessions", buf_str(&items), n > (size_t)limit);
    return e;
}

static enum err stripe_checkouts_route_create(struct ctx *c)
{
    static const struct stripe_operation op = {"sessions_create", stripe_checkouts_create, .writes = true};

    return stripe_run(c, &op);
}

static enum err stripe_checkouts_route_list(struct ctx *c)
{
    static const struct stripe_operation op = {"sessions_list", stripe_checkouts_list};

    return stripe_run(c, &op);
}

static enum err stripe_checkouts_route_get(struct ctx *c)
{
    static const struct stripe_operation op = {"sessions_get", stripe_checkouts_get};

    return stripe_run(c, &op);
}

static enum err stripe_checkouts_route_expire(struct ctx *c)
{
    static const struct stripe_operation op = {"sessions_expire", stripe_checkouts_expire, .writes = true};

    return stripe_run(c, &op);
}

#define FOREIGN .auth = AUTH_FOREIGN, .rate = RATE_NONE

const struct route stripe_checkout_routes[] = {
    {.method = "POST",
     .pattern = "/v1/checkout/sessions",
     .handler = stripe_checkouts_route_create,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: begin a checkout"},
    {.method = "GET",
     .pattern = "/v1/checkout/sessions",
     .handler = stripe_checkouts_route_list,
     FOREIGN,
     .summary = "Simulated Stripe: checkouts of a customer"},
    {.method = "GET",
     .pattern = "/v1/checkout/sessions/{id}",
     .handler = stripe_checkouts_route_get,
     FOREIGN,
     .summary = "Simulated Stripe: a checkout"},
    {.method = "POST",
     .pattern = "/v1/checkout/sessions/{id}/expire",
     .handler = stripe_checkouts_route_expire,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: end a checkout"},
    ROUTE_END,
};
