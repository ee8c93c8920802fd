#include "net/call.h"

#include <errno.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/io.h"
#include "net/transfer.h"
#include "net/wiped.h"

#define HEADER_MAX_BYTES (16u << 10) /* a bearer token of a few KiB */

struct call_transfer {
    struct transfer base;
    struct secret body; /* a token call carries the client secret */
    int body_fd;
    int64_t body_offset, body_bytes, body_at; /* body_at: read so far */
    net_body_fn *body_read;
    void *body_arg;
    struct buf reply;
    int reply_fd;
    size_t reply_max_bytes;
    int64_t reply_bytes;
    const char *wanted[NET_WANTED_MAX];
};

static const struct call_method {
    const char *name;
    bool body;
} call_methods[] = {
    {"GET", false}, {"HEAD", false}, {"DELETE", false}, {"POST", true}, {"PUT", true}, {"PATCH", true},
};

static struct call_transfer *call_of(struct transfer *t)
{
    return (struct call_transfer *)t;
}

static const char *call_begin(struct transfer *t)
{
    t->may_have_left = true;
    return NULL;
}

static size_t call_on_header(char *p, size_t size, size_t n, void *arg)
{
    (void)p;
    return transfer_count_header(arg, size * n) ? size * n : 0;
}

/* A return other than n ends the transfer with CURLE_WRITE_ERROR. */
static size_t call_on_reply(char *p, size_t size, size_t count, void *arg)
{
    struct call_transfer *c = arg;
    size_t n = size * count;

    if (n > c->reply_max_bytes - (size_t)c->reply_bytes)
        return n + 1;
    if (c->reply_fd > 0) {
        if (!fd_write_all(c->reply_fd, p, n))
            return n + 1;
    } else {
        buf_put(&c->reply, p, n);
    }
    c->reply_bytes += (int64_t)n;
    return n;
}

static bool call_read_file(struct call_transfer *c, char *p, size_t n, size_t *ret_n)
{
    ssize_t got;

    do
        got = pread(c->body_fd, p, n, c->body_offset + c->body_at);
    while (got < 0 && errno == EINTR);
    *ret_n = got > 0 ? (size_t)got : 0;
    return got >= 0;
}

/* A body that ends before the length that was announced is an error here: the peer would wait for the rest. */
static size_t call_on_body(char *p, size_t size, size_t count, void *arg)
{
    struct call_transfer *c = arg;
    size_t room = size * count, n;

    if (c->body_bytes != NET_BYTES_UNKNOWN)
        room = (size_t)MIN((int64_t)room, c->body_bytes - c->body_at);
    if (room == 0)
        return 0;
    bool read = c->body_fd > 0 ? call_read_file(c, p, room, &n) : c->body_read(c->body_arg, p, room, &n) == OK;
    if (!read || n > room || (n == 0 && c->body_bytes != NET_BYTES_UNKNOWN))
        return CURL_READFUNC_ABORT;
    c->body_at += (int64_t)n;
    return n;
}

/* libcurl asks for it when it repeats the request; set for calls that may be repeated only. */
static int call_on_seek(void *arg, curl_off_t offset, int origin)
{
    struct call_transfer *c = arg;

    if (origin != SEEK_SET)
        return CURL_SEEKFUNC_FAIL;
    c->body_at = offset;
    return CURL_SEEKFUNC_OK;
}

static bool call_answered(struct transfer *t, CURLcode code)
{
    struct call_transfer *c = call_of(t);
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK || status < 100 || c->reply.overflow)
        return false;
    t->status = (int)status;
    return true;
}

static void call_result(const struct transfer *t, struct net_result *r)
{
    const struct call_transfer *c = (const struct call_transfer *)t;
    struct curl_header *h;

    r->body_bytes = c->reply_bytes;
    if (t->err != OK)
        return;
    r->status = t->status;
    r->body = arena_str(t->arena, c->reply_fd > 0 ? STR("") : buf_str(&c->reply));
    for (size_t i = 0; i < NET_WANTED_MAX && c->wanted[i] != NULL; i++)
        if (curl_easy_header(t->easy, c->wanted[i], 0, CURLH_HEADER, -1, &h) == CURLHE_OK)
            r->headers[i] = arena_str(t->arena, str_from(h->value));
}

