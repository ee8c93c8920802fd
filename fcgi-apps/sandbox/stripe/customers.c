/* /v1/customers, /v1/billing_portal/sessions */
#include "base/clock.h"
#include "sandbox/stripe/stripe.h"

#define EMAIL_MAX_BYTES 512
#define LIST_MAX_BYTES (1u << 20)

static struct uuid stripe_customers_user(const struct form *f)
{
    struct uuid id;

    return uuid_parse(form_get(f, "metadata[user_id]"), &id) ? id : UUID_NONE;
}

static enum err stripe_customers_create(struct db *db, struct stripe_api *a)
{
    struct str email = form_get(a->form, "email");
    struct stripe_sim_customer customer = {.user_id = stripe_customers_user(a->form),
                                           .email = email.p == NULL ? STR("") : email};

    if (email.n > EMAIL_MAX_BYTES)
        return stripe_refuse(a, 400, "email_invalid", "email", "This address is too long.");
    enum err e = stripe_sim_customer_add(db, &customer);
    if (e == OK)
        stripe_put_customer(&a->body, a->c->arena, &customer);
    return e;
}

static enum err stripe_customers_update(struct db *db, struct stripe_api *a)
{
    struct str email = form_get(a->form, "email");
    struct stripe_sim_customer customer;
    enum err e;

    if (email.n > EMAIL_MAX_BYTES)
        return stripe_refuse(a, 400, "email_invalid", "email", "This address is too long.");
    if (!stripe_customer_hold(db, a, a->c->req.param[0], NULL, &customer, &e))
        return e;
    if (email.p != NULL)
        customer.email = email;
    e = stripe_sim_customer_save(db, &customer);
    if (e == OK)
        stripe_put_customer(&a->body, a->c->arena, &customer);
    return e;
}

/* One that was deleted is found, too, and says so. */
static enum err stripe_customers_get(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_customer customer;
    struct uuid id;
    enum err e = ERR_NOT_FOUND;

    if (stripe_sim_id_read(a->c->req.param[0], "cus_", &id))
        e = stripe_sim_customer(db, a->c->arena, &id, &customer);
    if (e == ERR_NOT_FOUND)
        return stripe_refuse_missing(a, NULL);
    if (e == OK)
        stripe_put_customer(&a->body, a->c->arena, &customer);
    return e;
}

static enum err stripe_customers_list(struct db *db, struct stripe_api *a)
{
    _cleanup_(buf_done) struct buf items = BUF_MAX(LIST_MAX_BYTES);
    struct str created = form_get(a->form, "created[gte]");
    struct uuid before = UUID_LAST;
    struct stripe_sim_customer *v;
    int64_t from_sec = 0;
    enum err e = OK;
    size_t n;

    int64_t limit = stripe_limit(a, &e);
    if (limit == 0)
        return e;
    if (created.p != NULL && !str_to_i64(created, &from_sec))
        return stripe_refuse(a, 400, "parameter_invalid_integer", "created[gte]", "This must be a time in seconds.");
    if (form_count(a->form, "starting_after") > 0 &&
        !stripe_sim_id_read(form_get(a->form, "starting_after"), "cus_", &before))
        return stripe_refuse_missing(a, "starting_after");
    e = stripe_sim_customers(db, a->c->arena, from_sec * US_PER_SEC, &before, (size_t)limit + 1, &v, &n);
    if (e != OK)
        return e;
    for (size_t i = 0; i < n && i < (size_t)limit; i++) {
        buf_puts(&items, i > 0 ? "," : "");
        stripe_put_customer(&items, a->c->arena, &v[i]);
    }
    stripe_object_put_list(&a->body, "/v1/customers", buf_str(&items), n > (size_t)limit);
    return OK;
}

static enum err stripe_customers_end_one(const struct stripe_teller *t, struct stripe_sim_checkout *checkout)
{
    struct stripe_life_events events = {.n = 0};
    const struct stripe_life_plan plan = stripe_sim_plan(checkout);

    if (checkout->status == STRIPE_SESSION_OPEN)
        checkout->status = STRIPE_SESSION_EXPIRED;
    else if (checkout->status == STRIPE_SESSION_EXPIRED || !stripe_life_cancel(&checkout->life, &plan, true, &events))
        return OK;
    enum err e = stripe_tell_all(t, checkout, &events);
    return e == OK ? stripe_sim_checkout_save(t->db, checkout, t->customer) : e;
}

