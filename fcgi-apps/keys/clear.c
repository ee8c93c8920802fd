#include "keys/clear.h"

#include <stdlib.h>

#include "base/epoch.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/point.h"
#include "base/rand.h"
#include "crypto/digest.h"
#include "http/authorization.h"
#include "http/cookie.h"
#include "keys/keys.h"
#include "model/key/key.h"
#include "model/user/session.h"

#define CLEAR_PER_TEXT 2 /* a sender has a key and, while it is replaced, another one */
#define CLEAR_SLEEP_MS \
    200 /* how long the thread sleeps before it checks whether to stop, or asks the database once more */

struct clear_seen {
    struct sha256 hash;
    bool is_session; /* or a key */
};

struct clear {
    pthread_mutex_t lock;
    pthread_cond_t noted;
    bool has_new; /* something was noted since the last pass */
    struct clear_seen seen[CLEAR_MAX];
    size_t n, dropped; /* since the last pass */
    struct epoch epoch;
};

struct clear *clear_new(const struct conf *conf)
{
    struct clear *c = xcalloc(1, sizeof *c);

    lock_init(&c->lock);
    cond_init(&c->noted);
    c->epoch = EPOCH_NONE;
    if (conf->keys_epoch.n > 0 && epoch_open(conf->keys_epoch, true, &c->epoch) != OK)
        log_event(LOG_ERROR, "epoch_not_opened", LOG_STR("path", conf->keys_epoch), LOG_END);
    return c;
}

void clear_free(struct clear *c)
{
    epoch_close(&c->epoch);
    cond_done(&c->noted);
    lock_done(&c->lock);
    free(c);
}

/* Anybody can make up keys that look real. When all places are taken, one at random gives way: who fills them cannot choose
 * which keys are missed. Under the lock. */
static void clear_put(struct clear *c, const struct clear_seen *seen)
{
    size_t i;

    for (i = 0; i < c->n && memcmp(&c->seen[i].hash, &seen->hash, sizeof seen->hash) != 0; i++)
        ;
    if (i == c->n && c->n == CLEAR_MAX) {
        i = (size_t)rand_below(CLEAR_MAX);
        c->dropped++;
    } else if (i == c->n) {
        c->n++;
    }
    c->seen[i] = *seen;
}

static void clear_put_new(struct clear *c, const struct clear_seen *seen)
{
    lock_take(&c->lock);
    clear_put(c, seen);
    c->has_new = true;
    cond_signal(&c->noted);
    lock_release(&c->lock);
}

static void clear_put_back(struct clear *c, const struct clear_seen *seen)
{
    lock_take(&c->lock);
    clear_put(c, seen);
    lock_release(&c->lock);
}

void clear_note(struct clear *c, struct str text)
{
    struct str key;

    for (int i = 0; i < CLEAR_PER_TEXT && key_find(&text, &key); i++)
        clear_put_new(c, &(struct clear_seen){.hash = sha256_of(key)});
}

void clear_note_session(struct clear *c, struct str token)
{
    clear_put_new(c, &(struct clear_seen){.hash = sha256_of(token), .is_session = true});
}

static size_t clear_take(struct clear *c, struct clear_seen *ret, size_t *ret_dropped)
{
    lock_take(&c->lock);
    if (!c->has_new)
        (void)cond_wait_until(&c->noted, &c->lock, clock_mono_us() + CLEAR_SLEEP_MS * US_PER_MS);
    c->has_new = false;
    size_t n = c->n;
    memcpy(ret, c->seen, n * sizeof *ret);
    *ret_dropped = c->dropped;
    c->n = c->dropped = 0;
    lock_release(&c->lock);
    return n;
}

static void clear_say(const struct key *key)
{
    struct uuid_text id = uuid_text(&key->id), user = uuid_text(&key->user_id);

    log_event(LOG_WARNING, "key_seen_in_clear", LOG_CSTR("key_id", id.s), LOG_CSTR("user_id", user.s), LOG_END);
}

static enum err clear_revoke(struct clear *c, struct db *db, struct arena *arena, const struct sha256 *hash)
{
    struct key key;
    enum err e = key_revoke_seen(db, arena, hash, &key);

    if (e == OK)
        clear_say(&key);
    if ((e == OK || e == ERR_OUTCOME_UNKNOWN) && epoch_end(&c->epoch) != OK)
        log_event(LOG_ERROR, "epoch_not_ended", LOG_END);
    return e;
}

static enum err clear_end_session(struct db *db, struct arena *arena, const struct sha256 *hash)
{
    enum err e = session_end_seen(db, arena, hash);

    if (e == OK)
        log_event(LOG_WARNING, "session_seen_in_clear", LOG_END);
    return e;
}

void clear_work(struct clear *c, struct db *db, struct arena *arena)
{
    struct clear_seen seen[CLEAR_MAX];
    size_t dropped, n = clear_take(c, seen, &dropped);

    if (dropped > 0)
        log_event(LOG_WARNING, "keys_in_clear_dropped", LOG_INT("keys", (int64_t)dropped), LOG_END);
    for (size_t i = 0; i < n; i++) {
        const struct sha256 *hash = &seen[i].hash;
        enum err e = seen[i].is_session ? clear_end_session(db, arena, hash) : clear_revoke(c, db, arena, hash);
        if (db_is_away(e))
            clear_put_back(c, &seen[i]);
        arena_clear(arena);
    }
}

static enum err clear_told(struct ctx *c)
{
    struct keys_state *state = c->state;
    struct str basic, token;

    point("clear.asked");
    clear_note(state->clear, c->req.authorization);
    if (authorization_basic(c->arena, c->req.authorization, &basic))
        clear_note(state->clear, basic);
    if (cookie_get(c->req.cookie, STR(SESSION_COOKIE), &token) == OK && token.p != NULL)
        clear_note_session(state->clear, token);
    return reply_nothing(&c->rep);
}

const struct route clear_routes[] = {
    {.method = "POST",
     .pattern = "/internal/seen_in_clear",
     .handler = clear_told,
     .auth = AUTH_FOREIGN,
     .rate = RATE_NONE,
     .internal = true,
     .summary = "nginx says that a credential came over plain HTTP"},
    ROUTE_END,
};
