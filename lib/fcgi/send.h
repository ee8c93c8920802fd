/* Sending an answer to nginx. */
#pragma once

#include <fcgiapp.h>

#include "fcgi/streams.h"
#include "http/reply.h"

struct sent {
    uint64_t bytes; /* of the body */
    enum err e;     /* of a streamed body */
    bool cut;       /* it broke off: the connection must be closed without the record that ends an answer */
};

struct sent send_whole(const struct reply *r, FCGX_Request *q); /* the head, and the body that is in r */
struct sent send_head(const struct reply *r, FCGX_Request *q);  /* for a HEAD */

/*
 * The head, and the body that r->stream writes. When that fails while nothing has been sent, .e is set and .cut is not:
 * the caller answers with the error.
 */
struct sent send_stream(struct streams *streams, const struct reply *r, FCGX_Request *q);
