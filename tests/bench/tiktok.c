/*
 * A TikTok that costs little and answers after a while: a thread for each connection, no limits, nothing stored. Posts are
 * published when they are first asked about; no image is fetched.
 *
 *    tiktok CERTIFICATE KEY DELAY_MS RECORD
 *
 * Prints its port. Writes a line to RECORD for each init when it arrives: microseconds of CLOCK_MONOTONIC, the
 * description.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX (64 * 1024) /* 35 addresses of images are 3 KB */
#define STACK_BYTES (256 * 1024)
#define BACKLOG 4096

static SSL_CTX *tiktok_tls;
static FILE *tiktok_record;
static useconds_t tiktok_delay_us;
static atomic_ullong tiktok_n;

static int64_t tiktok_now_us(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The body's length, or -1 while the head is not complete. */
static long tiktok_length(char *request, size_t *ret_head_n)
{
    char *end = strstr(request, "\r\n\r\n"), *field;

    if (end == NULL)
        return -1;
    *ret_head_n = (size_t)(end - request) + 4;
    field = strcasestr(request, "\r\nContent-Length:");
    return field == NULL || field > end ? 0 : strtol(field + 17, NULL, 10);
}

/* A whole request, as text. False when the other side has gone, or sends something else. */
static bool tiktok_read(SSL *tls, char *request)
{
    size_t n = 0, head_n = 0;
    long length = -1;

    while (length < 0 || n < head_n + (size_t)length) {
        int got = SSL_read(tls, request + n, (int)(REQUEST_MAX - 1 - n));
        if (got <= 0)
            return false;
        n += (size_t)got;
        request[n] = '\0';
        length = tiktok_length(request, &head_n);
        if (n == REQUEST_MAX - 1 || length > REQUEST_MAX)
            return false;
    }
    return true;
}

static void tiktok_note(const char *request)
{
    const char *from = strstr(request, "\"description\":\""), *to;

    if (from == NULL || (to = strchr(from += 15, '"')) == NULL)
        return;
    (void)fprintf(tiktok_record, "%" PRId64 " %.*s\n", tiktok_now_us(), (int)(to - from), from);
}

static bool tiktok_answer(SSL *tls, const char *data)
{
    char body[1024], answer[2048];

    int body_n =
        snprintf(body, sizeof body, "{\"data\":%s,\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"L\"}}", data);
    int n = snprintf(answer, sizeof answer,
                     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", body_n, body);
    return SSL_write(tls, answer, n) == n;
}

static bool tiktok_serve_one(SSL *tls, char *request)
{
    unsigned long long n = atomic_fetch_add(&tiktok_n, 1);
    char data[512];

    if (!tiktok_read(tls, request))
        return false;
    if (strncmp(request, "POST /v2/post/publish/content/init/", 35) == 0) {
        tiktok_note(request);
        (void)snprintf(data, sizeof data, "{\"publish_id\":\"p_pub_url~bench.%llu\"}", n);
    } else if (strncmp(request, "POST /v2/post/publish/status/fetch/", 35) == 0) {
        (void)snprintf(data, sizeof data,
                       "{\"status\":\"PUBLISH_COMPLETE\",\"publicaly_available_post_id\":[%llu]}",
                       7300000000000000000ULL + n);
    } else {
        (void)snprintf(data, sizeof data,
                       "{\"creator_username\":\"bench\",\"creator_nickname\":\"Bench\",\"comment_disabled\":false,"
                       "\"privacy_level_options\":[\"PUBLIC_TO_EVERYONE\",\"SELF_ONLY\"]}");
    }
    (void)usleep(tiktok_delay_us);
    return tiktok_answer(tls, data);
}

static void *tiktok_serve(void *arg)
{
    int fd = (int)(intptr_t)arg, one = 1;
    char *request = malloc(REQUEST_MAX);
    SSL *tls = SSL_new(tiktok_tls);

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (request != NULL && tls != NULL && SSL_set_fd(tls, fd) == 1 && SSL_accept(tls) == 1)
        while (tiktok_serve_one(tls, request))
            ;
    SSL_free(tls);
    free(request);
    (void)close(fd);
    return NULL;
}

static int tiktok_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) != 0)
        return -1;
    (void)printf("%d\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    return fd;
}

int main(int argc, char **argv)
{
    pthread_attr_t attributes;
    pthread_t thread;

    (void)signal(SIGPIPE, SIG_IGN);
    tiktok_tls = SSL_CTX_new(TLS_server_method());
    if (argc != 5 || SSL_CTX_use_certificate_chain_file(tiktok_tls, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tiktok_tls, argv[2], SSL_FILETYPE_PEM) != 1)
        return 2;
    tiktok_delay_us = (useconds_t)strtol(argv[3], NULL, 10) * 1000;
    tiktok_record = fopen(argv[4], "w");
    int listener = tiktok_listen();
    if (tiktok_record == NULL || listener < 0)
        return 1;
    (void)setvbuf(tiktok_record, NULL, _IOLBF, 0);
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setstacksize(&attributes, STACK_BYTES);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    for (;;) {
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && pthread_create(&thread, &attributes, tiktok_serve, (void *)(intptr_t)fd) != 0)
            (void)close(fd);
    }
}
