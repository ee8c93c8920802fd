#include "net/transfer.h"

#include <openssl/ssl.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/clock.h"

#define REPLY_HEADERS_MAX_BYTES (64u << 10) /* an honest answer has 2 KiB; libcurl 7.88 itself has no limit */
#define CA_KEPT_SEC 60L                     /* then the file may be another: it is updated with the system */

static const char *transfer_url(const struct transfer *t)
{
    char *url = NULL;

    return curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_URL, &url) == CURLE_OK && url != NULL ? url : "";
}

/* The last moment at which it is certain that nothing was sent. */
static const char *transfer_reach_fault(const struct transfer *t)
{
    struct fault fault;

    return fault_before_for(&fault, "reach", transfer_url(t)) || fault_after(&fault)
               ? "not reached, as a test asked for"
               : NULL;
}

static int transfer_on_connected(void *arg, char *remote, char *local, int remote_port, int local_port)
{
    struct transfer *t = arg;
    (void)remote, (void)local, (void)remote_port, (void)local_port;

    t->unsent = transfer_is_late(t) ? TRANSFER_LATE : transfer_reach_fault(t);
    if (t->unsent == NULL)
        t->unsent = t->kind->begin(t);
    if (t->unsent == NULL)
        outgoing_note(t->to, t->host);
    if (t->unsent == NULL && fault_before(&t->fault, transfer_url(t)))
        return CURL_PREREQFUNC_ABORT;
    return t->unsent != NULL ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static bool transfer_may_reach(const struct transfer *t, const struct sockaddr *address)
{
    switch (t->reach) {
    case TRANSFER_PUBLIC:
        return net_address_is_public(address);
    case TRANSFER_LOOPBACK:
        return net_address_is_loopback(address);
    case TRANSFER_UNIX:
        return address->sa_family == AF_UNIX;
    case TRANSFER_ANYWHERE:
        break;
    }
    return address->sa_family != AF_UNIX;
}

static curl_socket_t transfer_on_open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct transfer *t = arg;

    if (purpose != CURLSOCKTYPE_IPCXN || !transfer_may_reach(t, &address->addr)) {
        t->address_refused = true;
        return CURL_SOCKET_BAD;
    }
    t->address_tried = true;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/*
 * Each connection takes up a copy of the session that libcurl has set. OpenSSL marks a session as used up when a handshake with it
 * has ended, and the next one comes a round trip later: whatever begins in between would shake hands from the beginning.
 */
static void transfer_on_handshake(const SSL *tls, int where, int ret)
{
    SSL *begins = (SSL *)(uintptr_t)tls; /* the one place where its session can still be changed */
    SSL_SESSION *session = where == SSL_CB_HANDSHAKE_START ? SSL_get_session(begins) : NULL;
    SSL_SESSION *copy = session == NULL ? NULL : SSL_SESSION_dup(session);
    (void)ret;

    if (copy == NULL)
        return;
    (void)SSL_set_session(begins, copy);
    SSL_SESSION_free(copy);
}

/* OpenSSL's own buffer is wiped as soon as libcurl has taken what it holds: answers have tokens. */
static CURLcode transfer_on_tls(CURL *easy, void *tls, void *unused)
{
    (void)easy, (void)unused;
    (void)SSL_CTX_set_options(tls, SSL_OP_CLEANSE_PLAINTEXT);
    SSL_CTX_set_info_callback(tls, transfer_on_handshake);
    return CURLE_OK;
}

/* What no transfer may do, whatever it is asked for. */
static void transfer_set_rules(struct transfer *t)
{
    TRANSFER_SET(t, CURLOPT_FOLLOWLOCATION, 0L);
    TRANSFER_SET(t, CURLOPT_PROXY, "");
    TRANSFER_SET(t, CURLOPT_NOPROXY, "*");
    TRANSFER_SET(t, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    TRANSFER_SET(t, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    TRANSFER_SET(t, CURLOPT_NOSIGNAL, 1L);
    /* A call that ends while its name is looked up leaves that thread to itself instead of waiting for the name server:
     * all calls of a net_loop share one thread. */
    TRANSFER_SET(t, CURLOPT_QUICK_EXIT, 1L);
    TRANSFER_SET(t, CURLOPT_SSL_VERIFYPEER, 1L);
    TRANSFER_SET(t, CURLOPT_SSL_VERIFYHOST, 2L);
    TRANSFER_SET(t, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    TRANSFER_SET(t, CURLOPT_SSL_CTX_FUNCTION, transfer_on_tls);
    TRANSFER_SET(t, CURLOPT_OPENSOCKETFUNCTION, transfer_on_open_socket);
    TRANSFER_SET(t, CURLOPT_OPENSOCKETDATA, t);
    TRANSFER_SET(t, CURLOPT_PREREQFUNCTION, transfer_on_connected);
    TRANSFER_SET(t, CURLOPT_PREREQDATA, t);
}

void transfer_init(struct transfer *t, const struct transfer_kind *kind, const struct transfer_options *options)
{
    ASSERT(options->timeout_sec > 0 && options->connect_timeout_sec > 0);

    t->kind = kind;
    t->reach = options->reach;
    t->to = options->to;
    t->start_by_us = options->start_by_us;
    t->start_before_us = options->start_before_us;
    t->err = ERR_NET_UNKNOWN;
    t->detail = "not ended";
    t->easy = curl_easy_init();
    ASSERT(t->easy != NULL);
    transfer_set_rules(t);
    TRANSFER_SET(t, CURLOPT_PRIVATE, t);
    TRANSFER_SET(t, CURLOPT_PROTOCOLS_STR, options->protocol);
    TRANSFER_SET(t, CURLOPT_TIMEOUT, (long)options->timeout_sec);
    TRANSFER_SET(t, CURLOPT_CONNECTTIMEOUT, (long)options->connect_timeout_sec);
    /* From one file, and no folder: only then does libcurl keep what it has read. Debian's takes it 50 ms of CPU, which each
     * connection would pay. */
    TRANSFER_SET(t, CURLOPT_CAPATH, NULL);
    TRANSFER_SET(t, CURLOPT_CA_CACHE_TIMEOUT, CA_KEPT_SEC);
    if (options->ca_file != NULL && options->ca_file[0] != '\0')
        TRANSFER_SET(t, CURLOPT_CAINFO, options->ca_file);
}

void transfer_free(struct transfer *t)
{
    if (t == NULL)
        return;
    t->kind->done(t);
    curl_easy_cleanup(t->easy);
    for (struct curl_slist *h = t->headers; h != NULL; h = h->next)
        explicit_bzero(h->data, strlen(h->data));
    curl_slist_free_all(t->headers);
    free(t->host);
    free(t);
}

/* A URL that libcurl cannot read has no host, and will fail as such. */
void transfer_set_url(struct transfer *t, const char *url)
{
    _cleanup_(buf_done) struct buf host = BUF_MAX(1024);
    CURLU *parts = curl_url();
    char *name = NULL, *port = NULL;

    ASSERT(parts != NULL);
    if (curl_url_set(parts, CURLUPART_URL, url, CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
        curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK)
        buf_printf(&host, "%s:%s", name, port);
    curl_free(name);
    curl_free(port);
    curl_url_cleanup(parts);
    for (size_t i = 0; i < host.n; i++)
        if (host.p[i] >= 'A' && host.p[i] <= 'Z')
            host.p[i] = (char)(host.p[i] - 'A' + 'a');
    t->host = xcalloc(1, host.n + 1);
    if (host.n > 0)
        memcpy(t->host, host.p, host.n);
    TRANSFER_SET(t, CURLOPT_URL, url);
}

static void transfer_append_line(struct transfer *t, const char *line)
{
    struct curl_slist *longer = curl_slist_append(t->headers, line);

    ASSERT(longer != NULL);
    t->headers = longer;
}

static bool transfer_is_token(const char *name)
{
    return name[0] != '\0' && name[strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0';
}

static bool transfer_has_controls(struct str value)
{
    for (size_t i = 0; i < value.n; i++)
        if (((uint8_t)value.p[i] < 0x20 && value.p[i] != '\t') || value.p[i] == 0x7f)
            return true;
    return false;
}

void transfer_add_header(struct transfer *t, const char *name, struct str value, size_t line_max_bytes)
{
    _cleanup_(buf_done) struct buf line = BUF_MAX(line_max_bytes);

    ASSERT(transfer_is_token(name));
    if (transfer_has_controls(value)) {
        transfer_forbid(t, "a header has a control character");
        return;
    }
    buf_puts(&line, name);
    buf_puts(&line, value.n > 0 ? ": " : ";"); /* libcurl's way to say "empty": "name:" would leave it out */
    buf_putstr(&line, value);
    if (line.overflow)
        transfer_forbid(t, "a header is too long");
    else
        transfer_append_line(t, line.p);
}

void transfer_leave_out(struct transfer *t, const char *line)
{
    transfer_append_line(t, line);
}

void transfer_forbid(struct transfer *t, const char *why)
{
    t->err = ERR_NET_FORBIDDEN;
    t->detail = why;
}

bool transfer_count_header(struct transfer *t, size_t n)
{
    t->header_bytes += n;
    return t->header_bytes <= REPLY_HEADERS_MAX_BYTES;
}

bool transfer_is_late(const struct transfer *t)
{
    return !t->may_have_left && ((t->start_by_us != 0 && clock_boot_us() > t->start_by_us) ||
                                 (t->start_before_us != 0 && clock_now_us() > t->start_before_us));
}

bool transfer_must_stop(const struct transfer *t)
{
    int64_t by_us = t->stop_by_us != NULL ? atomic_load(t->stop_by_us) : 0;

    return by_us != 0 && clock_mono_us() > by_us;
}

bool transfer_may_start(struct transfer *t)
{
    if (t->err == ERR_NET_FORBIDDEN)
        return false;
    /* A call that has waited for too long is not sent: the promise is "within seconds of its commit or not at all". */
    if (transfer_is_late(t)) {
        transfer_end_unsent(t, TRANSFER_LATE);
        return false;
    }
    TRANSFER_SET(t, CURLOPT_HTTPHEADER, t->headers);
    return true;
}

void transfer_end(struct transfer *t, CURLcode code)
{
    t->detail = t->unsent != NULL ? t->unsent : curl_easy_strerror(code);
    t->unasked = t->unsent != NULL && strcmp(t->unsent, TRANSFER_LATE) == 0;
    if (t->unsent == NULL && t->kind->answered(t, code) && !fault_after(&t->fault)) {
        t->err = OK;
    } else if (t->may_have_left) {
        t->err = ERR_NET_UNKNOWN;
    } else if (t->address_refused && !t->address_tried) {
        t->err = ERR_NET_FORBIDDEN;
        t->detail = "the address is not one that may be reached";
    } else {
        t->err = ERR_NET_NOT_SENT;
    }
}

void transfer_end_unsent(struct transfer *t, const char *detail)
{
    ASSERT(!t->may_have_left);
    if (t->err == ERR_NET_FORBIDDEN)
        return;
    t->err = ERR_NET_NOT_SENT;
    t->detail = detail;
    t->unasked = true;
}

void transfer_result(const struct transfer *t, struct net_result *ret_result)
{
    *ret_result = (struct net_result){.err = t->err, .detail = t->detail, .unasked = t->unasked};
    t->kind->result(t, ret_result);
}

void transfer_run(struct transfer *t, struct arena *arena, struct net_result *ret_result)
{
    t->arena = arena;
    if (transfer_may_start(t))
        transfer_end(t, curl_easy_perform(t->easy));
    transfer_result(t, ret_result);
}

void transfer_queue_init(struct transfer_queue *q)
{
    *q = (struct transfer_queue){.last = &q->first};
}

void transfer_put(struct transfer_queue *q, struct transfer *t)
{
    t->next = NULL;
    *q->last = t;
    q->last = &t->next;
}

struct transfer *transfer_take(struct transfer_queue *q)
{
    struct transfer *t = q->first;

    if (t == NULL)
        return NULL;
    q->first = t->next;
    if (q->first == NULL)
        q->last = &q->first;
    return t;
}

struct transfer *transfer_take_all(struct transfer_queue *q)
{
    struct transfer *first = q->first;

    transfer_queue_init(q);
    return first;
}
