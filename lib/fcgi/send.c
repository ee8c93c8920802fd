#include "fcgi/send.h"

#include <poll.h>

#define HEAD_MAX_BYTES (64u << 10)
#define HELD_BYTES (8u << 10)  /* of a stream, until it is sent: a failure at its start still gets an answer */
#define PIECE_BYTES (1u << 20) /* libfcgi counts in int */

/* An answer that is being streamed. */
struct send_streaming {
    struct streams *streams;
    const struct reply *reply;
    FCGX_Request *q;
    struct buf held;
    bool begun; /* the head and what was held are sent */
};

static void send_put_head(const struct reply *r, FCGX_Request *q)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(HEAD_MAX_BYTES);

    buf_printf(&b, "Status: %d %s\r\n", r->status, reply_reason(r->status));
    if (r->content_type != NULL)
        buf_printf(&b, "Content-Type: %s\r\n", r->content_type);
    for (size_t i = 0; i < r->headers_n; i++)
        buf_printf(&b, "%s: %.*s\r\n", r->headers[i].name, STR_FMT(r->headers[i].value));
    buf_puts(&b, "\r\n");
    ASSERT(!b.overflow);
    (void)FCGX_PutStr(b.p, (int)b.n, q->out);
}

struct sent send_head(const struct reply *r, FCGX_Request *q)
{
    send_put_head(r, q);
    return (struct sent){0};
}

struct sent send_whole(const struct reply *r, FCGX_Request *q)
{
    struct str body = buf_str(&r->body);

    send_put_head(r, q);
    if (body.n > 0)
        (void)FCGX_PutStr(body.p, (int)body.n, q->out);
    return (struct sent){.bytes = body.n};
}

/* Why it cannot be written to any more. */
static enum err send_lost(const struct send_streaming *s)
{
    return streams_are_ended(s->streams) ? ERR_UNAVAILABLE : ERR_CLIENT_GONE;
}

static enum err send_check(const struct send_streaming *s)
{
    struct pollfd p = {.fd = s->q->ipcFd}; /* POLLHUP and POLLERR need not be asked for */

    return FCGX_GetError(s->q->out) == 0 && poll(&p, 1, 0) == 0 ? OK : send_lost(s);
}

static enum err send_put(struct send_streaming *s, struct str bytes)
{
    while (bytes.n > 0) {
        struct str piece = str_head(bytes, PIECE_BYTES);
        if (FCGX_PutStr(piece.p, (int)piece.n, s->q->out) != (int)piece.n)
            return send_lost(s);
        bytes = str_skip(bytes, piece.n);
    }
    return OK;
}

static enum err send_begin(struct send_streaming *s)
{
    if (s->begun)
        return OK;
    s->begun = true;
    send_put_head(s->reply, s->q);
    return send_put(s, buf_str(&s->held));
}

static enum err send_write(void *arg, struct str bytes)
{
    struct send_streaming *s = arg;

    if (!s->begun && s->held.n + bytes.n <= HELD_BYTES) {
        buf_putstr(&s->held, bytes);
        return OK;
    }
    enum err e = send_begin(s);
    return e != OK ? e : send_put(s, bytes);
}

static enum err send_flush(void *arg)
{
    struct send_streaming *s = arg;

    if (s->begun || s->held.n > 0) {
        enum err e = send_begin(s);
        if (e != OK)
            return e;
        (void)FCGX_FFlush(s->q->out);
    }
    return send_check(s);
}

static enum err send_run(struct send_streaming *s, uint64_t *ret_bytes)
{
    struct sink sink = {.write = send_write, .flush = send_flush, .arg = s};

    enum err e = s->reply->stream(&sink, s->reply->stream_arg);
    if (sink.e != OK) /* the cause of whatever the function made of it */
        e = sink.e;
    if (e == OK)
        e = send_begin(s);
    if (e == OK)
        e = send_flush(s);
    *ret_bytes = s->begun ? sink.bytes : 0;
    return e;
}

struct sent send_stream(struct streams *streams, const struct reply *r, FCGX_Request *q)
{
    struct send_streaming s = {.streams = streams, .reply = r, .q = q, .held = BUF_MAX(HELD_BYTES)};
    struct sent sent = {0};

    if (!streams_enter(streams, q->ipcFd))
        return (struct sent){.e = ERR_UNAVAILABLE};
    sent.e = send_run(&s, &sent.bytes);
    sent.cut = sent.e != OK && (s.begun || sent.e == ERR_CLIENT_GONE);
    streams_leave(streams, q->ipcFd);
    buf_done(&s.held);
    return sent;
}
