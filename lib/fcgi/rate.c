#include "fcgi/rate.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mapping.h"
#include "base/rand.h"
#include "crypto/digest.h"
#include "fcgi/rate_cells.h"
#include "fcgi/rate_told.h"
#include "fcgi/serve.h"

#define HEAD STR("MarketingCLI's rate limits, layout 1\n")
/* Cells for some 40 000 callers that are active in one window: each user has a few. */
#define USER_SETS ((size_t)1 << 14)
#define NETWORK_SETS ((size_t)1 << 13)
#define CELL_BYTES(sets) ((sets)*RATE_CELLS_WAYS * sizeof(uint64_t))

enum rate_whose { RATE_OF_KEY, RATE_OF_SESSIONS, RATE_OF_USER, RATE_OF_NETWORK };

#define RATE_SECRET_WORDS 2

/* What a limit is about, as it is hashed: no padding. */
struct rate_subject {
    uint64_t secret[RATE_SECRET_WORDS];
    uint32_t whose, rate;
    struct uuid id;
};
_Static_assert(sizeof(struct rate_subject) == 40, "rate_subject has padding");

struct rate_row {
    const char *name;     /* of the policy in the headers */
    size_t setting;       /* offset in struct conf */
    enum route_rate also; /* a request takes one of that class, and of this one only if it makes something */
};
static const struct rate_row rate_rows[RATE__MAX];
static const char *const rate_whose_names[];

struct rates {
    const struct conf *conf;
    struct arena arena;
    struct str told_path, told; /* to nginx */
    struct mapping mapping;
    struct rate_cells users, networks;
    _Atomic uint64_t
        *secret; /* after the cells, RATE_SECRET_WORDS of them: of all who share the file, and as old as it */
};

static const struct rate_row *rate_row(enum route_rate rate)
{
    return rate_rows[rate].name == NULL ? NULL : &rate_rows[rate];
}

const char *rate_name(enum route_rate rate)
{
    return rate_rows[rate].name;
}

struct rates *rates_new(const struct conf *conf)
{
    struct rates *r = xcalloc(1, sizeof *r);

    r->conf = conf;
    arena_init(&r->arena, 16u << 10);
    r->told_path = rate_told_path(&r->arena, conf);
    r->told = rate_told_text(&r->arena, conf);
    mapping_init(&r->mapping, conf->rates_file, HEAD, CELL_BYTES(USER_SETS + NETWORK_SETS) + CELL_BYTES(1));
    r->users = (struct rate_cells){.v = r->mapping.p, .sets = USER_SETS, .clock = clock_mono_us};
    r->networks = (struct rate_cells){
        .v = r->users.v + USER_SETS * RATE_CELLS_WAYS, .sets = NETWORK_SETS, .clock = clock_mono_us};
    r->secret = r->networks.v + NETWORK_SETS * RATE_CELLS_WAYS;
    return r;
}

void rates_free(struct rates *r)
{
    if (r == NULL)
        return;
    mapping_done(&r->mapping);
    arena_done(&r->arena);
    free(r);
}

bool rates_look(struct rates *r)
{
    return mapping_look(&r->mapping) == MAPPING_SHARED || r->conf->rates_file.n == 0;
}

bool rates_are_told(const struct rates *r)
{
    return rate_told_fits(r->told_path.p, r->told);
}

/* What is zero has no secret yet: whoever comes first makes it. The file may be made anew at any time, and gets another one. */
static uint64_t rate_secret_word(const struct rates *r, size_t i)
{
    uint64_t word = atomic_load_explicit(&r->secret[i], memory_order_relaxed), new;

    if (word != 0)
        return word;
    rand_bytes(&new, sizeof new);
    new |= 1;
    return atomic_compare_exchange_strong(&r->secret[i], &word, new) ? new : word;
}

/* One count: of whom, in which class. */
struct rate_count {
    const struct rate_cells *cells;
    struct rate_quota quota;
    uint64_t who;
    enum route_rate rate;
    enum rate_whose whose;
    int64_t all_at; /* when one is taken: to give it back */
};

int64_t rate_limit(const struct conf *conf, enum route_rate rate)
{
    return *(const int64_t *)((const char *)conf + rate_row(rate)->setting);
}

/* plan: of a caller who is known; NULL: nobody is. */
static int64_t rate_limit_of(const struct conf *conf, const struct plan *plan, enum route_rate rate,
                             enum rate_whose whose)
{
    int64_t limit = rate_limit(conf, rate) * (plan != NULL ? plan->rate_factor : 1);

    return limit * (whose == RATE_OF_USER ? RATE_USER_SHARES : 1);
}

static struct rate_count rate_count_of(const struct rates *r, const struct plan *plan, enum route_rate rate,
                                       enum rate_whose whose, const struct uuid *id)
{
    struct rate_subject s = {.whose = whose, .rate = rate, .id = *id};
    struct sha256 digest;
    uint64_t who;

