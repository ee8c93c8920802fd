/*
 * Many calls at a time. One thread (curl multi) carries those that touch nothing but memory and sockets, so nothing can
 * block it. Calls that read or write files, and mails, run on a few threads beside it: a disk or a relay that hangs
 * delays its like and nobody else.
 *
 *    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 256, .aside_max = 8});
 *    net_loop_submit(loop, &call, arena, tag);    // copies the call; false when max are open already
 *    if (net_loop_next(loop, 100, &tag, &result)) ...    // any thread
 *
 * Every submitted call comes back exactly once. net_loop_free waits for the calls under way, which end by their
 * timeouts unless a file holds them; those that still wait for their turn are not made.
 *
 * A host (a name and port as in the URL, or a relay) has at most host_max calls under way. As many again wait for their
 * turn; one more comes back at once. So a slow host holds at most 2 * host_max of the loop's places. A call that waits
 * has not been sent: its timeouts begin with its turn, and if start_by_us passes first it comes back within a second.
 * Either way it comes back as ERR_NET_NOT_SENT. (CURLMOPT_MAX_HOST_CONNECTIONS would not do:
 * timeouts run while a call waits in libcurl, and nothing bounds how many wait.)
 */
#pragma once

#include "net/call.h"
#include "net/mail.h"

struct net_loop;

struct net_loop_options {
    int max;       /* calls submitted and not yet handed out */
    int host_max;  /* calls under way to one host; 0: no such limit */
    int aside_max; /* threads for what may block, started when needed; 0: no such call may be submitted. With more of
                    * them than host_max one slow host leaves some to the others */
};

struct net_loop *net_loop_new(const struct net_loop_options *options);
void net_loop_free(struct net_loop *loop);
DEFINE_FREEP(struct net_loop, net_loop_free)

/* arena is where the result's strings will be; it must live until the result is handed out. */
MUST_CHECK bool net_loop_submit(struct net_loop *loop, const struct net_call *call, struct arena *arena, void *tag);
MUST_CHECK bool net_loop_submit_mail(struct net_loop *loop, const struct net_mail *mail, struct arena *arena,
                                     void *tag);
/*
 * Of what may block, nothing begins any more: what waits, and what is submitted later, comes back as ERR_NET_NOT_SENT, unasked. A
 * mail that is under way has until by_us (clock_mono_us), and then comes back as it stands. For a program that is told to stop,
 * and that wants to hear the end of what it has begun.
 */
void net_loop_stop_aside(struct net_loop *loop, int64_t by_us);
int net_loop_open(struct net_loop *loop); /* calls submitted and not yet handed out */

/* Waits up to wait_ms for a result. False when there was none. */
MUST_CHECK bool net_loop_next(struct net_loop *loop, int wait_ms, void **ret_tag, struct net_result *ret_result);
