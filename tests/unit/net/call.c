#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "net/call.h"

/* What the server does with one connection. */
enum mode { REPLY, DROP_ACCEPTED, DROP_REQUEST, HANG };

struct server {
    int fd, port;
    SSL_CTX *tls;
    char ca[64], other_ca[64];
    enum mode mode;
    const char *reply;
    char request[65536]; /* the head of the last one, and what came with it */
    pthread_t thread;
    pthread_mutex_t at_work; /* held during a connection */
};

static void answer(struct server *s, SSL *ssl)
{
    size_t n = 0;
    int got;

    if (SSL_accept(ssl) != 1)
        return;
    while (n < sizeof(s->request) - 1 && strstr(s->request, "\r\n\r\n") == NULL) {
        got = SSL_read(ssl, s->request + n, (int)(sizeof(s->request) - 1 - n));
        if (got <= 0)
            return;
        n += (size_t)got;
        s->request[n] = '\0';
    }
    if (s->mode == HANG)
        (void)SSL_read(ssl, s->request + n, 1); /* until the client gives up */
    if (s->mode == REPLY && SSL_write(ssl, s->reply, (int)strlen(s->reply)) > 0)
        SSL_shutdown(ssl);
}

static void *serve(void *arg)
{
    struct server *s = arg;
    int fd;

    while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&s->at_work);
        memset(s->request, 0, sizeof s->request);
        if (s->mode != DROP_ACCEPTED) {
            SSL *ssl = SSL_new(s->tls);
            SSL_set_fd(ssl, fd);
            answer(s, ssl);
            SSL_free(ssl);
        }
        close(fd);
        pthread_mutex_unlock(&s->at_work);
    }
    return NULL;
}

static X509 *make_certificate(EVP_PKEY *key)
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
    assert_true(X509_sign(x, key, EVP_sha256()) > 0);
    return x;
}

static X509 *write_certificate(EVP_PKEY *key, char *path)
{
    X509 *x = make_certificate(key);
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");

    PEM_write_X509(f, x);
    fclose(f);
    return x;
}

static int start(void **state)
{
    struct server *s = xcalloc(1, sizeof *s);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    EVP_PKEY *key = EVP_EC_gen("P-256"), *other = EVP_EC_gen("P-256");

    signal(SIGPIPE, SIG_IGN);
    net_init();
    memcpy(s->ca, "/tmp/unit-net-ca-XXXXXX", 24);
    memcpy(s->other_ca, "/tmp/unit-net-ca-XXXXXX", 24);
    X509 *x = write_certificate(key, s->ca);
    X509_free(write_certificate(other, s->other_ca));
    s->tls = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate(s->tls, x);
    SSL_CTX_use_PrivateKey(s->tls, key);
    X509_free(x);
    EVP_PKEY_free(key);
    EVP_PKEY_free(other);
    s->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(s->fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(s->fd, 8), 0);
    getsockname(s->fd, (struct sockaddr *)&at, &n);
    s->port = ntohs(at.sin_port);
    pthread_mutex_init(&s->at_work, NULL);
    pthread_create(&s->thread, NULL, serve, s);
    *state = s;
    return 0;
}

static int stop(void **state)
{
    struct server *s = *state;

    shutdown(s->fd, SHUT_RDWR);
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->at_work);
    close(s->fd);
    SSL_CTX_free(s->tls);
    unlink(s->ca);
    unlink(s->other_ca);
    free(s);
    return 0;
}

static struct arena arena;

