#include "base/plans.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/io.h"

#define LINE_MAX_BYTES 197 /* libinih's buffer has 200: with a line end of two and the NUL */
#define RATE_FACTOR_MAX 10 /* nginx lets about that many times the numbers of the section rates through (api.md) */
#define MIB (INT64_C(1) << 20)

const char *const plan_limit_names[] = {"posts_per_month", "accounts", "storage_bytes", NULL};

enum plan_key_type { PLAN_KEY_BOOL, PLAN_KEY_NUMBER, PLAN_KEY_PRICE };

struct plan_key {
    const char *name;
    enum plan_key_type type;
    size_t offset;
    int64_t min, max, unit; /* NUMBER */
};
static const struct plan_key plans_keys[];
#define KEYS_MAX 16

struct plans_reading {
    struct plans *plans;
    struct buf *why;
    bool seen[PLANS_MAX][KEYS_MAX];
};

static const struct plans plans_without_file = {
    .n = 1,
    .v = {{.name = "free", .is_free = true, .limits = {PLAN_NO_LIMIT, PLAN_NO_LIMIT, PLAN_NO_LIMIT}, .rate_factor = 1}},
};

const struct plans *plans_of(const struct conf *conf)
{
    return conf->plans != NULL ? conf->plans : &plans_without_file;
}

const struct plan *plans_find(const struct plans *plans, struct str name)
{
    for (size_t i = 0; i < plans->n; i++)
        if (str_eqc(name, plans->v[i].name))
            return &plans->v[i];
    return NULL;
}

const struct plan *plans_free(const struct plans *plans)
{
    return &plans->v[plans->free];
}

struct str plan_price(const struct plan *plan, bool live)
{
    return str_from(live ? plan->price_live : plan->price_test);
}

const struct plan *plans_by_price(const struct plans *plans, bool live, struct str price_id)
{
    for (size_t i = 0; i < plans->n && price_id.n > 0; i++)
        if (str_eq(price_id, plan_price(&plans->v[i], live)))
            return &plans->v[i];
    return NULL;
}

const struct plan *plan_better(const struct plan *a, const struct plan *b)
{
    return a > b ? a : b; /* places of one array */
}

const struct plan *plans_that_allow(const struct plans *plans, const struct plan *after, enum plan_limit limit,
                                    int64_t n)
{
    for (const struct plan *p = after + 1; p < plans->v + plans->n; p++)
        if (plan_allows(p, limit, n))
            return p;
    return NULL;
}

static bool plans_is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!((s.p[i] >= 'a' && s.p[i] <= 'z') ||
              (i > 0 && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '_' || s.p[i] == '-'))))
            return false;
    return s.n > 0 && s.n <= PLAN_NAME_MAX_BYTES;
}

static bool plans_is_price(struct str s)
{
    if (!str_starts(s, STR("price_")) || s.n > PLAN_PRICE_MAX_BYTES || s.n == strlen("price_"))
        return false;
    for (size_t i = strlen("price_"); i < s.n; i++)
        if (!char_is_alnum(s.p[i]) && s.p[i] != '_')
            return false;
    return true;
}

/* A name from the file, for a sentence: what it holds may be anything. */
static void plans_put_name(struct buf *why, struct str s)
{
    for (size_t i = 0; i < MIN(s.n, 40u); i++)
        buf_putc(why, s.p[i] > ' ' && s.p[i] < 0x7f ? s.p[i] : '?');
}

static void plans_add(struct plans_reading *rd, struct str name, int line)
{
    struct plans *plans = rd->plans;
    const struct plan *before = plans_find(plans, name);

    if (!plans_is_name(name)) {
        buf_printf(rd->why, "line %d: [", line);
        plans_put_name(rd->why, name);
        buf_printf(rd->why, "] is not the name of a plan: at most %d of a-z, 0-9, _ and -, beginning with a letter",
                   PLAN_NAME_MAX_BYTES);
    } else if (before != NULL) {
        buf_printf(rd->why, "line %d: the plan %s is there already, in line %d", line, before->name, before->line);
    } else if (plans->n == PLANS_MAX) {
        buf_printf(rd->why, "line %d: there can be at most %d plans", line, PLANS_MAX);
    } else {
        struct plan *p = &plans->v[plans->n++];
        *p = (struct plan){.line = line, .rate_factor = 1};
        memcpy(p->name, name.p, name.n);
        for (size_t i = 0; i < PLAN_LIMIT__MAX; i++)
            p->limits[i] = PLAN_NO_LIMIT;
    }
}

