/*
 * Keys and session cookies that arrive over plain HTTP: whoever is on the way has them, too, so keys are revoked and sessions are
 * ended. No browser sends such a cookie without TLS; scripts do.
 *
 * nginx refuses every such request by itself, and asks this program behind its back (mirror, in
 * nginx/snippets/clear.conf). The question only notes the key; a thread of its own looks at once whether there is one. So neither
 * the answer nor how long anything takes tells a real key from another. What is noted is in memory alone: who kills the program
 * in the moment before the thread has looked, or while the database is away, has it forgotten.
 *
 *    clear_note(clear, text);          in the handler
 *    clear_work(clear, db, arena);     on the thread
 */
#pragma once

#include "base/arena.h"
#include "base/conf.h"
#include "db/db.h"

struct clear;

struct clear *clear_new(const struct conf *conf);
void clear_free(struct clear *c);

/* Notes the keys that a text has in it, wherever: the first two; and a session's token. Beyond CLEAR_MAX each one takes the place of another, and
 * the log says how many were dropped. */
#define CLEAR_MAX 256
void clear_note(struct clear *c, struct str text);
void clear_note_session(struct clear *c, struct str token);

/* Waits a moment for something to be noted. Revokes, or ends, those that were noted and are live. What the database does not take
 * stays noted. For one thread, again and again. */
void clear_work(struct clear *c, struct db *db, struct arena *arena);
