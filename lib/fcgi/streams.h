/*
 * The answers that are being streamed, so that the stop of the program can end them: a client that reads slowly, or no
 * more, would hold it up for as long as it likes.
 *
 *    if (!streams_enter(streams, fd))
 *        return ERR_UNAVAILABLE;
 *    ... write ...
 *    streams_leave(streams, fd);
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct streams;

struct streams *streams_new(size_t max); /* one for each thread of the program */
void streams_free(struct streams *s);

/* fd is the connection that is written to, and stays open until streams_leave. False when they have been ended. */
bool streams_enter(struct streams *s, int fd);
void streams_leave(struct streams *s, int fd);

int streams_count(struct streams *s); /* those that are open now */
bool streams_are_ended(struct streams *s);

/* Waits until none is open, or until_us (of clock_mono_us) has come, and shuts down the connections of those that still are. */
void streams_end(struct streams *s, int64_t until_us);
