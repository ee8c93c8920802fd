/*
 * What a worker asks of the bucket: a call that the network loop makes (jobs/kind.h), so that no step waits for it. Each is one try;
 * who repeats it is the job.
 *
 *    store_call_delete(store, run->arena, &id, &run->call);
 *    return JOB_CALL;
 *    ... with run->result ...
 *    e = store_called_delete(run->arena, run->result, &said);
 *
 * There must be a bucket (store_has_bucket). What the calls point to is in the arena.
 */
#pragma once

#include "net/call.h"
#include "store/store.h"

bool store_has_bucket(const struct store *s);

/* Is it there? By HEAD, whose 404 has no body: it may also mean that the bucket is missing. store_call_find tells the two apart, and
 * costs more. */
void store_call_look(const struct store *s, struct arena *arena, const struct uuid *id, struct net_call *ret_call);
void store_call_find(const struct store *s, struct arena *arena, const struct uuid *id, struct net_call *ret_call);
void store_call_delete(const struct store *s, struct arena *arena, const struct uuid *id, struct net_call *ret_call);

/* Up to max (S3_LIST_MAX at most) objects after that name, in the order of their names; absent: from the first one on. */
void store_call_list(const struct store *s, struct arena *arena, struct str after, int max, struct net_call *ret_call);

/* What came of each: ERR_STORE_FULL, ERR_STORE. said may be NULL. */
MUST_CHECK enum err store_called_look(struct arena *arena, const struct net_result *r,
                                      struct store_said *said); /* ERR_NOT_FOUND: it, or the bucket */
MUST_CHECK enum err store_called_delete(struct arena *arena, const struct net_result *r,
                                        struct store_said *said); /* OK also when it was not there */
/* Of store_call_list, with what it was to list after, and of store_call_find, where that is absent. ERR_STORE also when it does not go on from
 * there by the order of names: who lists to the end would never come to it, or pass over some. */
MUST_CHECK enum err store_called_list(struct arena *arena, const struct net_result *r, struct str after,
                                      struct s3_listing *ret_listing, struct store_said *said);