enum err stripe_customer_end(struct stripe_teller *t, struct stripe_sim_customer *customer)
{
    struct stripe_sim_checkout *v;
    size_t n;

    enum err e = stripe_advance_all(t);
    if (e == OK)
        e = stripe_sim_checkouts(t->db, t->arena, &customer->id, &UUID_LAST, NULL, STRIPE_SIM_PAGE_MAX, &v, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        e = stripe_customers_end_one(t, &v[i]);
    if (e == OK)
        e = stripe_tell(t, NULL, "customer.deleted", stripe_sim_now_us(customer));
    if (e != OK)
        return e;
    customer->deleted_at_us = clock_now_us();
    customer->email = STR("");
    return stripe_sim_customer_save(t->db, customer);
}

static enum err stripe_customers_delete(struct db *db, struct stripe_api *a)
{
    struct stripe_sim_customer customer;
    struct stripe_teller t = {.db = db, .arena = a->c->arena, .conf = a->c->conf, .customer = &customer};
    enum err e;

    if (!stripe_customer_hold(db, a, a->c->req.param[0], NULL, &customer, &e))
        return e;
    e = stripe_customer_end(&t, &customer);
    if (e == OK)
        stripe_put_customer(&a->body, a->c->arena, &customer);
    return e;
}

static enum err stripe_portals_create(struct db *db, struct stripe_api *a)
{
    struct str return_url = form_get(a->form, "return_url");
    struct stripe_sim_customer customer;
    struct uuid id;
    enum err e;

    if (!stripe_url_is_ours(a->c->conf, return_url))
        return stripe_refuse(a, 400, "url_invalid", "return_url", "This is not an address below service.url.");
    if (!stripe_customer_hold(db, a, form_get(a->form, "customer"), "customer", &customer, &e))
        return e;
    e = stripe_sim_portal_open(db, &customer.id, return_url, &id);
    if (e != OK)
        return e;
    struct str text = stripe_sim_id(a->c->arena, "bps_", &id);
    stripe_object_put_portal(&a->body, text, form_get(a->form, "customer"),
                             stripe_page_url(a->c->arena, a->c->conf, "portal", text), clock_now_us());
    return OK;
}

static enum err stripe_customers_route_create(struct ctx *c)
{
    static const struct stripe_operation op = {"customers_create", stripe_customers_create, .writes = true};

    return stripe_run(c, &op);
}

static enum err stripe_customers_route_update(struct ctx *c)
{
    static const struct stripe_operation op = {"customers_update", stripe_customers_update, .writes = true};

    return stripe_run(c, &op);
}

static enum err stripe_customers_route_get(struct ctx *c)
{
    static const struct stripe_operation op = {"customers_get", stripe_customers_get};

    return stripe_run(c, &op);
}

static enum err stripe_customers_route_list(struct ctx *c)
{
    static const struct stripe_operation op = {"customers_list", stripe_customers_list};

    return stripe_run(c, &op);
}

static enum err stripe_customers_route_delete(struct ctx *c)
{
    static const struct stripe_operation op = {"customers_delete", stripe_customers_delete, .writes = true};

    return stripe_run(c, &op);
}

static enum err stripe_customers_route_portal(struct ctx *c)
{
    static const struct stripe_operation op = {"portal_create", stripe_portals_create, .writes = true};

    return stripe_run(c, &op);
}

#define FOREIGN .auth = AUTH_FOREIGN, .rate = RATE_NONE

const struct route stripe_customer_routes[] = {
    {.method = "POST",
     .pattern = "/v1/customers",
     .handler = stripe_customers_route_create,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: make a customer"},
    {.method = "GET",
     .pattern = "/v1/customers",
     .handler = stripe_customers_route_list,
     FOREIGN,
     .summary = "Simulated Stripe: customers, the newest first"},
    {.method = "POST",
     .pattern = "/v1/customers/{id}",
     .handler = stripe_customers_route_update,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: change a customer"},
    {.method = "GET",
     .pattern = "/v1/customers/{id}",
     .handler = stripe_customers_route_get,
     FOREIGN,
     .summary = "Simulated Stripe: a customer"},
    {.method = "DELETE",
     .pattern = "/v1/customers/{id}",
     .handler = stripe_customers_route_delete,
     FOREIGN,
     .summary = "Simulated Stripe: delete a customer, ending its subscriptions"},
    {.method = "POST",
     .pattern = "/v1/billing_portal/sessions",
     .handler = stripe_customers_route_portal,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: open the portal"},
    ROUTE_END,
};
