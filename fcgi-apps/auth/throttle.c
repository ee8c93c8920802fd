#include "auth/throttle.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/lock.h"
#include "base/rand.h"

/* Places for some 30 000 counts, and 8 000 networks where an account is known. */
#define WAYS 8
#define TRIES_SETS 4096
#define KNOWN_SETS 1024

struct throttle_place {
    uint64_t tag[2];
    int64_t tries, last_us; /* last_us 0: it is free */
};

struct throttle_table {
    size_t sets;
    struct throttle_place *v; /* WAYS of each set */
};

struct throttle {
    const struct conf *conf;
    uint64_t secret[2];
    pthread_mutex_t lock;
    struct throttle_table tries, known;
};

struct throttle_row {
    int64_t kept_us;
    size_t setting; /* how many are free: offset in struct conf; 0: free */
    int64_t free;
    bool is_known; /* its places are those of known networks */
};
static const struct throttle_row throttle_rows[THROTTLE__MAX];

static struct throttle_table throttle_table_new(size_t sets)
{
    return (struct throttle_table){.sets = sets, .v = xcalloc(sets * WAYS, sizeof(struct throttle_place))};
}

struct throttle *throttle_new(const struct conf *conf)
{
    struct throttle *t = xcalloc(1, sizeof *t);

    t->conf = conf;
    rand_bytes(t->secret, sizeof t->secret);
    lock_init(&t->lock);
    t->tries = throttle_table_new(TRIES_SETS);
    t->known = throttle_table_new(KNOWN_SETS);
    return t;
}

void throttle_free(struct throttle *t)
{
    lock_done(&t->lock);
    free(t->tries.v);
    free(t->known.v);
    free(t);
}

/* What a count is about, as it is hashed: no padding. */
struct throttle_subject {
    uint64_t secret[2], what;
    struct sha256 account;
    struct uuid network;
};
_Static_assert(sizeof(struct throttle_subject) == 72, "throttle_subject has padding");

static struct throttle_count throttle_count_of(const struct throttle *t, enum throttle_what what,
                                               const struct sha256 *account, const struct uuid *network)
{
    struct throttle_subject s = {.secret = {t->secret[0], t->secret[1]},
                                 .what = what,
                                 .account = account == NULL ? (struct sha256){0} : *account,
                                 .network = network == NULL ? UUID_NONE : *network};
    struct sha256 digest = sha256_of(str_of(&s, sizeof s));
    struct throttle_count count = {.what = what};

    memcpy(count.tag, digest.b, sizeof count.tag);
    return count;
}

/* Its place; NULL if it has none. */
static struct throttle_place *throttle_find(struct throttle *t, const struct throttle_count *count, int64_t now_us)
{
    const struct throttle_row *row = &throttle_rows[count->what];
    struct throttle_table *table = row->is_known ? &t->known : &t->tries;
    struct throttle_place *set = &table->v[count->tag[0] % table->sets * WAYS];

    for (size_t i = 0; i < WAYS; i++) {
        struct throttle_place *p = &set[i];
        if (p->last_us == 0 || memcmp(p->tag, count->tag, sizeof p->tag) != 0)
            continue;
        if (p->last_us > now_us) /* the clock was set back: nobody waits for that */
            p->last_us = now_us;
        if (now_us - p->last_us < row->kept_us)
            return p;
        *p = (struct throttle_place){0};
    }
    return NULL;
}

static struct throttle_place *throttle_make(struct throttle *t, const struct throttle_count *count, int64_t now_us)
{
    struct throttle_table *table = throttle_rows[count->what].is_known ? &t->known : &t->tries;
    struct throttle_place *p = throttle_find(t, count, now_us), *set = &table->v[count->tag[0] % table->sets * WAYS];

    if (p == NULL) {
        p = &set[0];
        for (size_t i = 1; i < WAYS; i++)
            if (set[i].last_us < p->last_us)
                p = &set[i];
        *p = (struct throttle_place){.tag = {count->tag[0], count->tag[1]}};
    }
    p->last_us = now_us;
    return p;
}