static void call_done(struct transfer *t)
{
    struct call_transfer *c = call_of(t);

    secret_done(&c->body);
    buf_done(&c->reply);
}

static const struct transfer_kind call_kind = {
    .begin = call_begin,
    .answered = call_answered,
    .result = call_result,
    .done = call_done,
};

static void call_set_headers(struct transfer *t, const struct net_call *call)
{
    transfer_leave_out(t, "Expect:"); /* libcurl would wait up to a second for 100 Continue before it sends a body */
    if (call->content_type != NULL)
        transfer_add_header(t, "Content-Type", str_from(call->content_type), HEADER_MAX_BYTES);
    else
        transfer_leave_out(t, "Content-Type:");
    if (call->accept != NULL)
        transfer_add_header(t, "Accept", str_from(call->accept), HEADER_MAX_BYTES);
    else
        transfer_leave_out(t, "Accept:");
    if (call->bearer.p != NULL) {
        _cleanup_(buf_done) struct buf value = BUF_MAX(HEADER_MAX_BYTES);
        buf_puts(&value, "Bearer ");
        buf_putstr(&value, call->bearer);
        if (value.overflow)
            transfer_forbid(t, "the bearer token is too long");
        transfer_add_header(t, "Authorization", buf_str(&value), HEADER_MAX_BYTES);
    }
    for (size_t i = 0; i < call->n_headers; i++)
        transfer_add_header(t, call->headers[i].name, call->headers[i].value, HEADER_MAX_BYTES);
}

static void call_set_stream(struct call_transfer *c, const struct net_call *call)
{
    struct transfer *t = &c->base;

    ASSERT(call->body.n == 0 && (call->body_fd > 0) != (call->body_read != NULL));
    ASSERT(call->body_bytes >= (call->body_read != NULL ? NET_BYTES_UNKNOWN : 0) && call->body_offset >= 0);
    ASSERT(call->body_read == NULL || call->fresh); /* a function cannot be asked for the same bytes again */
    c->body_fd = call->body_fd;
    c->body_offset = call->body_offset;
    c->body_bytes = call->body_bytes;
    c->body_read = call->body_read;
    c->body_arg = call->body_arg;
    t->may_block = true;
    TRANSFER_SET(t, CURLOPT_UPLOAD, 1L);
    TRANSFER_SET(t, CURLOPT_INFILESIZE_LARGE, (curl_off_t)call->body_bytes);
    TRANSFER_SET(t, CURLOPT_READFUNCTION, call_on_body);
    TRANSFER_SET(t, CURLOPT_READDATA, c);
    if (!call->fresh) {
        TRANSFER_SET(t, CURLOPT_SEEKFUNCTION, call_on_seek);
        TRANSFER_SET(t, CURLOPT_SEEKDATA, c);
    }
}

static const struct call_method *call_method_find(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(call_methods); i++)
        if (strcmp(call_methods[i].name, name) == 0)
            return &call_methods[i];
    ASSERT(!"a method of the table");
    return NULL;
}

static void call_set_method(struct call_transfer *c, const struct net_call *call)
{
    struct transfer *t = &c->base;
    const struct call_method *m = call_method_find(call->method);

    if (!m->body) {
        ASSERT(call->body.n == 0 && call->body_fd <= 0 && call->body_read == NULL);
        TRANSFER_SET(t, CURLOPT_HTTPGET, 1L);
    } else if (call->body_fd > 0 || call->body_read != NULL) {
        call_set_stream(c, call);
    } else {
        c->body = secret_copy(call->body);
        TRANSFER_SET(t, CURLOPT_POST, 1L);
        TRANSFER_SET(t, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.n);
        TRANSFER_SET(t, CURLOPT_POSTFIELDS, c->body.n > 0 ? c->body.p : "");
    }
    if (strcmp(call->method, "HEAD") == 0)
        TRANSFER_SET(t, CURLOPT_NOBODY, 1L); /* Content-Length is of what GET would bring: no limit for it */
    else
        TRANSFER_SET(t, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->reply_max_bytes);
    TRANSFER_SET(t, CURLOPT_CUSTOMREQUEST, call->method);
}

