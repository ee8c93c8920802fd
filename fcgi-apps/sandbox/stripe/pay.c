/*
 * /stripe/pay/{session}: the checkout page, and /stripe/invoice/{invoice}: that of a bill. Instead of a card's number one
 * chooses what becomes of its payments. A card that is declined at once leaves the checkout open, as at Stripe.
 */
#include "sandbox/stripe/pages.h"

static const struct {
    const char *value, *what;
    enum stripe_card card;
    bool later; /* the first payment is good */
} stripe_pay_cards[] = {
    {"pays", "pays", STRIPE_CARD_PAYS, false},
    {"declines", "is declined", STRIPE_CARD_DECLINES, false},
    {"declines_later", "pays today, and is declined afterwards", STRIPE_CARD_DECLINES, true},
    {"wants_action", "wants a confirmation by the bank", STRIPE_CARD_WANTS_ACTION, false},
    {"wants_action_later", "pays today, and wants a confirmation afterwards", STRIPE_CARD_WANTS_ACTION, true},
};

struct stripe_pay {
    struct ctx *c;
    struct uuid id;
    size_t card;
    struct stripe_sim_checkout checkout;
    bool declined;
};

static enum err stripe_pay_page(struct ctx *c, int status, const struct stripe_sim_checkout *checkout,
                                const char *error)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(STRIPE_PAGE_MAX_BYTES);
    struct str id = stripe_sim_id(c->arena, "cs_test_", &checkout->id);

    html_open(&b, "Checkout");
    buf_puts(&b, "<h1>Subscribe</h1>\n<dl><dt>Price</dt><dd id=\"price\">");
    html_put(&b, checkout->price);
    buf_printf(&b, "</dd><dt>Every</dt><dd>%d days</dd>", (int)(STRIPE_SIM_PERIOD_US / US_PER_DAY));
    if (checkout->trial_days > 0)
        buf_printf(&b, "<dt>Free trial</dt><dd>%lld days</dd>", (long long)checkout->trial_days);
    buf_puts(&b, "</dl>\n");
    if (error != NULL)
        buf_printf(&b, "<p class=\"error\" role=\"alert\">%s</p>\n", error);
    buf_printf(&b, "<form method=\"post\" action=\"/stripe/pay/%.*s\">\n<label>The card <select name=\"card\">",
               STR_FMT(id));
    for (size_t i = 0; i < ARRAY_LEN(stripe_pay_cards); i++)
        buf_printf(&b, "<option value=\"%s\">%s</option>", stripe_pay_cards[i].value, stripe_pay_cards[i].what);
    buf_puts(&b, "</select></label>\n");
    if (checkout->ask_consent)
        buf_puts(&b, "<label><input type=\"checkbox\" name=\"consent\" value=\"yes\"> I agree to the terms</label>\n");
    buf_puts(&b, "<button class=\"yes\" name=\"action\" value=\"pay\">Subscribe</button>"
                 "<button name=\"action\" value=\"back\" formnovalidate>Back</button>\n</form>\n");
    return answer_html(c, status, &b);
}

/* Of one that is there and open. False: answered, or *ret_err. */
static bool stripe_pay_find(struct ctx *c, struct stripe_sim_checkout *ret, enum err *ret_err)
{
    struct uuid id;

    if (!stripe_simulates(c->conf, c->state)) {
        *ret_err = ERR_NOT_FOUND;
        return false;
    }
    enum err e = ERR_NOT_FOUND;
    if (stripe_sim_id_read(c->req.param[0], "cs_test_", &id))
        e = stripe_sim_checkout(c->db, c->arena, &id, ret);
    if (e == OK && ret->status == STRIPE_SESSION_OPEN && ret->expires_at_us > clock_now_us())
        return true;
    *ret_err = e == OK || e == ERR_NOT_FOUND
                   ? stripe_page_say(c, 404, "There is nothing to pay here",
                                     "This checkout is over: it was paid or has expired, or there never was one.")
                   : e;
    return false;
}

static enum err stripe_pay_show(struct ctx *c)
{
    struct stripe_sim_checkout checkout;
    enum err e;

