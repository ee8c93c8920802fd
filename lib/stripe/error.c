#include "stripe/error.h"

#include "base/clock.h"
#include "json/json.h"

#define WORD_MAX_BYTES 100 /* Stripe's types and codes have some 40, its request ids 18 */
#define RETRY_FIRST_US (500 * US_PER_MS)
#define RETRY_MOST_US (5 * US_PER_SEC)

struct stripe_error_object {
    struct str type, code, param;
};

struct stripe_error_body {
    struct stripe_error_object error;
    bool error_given;
};

static const struct json_field stripe_error_object_fields[] = {
    {.name = "type", JSON_STR(struct stripe_error_object, type)},
    {.name = "code", JSON_STR(struct stripe_error_object, code)},
    {.name = "param", JSON_STR(struct stripe_error_object, param)},
    JSON_END,
};

static const struct json_field stripe_error_body_fields[] = {
    {.name = "error",
     JSON_OBJECT(struct stripe_error_body, error, stripe_error_object_fields),
     JSON_GIVEN(struct stripe_error_body, error_given)},
    JSON_END,
};

static struct str stripe_error_word(struct str s)
{
    return s.n > 0 && s.n <= WORD_MAX_BYTES && str_is_visible(s) ? s : (struct str){0};
}

enum err stripe_read_answer(const struct net_result *r, struct arena *arena, struct stripe_error *ret_error)
{
    struct stripe_error_body body = {.error_given = false};

    *ret_error = (struct stripe_error){.http_status = r->status};
    if (r->err != OK)
        return r->err;
    ret_error->request_id = stripe_error_word(r->headers[STRIPE_HEADER_REQUEST_ID]);
    if (r->status >= 200 && r->status < 300)
        return OK;
    if (r->status < 400 || json_read(arena, r->body, stripe_error_body_fields, &body) != OK)
        return ERR_NET_UNKNOWN;
    ret_error->type = stripe_error_word(body.error.type);
    ret_error->code = stripe_error_word(body.error.code);
    ret_error->param = stripe_error_word(body.error.param);
    return r->status < 500 && body.error_given ? ERR_STRIPE_REFUSED : ERR_NET_UNKNOWN;
}

bool stripe_error_is_missing(const struct stripe_error *e)
{
    return e->http_status == 404 || str_eqc(e->code, "resource_missing");
}

bool stripe_error_is_about_us(const struct stripe_error *e)
{
    return e->http_status == 401 || e->http_status == 403;
}

/* The rule, docs/stripe.md#errors: the first row that fits. */
enum stripe_error_sent { UNSENT = 1, UNKNOWN, ANSWERED };
enum stripe_error_asks { ANY, RETRY, NO_RETRY };

static const struct stripe_error_rule {
    enum stripe_error_sent sent;
    int from, to;                /* statuses of HTTP; 0: none came */
    enum stripe_error_asks asks; /* Stripe-Should-Retry */
    bool replayed;               /* only if the answer is the kept one of an earlier call with this key */
    bool repeatable;             /* only if a repeat can do no harm */
    enum stripe_next next;
} stripe_error_rules[] = {
    {UNSENT, 0, 0, ANY, false, false, STRIPE_AGAIN},
    {UNKNOWN, 0, 0, ANY, false, true, STRIPE_AGAIN},
    {UNKNOWN, 0, 0, ANY, false, false, STRIPE_LOOK},
    {ANSWERED, 200, 299, ANY, false, false, STRIPE_DONE},
    {ANSWERED, 500, 599, ANY, true, false, STRIPE_LOOK}, /* this key has no other answer any more */
    {ANSWERED, 400, 599, RETRY, false, false, STRIPE_AGAIN},
    {ANSWERED, 400, 499, NO_RETRY, false, false, STRIPE_REFUSED},
    {ANSWERED, 500, 599, NO_RETRY, false, false, STRIPE_LOOK},
    {ANSWERED, 409, 409, ANY, false, true, STRIPE_AGAIN}, /* the same key is being worked on */
    {ANSWERED, 429, 429, ANY, false, false, STRIPE_AGAIN},
    {ANSWERED, 500, 599, ANY, false, true, STRIPE_AGAIN},
    {ANSWERED, 400, 499, ANY, false, false, STRIPE_REFUSED},
    {ANSWERED, 0, 999, ANY, false, false, STRIPE_LOOK}, /* not from Stripe's own logic, or an outage of it */
};

static enum stripe_error_asks stripe_error_asks_of(struct str should_retry)
{
    if (str_eqc(should_retry, "true"))
        return RETRY;
    return str_eqc(should_retry, "false") ? NO_RETRY : ANY;
}

static enum stripe_error_sent stripe_error_sent_of(const struct net_result *r)
{
    if (r->err == OK)
        return ANSWERED;
    return r->err == ERR_NET_NOT_SENT ? UNSENT : UNKNOWN;
}

enum stripe_next stripe_next(const struct net_call *call, const struct net_result *r)
{
    enum stripe_error_asks asks = stripe_error_asks_of(r->headers[STRIPE_HEADER_SHOULD_RETRY]);
    bool replayed = str_eqc(r->headers[STRIPE_HEADER_REPLAYED], "true");
    int status = r->err == OK ? r->status : 0;

    if (r->err == ERR_NET_FORBIDDEN) /* by us: the next try would be, too */
        return STRIPE_REFUSED;
    for (size_t i = 0; i < ARRAY_LEN(stripe_error_rules); i++) {
        const struct stripe_error_rule *rule = &stripe_error_rules[i];
        if (rule->sent == stripe_error_sent_of(r) && status >= rule->from && status <= rule->to &&
            (rule->asks == ANY || rule->asks == asks) && (!rule->replayed || replayed) &&
            (!rule->repeatable || !call->fresh))
            return rule->next;
    }
    ASSERT(!"the last rule fits every answer");
    return STRIPE_LOOK;
}

int64_t stripe_retry_delay_us(int tries, uint32_t draw)
{
    int64_t most_us = RETRY_FIRST_US;

    for (int i = 1; i < tries && most_us < RETRY_MOST_US; i++)
        most_us *= 2;
    most_us = MIN(most_us, RETRY_MOST_US);
    return most_us - (int64_t)(draw % (uint32_t)(most_us / 2 + 1));
}