/* The sections, which libinih would tell neither when they are empty nor when they are there twice; and lines that it would cut. */
static void plans_read_sections(struct plans_reading *rd, struct str text)
{
    struct str line, name;

    if (str_starts(text, STR("\xEF\xBB\xBF")))
        text = str_skip(text, 3);
    for (int number = 1; rd->why->n == 0 && str_next(&text, '\n', &line); number++) {
        if (line.n > LINE_MAX_BYTES)
            buf_printf(rd->why, "line %d has more than %d bytes", number, LINE_MAX_BYTES);
        else if (line.n > 0 && line.p[0] == '[') {
            line = str_skip(line, 1);
            if (str_cut(&line, ']', &name))
                plans_add(rd, name, number);
        }
    }
}

static void plans_say_bad(const struct plans_reading *rd, const struct plan *p, const struct plan_key *k)
{
    struct buf *why = rd->why;

    buf_printf(why, "%s of the plan %s must be ", k->name, p->name);
    switch (k->type) {
    case PLAN_KEY_BOOL:
        buf_puts(why, "yes or no");
        return;
    case PLAN_KEY_NUMBER:
        buf_printf(why, "a number from %lld to %lld", (long long)k->min, (long long)k->max);
        return;
    case PLAN_KEY_PRICE:
        buf_printf(why, "empty, or the id of a price at Stripe, which begins with price_");
        return;
    }
}

static bool plans_store(struct plan *p, const struct plan_key *k, struct str value)
{
    void *field = (char *)p + k->offset;
    int64_t number;

    switch (k->type) {
    case PLAN_KEY_BOOL:
        *(bool *)field = str_eqc(value, "yes");
        return str_eqc(value, "yes") || str_eqc(value, "no");
    case PLAN_KEY_NUMBER:
        if (!str_to_i64(value, &number) || number < k->min || number > k->max)
            return false;
        *(int64_t *)field = number * k->unit;
        return true;
    case PLAN_KEY_PRICE:
        if (value.n > 0 && !plans_is_price(value))
            return false;
        memset(field, 0, PLAN_PRICE_MAX_BYTES + 1);
        memcpy(field, value.n > 0 ? value.p : "", value.n);
        return true;
    }
    return false;
}

/* For libinih: 1 goes on, 0 is an error, and the line of the first one is what it returns. */
static int plans_on_key(void *user, const char *section, const char *name, const char *value)
{
    struct plans_reading *rd = user;
    const struct plan *found = plans_find(rd->plans, str_from(section));

    if (rd->why->n > 0)
        return 0;
    if (found == NULL) {
        plans_put_name(rd->why, str_from(name));
        buf_puts(rd->why, " stands in no plan: put [NAME] before it, at the beginning of a line");
        return 0;
    }
    struct plan *p = &rd->plans->v[found - rd->plans->v];
    for (size_t i = 0; plans_keys[i].name != NULL; i++) {
        bool *seen = &rd->seen[found - rd->plans->v][i];
        if (strcmp(plans_keys[i].name, name) != 0)
            continue;
        if (*seen)
            buf_printf(rd->why, "%s is given twice", name);
        else if (!plans_store(p, &plans_keys[i], str_from(value)))
            plans_say_bad(rd, p, &plans_keys[i]);
        *seen = true;
        return rd->why->n == 0;
    }
    buf_puts(rd->why, "a plan has no ");
    plans_put_name(rd->why, str_from(name));
    return 0;
}

static void plans_read_keys(struct plans_reading *rd, const char *text)
{
    _cleanup_(buf_done) struct buf said = BUF_MAX(1024);
    struct buf *why = rd->why;

    rd->why = &said;
    int line = ini_parse_string(text, plans_on_key, rd);
    rd->why = why;
    if (line > 0)
        buf_printf(why, "line %d: %s", line, said.n > 0 ? said.p : "this is not a [plan], a key = value or a comment");
    else if (line < 0)
        buf_puts(why, "there is no memory to read it");
}

static void plans_check_price(struct plans_reading *rd, const struct plan *p, bool live)
{
    const struct plan *first = plans_by_price(rd->plans, live, plan_price(p, live));

    if (first != NULL && first != p)
        buf_printf(rd->why, "line %d: the plan %s has the price of %s: which of them was bought could not be told",
                   p->line, p->name, first->name);
    else if (first != NULL && p->is_free)
        buf_printf(rd->why, "line %d: the plan %s is free, and has a price", p->line, p->name);
}

