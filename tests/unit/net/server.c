#include "server.h"

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/lock.h"

struct connection {
    struct server *server;
    SSL *ssl;
    int fd;
    char head[65536];
    struct buf body;
};

static bool server_read_head(struct connection *c)
{
    char *end;
    size_t n = 0;

    memset(c->head, 0, sizeof c->head);
    buf_clear(&c->body);
    while ((end = strstr(c->head, "\r\n\r\n")) == NULL) {
        int got = SSL_read(c->ssl, c->head + n, (int)(sizeof c->head - 1 - n));
        if (got <= 0)
            return false;
        n += (size_t)got;
    }
    end += 4;
    buf_put(&c->body, end, (size_t)(c->head + n - end));
    *end = '\0';
    return true;
}

static bool server_body_is_whole(const struct connection *c)
{
    const char *length = strstr(c->head, "\r\nContent-Length: ");

    if (strstr(c->head, "\r\nTransfer-Encoding: chunked\r\n") != NULL)
        return str_ends(buf_str(&c->body), STR("0\r\n\r\n"));
    return length == NULL || c->body.n >= strtoul(length + 18, NULL, 10);
}

static bool server_read_body(struct connection *c)
{
    char piece[16384];

    while (!server_body_is_whole(c)) {
        int got = SSL_read(c->ssl, piece, sizeof piece);
        if (got <= 0)
            return false;
        buf_put(&c->body, piece, (size_t)got);
    }
    return true;
}

static void server_pass_gate(struct server *s)
{
    lock_take(&s->lock);
    s->at_gate++;
    s->at_gate_most = MAX(s->at_gate_most, s->at_gate);
    pthread_cond_broadcast(&s->changed);
    while (!s->gate_is_open)
        cond_wait(&s->changed, &s->lock);
    s->at_gate--;
    lock_release(&s->lock);
}

static int server_note_request(struct connection *c)
{
    struct server *s = c->server;

    lock_take(&s->lock);
    memcpy(s->request, c->head, sizeof s->request);
    buf_clear(&s->body);
    buf_putstr(&s->body, buf_str(&c->body));
    int n = ++s->requests;
    lock_release(&s->lock);
    return n;
}

static void server_answer(struct connection *c)
{
    struct server *s = c->server;
    bool again = false;
    int n;

    do {
        if (!server_read_head(c))
            return;
        if (strstr(c->head, " /gate") != NULL)
            server_pass_gate(s);
        if (s->mode != SERVER_REPLY_HEAD && s->mode != SERVER_HANG)
            (void)server_read_body(c);
        n = server_note_request(c);
        while (s->mode == SERVER_HANG && SSL_read(c->ssl, c->head, sizeof c->head) > 0)
            ;
        if (s->mode == SERVER_DROP_REQUEST || s->mode == SERVER_HANG || (s->mode == SERVER_DIE_REUSED && again))
            return;
        if (SSL_write(c->ssl, s->reply.p, (int)s->reply.n) <= 0)
            return;
        again = true;
    } while (s->mode == SERVER_KEEP || (s->mode == SERVER_DIE_REUSED && n == 1));
    SSL_shutdown(c->ssl);
}

static void *server_serve_one(void *arg)
{
    struct connection *c = arg;
    struct server *s = c->server;

    if (s->mode != SERVER_DROP_ACCEPTED) {
        c->ssl = SSL_new(s->tls);
        SSL_set_fd(c->ssl, c->fd);
        if (SSL_accept(c->ssl) == 1) {
            lock_take(&s->lock);
            s->resumed += SSL_session_reused(c->ssl);
            lock_release(&s->lock);
            server_answer(c);
        }
        SSL_free(c->ssl);
    }
    close(c->fd);
    buf_done(&c->body);
    free(c);
    OPENSSL_thread_stop(); /* else a leak is seen when the process ends before this thread has */
    lock_take(&s->lock);
    s->connections--;
    pthread_cond_broadcast(&s->changed);
    lock_release(&s->lock);
    return NULL;
}

static void *server_serve(void *arg)
{
    struct server *s = arg;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        struct connection *c = xcalloc(1, sizeof *c);
        pthread_t thread;
        *c = (struct connection){.server = s, .fd = fd, .body = BUF_MAX(64u << 20)};
        lock_take(&s->lock);
        s->connections++;
        s->accepted++;
        lock_release(&s->lock);
        ASSERT(pthread_create(&thread, NULL, server_serve_one, c) == 0);
        (void)pthread_detach(thread);
    }
    return NULL;
}