static int64_t throttle_free_tries(const struct throttle *t, enum throttle_what what)
{
    const struct throttle_row *row = &throttle_rows[what];

    return row->setting == 0 ? row->free : *(const int64_t *)((const char *)t->conf + row->setting);
}

static int64_t throttle_wait(struct throttle *t, const struct throttle_count *count, int64_t now_us)
{
    const struct throttle_place *p = throttle_find(t, count, now_us);
    int64_t free_tries = throttle_free_tries(t, count->what), wait_us = THROTTLE_WAIT_US;

    if (p == NULL || p->tries < free_tries)
        return 0;
    for (int64_t i = free_tries; i < p->tries && wait_us < THROTTLE_WAIT_MAX_US; i++)
        wait_us *= 2;
    return MAX(0, p->last_us + MIN(wait_us, THROTTLE_WAIT_MAX_US) - now_us);
}

struct throttle_try throttle_sign_in(struct throttle *t, const struct sha256 *account, const struct uuid *network)
{
    struct throttle_try try = {.n = 1,
                               .counts[0] = throttle_count_of(t, THROTTLE_PAIR, account, network),
                               .known = throttle_count_of(t, THROTTLE_KNOWN, account, network),
                               .coded = throttle_count_of(t, THROTTLE_CODED, account, NULL),
                               .told = throttle_count_of(t, THROTTLE_TOLD, account, NULL),
                               .told_coded = throttle_count_of(t, THROTTLE_TOLD_CODED, account, NULL)};

    lock_take(&t->lock);
    bool is_known = throttle_find(t, &try.known, clock_now_us()) != NULL;
    lock_release(&t->lock);
    if (!is_known) {
        try.counts[try.n++] = throttle_count_of(t, THROTTLE_ACCOUNT, account, NULL);
        try.counts[try.n++] = throttle_count_of(t, THROTTLE_NETWORK, NULL, network);
    }
    return try;
}

struct throttle_try throttle_confirm(struct throttle *t, const struct uuid *user_id)
{
    return (struct throttle_try){.n = 1, .counts[0] = throttle_count_of(t, THROTTLE_CONFIRM, NULL, user_id)};
}

static int64_t throttle_longest_wait(struct throttle *t, const struct throttle_try *try, int64_t now_us)
{
    int64_t wait_us = 0;

    for (size_t i = 0; i < try->n; i++)
        wait_us = MAX(wait_us, throttle_wait(t, &try->counts[i], now_us));
    return wait_us;
}

static void throttle_take_one(struct throttle *t, struct throttle_count *count, int64_t now_us)
{
    const struct throttle_place *before = throttle_find(t, count, now_us);

    count->before_us = before == NULL ? 0 : before->last_us;
    count->taken_us = now_us;
    throttle_make(t, count, now_us)->tries++;
}

int64_t throttle_take(struct throttle *t, struct throttle_try *try)
{
    int64_t now_us = clock_now_us();

    lock_take(&t->lock);
    int64_t wait_us = throttle_longest_wait(t, try, now_us);
    for (size_t i = 0; wait_us == 0 && i < try->n; i++)
        throttle_take_one(t, &try->counts[i], now_us);
    lock_release(&t->lock);
    return wait_us;
}

/* As if it had not been: unless there was another one since, who comes next waits no longer than before. */
static void throttle_give_back_one(struct throttle *t, const struct throttle_count *count, int64_t now_us)
{
    struct throttle_place *p = throttle_find(t, count, now_us);

    if (p == NULL || p->tries == 0)
        return;
    p->tries--;
    if (p->last_us == count->taken_us)
        p->last_us = count->before_us;
}

void throttle_give_back(struct throttle *t, const struct throttle_try *try)
{
    int64_t now_us = clock_now_us();

    lock_take(&t->lock);
    for (size_t i = 0; i < try->n; i++)
        throttle_give_back_one(t, &try->counts[i], now_us);
    lock_release(&t->lock);
}