    return stripe_pay_find(c, &checkout, &e) ? stripe_pay_page(c, 200, &checkout, NULL) : e;
}

static enum err stripe_pay_tx(struct db *db, void *arg)
{
    struct stripe_pay *p = arg;
    struct stripe_sim_checkout *checkout = &p->checkout;
    struct stripe_life_events events = {.n = 0};
    struct stripe_sim_customer customer;
    const struct stripe_teller t = {.db = db, .arena = p->c->arena, .conf = p->c->conf, .customer = &customer};
    enum stripe_card card = stripe_pay_cards[p->card].card;
    bool later = stripe_pay_cards[p->card].later;

    enum err e = stripe_sim_customer_lock(db, p->c->arena, &checkout->customer_id, &customer);
    if (e == OK)
        e = stripe_sim_checkout(db, p->c->arena, &p->id, checkout);
    if (e == OK && (checkout->status != STRIPE_SESSION_OPEN || customer.deleted_at_us != 0))
        e = ERR_CONFLICT;
    if (e != OK)
        return e;
    const struct stripe_life_plan plan = stripe_sim_plan(checkout);
    p->declined = card == STRIPE_CARD_DECLINES && !later && plan.trial_us == 0;
    if (p->declined)
        return OK;
    checkout->status = STRIPE_SESSION_COMPLETE;
    stripe_life_begin(&checkout->life, &plan, later ? STRIPE_CARD_PAYS : card, stripe_sim_now_us(&customer), &events);
    checkout->life.card = card;
    e = stripe_tell_all(&t, checkout, &events);
    if (e == OK)
        e = stripe_tell(&t, checkout, "checkout.session.completed", checkout->life.now_us);
    return e == OK ? stripe_sim_checkout_save(db, checkout, &customer) : e;
}

/* success_url, with the session's id for what stands for it. */
static enum err stripe_pay_back(struct ctx *c, const struct stripe_sim_checkout *checkout)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(2 * STRIPE_URL_MAX_BYTES);
    const struct str stands_for_it = STR("{CHECKOUT_SESSION_ID}");
    struct str rest = checkout->success_url;
    const char *at;

    while (rest.n > 0 && (at = memmem(rest.p, rest.n, stands_for_it.p, stands_for_it.n)) != NULL) {
        buf_putstr(&b, str_head(rest, (size_t)(at - rest.p)));
        buf_putstr(&b, stripe_sim_id(c->arena, "cs_test_", &checkout->id));
        rest = str_skip(rest, (size_t)(at - rest.p) + stands_for_it.n);
    }
    buf_putstr(&b, rest);
    return b.overflow ? ERR_INTERNAL : reply_redirect(&c->rep, buf_str(&b));
}

static enum err stripe_pay_decide(struct ctx *c)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    struct stripe_pay p = {.c = c};
    enum err e;

    if (!stripe_pay_find(c, &p.checkout, &e) || !stripe_page_form(c, f, &e))
        return e;
    struct str card = form_get(f, "card");
    if (str_eqc(form_get(f, "action"), "back"))
        return reply_redirect(&c->rep, p.checkout.cancel_url);
    while (p.card < ARRAY_LEN(stripe_pay_cards) && !str_eqc(card, stripe_pay_cards[p.card].value))
        p.card++;
    if (p.card == ARRAY_LEN(stripe_pay_cards))
        return stripe_pay_page(c, 400, &p.checkout, "Choose a card.");
    if (p.checkout.ask_consent && !str_eqc(form_get(f, "consent"), "yes"))
        return stripe_pay_page(c, 400, &p.checkout, "You must agree to the terms.");
    p.id = p.checkout.id;
    e = db_tx(c->db, stripe_pay_tx, &p);
    if (e == ERR_CONFLICT || e == ERR_NOT_FOUND)
        return stripe_page_say(c, 409, "There is nothing to pay here", "This checkout is over.");
    if (e != OK)
        return e;
    return p.declined ? stripe_pay_page(c, 402, &p.checkout, "The card was declined. Choose another one.")
                      : stripe_pay_back(c, &p.checkout);
}

/* A bill */

struct stripe_bill {
    struct ctx *c;
    struct uuid id;
    struct stripe_sim_checkout checkout;
    bool paid;
};