static X509 *server_make_certificate(EVP_PKEY *key)
{
    X509 *x = X509_new();
    X509V3_CTX ctx;

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
    X509_gmtime_adj(X509_getm_notBefore(x), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const uint8_t *)"test", -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(x));
    X509V3_set_ctx(&ctx, x, x, NULL, NULL, 0);
    X509_EXTENSION *names = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, "IP:127.0.0.1,DNS:localhost");
    X509_add_ext(x, names, -1);
    X509_EXTENSION_free(names);
    ASSERT(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static FILE *server_make_file(char *path, size_t size)
{
    ASSERT(snprintf(path, size, "/tmp/unit-net-XXXXXX") < (int)size);
    FILE *f = fdopen(mkstemp(path), "w");
    ASSERT(f != NULL);
    return f;
}

static X509 *server_write_certificate(EVP_PKEY *key, char *path, size_t size)
{
    X509 *x = server_make_certificate(key);
    FILE *f = server_make_file(path, size);

    PEM_write_X509(f, x);
    fclose(f);
    return x;
}

static void server_listen(struct server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT(bind(s->fd, (struct sockaddr *)&at, sizeof at) == 0);
    ASSERT(listen(s->fd, 16) == 0);
    ASSERT(getsockname(s->fd, (struct sockaddr *)&at, &n) == 0);
    s->port = ntohs(at.sin_port);
}

void server_start(struct server *s)
{
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");

    signal(SIGPIPE, SIG_IGN);
    *s = (struct server){.reply = BUF_MAX(64u << 20), .body = BUF_MAX(64u << 20)};
    X509 *x = server_write_certificate(key, s->ca, sizeof s->ca);
    X509_free(server_write_certificate(other, s->other_ca, sizeof s->other_ca));
    FILE *f = server_make_file(s->key, sizeof s->key);
    PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL);
    fclose(f);
    s->tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(s->tls, x);
    SSL_CTX_use_PrivateKey(s->tls, key);
    X509_free(x);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    server_listen(s);
    lock_init(&s->lock);
    cond_init(&s->changed);
    ASSERT(pthread_create(&s->thread, NULL, server_serve, s) == 0);
}

void server_stop(struct server *s)
{
    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    server_open_gate(s);
    server_wait_idle(s);
    cond_done(&s->changed);
    lock_done(&s->lock);
    close(s->fd);
    SSL_CTX_free(s->tls);
    unlink(s->ca);
    unlink(s->other_ca);
    unlink(s->key);
    buf_done(&s->reply);
    buf_done(&s->body);
}

void server_reply(struct server *s, const char *reply)
{
    buf_clear(&s->reply);
    buf_puts(&s->reply, reply);
}

void server_wait_idle(struct server *s)
{
    lock_take(&s->lock);
    while (s->connections > 0)
        cond_wait(&s->changed, &s->lock);
    lock_release(&s->lock);
}

void server_wait_at_gate(struct server *s, int n)
{
    int64_t until_us = clock_mono_us() + 60 * US_PER_SEC;

    lock_take(&s->lock);
    while (s->at_gate < n && cond_wait_until(&s->changed, &s->lock, until_us))
        ;
    ASSERT(s->at_gate >= n);
    lock_release(&s->lock);
}

void server_open_gate(struct server *s)
{
    lock_take(&s->lock);
    s->gate_is_open = true;
    pthread_cond_broadcast(&s->changed);
    lock_release(&s->lock);
}

void server_clear(struct server *s)
{
    s->mode = SERVER_REPLY;
    s->requests = 0;
    server_reply(s, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
}

struct net_call server_call(const struct server *s, struct arena *arena)
{
    return (struct net_call){
        .to = OUTGOING_STRIPE,
        .method = "POST",
        .url = arena_printf(arena, "https://127.0.0.1:%d/path/?q=1", s->port).p,
        .body = STR("a=b"),
        .content_type = "application/x-www-form-urlencoded",
        .ca_file = s->ca,
        .allow_private = true,
        .fresh = true,
        .timeout_sec = 20,
        .connect_timeout_sec = 10,
        .reply_max_bytes = 1000,
    };
}
