/*
 * Shows metrics on a unix socket: an HTTP/1.0 answer to any GET, for Prometheus behind an exporter's proxy, and for
 *
 *    curl --unix-socket /run/marketingcli/metrics/keys.sock http://localhost/metrics
 *
 * One thread of its own, one connection at a time, each at most EXPOSE_SEC from its first byte to its last; a client
 * that is slow or silent keeps other clients of this socket waiting that long and the program not at all.
 */
#pragma once

#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "metrics/metrics.h"

#define EXPOSE_SEC 2
#define EXPOSE_REQUEST_MAX 8192      /* bytes of a request's head; more is not read */
#define EXPOSE_ANSWER_MAX (4u << 20) /* METRIC_SERIES_MAX lines of 200 bytes stay far below */

struct expose;

/*
 * Listens at DIR/PROGRAM.sock, mode 0660, in the group of the folder when that is set-group-id; what a former process
 * left there is replaced. refresh (may be NULL) is called on the thread before each answer, to set what is counted
 * elsewhere. NULL with errno set when it cannot listen: a program goes on without.
 */
struct expose *expose_start(struct metrics *m, struct str dir, const char *program, void (*refresh)(void *arg),
                            void *arg);
void expose_stop(struct expose *x); /* NULL is fine; takes the socket away */

/*
 * Whether a former process has left its socket behind: it did not end by itself. So a program says what the one that died
 * could not count. NULL: false.
 */
bool expose_found_dead(const struct expose *x);

/*
 * expose_start as programs do it: an empty dir shows nothing, the log says why it could not, and a predecessor that died is
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
