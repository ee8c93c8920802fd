/*
 * Many calls at a time, on one thread of its own that touches nothing but them (curl multi).
 *
 *    struct net_loop *loop = net_loop_new(256);
 *    net_loop_submit(loop, &call, arena, tag);    // copies the call; false when max are open already
 *    if (net_loop_next(loop, 100, &tag, &result)) ...    // any thread
 *
 * Every submitted call comes back exactly once. net_loop_free waits for those that are open to end by their timeouts.
 */
#pragma once

#include "net/call.h"

struct net_loop;

struct net_loop *net_loop_new(int max);
void net_loop_free(struct net_loop *loop);
DEFINE_FREEP(struct net_loop, net_loop_free)

/* arena is where the result's strings will be; it must live until the result is handed out. */
MUST_CHECK bool net_loop_submit(struct net_loop *loop, const struct net_call *call, struct arena *arena, void *tag);
int net_loop_open(struct net_loop *loop); /* calls submitted and not yet handed out */

/* Waits up to wait_ms for a result. False when there was none. */
MUST_CHECK bool net_loop_next(struct net_loop *loop, int wait_ms, void **ret_tag, struct net_result *ret_result);