static enum err stripe_bill_tx(struct db *db, void *arg)
{
    struct stripe_bill *p = arg;
    struct stripe_life_events events = {.n = 0};
    struct stripe_sim_customer customer;
    const struct stripe_teller t = {.db = db, .arena = p->c->arena, .conf = p->c->conf, .customer = &customer};

    enum err e = stripe_sim_customer_lock(db, p->c->arena, &p->checkout.customer_id, &customer);
    if (e == OK)
        e = stripe_sim_checkout(db, p->c->arena, &p->id, &p->checkout);
    if (e == OK)
        e = stripe_advance(&t, &p->checkout);
    if (e != OK)
        return e;
    p->paid = stripe_life_pay(&p->checkout.life, &events);
    if (p->paid)
        p->checkout.life.card = STRIPE_CARD_PAYS; /* the one that was used now is kept */
    e = stripe_tell_all(&t, &p->checkout, &events);
    return e == OK ? stripe_sim_checkout_save(db, &p->checkout, &customer) : e;
}

static bool stripe_bill_find(struct ctx *c, struct stripe_bill *ret, enum err *ret_err)
{
    enum err e = ERR_NOT_FOUND;

    *ret = (struct stripe_bill){.c = c};
    if (!stripe_simulates(c->conf, c->state)) {
        *ret_err = ERR_NOT_FOUND;
        return false;
    }
    if (stripe_sim_id_read(c->req.param[0], "in_", &ret->id))
        e = stripe_sim_checkout(c->db, c->arena, &ret->id, &ret->checkout);
    if (e == OK && ret->checkout.status == STRIPE_SESSION_COMPLETE)
        return true;
    *ret_err = e == OK || e == ERR_NOT_FOUND ? stripe_page_say(c, 404, "Not found", "There is no such bill.") : e;
    return false;
}

static enum err stripe_bill_show(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(STRIPE_PAGE_MAX_BYTES);
    struct stripe_bill bill;
    enum err e;

    if (!stripe_bill_find(c, &bill, &e))
        return e;
    html_open(&b, "Bill");
    buf_printf(&b, "<h1>Your bill</h1>\n<p id=\"status\">%s</p>\n", stripe_status_word(bill.checkout.life.status));
    if (bill.checkout.life.tries == 0 || stripe_status_is_over(bill.checkout.life.status))
        buf_puts(&b, "<p>Nothing is to be paid.</p>\n");
    else
        buf_printf(&b,
                   "<form method=\"post\" action=\"/stripe/invoice/%.*s\"><button class=\"yes\">Pay with a good card"
                   "</button></form>\n",
                   STR_FMT(stripe_sim_id(c->arena, "in_", &bill.id)));
    return answer_html(c, 200, &b);
}

static enum err stripe_bill_pay(struct ctx *c)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    struct stripe_bill bill;
    enum err e;

    if (!stripe_bill_find(c, &bill, &e) || !stripe_page_form(c, f, &e))
        return e;
    e = db_tx(c->db, stripe_bill_tx, &bill);
    if (e != OK)
        return e;
    return bill.paid ? stripe_page_say(c, 200, "Thank you", "The bill is paid.")
                     : stripe_page_say(c, 409, "Your bill", "Nothing is to be paid.");
}

#define FOREIGN .auth = AUTH_FOREIGN, .rate = RATE_NONE

const struct route stripe_pay_routes[] = {
    {.method = "GET",
     .pattern = "/stripe/pay/{id}",
     .handler = stripe_pay_show,
     FOREIGN,
     .summary = "Simulated Stripe: the checkout page"},
    {.method = "POST",
     .pattern = "/stripe/pay/{id}",
     .handler = stripe_pay_decide,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: pay, or go back"},
    {.method = "GET",
     .pattern = "/stripe/invoice/{id}",
     .handler = stripe_bill_show,
     FOREIGN,
     .summary = "Simulated Stripe: a bill"},
    {.method = "POST",
     .pattern = "/stripe/invoice/{id}",
     .handler = stripe_bill_pay,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: pay a bill"},
    ROUTE_END,
};
