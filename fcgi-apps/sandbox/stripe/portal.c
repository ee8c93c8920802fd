/*
 * /stripe/portal/{session}: a customer's page. It has what Stripe's portal has, and below that what else can happen: the
 * clock, the card, the bank. Each is a row of the table at the end, and a button.
 */
#include "sandbox/stripe/pages.h"
#include "stripe/id.h"

#define DAYS_MAX 400

/* One that somebody has chosen. */
struct stripe_choice {
    struct ctx *c;
    const struct form *form;
    const struct stripe_action *action;
    struct uuid portal_id;
    struct stripe_sim_customer customer;
    struct stripe_sim_checkout checkout; /* of actions on a subscription */
    bool refused;
};

static const struct stripe_action {
    const char *name, *what;
    /* On a subscription: what it does to it. False: it cannot be. */
    bool (*act)(struct stripe_choice *choice, const struct stripe_life_plan *plan, struct stripe_life_events *events);
    const char *tells; /* an event besides; NULL: none */
    bool of_customer;  /* on all: act is NULL */
} stripe_portal_actions[];

static bool stripe_portal_cancel(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                 struct stripe_life_events *events)
{
    struct stripe_life_plan by_time = *plan;

    by_time.cancels_by_time = true; /* as the portal does since 2025-09-30 */
    return stripe_life_cancel(&choice->checkout.life, &by_time, false, events);
}

static bool stripe_portal_cancel_by_flag(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                         struct stripe_life_events *events)
{
    return stripe_life_cancel(&choice->checkout.life, plan, false, events);
}

static bool stripe_portal_cancel_now(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                     struct stripe_life_events *events)
{
    return stripe_life_cancel(&choice->checkout.life, plan, true, events);
}

static bool stripe_portal_keep(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                               struct stripe_life_events *events)
{
    (void)plan;
    return stripe_life_keep(&choice->checkout.life, events);
}

static bool stripe_portal_pause(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                struct stripe_life_events *events)
{
    (void)plan;
    return stripe_life_pause(&choice->checkout.life, events);
}

static bool stripe_portal_resume(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                 struct stripe_life_events *events)
{
    return stripe_life_resume(&choice->checkout.life, plan, events);
}

static bool stripe_portal_pay(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                              struct stripe_life_events *events)
{
    (void)plan;
    return stripe_life_pay(&choice->checkout.life, events);
}

static bool stripe_portal_pause_collection(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                           struct stripe_life_events *events)
{
    (void)plan;
    return stripe_life_pause_collection(&choice->checkout.life, true, events);
}

static bool stripe_portal_resume_collection(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                            struct stripe_life_events *events)
{
    (void)plan;
    return stripe_life_pause_collection(&choice->checkout.life, false, events);
}

/* To another price: told by the row's event. */
static bool stripe_portal_change(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                 struct stripe_life_events *events)
{
    struct str price = form_get(choice->form, "price");
    (void)plan;
    (void)events;

    if (!stripe_id_is(price, STRIPE_ID_PRICE) || stripe_status_is_over(choice->checkout.life.status))
        return false;
    choice->checkout.price = price;
    return true;
}

static bool stripe_portal_card_pays(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                    struct stripe_life_events *events)
{
    (void)plan;
    (void)events;
    choice->checkout.life.card = STRIPE_CARD_PAYS;
    return true;
}

static bool stripe_portal_card_declines(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                        struct stripe_life_events *events)
{
    (void)plan;
    (void)events;
    choice->checkout.life.card = STRIPE_CARD_DECLINES;
    return true;
}

static bool stripe_portal_card_wants_action(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                            struct stripe_life_events *events)
{
    (void)plan;
    (void)events;
    choice->checkout.life.card = STRIPE_CARD_WANTS_ACTION;
    return true;
}

static bool stripe_portal_ends_unpaid(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                      struct stripe_life_events *events)
{
    (void)plan;
    (void)events;
    choice->checkout.ends_unpaid = true;
    return true;
}

