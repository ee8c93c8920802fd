#include "net/transfer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

#define REPLY_HEADERS_MAX_BYTES (64u << 10) /* an honest answer has 2 KiB; libcurl 7.88 itself has no limit */

struct transfer {
    CURL *easy;
    struct curl_slist *headers;
    struct secret body; /* a token call carries the client secret */
    struct buf reply;
    int body_fd;
    size_t reply_max_bytes, header_bytes;
    int64_t start_by_us, reply_bytes;
    bool allow_private;
    bool may_have_left, late; /* set when the connection stands */
    bool address_refused, address_tried;

    enum err err; /* from here on: set at the end */
    int status;
    const char *detail;
};

static int transfer_on_connected(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    struct transfer *t = arg;
    (void)remote, (void)local, (void)remote_port, (void)local_port;

    if (transfer_is_late(t)) {
        t->late = true;
        return CURL_PREREQFUNC_ABORT;
    }
    t->may_have_left = true;
    return CURL_PREREQFUNC_OK;
}

static curl_socket_t transfer_on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = arg;

    if (purpose != CURLSOCKTYPE_IPCXN || (!t->allow_private && !net_address_is_public(&address->addr))) {
        t->address_refused = true;
        return CURL_SOCKET_BAD;
    }
    t->address_tried = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t transfer_on_header(char *p, size_t size, size_t n, void *arg)
{
    struct transfer *t = arg;
    (void)p;

    t->header_bytes += size * n;
    return t->header_bytes > REPLY_HEADERS_MAX_BYTES ? 0 : size * n;
}

static bool transfer_write_all(int fd, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return false;
        p += written;
        n -= (size_t)written;
    }
    return true;
}

/* A return other than n ends the transfer with CURLE_WRITE_ERROR. */
static size_t transfer_on_body(char *p, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    size_t n = size * count;

    if (n > t->reply_max_bytes - (size_t)t->reply_bytes)
        return n + 1;
    if (t->body_fd > 0) {
        if (!transfer_write_all(t->body_fd, p, n))
            return n + 1;
    } else {
        buf_put(&t->reply, p, n);
    }
    t->reply_bytes += (int64_t)n;
    return n;
}

static void transfer_add_header(struct transfer *t, const char *name, struct str value)
{
    _cleanup_(buf_done) struct buf line = BUF_MAX(16u << 10);

    buf_printf(&line, "%s: %.*s", name, STR_FMT(value));
    ASSERT(!line.overflow);
    struct curl_slist *longer = curl_slist_append(t->headers, line.p);
    ASSERT(longer != NULL);
    t->headers = longer;
}

static void transfer_set_headers(struct transfer *t, const struct net_call *call)
{
    /* libcurl would wait up to a second for 100 Continue before it sends a large body. */
    t->headers = curl_slist_append(NULL, "Expect:");
    ASSERT(t->headers != NULL);
    if (call->content_type != NULL)
        transfer_add_header(t, "Content-Type", str_from(call->content_type));
    if (call->accept != NULL)
        transfer_add_header(t, "Accept", str_from(call->accept));
    else
        transfer_add_header(t, "Accept", STR("")); /* without a value: libcurl leaves its own out */
    if (call->bearer.p != NULL) {
        _cleanup_(buf_done) struct buf value = BUF_MAX(8u << 10);
        buf_puts(&value, "Bearer ");
        buf_putstr(&value, call->bearer);
        ASSERT(!value.overflow);
        transfer_add_header(t, "Authorization", buf_str(&value));
    }
}

#define SET(option, value) ASSERT(curl_easy_setopt(t->easy, (option), (value)) == CURLE_OK)

/* What no call may do, whatever it asks for. */
static void transfer_set_rules(struct transfer *t)
{
    SET(CURLOPT_PROTOCOLS_STR, "https");
    SET(CURLOPT_FOLLOWLOCATION, 0L);
    SET(CURLOPT_PROXY, "");
    SET(CURLOPT_NOPROXY, "*");
    SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(CURLOPT_NOSIGNAL, 1L);
    /* A call that ends while its name is looked up leaves that thread behind instead of waiting for the name server:
     * all calls of a net_loop share one thread. */
    SET(CURLOPT_QUICK_EXIT, 1L);
    SET(CURLOPT_SSL_VERIFYPEER, 1L);
    SET(CURLOPT_SSL_VERIFYHOST, 2L);
    SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    /* One request a connection at a time: with HTTP/2 "was it sent?" would have no simple answer. */
    SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(CURLOPT_USERAGENT, "marketingcli");
    SET(CURLOPT_OPENSOCKETFUNCTION, transfer_on_open_socket);
    SET(CURLOPT_OPENSOCKETDATA, t);
    SET(CURLOPT_PREREQFUNCTION, transfer_on_connected);
    SET(CURLOPT_PREREQDATA, t);
    SET(CURLOPT_HEADERFUNCTION, transfer_on_header);
    SET(CURLOPT_HEADERDATA, t);
    SET(CURLOPT_WRITEFUNCTION, transfer_on_body);
    SET(CURLOPT_WRITEDATA, t);
}

