/* Which of a customer's events are told to whom. A mail says what holds now, and not what held when its event was made. */
#include "billing/customer.h"
#include "model/billing/billing.h"
#include "model/billing/tell.h"
#include "stripe/event.h"

static bool customer_is_theirs(const struct customer *c, const struct provider_event *event)
{
    return event->customer_id.p == NULL || str_eq(event->customer_id, c->sync.customer);
}

enum provider_event_why customer_why_ignored(const struct customer *c, const struct provider_event *event)
{
    if (!customer_is_theirs(c, event))
        return PROVIDER_EVENT_UNKNOWN_CUSTOMER;
    if (c->fetched == FETCH_DONE && fetch_is_foreign(&c->fetch, event->subscription_id))
        return PROVIDER_EVENT_FOREIGN_PRICE;
    return PROVIDER_EVENT_HAS_NO_WHY;
}

static bool customer_is_for_admin(const struct customer *c, const struct provider_event *event)
{
    return event->kind != NULL && event->kind->use == STRIPE_USE_TELL_ADMIN &&
           customer_why_ignored(c, event) == PROVIDER_EVENT_HAS_NO_WHY;
}

static void customer_raise(const struct job_run *run, const char *what, const struct provider_event *event)
{
    alarm_raise(run->worker->metrics->set, ALARM_BILLING_ATTENTION, LOG_CSTR("what", what),
                LOG_CSTR("user", uuid_text(&run->job.subject_id).s),
                LOG_STR("event", event == NULL ? (struct str){0} : event->event_id),
                LOG_STR("object", event == NULL ? (struct str){0} : event->object_id), LOG_END);
}

void customer_raise_alarms(const struct job_run *run, const struct customer *c)
{
    for (size_t i = 0; i < c->events_n; i++)
        if (customer_is_for_admin(c, &c->events[i]))
            customer_raise(run, c->events[i].kind->type, &c->events[i]);
    int64_t new = c->fetched == FETCH_DONE ? sync_attention_of(&c->fetch.state) & ~c->sync.attention : 0;
    for (int bit = 0; sync_attention_words[bit] != NULL; bit++)
        if ((new &INT64_C(1) << bit) != 0)
            customer_raise(run, sync_attention_words[bit], NULL);
}

/* Is there still something that the user must do about the subscription of this bill? */
static bool customer_owes(const struct stripe_subscription *s)
{
    return s != NULL && (s->status == STRIPE_PAST_DUE || s->status == STRIPE_UNPAID || s->status == STRIPE_INCOMPLETE);
}

/* One that ends with its trial costs nothing then. */
static bool customer_pays_after_trial(const struct stripe_subscription *s)
{
    if (s == NULL || s->status != STRIPE_TRIALING || s->trial_end_us <= clock_now_us())
        return false;
    int64_t ends_us = stripe_subscription_ends_us(s);
    return ends_us == 0 || ends_us > s->trial_end_us;
}

/* Until when the plan goes on although it is not paid; 0: it does not. */
static int64_t customer_grace_end(const struct job_run *run, const struct customer *c)
{
    const struct conf *conf = run->worker->conf;
    const struct subscription s = sync_subscription(conf, c->sync.customer, &c->fetch.state);
    struct plan_terms terms = plan_terms_of(&s, &(struct plan_grant){.until_us = 0}, plan_grace_us(conf));

    return terms.subscribed_until_us > clock_now_us() ? terms.subscribed_until_us : 0;
}

static enum err customer_mail(struct db *db, const struct job_run *run, const struct provider_event *event,
                              enum mail_template template, int64_t at_us)
{
    struct mail_params params = {.at_us = at_us, .link = event->link};

    if (params.link.p == NULL || params.link.n > MAIL_LINK_MAX_BYTES)
        params.link = arena_printf(run->arena, "%.*s%s", STR_FMT(run->worker->conf->service_url), STRIPE_RETURN_PAGE);
    return billing_tell_user(db, event, template, &params, run->job.request_id);
}

static enum err customer_tell_of(struct db *db, const struct job_run *run, const struct customer *c,
                                 const struct provider_event *event)
{
    const struct stripe_subscription *s =
        c->fetched == FETCH_DONE ? fetch_find(&c->fetch, event->subscription_id) : NULL;

    switch (event->kind->use) {
    case STRIPE_USE_TELL_ADMIN:
        return billing_tell_admin(db, run->arena, run->worker->conf, event, run->job.request_id);
    case STRIPE_USE_MAIL_FAILED:
        return customer_owes(s) ? customer_mail(db, run, event, MAIL_PAYMENT_FAILED, customer_grace_end(run, c)) : OK;
    case STRIPE_USE_MAIL_ACTION:
        return customer_owes(s)
                   ? customer_mail(db, run, event, MAIL_PAYMENT_ACTION_REQUIRED, customer_grace_end(run, c))
                   : OK;
    case STRIPE_USE_MAIL_TRIAL:
        return customer_pays_after_trial(s) ? customer_mail(db, run, event, MAIL_TRIAL_ENDING, s->trial_end_us) : OK;
    case STRIPE_USE_STATE:
    case STRIPE_USE_BIND:
    case STRIPE_USE_CHECKOUT_OVER:
    case STRIPE_USE_CUSTOMER_GONE:
        break;
    }
    return OK;
}

enum err customer_tell(struct db *db, const struct job_run *run, const struct customer *c)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < c->events_n; i++)
        if (c->events[i].kind != NULL && customer_why_ignored(c, &c->events[i]) == PROVIDER_EVENT_HAS_NO_WHY)
            e = customer_tell_of(db, run, c, &c->events[i]);
    return e;
}