void throttle_right(struct throttle *t, const struct throttle_try *try)
{
    int64_t now_us = clock_now_us();

    lock_take(&t->lock);
    struct throttle_place *narrow = throttle_find(t, &try->counts[0], now_us);
    if (narrow != NULL)
        narrow->tries = 0;
    for (size_t i = 1; i < try->n; i++)
        throttle_give_back_one(t, &try->counts[i], now_us);
    if (try->known.what == THROTTLE_KNOWN)
        throttle_make(t, &try->known, now_us);
    lock_release(&t->lock);
}

void throttle_wrong_code(struct throttle *t, const struct throttle_try *try)
{
    int64_t now_us = clock_now_us();

    lock_take(&t->lock);
    throttle_make(t, &try->coded, now_us);
    lock_release(&t->lock);
}

static bool throttle_account_waits(struct throttle *t, const struct throttle_try *try, int64_t now_us)
{
    for (size_t i = 0; i < try->n; i++)
        if (try->counts[i].what != THROTTLE_NETWORK && throttle_wait(t, &try->counts[i], now_us) > 0)
            return true;
    return false;
}

/* What its owner does not know yet. */
static enum throttle_news throttle_find_news(struct throttle *t, const struct throttle_try *try, int64_t now_us)
{
    if (throttle_find(t, &try->told_coded, now_us) != NULL)
        return THROTTLE_NO_NEWS;
    if (throttle_find(t, &try->coded, now_us) != NULL)
        return THROTTLE_GUESSED_CODES;
    return throttle_find(t, &try->told, now_us) == NULL ? THROTTLE_GUESSED : THROTTLE_NO_NEWS;
}

enum throttle_news throttle_tell(struct throttle *t, const struct throttle_try *try)
{
    int64_t now_us = clock_now_us();
    enum throttle_news news = THROTTLE_NO_NEWS;

    lock_take(&t->lock);
    if (throttle_account_waits(t, try, now_us))
        news = throttle_find_news(t, try, now_us);
    if (news != THROTTLE_NO_NEWS)
        throttle_make(t, news == THROTTLE_GUESSED_CODES ? &try->told_coded : &try->told, now_us);
    lock_release(&t->lock);
    return news;
}

void throttle_know(struct throttle *t, const struct sha256 *account, const struct uuid *network)
{
    struct throttle_count known = throttle_count_of(t, THROTTLE_KNOWN, account, network),
                          pair = throttle_count_of(t, THROTTLE_PAIR, account, network);
    int64_t now_us = clock_now_us();

    lock_take(&t->lock);
    throttle_make(t, &known, now_us);
    throttle_make(t, &pair, now_us)->tries = 0;
    lock_release(&t->lock);
}

#define SETTING(name) offsetof(struct conf, signin_##name)
static const struct throttle_row throttle_rows[THROTTLE__MAX] = {
    [THROTTLE_CONFIRM] = {.kept_us = THROTTLE_KEPT_US, .free = THROTTLE_CONFIRM_FREE},
    [THROTTLE_PAIR] = {.kept_us = THROTTLE_KEPT_US, .setting = SETTING(tries)},
    [THROTTLE_ACCOUNT] = {.kept_us = THROTTLE_KEPT_US, .setting = SETTING(tries_of_account)},
    [THROTTLE_NETWORK] = {.kept_us = THROTTLE_KEPT_US, .setting = SETTING(tries_of_network)},
    [THROTTLE_CODED] = {.kept_us = THROTTLE_KEPT_US},
    [THROTTLE_TOLD] = {.kept_us = THROTTLE_TOLD_US},
    [THROTTLE_TOLD_CODED] = {.kept_us = THROTTLE_TOLD_US},
    [THROTTLE_KNOWN] = {.kept_us = THROTTLE_KNOWN_US, .is_known = true},
};