/* Nothing happens to the subscription; somebody is told of its money. */
static bool stripe_portal_nothing(struct stripe_choice *choice, const struct stripe_life_plan *plan,
                                  struct stripe_life_events *events)
{
    (void)choice;
    (void)plan;
    (void)events;
    return true;
}

static enum err stripe_portal_on_customer(struct stripe_choice *choice, struct stripe_teller *t)
{
    int64_t days;

    if (str_eqc(form_get(choice->form, "action"), "delete"))
        return stripe_customer_end(t, &choice->customer);
    if (!str_to_i64(form_get(choice->form, "days"), &days) || days < 1 || days > DAYS_MAX) {
        choice->refused = true;
        return OK;
    }
    choice->customer.ahead_us += days * US_PER_DAY;
    enum err e = stripe_sim_customer_save(t->db, &choice->customer);
    return e == OK ? stripe_advance_all(t) : e;
}

static enum err stripe_portal_on_subscription(struct stripe_choice *choice, struct stripe_teller *t)
{
    struct stripe_sim_checkout *checkout = &choice->checkout;
    struct stripe_life_events events = {.n = 0};
    struct uuid id;

    enum err e = ERR_NOT_FOUND;
    if (stripe_sim_id_read(form_get(choice->form, "subscription"), "sub_", &id))
        e = stripe_sim_checkout(t->db, t->arena, &id, checkout);
    choice->refused = e == ERR_NOT_FOUND || (e == OK && (!uuid_eq(&checkout->customer_id, &choice->customer.id) ||
                                                         checkout->status != STRIPE_SESSION_COMPLETE));
    if (choice->refused)
        return OK;
    if (e == OK)
        e = stripe_advance(t, checkout);
    if (e != OK)
        return e;
    const struct stripe_life_plan plan = stripe_sim_plan(checkout);
    choice->refused = !choice->action->act(choice, &plan, &events);
    if (choice->refused)
        return OK;
    e = stripe_tell_all(t, checkout, &events);
    if (e == OK && choice->action->tells != NULL)
        e = stripe_tell(t, checkout, choice->action->tells, stripe_sim_now_us(t->customer));
    return e == OK ? stripe_sim_checkout_save(t->db, checkout, t->customer) : e;
}

static enum err stripe_portal_tx(struct db *db, void *arg)
{
    struct stripe_choice *choice = arg;
    struct stripe_teller t = {
        .db = db, .arena = choice->c->arena, .conf = choice->c->conf, .customer = &choice->customer};

    enum err e = stripe_sim_customer_by_portal(db, t.arena, &choice->portal_id, &choice->customer);
    if (e == OK)
        e = stripe_sim_customer_lock(db, t.arena, &choice->customer.id, &choice->customer);
    if (e == OK && choice->customer.deleted_at_us != 0)
        e = ERR_NOT_FOUND;
    if (e != OK)
        return e;
    return choice->action->of_customer ? stripe_portal_on_customer(choice, &t)
                                       : stripe_portal_on_subscription(choice, &t);
}

/* Whose page it is. False: answered, or *ret_err. */
static bool stripe_portal_find(struct ctx *c, struct uuid *ret_id, struct stripe_sim_customer *ret, enum err *ret_err)
{
    enum err e = ERR_NOT_FOUND;

    *ret_err = ERR_NOT_FOUND;
    if (!stripe_simulates(c->conf, c->state))
        return false;
    if (stripe_sim_id_read(c->req.param[0], "bps_", ret_id))
        e = stripe_sim_customer_by_portal(c->db, c->arena, ret_id, ret);
    *ret_err = e == ERR_NOT_FOUND ? stripe_page_say(c, 404, "This page is over",
                                                    "Open it anew from where you came: it is for an hour.")
                                  : e;
    return e == OK;
}