static void call_set_reply(struct call_transfer *c, const struct net_call *call)
{
    struct transfer *t = &c->base;

    ASSERT(call->reply_max_bytes > 0);
    c->reply = BUF_MAX(call->reply_max_bytes);
    c->reply_max_bytes = call->reply_max_bytes;
    c->reply_fd = call->reply_fd;
    t->may_block = t->may_block || call->reply_fd > 0;
    memcpy(c->wanted, call->wanted, sizeof c->wanted);
    TRANSFER_SET(t, CURLOPT_HEADERFUNCTION, call_on_header);
    TRANSFER_SET(t, CURLOPT_HEADERDATA, t);
    TRANSFER_SET(t, CURLOPT_WRITEFUNCTION, call_on_reply);
    TRANSFER_SET(t, CURLOPT_WRITEDATA, c);
}

/* What is wanted, where the row of the table lets it be wanted. */
static enum transfer_reach call_reach(const struct net_call *call)
{
    const struct outgoing_row *to = &outgoings[call->to];

    ASSERT(call->to > OUTGOING_NOBODY && call->to < OUTGOING__MAX);
    ASSERT(call->unix_socket == NULL || to->socket);
    if (call->unix_socket != NULL)
        return TRANSFER_UNIX;
    return call->allow_private && to->private == PRIVATE_IF_SET ? TRANSFER_ANYWHERE : TRANSFER_PUBLIC;
}

struct transfer *transfer_new_call(const struct net_call *call)
{
    struct call_transfer *c = xcalloc(1, sizeof *c);
    struct transfer *t = &c->base;

    transfer_init(t, &call_kind,
                  &(struct transfer_options){
                      .protocol = call->unix_socket != NULL ? "http" : "https",
                      .ca_file = call->ca_file,
                      .timeout_sec = call->timeout_sec,
                      .connect_timeout_sec = call->connect_timeout_sec,
                      .start_by_us = call->start_by_us,
                      .start_before_us = call->start_before_us,
                      .reach = call_reach(call),
                      .to = call->to,
                  });
    transfer_set_url(t, call->url);
    TRANSFER_SET(t, CURLOPT_PATH_AS_IS, 1L); /* what was signed is what is sent */
    if (call->unix_socket != NULL)
        TRANSFER_SET(t, CURLOPT_UNIX_SOCKET_PATH, call->unix_socket);
    /* One request a connection at a time: with HTTP/2 "was it sent?" would have no simple answer. */
    TRANSFER_SET(t, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    TRANSFER_SET(t, CURLOPT_USERAGENT, "marketingcli");
    if (call->fresh) {
        TRANSFER_SET(t, CURLOPT_FRESH_CONNECT, 1L);
        TRANSFER_SET(t, CURLOPT_FORBID_REUSE, 1L);
    }
    ASSERT(call->sign_in == NULL || (call->body_read == NULL && call->reply_fd <= 0));
    call_set_headers(t, call);
    call_set_method(c, call);
    call_set_reply(c, call);
    return t;
}

void net_init(void)
{
    ASSERT(curl_global_init_mem(CURL_GLOBAL_DEFAULT, wiped_malloc, wiped_free, wiped_realloc, wiped_strdup,
                                wiped_calloc) == CURLE_OK);
}

static void call_run_once(struct arena *arena, const struct net_call *call, struct net_result *ret_result)
{
    _cleanup_(transfer_freep) struct transfer *t = transfer_new_call(call);

    transfer_run(t, arena, ret_result);
}

/* One that was run before has gone its way through the secrets, and only a copy of it has got another one. */
static void call_begin_again(struct net_call *call, struct arena *arena)
{
    struct net_sign_in *s = call->sign_in;

    if (s == NULL || s->with.tried < 2)
        return;
    s->with = secret_try_begin(s->with.ring);
    s->put(s, arena, call);
}

void net_call_run(struct arena *arena, const struct net_call *call, struct net_result *ret_result)
{
    struct net_call c = *call;
    int64_t began_us = clock_mono_us();

    call_begin_again(&c, arena);
    do
        call_run_once(arena, &c, ret_result);
    while (net_call_again(&c, arena, ret_result, began_us));
}
