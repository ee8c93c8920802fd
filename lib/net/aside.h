/*
 * The threads beside a net_loop's own: each runs transfers that may block, one after the other, and keeps the last
 * one's connection for the next unless a call is fresh. Only loop.c includes it.
 */
#pragma once

#include "net/transfer.h"

struct aside;

/* ended is called on one of its threads, or on that of aside_put or aside_stop; from then on the transfer is the loop's again. */
struct aside *aside_new(int max, void (*ended)(void *arg, struct transfer *t), void *arg);
void aside_free(struct aside *a); /* runs what was put before, and waits for it */
void aside_put(struct aside *a, struct transfer *t);
void aside_stop(struct aside *a,
                const char *why); /* begins nothing more: what is put before or later ends as unsent; why is static */