static void stripe_portal_put_time(struct buf *b, const char *name, int64_t at_us)
{
    char text[TIME_TEXT_SIZE];

    if (at_us == 0)
        return;
    time_format(at_us, text);
    buf_printf(b, "<dt>%s</dt><dd>%s</dd>", name, text);
}

static void stripe_portal_put_buttons(struct buf *b, bool of_customer)
{
    for (const struct stripe_action *a = stripe_portal_actions; a->name != NULL; a++)
        if (a->of_customer == of_customer)
            buf_printf(b, "<button name=\"action\" value=\"%s\">%s</button>", a->name, a->what);
}

static void stripe_portal_put_subscription(struct ctx *c, struct buf *b, const struct stripe_sim_checkout *s)
{
    struct str id = stripe_sim_id(c->arena, "sub_", &s->id);
    const struct stripe_life *l = &s->life;

    buf_printf(b, "<h2>%s</h2>\n<dl><dt>Subscription</dt><dd>%.*s</dd><dt>Price</dt><dd>",
               stripe_status_word(l->status), STR_FMT(id));
    html_put(b, s->price);
    buf_puts(b, "</dd>");
    stripe_portal_put_time(b, "Period ends", l->period_end_us);
    stripe_portal_put_time(b, "Is canceled at", l->cancel_at_us);
    if (l->cancel_at_period_end)
        stripe_portal_put_time(b, "Is canceled at", l->period_end_us);
    stripe_portal_put_time(b, "Trial ends", l->trial_end_us);
    stripe_portal_put_time(b, "Ended", l->ended_at_us);
    buf_printf(b, "</dl>\n<form method=\"post\"><input type=\"hidden\" name=\"subscription\" value=\"%.*s\">\n",
               STR_FMT(id));
    buf_puts(b, "<label>Price to change to <input type=\"text\" name=\"price\" value=\"");
    html_put(b, s->price);
    buf_puts(b, "\"></label>\n");
    stripe_portal_put_buttons(b, false);
    buf_puts(b, "</form>\n");
}

static enum err stripe_portal_show(struct ctx *c)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(STRIPE_PAGE_MAX_BYTES);
    struct stripe_sim_customer customer;
    struct stripe_sim_checkout *v;
    struct uuid id;
    size_t n;
    enum err e;

    if (!stripe_portal_find(c, &id, &customer, &e))
        return e;
    e = stripe_sim_checkouts(c->db, c->arena, &customer.id, &UUID_LAST, "complete", STRIPE_SIM_PAGE_MAX, &v, &n);
    if (e != OK)
        return e;
    html_open(&b, "Your subscription");
    buf_puts(&b, "<h1>Your subscription</h1>\n<p><a href=\"");
    html_put(&b, customer.portal_return_url);
    buf_puts(&b, "\">Back</a></p>\n<dl>");
    stripe_portal_put_time(&b, "Now, by the simulator's clock", stripe_sim_now_us(&customer));
    buf_puts(&b, "</dl>\n");
    for (size_t i = 0; i < n; i++)
        stripe_portal_put_subscription(c, &b, &v[i]);
    buf_puts(&b, "<h2>The simulator</h2>\n<form method=\"post\"><label>Days <input type=\"text\" name=\"days\" "
                 "value=\"30\"></label>\n");
    stripe_portal_put_buttons(&b, true);
    buf_puts(&b, "</form>\n");
    return answer_html(c, 200, &b);
}

static enum err stripe_portal_decide(struct ctx *c)
{
    struct form *f = arena_alloc(c->arena, sizeof *f);
    struct stripe_choice choice = {.c = c, .form = f, .action = stripe_portal_actions};
    enum err e;

