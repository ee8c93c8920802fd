#include "auth/guess.h"

#include <stdlib.h>

#include "auth/auth.h"
#include "base/lock.h"
#include "base/log.h"
#include "model/user/refused.h"

#define NOTICES_MAX 64            /* each is of an account that is guessed at right now */
#define WAIT_US (200 * US_PER_MS) /* how soon a stop is seen */
#define AWAY_US (1 * US_PER_SEC)  /* before the next try, while the database is away */

struct guess_notice {
    size_t n;
    char key[EMAIL_MAX_BYTES];
    char request_id[32];
    bool knows_password; /* whoever guesses */
};

struct guess_notices {
    pthread_mutex_t lock;
    pthread_cond_t some;
    struct guess_notice v[NOTICES_MAX];
    size_t n;
};

struct guess_notices *guess_notices_new(void)
{
    struct guess_notices *n = xcalloc(1, sizeof *n);

    lock_init(&n->lock);
    cond_init(&n->some);
    return n;
}

void guess_notices_free(struct guess_notices *n)
{
    cond_done(&n->some);
    lock_done(&n->lock);
    free(n);
}

/* Who comes when all places are taken is not told; the throttle makes sure that the places are for many accounts. */
static void guess_put(struct guess_notices *n, const struct guess_notice *notice)
{
    lock_take(&n->lock);
    if (n->n < NOTICES_MAX)
        n->v[n->n++] = *notice;
    cond_signal(&n->some);
    lock_release(&n->lock);
}

/* The form in which addresses are compared, or what was typed instead of one. */
static struct str guess_key(struct ctx *c, struct str email)
{
    struct str key;

    return user_email_key(email, c->arena, &key) == OK ? key : email;
}

static void guess_note(struct ctx *c, struct str key, enum throttle_news news)
{
    struct auth_state *s = c->state;
    struct guess_notice notice = {.n = key.n, .knows_password = news == THROTTLE_GUESSED_CODES};

    if (key.n > sizeof notice.key) /* no address, and no account's */
        return;
    memcpy(notice.key, key.p, key.n);
    memcpy(notice.request_id, c->req.id.p, MIN(c->req.id.n, sizeof notice.request_id));
    guess_put(s->notices, &notice);
}

enum err guess_begin(struct ctx *c, struct str email, struct guess *ret_guess)
{
    struct auth_state *s = c->state;
    struct str key = guess_key(c, email);
    struct sha256 account = sha256_of(key);
    struct guess guess = {.try = throttle_sign_in(s->throttle, &account, &c->network)};

    int64_t wait_us = throttle_take(s->throttle, &guess.try);
    if (wait_us > 0) {
        c->retry_after_sec = (wait_us + US_PER_SEC - 1) / US_PER_SEC;
        enum throttle_news news = throttle_tell(s->throttle, &guess.try);
        if (news != THROTTLE_NO_NEWS)
            guess_note(c, key, news);
        return ERR_WRONG_TOO_OFTEN;
    }
    *ret_guess = guess;
    return OK;
}

void guess_give_back(struct ctx *c, const struct guess *guess)
{
    struct auth_state *s = c->state;

    throttle_give_back(s->throttle, &guess->try);
}

enum err guess_end(struct ctx *c, const struct guess *guess, enum err e)
{
    struct auth_state *s = c->state;

    if (e == OK)
        throttle_right(s->throttle, &guess->try);
    else if (e == ERR_WRONG_CODE)
        throttle_wrong_code(s->throttle, &guess->try);
    else if (e != ERR_BAD_CREDENTIALS)
        guess_give_back(c, guess);
    return e;
}

void guess_know(struct ctx *c, const struct user *user)
{
    struct auth_state *s = c->state;
    struct sha256 account = sha256_of(guess_key(c, user->email));
    struct throttle_try confirm = throttle_confirm(s->throttle, &user->id);

    throttle_know(s->throttle, &account, &c->network);
    throttle_right(s->throttle, &confirm);
}

static size_t guess_take(struct guess_notices *n, struct guess_notice *ret)
{
    int64_t until_us = clock_mono_us() + WAIT_US;

    lock_take(&n->lock);
    while (n->n == 0 && cond_wait_until(&n->some, &n->lock, until_us))
        ;
    size_t taken = n->n;
    memcpy(ret, n->v, taken * sizeof *ret);
    n->n = 0;
    lock_release(&n->lock);
    return taken;
}

/* The database is away. What is put into its place meanwhile waits, too. */
static void guess_wait(struct guess_notices *n)
{
    int64_t until_us = clock_mono_us() + AWAY_US;

    lock_take(&n->lock);
    while (cond_wait_until(&n->some, &n->lock, until_us))
        ;
    lock_release(&n->lock);
}

static enum err guess_tell(struct db *db, struct arena *arena, const struct guess_notice *notice)
{
    enum err e = refused_tell(db, arena, str_of(notice->key, notice->n), notice->knows_password,
                              str_of(notice->request_id, strnlen(notice->request_id, sizeof notice->request_id)));

    arena_clear(arena);
    if (e != OK && e != ERR_DB_UNAVAILABLE)
        log_event(LOG_ERROR, "sign_in_refused_not_told", LOG_CSTR("code", err_slug(e)), LOG_END);
    return e;
}

void guess_work(struct guess_notices *n, struct db *db, struct arena *arena)
{
    struct guess_notice v[NOTICES_MAX];
    size_t taken = guess_take(n, v);
    bool is_away = false;

    for (size_t i = 0; i < taken; i++) {
        is_away = is_away || guess_tell(db, arena, &v[i]) == ERR_DB_UNAVAILABLE;
        if (is_away)
            guess_put(n, &v[i]);
    }
    if (is_away)
        guess_wait(n);
}
