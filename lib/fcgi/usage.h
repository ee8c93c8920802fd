/*
 * Counts what is asked with API keys, in memory, and writes that to the database every second and at the stop
 * (model/usage/usage.h). A thread of its own does that, so a request only takes a lock that hardly anybody has, and looks
 * at a few places in memory.
 *
 *    struct usage *usage = usage_start(shared);
 *    usage_note(usage, &key_id, status, clock_now_us());      from any thread
 *    usage_stop(usage);
 *
 * What the database surely has not taken is written later. What it may have taken is dropped, so nothing is counted twice;
 * the log says how much. A process that is killed loses what it has not written: at most a second, but of users whose rows
 * somebody holds locked what came since. They hold up nobody else, but for the second that finds them out.
 *
 * Room for USAGE_SHARDS * USAGE_PLACES counts of keys, days and statuses between two writes. What finds none is not counted,
 * and the log says so.
 */
#pragma once

#include "base/uuid.h"

#define USAGE_SHARDS 64
#define USAGE_PLACES 512

struct shared;
struct usage;

struct usage *usage_start(struct shared *shared);
void usage_stop(struct usage *u);

/* A request with the key was answered. */
void usage_note(struct usage *u, const struct uuid *key_id, int status, int64_t at_us);