    if (!stripe_portal_find(c, &choice.portal_id, &choice.customer, &e) || !stripe_page_form(c, f, &e))
        return e;
    struct str name = form_get(f, "action");
    while (choice.action->name != NULL && !str_eqc(name, choice.action->name))
        choice.action++;
    if (choice.action->name == NULL)
        return stripe_page_say(c, 400, "Your subscription", "There is no such choice.");
    e = db_tx(c->db, stripe_portal_tx, &choice);
    if (e == OK && choice.refused)
        return stripe_page_say(c, 409, "Your subscription", "This cannot be done in its present state.");
    if (e == ERR_NOT_FOUND)
        return stripe_page_say(c, 404, "This page is over", "The customer was deleted.");
    if (e != OK)
        return e;
    return str_eqc(name, "delete")
               ? stripe_page_say(c, 200, "Deleted", "The customer was deleted.")
               : reply_redirect(&c->rep, stripe_page_url(c->arena, c->conf, "portal", c->req.param[0]));
}

enum err stripe_page_say(struct ctx *c, int status, const char *title, const char *text)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(STRIPE_PAGE_MAX_BYTES);

    html_open(&b, title);
    buf_printf(&b, "<h1>%s</h1>\n<p>%s</p>\n", title, text);
    return answer_html(c, status, &b);
}

bool stripe_page_form(struct ctx *c, struct form *ret_form, enum err *ret_err)
{
    struct str text;

    *ret_err = body_read_all(&c->req.body, c->arena, SANDBOX_FORM_MAX, &text);
    if (*ret_err == OK && form_parse(c->arena, text, ret_form) == OK)
        return true;
    if (*ret_err == OK)
        *ret_err = stripe_page_say(c, 400, "Something went wrong", "The form could not be read.");
    return false;
}

static const struct stripe_action stripe_portal_actions[] = {
    {"cancel", "Cancel", stripe_portal_cancel, NULL, false},
    {"keep", "Do not cancel", stripe_portal_keep, NULL, false},
    {"change", "Change the price", stripe_portal_change, "customer.subscription.updated", false},
    {"pause", "Pause", stripe_portal_pause, NULL, false},
    {"resume", "Resume", stripe_portal_resume, NULL, false},
    {"pay", "Pay the open bill", stripe_portal_pay, NULL, false},
    /* What else happens */
    {"cancel_by_flag", "Cancel, by cancel_at_period_end", stripe_portal_cancel_by_flag, NULL, false},
    {"cancel_now", "End it now", stripe_portal_cancel_now, NULL, false},
    {"pause_collection", "Stop collecting", stripe_portal_pause_collection, NULL, false},
    {"resume_collection", "Collect again", stripe_portal_resume_collection, NULL, false},
    {"card_pays", "The card pays", stripe_portal_card_pays, NULL, false},
    {"card_declines", "The card is declined", stripe_portal_card_declines, NULL, false},
    {"card_wants_action", "The card wants a confirmation", stripe_portal_card_wants_action, NULL, false},
    {"ends_unpaid", "Unpaid after the last try", stripe_portal_ends_unpaid, NULL, false},
    {"dispute", "A dispute", stripe_portal_nothing, "charge.dispute.created", false},
    {"dispute_lost", "The dispute is lost", stripe_portal_nothing, "charge.dispute.closed", false},
    {"refund", "A refund", stripe_portal_nothing, "charge.refunded", false},
    {"fraud_warning", "A fraud warning", stripe_portal_nothing, "radar.early_fraud_warning.created", false},
    {"advance", "Let so many days pass", NULL, NULL, true},
    {"delete", "Delete the customer", NULL, NULL, true},
    {.name = NULL},
};

#define FOREIGN .auth = AUTH_FOREIGN, .rate = RATE_NONE

const struct route stripe_portal_routes[] = {
    {.method = "GET",
     .pattern = "/stripe/portal/{id}",
     .handler = stripe_portal_show,
     FOREIGN,
     .summary = "Simulated Stripe: the portal"},
    {.method = "POST",
     .pattern = "/stripe/portal/{id}",
     .handler = stripe_portal_decide,
     .body_max_bytes = SANDBOX_FORM_MAX,
     FOREIGN,
     .summary = "Simulated Stripe: change a subscription, let time pass"},
    ROUTE_END,
};
