/*
 * Shows metrics on a Unix socket. Any GET gets an HTTP/1.0 answer: for Prometheus by way of a proxy, and for
 *
 *    curl --unix-socket /run/marketingcli/metrics/keys.sock http://localhost/metrics
 *
 * It has one thread of its own and serves one connection at a time, each for at most EXPOSE_SEC. A slow or silent
 * client keeps other clients of this socket waiting for that long, and never the program.
 */
#pragma once

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "metrics/metrics.h"

#define EXPOSE_SEC 2
#define EXPOSE_REQUEST_MAX 8192      /* bytes of a request's head that are read */
#define EXPOSE_ANSWER_MAX (4u << 20) /* METRIC_SERIES_MAX lines of 200 bytes stay far below */

struct expose;

/*
 * Listens at DIR/PROGRAM.sock, mode 0660, in the group of the folder if that is set-group-id. A socket that an earlier
 * process left there is replaced. refresh (may be NULL) is called on the thread before each answer, to set what is
 * counted elsewhere. Returns NULL with errno set if it cannot listen; the program then goes on without.
 */
struct expose *expose_start(struct metrics *m, struct str dir, const char *program, void (*refresh)(void *arg),
                            void *arg);
void expose_stop(struct expose *x); /* NULL is fine; removes the socket */

/*
 * Whether an earlier process left its socket behind, which means that it did not end by itself. This is how a program
 * reports what the one that died could not. NULL: false.
 */
bool expose_found_dead(const struct expose *x);

/*
 * expose_start as programs use it: an empty dir shows nothing, a failure is logged, and a predecessor that died raises
 * an alarm. Inline, because the library does not log.
 */
static inline struct expose *expose_of_program(struct metrics *m, struct str dir, const char *program,
                                               void (*refresh)(void *arg), void *arg)
{
    struct expose *x = dir.n == 0 ? NULL : expose_start(m, dir, program, refresh, arg);

    if (dir.n > 0 && x == NULL)
        log_event(LOG_WARNING, "metrics_not_shown", LOG_STR("dir", dir), LOG_CSTR("why", strerror(errno)), LOG_END);
    if (expose_found_dead(x))
        alarm_raise(m, ALARM_PROGRAM_DIED, LOG_END);
    return x;
}
