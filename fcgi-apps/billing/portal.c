/* POST /api/v1/billing/portal: Stripe's page on which a subscription is changed, paid and canceled. It depends on no plan. */
#include "billing/ask.h"
#include "fcgi/input.h"
#include "model/billing/checkout.h"

struct portal_out {
    struct str url;
};

static const struct json_field portal_out_fields[] = {
    {.name = "url",
     JSON_STR(struct portal_out, url),
     .help = "The page at Stripe, for a short time: send the browser there now"},
    JSON_END};

static enum err portal_post(struct ctx *c)
{
    struct checkout_buyer buyer = {.state = 0};
    struct portal_out out;
    struct ask ask;

    enum err e = input_query_only(c, NULL);
    if (e != OK)
        return e;
    if (!app_has_key(c))
        return ERR_BILLING_NOT_CONFIGURED;
    e = checkout_buyer_of(c->db, c->arena, &c->caller.user_id, &buyer);
    if (e == OK && buyer.customer.p == NULL)
        e = ERR_NO_SUBSCRIPTION;
    if (e != OK)
        return e;
    ask_begin(&ask, c);
    e = ask_portal(&ask, buyer.customer, &out.url);
    if (e == ERR_STRIPE_REFUSED && stripe_error_is_missing(&ask.error))
        return ERR_NO_SUBSCRIPTION; /* it was deleted there, and the event of that is on its way */
    return e == OK ? reply_data(&c->rep, 200, portal_out_fields, &out) : ask_told(e);
}

const struct route portal_routes[] = {
    {.method = "POST",
     .pattern = "/api/v1/billing/portal",
     .handler = portal_post,
     .auth = AUTH_SESSION,
     .rate = RATE_WRITE,
     .cost = COST_OUTSIDE,
     .summary = "The page to change or cancel a subscription"},
    ROUTE_END,
};