    for (size_t i = 0; i < RATE_SECRET_WORDS; i++)
        s.secret[i] = rate_secret_word(r, i);
    digest = sha256_of((struct str){(const char *)&s, sizeof s});
    memcpy(&who, digest.b, sizeof who);
    return (struct rate_count){.cells = whose == RATE_OF_NETWORK ? &r->networks : &r->users,
                               .quota =
                                   rate_quota(rate_limit_of(r->conf, plan, rate, whose), r->conf->rates_window_sec),
                               .who = who,
                               .rate = rate,
                               .whose = whose};
}

/* The counts of one class that concern the caller. The narrower first: rate_take gives back in the other order. */
static size_t rate_counts_of(const struct ctx *c, enum route_rate rate, struct rate_count ret[static RATE_SUBJECTS_MAX])
{
    const struct rates *r = c->shared->rates;
    const struct caller *caller = &c->caller;

    switch (caller->kind) {
    case CALLER_NOBODY:
        ret[0] = rate_count_of(r, NULL, rate, RATE_OF_NETWORK, &c->network);
        return 1;
    case CALLER_KEY:
        ret[0] = rate_count_of(r, caller->plan, rate, RATE_OF_KEY, &caller->key_id);
        break;
    case CALLER_SESSION:
        ret[0] = rate_count_of(r, caller->plan, rate, RATE_OF_SESSIONS, &caller->user_id);
        break;
    }
    ret[1] = rate_count_of(r, caller->plan, rate, RATE_OF_USER, &caller->user_id);
    return 2;
}

static int64_t rate_sec(int64_t us)
{
    return (us + US_PER_SEC - 1) / US_PER_SEC;
}

/* What both counts leave: as many as the one that leaves fewer, and whole again when both are. */
static void rate_note(struct rate_state *s, const struct rate_left *left)
{
    s->left = MIN(s->left, left->n);
    s->reset_sec = MAX(s->reset_sec, rate_sec(left->all_us));
    s->wait_sec = MAX(s->wait_sec, rate_sec(left->wait_us));
}

static struct rate_state rate_state_new(const struct ctx *c, enum route_rate rate)
{
    int64_t limit = rate_limit_of(c->conf, c->caller.plan, rate, RATE_OF_KEY);

    return (struct rate_state){.rate = rate, .limit = limit, .window_sec = c->conf->rates_window_sec, .left = limit};
}

/* How much of a class is left, or, if it takes, whether one was: else *ret_refused says by which count. */
static bool rate_take(struct rate_count *v, size_t n, bool only_looks, struct rate_state *state,
                      const struct rate_count **ret_refused)
{
    state->is_counted = true;
    for (size_t i = 0; i < n; i++) {
        struct rate_left left = {0};
        bool taken = false;
        if (only_looks)
            left = rate_cells_look(v[i].cells, v[i].who, &v[i].quota);
        else
            taken = rate_cells_take(v[i].cells, v[i].who, &v[i].quota, &left);
        rate_note(state, &left);
        v[i].all_at = left.all_at;
        if (taken || (only_looks && left.n > 0))
            continue;
        *ret_refused = &v[i];
        state->wait_sec = rate_sec(left.wait_us); /* those before it are given back */
        while (i-- > 0 && !only_looks)
            rate_cells_give_back(v[i].cells, v[i].who, &v[i].quota, v[i].all_at);
        return false;
    }
    return true;
}

static void rate_give_back(const struct ctx *c, enum route_rate rate, const struct rate_held *held)
{
    struct rate_count v[RATE_SUBJECTS_MAX];

    for (size_t n = rate_counts_of(c, rate, v); n-- > 0;)
        rate_cells_give_back(v[n].cells, v[n].who, &v[n].quota, held->all_at[n]);
}

static void rate_explain(struct ctx *c, const struct rate_count *count)
{
    const char *name = rate_name(count->rate);

    c->problems = (struct problems){0}; /* whatever else would be wrong with it */
    problem_add_text(&c->problems, ERR_RATE_LIMITED, str_from(name),
                     arena_printf(c->arena,
                                  "Too many requests of the class %s: at most %lld in %lld seconds for %s. Wait for as "
                                  "long as Retry-After says.",
                                  name, (long long)rate_limit_of(c->conf, c->caller.plan, count->rate, count->whose),
                                  (long long)c->conf->rates_window_sec, rate_whose_names[count->whose]));
}

/* Nobody could find out who asks: then it is nobody's request. */
static bool rate_is_unchecked(const struct ctx *c, enum err refused)
{
    return c->caller.kind == CALLER_NOBODY && err_status(refused) >= 500;
}

/* Of one class. c->rate is its state, whatever comes of it. */
static enum err rate_admit_to(struct ctx *c, enum route_rate rate, bool only_looks, struct rate_held *ret_held)
{
    const struct rate_count *refused;
    struct rate_count v[RATE_SUBJECTS_MAX];
    size_t n = rate_counts_of(c, rate, v);

