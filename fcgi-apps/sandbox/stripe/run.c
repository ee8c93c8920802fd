/* One call to the simulated API: the key, scripts, Idempotency-Key, the transaction, the answer. */
#include <time.h>

#include "base/clock.h"
#include "crypto/digest.h"
#include "sandbox/stripe/stripe.h"
#include "stripe/calls.h"

#define ANSWER_MAX_BYTES (2u << 20) /* a page of 100 events */
#define WAIT_MAX_MS 60000
#define STRIPE_JSON "application/json"

bool stripe_simulates(const struct conf *conf, const struct sandbox_state *state)
{
    return conf->sandbox_url.n > 0 && str_eq(conf->sandbox_url, conf->stripe_api_url) && !conf->stripe_livemode &&
           state->stripe_keys.n > 0;
}

enum err stripe_refuse(struct stripe_api *a, int status, const char *code, const char *param, const char *message)
{
    buf_clear(&a->body);
    a->status = status;
    stripe_object_put_error(&a->body, status < 500 ? "invalid_request_error" : "api_error", code, param, message);
    return OK;
}

enum err stripe_refuse_missing(struct stripe_api *a, const char *param)
{
    return stripe_refuse(a, param == NULL ? 404 : 400, "resource_missing", param == NULL ? "id" : param,
                         "There is no such object.");
}

static bool stripe_customer_of(enum err e, struct stripe_api *a, const char *param,
                               const struct stripe_sim_customer *customer, enum err *ret_err)
{
    if (e == OK && customer->deleted_at_us == 0)
        return true;
    *ret_err = e == OK || e == ERR_NOT_FOUND ? stripe_refuse_missing(a, param) : e;
    return false;
}

bool stripe_customer_hold(struct db *db, struct stripe_api *a, struct str id, const char *param,
                          struct stripe_sim_customer *ret, enum err *ret_err)
{
    struct uuid uuid;
    enum err e = ERR_NOT_FOUND;

    if (stripe_sim_id_read(id, "cus_", &uuid))
        e = stripe_sim_customer_lock(db, a->c->arena, &uuid, ret);
    return stripe_customer_of(e, a, param, ret, ret_err);
}

bool stripe_customer_look(struct db *db, struct stripe_api *a, struct str id, const char *param,
                          struct stripe_sim_customer *ret, enum err *ret_err)
{
    struct uuid uuid;
    enum err e = ERR_NOT_FOUND;

    if (stripe_sim_id_read(id, "cus_", &uuid))
        e = stripe_sim_customer(db, a->c->arena, &uuid, ret);
    return stripe_customer_of(e, a, param, ret, ret_err);
}

int64_t stripe_limit(struct stripe_api *a, enum err *ret_err)
{
    struct str text = form_get(a->form, "limit");
    int64_t limit = 10;

    if (text.p == NULL || (str_to_i64(text, &limit) && limit >= 1 && limit <= STRIPE_SIM_PAGE_MAX))
        return limit;
    *ret_err = stripe_refuse(a, 400, "parameter_invalid_integer", "limit", "This must be from 1 to 100.");
    return 0;
}

bool stripe_url_is_ours(const struct conf *conf, struct str url)
{
    struct str service = conf->service_url;

    return url.n <= STRIPE_URL_MAX_BYTES && str_is_visible(url) && str_starts(url, service) && url.n > service.n &&
           url.p[service.n] == '/';
}

/* Answers */

static enum err stripe_run_answer(struct ctx *c, int status, struct str body, bool replayed)
{
    reply_header(&c->rep, "Request-Id", arena_printf(c->arena, "req_%.*s", STR_FMT(c->req.id)));
    reply_header(&c->rep, "Stripe-Version", STR(STRIPE_VERSION));
    if (replayed)
        reply_header(&c->rep, "Idempotent-Replayed", STR("true"));
    return reply_body(&c->rep, status, STRIPE_JSON, body);
}

static enum err stripe_run_refuse(struct ctx *c, int status, const char *type, const char *code, const char *message)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(STRIPE_OBJECT_MAX_BYTES);

    stripe_object_put_error(&b, type, code, NULL, message);
    return stripe_run_answer(c, status, buf_str(&b), false);
}

bool stripe_answers(const struct ctx *c)
{
    return str_starts(c->req.path, STR("/v1/")) && stripe_simulates(c->conf, c->state);
}

void stripe_answer_error(struct ctx *c, enum err e)
{
    int status = err_status(e);

    enum err failed = stripe_run_refuse(c, status, status < 500 ? "invalid_request_error" : "api_error",
                                        status == 404 ? "resource_missing" : NULL, "This cannot be done.");
    ASSERT(failed == OK);
}

static bool stripe_run_has_key(const struct ctx *c)
{
    const struct sandbox_state *state = c->state;
    struct str key = c->req.authorization, scheme = STR("");

    return str_cut(&key, ' ', &scheme) && str_ieq(scheme, STR("Bearer")) &&
           secret_ring_has(&state->stripe_keys, str_trim(key));
}

static void stripe_run_wait(int64_t ms)
{
    struct timespec t = {.tv_sec = MIN(ms, WAIT_MAX_MS) / 1000, .tv_nsec = ms % 1000 * 1000000L};

    if (ms > 0)
        (void)nanosleep(&t, NULL);
}

/* Of a key: what makes two calls the same. */
static struct str stripe_run_params(struct ctx *c, struct str text)
{
    struct sha256 h = sha256_of(
        arena_printf(c->arena, "%.*s %.*s\n%.*s", STR_FMT(c->req.method), STR_FMT(c->req.path), STR_FMT(text)));

