/*
 * A TikTok that costs little and answers after a while: one thread for all connections, no limits, nothing stored. Posts are
 * published when they are first asked about; no image is fetched. What the real one spends is not ours to pay.
 *
 *    tiktok CERTIFICATE KEY DELAY_MS RECORD
 *
 * Prints its port. Writes a line to RECORD for each init when it arrives: microseconds of CLOCK_MONOTONIC, the
 * description.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX (16 * 1024) /* 35 addresses of images are 3 KB */
#define ANSWER_MAX 1024
#define BACKLOG 4096
#define EVENTS 64

struct client {
    SSL *tls;
    int fd;
    bool greeted;
    size_t n, head_n;
    char request[REQUEST_MAX], answer[ANSWER_MAX];
    int answer_n;
    int64_t answer_at_us; /* all wait for equally long, so they stand in the order of this */
    struct client *next;
};

static SSL_CTX *tiktok_tls;
static FILE *tiktok_record;
static int64_t tiktok_delay_us;
static unsigned long long tiktok_n;
static struct client *tiktok_waiting, **tiktok_last = &tiktok_waiting;

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

static void tiktok_note(const char *request)
{
    const char *from = strstr(request, "\"description\":\""), *to;

    if (from == NULL || (to = strchr(from += 15, '"')) == NULL)
        return;
    (void)fprintf(tiktok_record, "%" PRId64 " %.*s\n", tiktok_now_us(), (int)(to - from), from);
}

static void tiktok_answer(struct client *c)
{
    unsigned long long n = tiktok_n++;
    char data[256], body[512];

    if (strncmp(c->request, "POST /v2/post/publish/content/init/", 35) == 0) {
        tiktok_note(c->request);
        (void)snprintf(data, sizeof data, "{\"publish_id\":\"p_pub_url~bench.%llu\"}", n);
    } else if (strncmp(c->request, "POST /v2/post/publish/status/fetch/", 35) == 0) {
        (void)snprintf(data, sizeof data, "{\"status\":\"PUBLISH_COMPLETE\",\"publicaly_available_post_id\":[%llu]}",
                       7300000000000000000ULL + n);
    } else {
        (void)snprintf(data, sizeof data,
                       "{\"creator_username\":\"bench\",\"creator_nickname\":\"Bench\",\"comment_disabled\":false,"
                       "\"privacy_level_options\":[\"PUBLIC_TO_EVERYONE\",\"SELF_ONLY\"]}");
    }
    int body_n = snprintf(body, sizeof body,
                          "{\"data\":%s,\"error\":{\"code\":\"ok\",\"message\":\"\",\"log_id\":\"L\"}}", data);
    c->answer_n =
        snprintf(c->answer, sizeof c->answer,
                 "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", body_n, body);
    c->answer_at_us = tiktok_now_us() + tiktok_delay_us;
    c->next = NULL;
    *tiktok_last = c;
    tiktok_last = &c->next;
}

/* False when the other side has gone, or sends something else than one request after another. */
static bool tiktok_read(struct client *c)
{
    long length;
    int got;

    if (!c->greeted) {
        got = SSL_accept(c->tls);
        c->greeted = got == 1;
        if (got != 1)
            return SSL_get_error(c->tls, got) == SSL_ERROR_WANT_READ;
    }
    while ((got = SSL_read(c->tls, c->request + c->n, (int)(REQUEST_MAX - 1 - c->n))) > 0) {
        c->n += (size_t)got;
        c->request[c->n] = '\0';
        length = tiktok_length(c->request, &c->head_n);
        if (c->n == REQUEST_MAX - 1 || c->answer_n > 0)
            return false;
        if (length >= 0 && c->n >= c->head_n + (size_t)length)
            tiktok_answer(c);
    }
    return SSL_get_error(c->tls, got) == SSL_ERROR_WANT_READ;
}

static void tiktok_close(struct client *c)
{
    (void)close(c->fd);
    SSL_free(c->tls);
    c->tls = NULL;
    if (c->answer_n == 0)
        free(c);
}

/* One that is closed before its answer is due stands in line until then. */
static void tiktok_answer_due(void)
{
    int64_t now_us = tiktok_now_us();
    struct client *c;

    while ((c = tiktok_waiting) != NULL && c->answer_at_us <= now_us) {
        tiktok_waiting = c->next;
        if (tiktok_waiting == NULL)
            tiktok_last = &tiktok_waiting;
        int n = c->answer_n;
        c->answer_n = 0;
        c->n = 0;
        if (c->tls == NULL)
            free(c);
        else if (SSL_write(c->tls, c->answer, n) != n)
            tiktok_close(c);
    }
}

static int tiktok_wait_ms(void)
{
    if (tiktok_waiting == NULL)
        return -1;
    int64_t left_us = tiktok_waiting->answer_at_us - tiktok_now_us();
    return left_us <= 0 ? 0 : (int)(left_us / 1000) + 1;
}

static int tiktok_listen(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&at, n) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&at, &n) != 0)
        return -1;
    (void)printf("%d\n", ntohs(at.sin_port));
    (void)fflush(stdout);
    return fd;
}

static void tiktok_accept(int epoll, int listener)
{
    int fd, one = 1;

    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0) {
        struct client *c = malloc(sizeof *c);
        SSL *tls = c == NULL ? NULL : SSL_new(tiktok_tls);
        if (tls == NULL || SSL_set_fd(tls, fd) != 1)
            exit(1);
        *c = (struct client){.tls = tls, .fd = fd};
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){.events = EPOLLIN, .data.ptr = c}) != 0)
            exit(1);
    }
}

static void tiktok_run(int listener)
{
    struct epoll_event events[EVENTS];
    int epoll = epoll_create1(0), n;

    if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN}) != 0)
        exit(1);
    while ((n = epoll_wait(epoll, events, EVENTS, tiktok_wait_ms())) >= 0 || errno == EINTR) {
        for (int i = 0; i < n; i++) {
            struct client *c = events[i].data.ptr;
            if (c == NULL)
                tiktok_accept(epoll, listener);
            else if (!tiktok_read(c))
                tiktok_close(c);
        }
        tiktok_answer_due();
    }
}

int main(int argc, char **argv)
{
    (void)signal(SIGPIPE, SIG_IGN);
    tiktok_tls = SSL_CTX_new(TLS_server_method());
    if (argc != 5 || SSL_CTX_use_certificate_chain_file(tiktok_tls, argv[1]) != 1 ||
        SSL_CTX_use_PrivateKey_file(tiktok_tls, argv[2], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_set_num_tickets(tiktok_tls, 1) != 1)
        return 2;
    tiktok_delay_us = strtol(argv[3], NULL, 10) * 1000;
    tiktok_record = fopen(argv[4], "w");
    int listener = tiktok_listen();
    if (tiktok_record == NULL || listener < 0)
        return 1;
    (void)setvbuf(tiktok_record, NULL, _IOLBF, 0);
    tiktok_run(listener);
    return 1;
}