static void plans_check(struct plans_reading *rd)
{
    struct plans *plans = rd->plans;
    const struct plan *free = NULL;

    for (size_t i = 0; i < plans->n && rd->why->n == 0; i++) {
        const struct plan *p = &plans->v[i];
        plans_check_price(rd, p, true);
        if (rd->why->n == 0)
            plans_check_price(rd, p, false);
        if (rd->why->n == 0 && p->is_free && free != NULL)
            buf_printf(
                rd->why,
                "line %d: the plan %s is free, and so is %s: one of them must be what users have who pay nothing",
                p->line, p->name, free->name);
        if (p->is_free && free == NULL) {
            plans->free = i;
            free = p;
        }
    }
    if (rd->why->n > 0)
        return;
    if (plans->n == 0)
        buf_puts(rd->why, "there is no plan in it");
    else if (free == NULL)
        buf_puts(rd->why, "no plan is free: give one of them free = yes, which is what users have who pay nothing");
    else if (plans->free != 0)
        buf_printf(rd->why, "line %d: the free plan %s must be the first: a plan allows more than those before it",
                   free->line, free->name);
}

enum err plans_parse(struct str text, struct plans *ret_plans, struct buf *ret_why)
{
    struct plans_reading rd = {.plans = ret_plans, .why = ret_why};

    *ret_plans = (struct plans){0};
    if (text.n > PLANS_FILE_MAX_BYTES) {
        buf_printf(ret_why, "the file has more than %d bytes", PLANS_FILE_MAX_BYTES);
    } else if (text.n > 0 && memchr(text.p, '\0', text.n) != NULL) {
        buf_puts(ret_why, "the file is not text");
    } else {
        char *copy = xcalloc(text.n + 1, 1);
        memcpy(copy, text.n > 0 ? text.p : "", text.n);
        plans_read_sections(&rd, text);
        if (ret_why->n == 0)
            plans_read_keys(&rd, copy);
        free(copy);
        if (ret_why->n == 0)
            plans_check(&rd);
    }
    return ret_why->n == 0 ? OK : ERR_VALIDATION;
}

/* One byte more than a file may have, so that a longer one shows. */
static bool plans_read_file(const char *path, struct str *ret_text, struct buf *why)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is_file = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    char *p = xcalloc(PLANS_FILE_MAX_BYTES + 1, 1);
    ssize_t n = 0, got = is_file ? 1 : -1;

    while (got > 0 && n <= PLANS_FILE_MAX_BYTES) {
        got = read(fd, p + n, (size_t)(PLANS_FILE_MAX_BYTES + 1 - n));
        n += MAX(got, 0);
    }
    if (fd >= 0)
        (void)close(fd);
    *ret_text = str_of(p, (size_t)n);
    if (got < 0)
        buf_printf(why, "the file cannot be read");
    return got >= 0;
}

enum err plans_load(struct conf *conf, struct buf *ret_why)
{
    struct str text;

    if (conf->billing_plans.n == 0)
        return OK;
    struct plans *plans = xcalloc(1, sizeof *plans);
    if (plans_read_file(conf->billing_plans.p, &text, ret_why) && plans_parse(text, plans, ret_why) == OK)
        conf->plans = plans;
    else
        free(plans);
    free((char *)text.p);
    if (conf->plans != NULL)
        return OK;
    buf_printf(ret_why, " [billing.plans: %s]", conf->billing_plans.p);
    return ERR_VALIDATION;
}

#define LIMIT(limit) offsetof(struct plan, limits[limit])
static const struct plan_key plans_keys[] = {
    {"free", PLAN_KEY_BOOL, offsetof(struct plan, is_free), 0, 0, 0},
    {"price_live", PLAN_KEY_PRICE, offsetof(struct plan, price_live), 0, 0, 0},
    {"price_test", PLAN_KEY_PRICE, offsetof(struct plan, price_test), 0, 0, 0},
    {"posts_per_month", PLAN_KEY_NUMBER, LIMIT(PLAN_POSTS_PER_MONTH), 0, 1000000, 1},
    {"accounts", PLAN_KEY_NUMBER, LIMIT(PLAN_ACCOUNTS), 0, 10000, 1},
    {"storage_mb", PLAN_KEY_NUMBER, LIMIT(PLAN_STORAGE_BYTES), 0, 1048576, MIB},
    {"rate_factor", PLAN_KEY_NUMBER, offsetof(struct plan, rate_factor), 1, RATE_FACTOR_MAX, 1},
    {NULL, 0, 0, 0, 0, 0},
};
_Static_assert(ARRAY_LEN(plans_keys) <= KEYS_MAX, "a plan has more keys than are looked for twice");
