#include "sandbox/stripe/object.h"

#include "json/json.h"
#include "stripe/calls.h"

/* Small pieces: each begins with the comma that comes before it. */

static void stripe_object_str(struct buf *b, const char *name, struct str value)
{
    buf_printf(b, ",\"%s\":", name);
    if (value.p == NULL)
        buf_puts(b, "null");
    else
        json_write_str(b, value);
}

static void stripe_object_bool(struct buf *b, const char *name, bool value)
{
    buf_printf(b, ",\"%s\":%s", name, value ? "true" : "false");
}

static void stripe_object_i64(struct buf *b, const char *name, int64_t value)
{
    buf_printf(b, ",\"%s\":%lld", name, (long long)value);
}

/* In seconds; 0: null. */
static void stripe_object_time(struct buf *b, const char *name, int64_t at_us)
{
    if (at_us == 0)
        buf_printf(b, ",\"%s\":null", name);
    else
        stripe_object_i64(b, name, at_us / US_PER_SEC);
}

static void stripe_object_open(struct buf *b, const char *object, struct str id)
{
    buf_printf(b, "{\"object\":\"%s\"", object);
    stripe_object_str(b, "id", id);
}

static void stripe_object_metadata(struct buf *b, const struct uuid *user_id)
{
    if (uuid_is_none(user_id))
        buf_puts(b, ",\"metadata\":{}");
    else
        buf_printf(b, ",\"metadata\":{\"user_id\":\"%s\"}", uuid_text(user_id).s);
}

/* Objects */

void stripe_object_put_customer(struct buf *b, const struct stripe_object_customer *c)
{
    stripe_object_open(b, "customer", c->id);
    stripe_object_str(b, "email", c->email);
    stripe_object_time(b, "created", c->created_us);
    stripe_object_bool(b, "livemode", false);
    stripe_object_metadata(b, &c->user_id);
    buf_putc(b, '}');
}

void stripe_object_put_deleted_customer(struct buf *b, struct str id)
{
    stripe_object_open(b, "customer", id);
    stripe_object_bool(b, "deleted", true);
    buf_putc(b, '}');
}

static void stripe_object_items(struct buf *b, const struct stripe_object_subscription *s)
{
    buf_puts(b, ",\"items\":{\"object\":\"list\",\"has_more\":false,\"data\":[");
    stripe_object_open(b, "subscription_item", s->item_id);
    stripe_object_str(b, "subscription", s->id);
    stripe_object_i64(b, "quantity", 1);
    stripe_object_time(b, "current_period_start", s->life->period_start_us);
    stripe_object_time(b, "current_period_end", s->life->period_end_us);
    buf_puts(b, ",\"price\":");
    stripe_object_open(b, "price", s->price);
    stripe_object_bool(b, "active", true);
    stripe_object_bool(b, "livemode", false);
    buf_puts(b, "}}]}");
}

void stripe_object_put_subscription(struct buf *b, const struct stripe_object_subscription *s)
{
    stripe_object_open(b, "subscription", s->id);
    stripe_object_str(b, "customer", s->customer);
    stripe_object_str(b, "status", str_from(stripe_status_word(s->life->status)));
    stripe_object_time(b, "created", s->life->created_us);
    stripe_object_bool(b, "livemode", false);
    stripe_object_bool(b, "cancel_at_period_end", s->life->cancel_at_period_end);
    stripe_object_time(b, "cancel_at", s->life->cancel_at_us);
    stripe_object_time(b, "trial_end", s->life->trial_end_us);
    stripe_object_time(b, "ended_at", s->life->ended_at_us);
    buf_printf(b, ",\"pause_collection\":%s",
               s->life->collection_paused ? "{\"behavior\":\"void\",\"resumes_at\":null}" : "null");
    stripe_object_metadata(b, &s->user_id);
    stripe_object_items(b, s);
    buf_putc(b, '}');
}

void stripe_object_put_session(struct buf *b, const struct stripe_object_session *s)
{
    static const char *const words[] = {"open", "complete", "expired"};
    struct uuid_text user_id = uuid_text(&s->user_id);
    bool paid = s->status == STRIPE_SESSION_COMPLETE && !s->is_unpaid;

    stripe_object_open(b, "checkout.session", s->id);
    stripe_object_str(b, "mode", STR("subscription"));
    stripe_object_str(b, "status", str_from(words[s->status]));
    stripe_object_str(b, "payment_status", paid ? STR("paid") : STR("unpaid"));
    stripe_object_str(b, "customer", s->customer);
    stripe_object_str(b, "subscription", s->subscription);
    stripe_object_str(b, "client_reference_id", uuid_is_none(&s->user_id) ? (struct str){0} : str_from(user_id.s));
    stripe_object_str(b, "url", s->url);
    stripe_object_time(b, "created", s->created_us);
    stripe_object_time(b, "expires_at", s->expires_at_us);
    stripe_object_bool(b, "livemode", false);
    stripe_object_metadata(b, &s->user_id);
    buf_putc(b, '}');
}