    c->rate = rate_state_new(c, rate);
    if (!rate_take(v, n, only_looks, &c->rate, &refused)) {
        rate_explain(c, refused);
        return ERR_RATE_LIMITED;
    }
    ret_held->is_held = !only_looks;
    while (n-- > 0)
        ret_held->all_at[n] = v[n].all_at;
    return OK;
}

enum err rate_admit(struct ctx *c, const struct route *route, bool only_looks, enum err refused)
{
    enum route_rate rate = route != NULL ? route->rate : RATE_READ;
    const struct rate_row *row = rate_row(rate);
    struct rate_held also = {0};

    if (c->shared->rates == NULL || row == NULL || serve_is_unchecked(c->shared))
        return refused;
    if (rate_is_unchecked(c, refused)) {
        c->rate = rate_state_new(c, rate);
        return refused;
    }
    if (row->also == RATE_UNSET) {
        enum err e = rate_admit_to(c, rate, only_looks, &also);
        return e != OK ? e : refused;
    }
    enum err e = rate_admit_to(c, row->also, only_looks, &also);
    if (e != OK || refused != OK)
        return e != OK ? e : refused;
    e = rate_admit_to(c, rate, only_looks, &c->rate_held);
    if (e != OK)
        e = idempotent_let_in(c, e);
    if (e != OK && also.is_held)
        rate_give_back(c, row->also, &also);
    return e;
}

enum err rate_unsigned(struct ctx *c)
{
    struct rate_held held;

    if (c->shared->rates == NULL || serve_is_unchecked(c->shared))
        return OK;
    return rate_admit_to(c, RATE_WRITE, false, &held);
}

/* Nothing was made, and we know it. */
static bool rate_made_nothing(const struct ctx *c, enum err e)
{
    if (c->idempotent.replayed)
        return true;
    return e != OK && e != ERR_OUTCOME_UNKNOWN && err_is_shown(e) && e != ERR_INTERNAL;
}

void rate_settle(struct ctx *c, enum err e)
{
    if (!c->rate_held.is_held || !rate_made_nothing(c, e))
        return;
    rate_give_back(c, c->rate.rate, &c->rate_held);
    c->rate = rate_state_of(c, c->rate.rate);
}

struct rate_state rate_state_of(const struct ctx *c, enum route_rate rate)
{
    struct rate_state s = rate_state_new(c, rate);
    const struct rate_count *refused;
    struct rate_count v[RATE_SUBJECTS_MAX];

    ASSERT(c->caller.kind != CALLER_NOBODY);
    (void)rate_take(v, rate_counts_of(c, rate, v), true, &s, &refused);
    return s;
}

static void rate_put_number(struct ctx *c, const char *name, int64_t n)
{
    reply_standing_header(&c->rep, name, arena_printf(c->arena, "%lld", (long long)n));
}

void rate_put_headers(struct ctx *c)
{
    const struct rate_state *s = &c->rate;

    if (s->rate == RATE_UNSET)
        return;
    const char *name = rate_name(s->rate);
    reply_standing_header(&c->rep, "RateLimit-Policy",
                          arena_printf(c->arena, RATE_POLICY, name, (long long)s->limit, (long long)s->window_sec));
    rate_put_number(c, "X-RateLimit-Limit", s->limit);
    if (!s->is_counted)
        return;
    reply_standing_header(
        &c->rep, "RateLimit",
        arena_printf(c->arena, "\"%s\";r=%lld;t=%lld", name, (long long)s->left, (long long)s->reset_sec));
    rate_put_number(c, "X-RateLimit-Remaining", s->left);
    rate_put_number(c, "X-RateLimit-Reset", clock_now_us() / US_PER_SEC + s->reset_sec); /* when, as others say it */
}

static const char *const rate_whose_names[] = {[RATE_OF_KEY] = "one API key",
                                               [RATE_OF_SESSIONS] = "all sessions of a user",
                                               [RATE_OF_USER] = "all keys and sessions of a user",
                                               [RATE_OF_NETWORK] = "one network without a valid credential"};

const enum route_rate rate_limited[] = {RATE_READ, RATE_IMAGES, RATE_WRITE, RATE_POST, RATE_AUTH, RATE_UNSET};

#define SETTING(name) offsetof(struct conf, rates_##name)
static const struct rate_row rate_rows[RATE__MAX] = {
    [RATE_READ] = {.name = "read", .setting = SETTING(read)},
    [RATE_IMAGES] = {.name = "images", .setting = SETTING(images)},
    [RATE_WRITE] = {.name = "write", .setting = SETTING(write)},
    [RATE_POST] = {.name = "post", .setting = SETTING(post), .also = RATE_WRITE},
    [RATE_AUTH] = {.name = "auth", .setting = SETTING(auth)},
};