static struct net_call call_of(struct server *s)
{
    return (struct net_call){
        .method = "POST",
        .url = arena_printf(&arena, "https://127.0.0.1:%d/path/?q=1", s->port).p,
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

/* Back when the server is done with it too: it looks at what the test is about to change. */
static struct net_result run(struct server *s, const struct net_call *call)
{
    struct net_result r;

    net_call_run(&arena, call, &r);
    pthread_mutex_lock(&s->at_work);
    pthread_mutex_unlock(&s->at_work);
    return r;
}

static int clear(void **state)
{
    struct server *s = *state;

    s->mode = REPLY;
    s->reply = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    arena_done(&arena);
    arena_init(&arena, 1 << 20);
    return 0;
}

static void test_request_and_answer(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    call.bearer = STR("act.123");
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, 200);
    assert_true(str_eqc(r.body, "{}"));
    assert_true(str_eqc(r.content_type, "application/json"));
    assert_int_equal(strncmp(s->request, "POST /path/?q=1 HTTP/1.1\r\n", 26), 0);
    assert_non_null(strstr(s->request, "\r\nAuthorization: Bearer act.123\r\n"));
    assert_non_null(strstr(s->request, "\r\nUser-Agent: marketingcli\r\n"));
    assert_non_null(strstr(s->request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_null(strstr(s->request, "Accept"));
    assert_null(strstr(s->request, "Cookie"));
}

/* libcurl would ask for 100 Continue before a body over 1 MiB. */
static void test_no_expect(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);
    char *body = xcalloc(1, 2 << 20);

    memset(body, 'x', 2 << 20);
    call.body = str_of(body, 2 << 20);
    (void)run(s, &call);
    free(body);
    assert_non_null(strstr(s->request, "\r\nContent-Length: 2097152\r\n"));
    assert_null(strstr(s->request, "Expect"));
}

static void test_other_statuses_are_answers(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    s->reply = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";
    assert_int_equal(run(s, &call).status, 500);
    s->reply = "HTTP/1.1 302 Found\r\nLocation: https://localhost/elsewhere\r\nContent-Length: 0\r\n\r\n";
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, 302); /* not followed */
}

static void test_not_sent(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    s->mode = DROP_ACCEPTED; /* during the handshake */
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    s->mode = REPLY;
    call.ca_file = s->other_ca; /* a certificate that is not trusted */
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    assert_string_equal(s->request, "");
    call = call_of(s);
    call.url = arena_printf(&arena, "https://127.0.0.1.example.invalid:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    call.url = arena_printf(&arena, "http://127.0.0.1:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    call.url = "https://127.0.0.1:1/";
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
}

static void test_wrong_name(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    call.url = arena_printf(&arena, "https://127.0.0.2:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    /* Names below localhost are loopback without a resolver; the certificate has localhost itself only. */
    call.url = arena_printf(&arena, "https://localhost:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, OK);
    call.url = arena_printf(&arena, "https://sandbox.localhost:%d/", s->port).p;
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    assert_string_equal(r.detail, "SSL peer certificate or SSH remote key was not OK");
}

static void test_too_late(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    call.start_by_us = clock_mono_us() - 1;
    s->request[0] = '\0';
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    assert_string_equal(s->request, "");
    call.start_by_us = clock_mono_us() + 60 * US_PER_SEC;
    assert_int_equal(run(s, &call).err, OK);
}

static void test_private_addresses(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    call.allow_private = false;
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
    call.url = arena_printf(&arena, "https://localhost:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
    call.url = arena_printf(&arena, "https://[::ffff:127.0.0.1]:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
    call.url = arena_printf(&arena, "https://2130706433:%d/", s->port).p; /* 127.0.0.1 as one number */
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
}

static void test_unknown(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    s->mode = DROP_REQUEST;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    s->mode = REPLY;
    s->reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}";
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    s->reply = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}";
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    s->reply = "SSH-2.0-something\r\n\r\n";
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    s->mode = HANG;
    call.timeout_sec = 1;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
}

static void test_reply_limit(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);

    s->reply = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789";
    call.reply_max_bytes = 10;
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.body_bytes, 10);
    call.reply_max_bytes = 9;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    s->reply = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"; /* announced */
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
}

static void test_header_limit(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);
    _cleanup_(buf_done) struct buf reply = BUF_MAX(1 << 20);

    buf_puts(&reply, "HTTP/1.1 200 OK\r\n");
    while (reply.n < 70000)
        buf_puts(&reply, "X-Long: 0123456789012345678901234567890123456789\r\n");
    buf_puts(&reply, "Content-Length: 0\r\n\r\n");
    s->reply = reply.p;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
}

static void test_body_to_a_file(void **state)
{
    struct server *s = *state;
    struct net_call call = call_of(s);
    FILE *f = tmpfile();
    char text[8] = "";

    call.method = "GET";
    call.body_fd = fileno(f);
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.body_bytes, 2);
    assert_int_equal(pread(call.body_fd, text, sizeof text, 0), 2);
    assert_string_equal(text, "{}");
    assert_int_equal(strncmp(s->request, "GET ", 4), 0);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_request_and_answer, clear),
        cmocka_unit_test_setup(test_no_expect, clear),
        cmocka_unit_test_setup(test_other_statuses_are_answers, clear),
        cmocka_unit_test_setup(test_not_sent, clear),
        cmocka_unit_test_setup(test_wrong_name, clear),
        cmocka_unit_test_setup(test_too_late, clear),
        cmocka_unit_test_setup(test_private_addresses, clear),
        cmocka_unit_test_setup(test_unknown, clear),
        cmocka_unit_test_setup(test_reply_limit, clear),
        cmocka_unit_test_setup(test_header_limit, clear),
        cmocka_unit_test_setup(test_body_to_a_file, clear),
    };
    int failed = cmocka_run_group_tests(tests, start, stop);

    arena_done(&arena);
    return failed;
}
