/*
 * What nobody would hear of otherwise: a program that does not start, a disk that fills, a certificate that ends, a clock that nobody sets.
 * A thread of the worker whose row of service.def says so looks every few seconds, whether the database answers or not.
 *
 *    struct watch *w = watch_start(&conf, service, metrics);
 *    ...
 *    watch_stop(w);
 *
 * WATCH_MACHINE looks at all that is on this machine, and WATCH_WATCHER at whoever does so. A thing that is wrong is told once a day as
 * long as it is, and once more when it comes again; an event says when it is over.
 */
#pragma once

#include "base/conf.h"
#include "metrics/metrics.h"
#include "service/service.h"

struct watch;

/* self is not looked at. Both must outlive the watch. */
struct watch *watch_start(const struct conf *conf, const struct service *self, struct metrics *metrics);
void watch_stop(struct watch *w); /* NULL is fine */
