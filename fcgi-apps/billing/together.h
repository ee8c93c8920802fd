/*
 * What comes at once is done at once, by the thread of one of them: a transaction for many costs hardly more than one for each, and
 * a burst has hundreds a second. Nobody waits for others to come: who finds nothing under way begins, with all that are there.
 *
 *    static enum err webhook_all(void *leader, void *const *v, size_t n);    does n of them, and writes into each what became of it
 *    t = together_new(webhook_all, DB_MANY_MAX);
 *    e = together_do(t, c, &one);    from any thread
 *
 * They are done in the order in which they came.
 */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct together;

/* max: as many are done at once at most, TOGETHER_MAX or fewer. */
#define TOGETHER_MAX 64
struct together *together_new(enum err (*all)(void *leader, void *const *v, size_t n), size_t max);
void together_free(struct together *t); /* nobody is in it */

/* Returns what all() did for those among which it was. The caller's leader is used if it is this thread that does them. */
MUST_CHECK enum err together_do(struct together *t, void *leader, void *one);

/* How many wait for somebody to be done with those before them. */
size_t together_waiting(struct together *t);