static void transfer_set_call(struct transfer *t, const struct net_call *call)
{
    SET(CURLOPT_PRIVATE, t);
    SET(CURLOPT_URL, call->url);
    SET(CURLOPT_HTTPHEADER, t->headers);
    if (strcmp(call->method, "POST") == 0) {
        SET(CURLOPT_POST, 1L);
        SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)t->body.n);
        SET(CURLOPT_POSTFIELDS, t->body.n > 0 ? t->body.p : "");
    } else {
        ASSERT(strcmp(call->method, "GET") == 0);
        SET(CURLOPT_HTTPGET, 1L);
    }
    if (call->ca_file != NULL && call->ca_file[0] != '\0') {
        SET(CURLOPT_CAINFO, call->ca_file);
        SET(CURLOPT_CAPATH, NULL); /* these and no others */
    }
    if (call->fresh) {
        SET(CURLOPT_FRESH_CONNECT, 1L);
        SET(CURLOPT_FORBID_REUSE, 1L);
    }
    SET(CURLOPT_TIMEOUT, (long)call->timeout_sec);
    SET(CURLOPT_CONNECTTIMEOUT, (long)call->connect_timeout_sec);
    SET(CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)call->reply_max_bytes);
}

struct transfer *transfer_new(const struct net_call *call)
{
    ASSERT(call->timeout_sec > 0 && call->connect_timeout_sec > 0 && call->reply_max_bytes > 0);

    struct transfer *t = xcalloc(1, sizeof(*t));
    t->easy = curl_easy_init();
    ASSERT(t->easy != NULL);
    t->body = secret_copy(call->body);
    t->reply = BUF_MAX(call->reply_max_bytes);
    t->body_fd = call->body_fd;
    t->reply_max_bytes = call->reply_max_bytes;
    t->start_by_us = call->start_by_us;
    t->allow_private = call->allow_private;
    t->err = ERR_NET_UNKNOWN;
    t->detail = "not ended";
    transfer_set_headers(t, call);
    transfer_set_rules(t);
    transfer_set_call(t, call);
    return t;
}

void transfer_free(struct transfer *t)
{
    if (t == NULL)
        return;
    curl_easy_cleanup(t->easy);
    for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
        explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(t->headers);
    secret_done(&t->body);
    buf_done(&t->reply);
    free(t);
}

CURL *transfer_easy(struct transfer *t)
{
    return t->easy;
}

bool transfer_is_late(const struct transfer *t)
{
    return t->start_by_us != 0 && !t->may_have_left && clock_mono_us() > t->start_by_us;
}

void transfer_end(struct transfer *t, CURLcode code)
{
    long status = 0;

    curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    t->detail = t->late ? "too late to be sent" : curl_easy_strerror(code);
    if (code == CURLE_OK && status >= 100 && !t->reply.overflow) {
        t->err = OK;
        t->status = (int)status;
    } else if (t->may_have_left) {
        t->err = ERR_NET_UNKNOWN;
    } else if (t->address_refused && !t->address_tried) {
        t->err = ERR_NET_FORBIDDEN;
        t->detail = "the address is not a public one";
    } else {
        t->err = ERR_NET_NOT_SENT;
    }
}

void transfer_end_unsent(struct transfer *t, const char *detail)
{
    ASSERT(!t->may_have_left);
    t->err = ERR_NET_NOT_SENT;
    t->detail = detail;
}

void transfer_result(const struct transfer *t, struct arena *arena, struct net_result *ret_result)
{
    char *content_type = NULL;

    *ret_result = (struct net_result){.err = t->err, .detail = t->detail, .body_bytes = t->reply_bytes};
    if (t->err != OK)
        return;
    curl_easy_getinfo(t->easy, CURLINFO_CONTENT_TYPE, &content_type);
    ret_result->status = t->status;
    ret_result->content_type = arena_str(arena, str_from(content_type));
    ret_result->body = arena_str(arena, t->body_fd > 0 ? STR("") : buf_str(&t->reply));
}
