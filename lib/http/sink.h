/*
 * Where the body of a streamed answer goes, piece by piece (reply_stream).
 *
 *    static enum err rows_write(struct sink *sink, void *arg)
 *    {
 *        ...
 *        e = sink_put(sink, buf_str(&line));
 *        if (e != OK)
 *            return e;
 *        ...
 *    }
 *
 * A put may block for as long as the client reads slowly. An error stays: each later call returns it too.
 *
 * Errors: ERR_CLIENT_GONE (nobody reads the rest), ERR_UNAVAILABLE (the program stops and waits no longer).
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct sink {
    enum err (*write)(void *arg, struct str bytes); /* may keep them back until flush */
    enum err (*flush)(void *arg);
    void *arg;
    uint64_t bytes; /* that were put */
    enum err e;
};

MUST_CHECK enum err sink_put(struct sink *s, struct str bytes);

/* Sends what is kept back, and looks whether the client is still there. For those who work long and write little. */
MUST_CHECK enum err sink_flush(struct sink *s);