void stripe_object_put_invoice(struct buf *b, const struct stripe_object_invoice *i)
{
    stripe_object_open(b, "invoice", i->id);
    stripe_object_str(b, "customer", i->customer);
    stripe_object_str(b, "status", i->status);
    stripe_object_str(b, "hosted_invoice_url", i->link);
    stripe_object_i64(b, "amount_due", i->amount_cents);
    stripe_object_i64(b, "attempt_count", i->tries);
    stripe_object_time(b, "created", i->created_us);
    stripe_object_bool(b, "livemode", false);
    buf_puts(b, ",\"metadata\":{},\"parent\":{\"type\":\"subscription_details\",\"quote_details\":null,"
                "\"subscription_details\":{\"subscription\":");
    json_write_str(b, i->subscription);
    stripe_object_metadata(b, &i->user_id);
    buf_puts(b, "}}}");
}

void stripe_object_put_charge(struct buf *b, const struct stripe_object_charge *c)
{
    stripe_object_open(b, "charge", c->id);
    stripe_object_str(b, "customer", c->customer);
    stripe_object_i64(b, "amount", c->amount_cents);
    stripe_object_i64(b, "amount_refunded", c->is_refunded ? c->amount_cents : 0);
    stripe_object_bool(b, "refunded", c->is_refunded);
    stripe_object_bool(b, "paid", true);
    stripe_object_str(b, "status", STR("succeeded"));
    stripe_object_time(b, "created", c->created_us);
    stripe_object_bool(b, "livemode", false);
    buf_puts(b, ",\"metadata\":{}}");
}

void stripe_object_put_of_charge(struct buf *b, const struct stripe_object_of_charge *o)
{
    stripe_object_open(b, o->object, o->id);
    stripe_object_str(b, "charge", o->charge);
    if (o->status.p != NULL)
        stripe_object_str(b, "status", o->status);
    stripe_object_time(b, "created", o->created_us);
    stripe_object_bool(b, "livemode", false);
    buf_puts(b, ",\"metadata\":{}}");
}

void stripe_object_put_portal(struct buf *b, struct str id, struct str customer, struct str url, int64_t created_us)
{
    stripe_object_open(b, "billing_portal.session", id);
    stripe_object_str(b, "customer", customer);
    stripe_object_str(b, "url", url);
    stripe_object_time(b, "created", created_us);
    stripe_object_bool(b, "livemode", false);
    buf_putc(b, '}');
}

void stripe_object_put_list(struct buf *b, const char *url, struct str items, bool has_more)
{
    buf_puts(b, "{\"object\":\"list\"");
    stripe_object_str(b, "url", str_from(url));
    stripe_object_bool(b, "has_more", has_more);
    buf_puts(b, ",\"data\":[");
    buf_putstr(b, items);
    buf_puts(b, "]}");
}

void stripe_object_put_event(struct buf *b, const struct stripe_object_event *e, struct str object)
{
    stripe_object_open(b, "event", e->id);
    stripe_object_str(b, "api_version", STR(STRIPE_VERSION));
    stripe_object_str(b, "type", str_from(e->type));
    stripe_object_time(b, "created", e->created_us);
    stripe_object_bool(b, "livemode", false);
    buf_puts(b, ",\"pending_webhooks\":1,\"request\":{\"id\":null,\"idempotency_key\":null},\"data\":{\"object\":");
    buf_putstr(b, object);
    buf_puts(b, "}}");
}

void stripe_object_put_error(struct buf *b, const char *type, const char *code, const char *param, const char *message)
{
    buf_puts(b, "{\"error\":{\"type\":");
    json_write_str(b, str_from(type));
    if (code != NULL)
        stripe_object_str(b, "code", str_from(code));
    if (param != NULL)
        stripe_object_str(b, "param", str_from(param));
    stripe_object_str(b, "message", str_from(message));
    buf_puts(b, "}}");
}