    return arena_str(c->arena, str_of(h.b, sizeof h.b));
}

struct stripe_run_arg {
    struct stripe_api *a;
    const struct stripe_operation *op;
    struct str key; /* absent: none */
    struct stripe_sim_answer answer;
};

/* Refusals have changed nothing, and are not kept: docs/stripe.md#errors. */
static enum err stripe_run_tx(struct db *db, void *arg)
{
    struct stripe_run_arg *r = arg;
    struct stripe_api *a = r->a;

    buf_clear(&a->body);
    a->status = 200;
    enum err e = r->op->fn(db, a);
    if (e != OK || r->key.p == NULL || a->status != 200)
        return e;
    ASSERT(!a->body.overflow);
    r->answer.status = a->status;
    r->answer.body = buf_str(&a->body);
    return stripe_sim_keep(db, r->key, &r->answer);
}

/* An answer that is kept, to the same call or another one. ERR_NOT_FOUND: none. */
static enum err stripe_run_kept(struct ctx *c, const struct stripe_run_arg *r)
{
    struct stripe_sim_answer kept;

    if (r->key.p == NULL)
        return ERR_NOT_FOUND;
    enum err e = stripe_sim_kept(c->db, c->arena, r->key, &kept);
    if (e != OK)
        return e;
    if (!str_eq(kept.params_hash, r->answer.params_hash))
        return stripe_run_refuse(c, 400, "idempotency_error", NULL, "This key was used with other parameters.");
    return stripe_run_answer(c, (int)kept.status, kept.body, true);
}

/* As a script says; what it has made, it has made. */
static enum err stripe_run_scripted(struct ctx *c, const struct stripe_run_arg *r, const struct stripe_sim_script *s)
{
    static const struct {
        int status;
        const char *type, *code;
    } words[] = {{401, "invalid_request_error", NULL},
                 {402, "card_error", "card_declined"},
                 {409, "invalid_request_error", "lock_timeout"},
                 {429, "invalid_request_error", "rate_limit"}};
    _cleanup_(buf_done) struct buf b = BUF_MAX(STRIPE_OBJECT_MAX_BYTES);
    const char *type = s->status < 500 ? "invalid_request_error" : "api_error", *code = NULL;

    if (s->is_made) /* the answer is lost: something in between says so */
        return reply_body(&c->rep, (int)s->status, "text/plain; charset=utf-8", STR("Scripted.\n"));
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (words[i].status == s->status) {
            type = words[i].type;
            code = words[i].code;
        }
    stripe_object_put_error(&b, type, code, NULL, "Scripted.");
    if (s->is_kept && r->key.p != NULL) {
        struct stripe_sim_answer kept = r->answer;
        kept.status = s->status;
        kept.body = buf_str(&b);
        enum err e = stripe_sim_keep(c->db, r->key, &kept);
        if (e != OK && e != ERR_DB_DUPLICATE)
            return e;
    }
    return stripe_run_answer(c, (int)s->status, buf_str(&b), false);
}

static enum err stripe_run_call(struct ctx *c, struct stripe_run_arg *r)
{
    struct stripe_sim_script script = {.status = 0};

    enum err e = stripe_run_kept(c, r);
    if (e != ERR_NOT_FOUND)
        return e;
    e = stripe_sim_script_take(c->db, c->arena, r->op->name, &script);
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    stripe_run_wait(script.wait_ms);
    if (script.status != 0 && !script.is_made)
        return stripe_run_scripted(c, r, &script);
    e = r->op->writes ? db_tx(c->db, stripe_run_tx, r) : r->op->fn(c->db, r->a);
    if (e == ERR_DB_DUPLICATE) /* another call with this key was first */
        e = stripe_run_kept(c, r);
    else if (e == OK && script.status != 0)
        e = stripe_run_scripted(c, r, &script);
    else if (e == OK)
        e = r->a->body.overflow ? ERR_INTERNAL : stripe_run_answer(c, r->a->status, buf_str(&r->a->body), false);
    return e == ERR_NOT_FOUND ? ERR_INTERNAL : e;
}

static void stripe_run_api_done(struct stripe_api *a)
{
    buf_done(&a->body);
}

enum err stripe_run(struct ctx *c, const struct stripe_operation *op)
{
    bool posts = str_eqc(c->req.method, "POST");
    struct form *form = arena_alloc(c->arena, sizeof *form);
    _cleanup_(stripe_run_api_done) struct stripe_api a = {
        .c = c, .form = posts ? form : &c->req.query, .body = BUF_MAX(ANSWER_MAX_BYTES), .status = 200};
    struct stripe_run_arg r = {.a = &a, .op = op, .key = posts ? c->req.idempotency_key : (struct str){0}};
    struct str text = STR("");

    if (!stripe_simulates(c->conf, c->state))
        return ERR_NOT_FOUND;
    if (!stripe_run_has_key(c))
        return stripe_run_refuse(c, 401, "invalid_request_error", NULL, "Invalid API key provided.");
    if (r.key.n > 255 || !str_is_visible(r.key) || (r.key.p != NULL && r.key.n == 0))
        return stripe_run_refuse(c, 400, "invalid_request_error", NULL, "An Idempotency-Key has 1 to 255 characters.");
    if (posts) {
        enum err e = body_read_all(&c->req.body, c->arena, SANDBOX_FORM_MAX, &text);
        if (e != OK)
            return e;
        if (form_parse(c->arena, text, form) != OK)
            return stripe_run_refuse(c, 400, "invalid_request_error", NULL, "The body cannot be read.");
    }
    r.answer.params_hash = stripe_run_params(c, text);
    return stripe_run_call(c, &r);
}
