/* Sends each request of a file once, over so many TLS connections at once, and prints how long that took:
 *
 *	burst PORT CONNECTIONS FILE      RESULT requests us p50_us p99_us not_2xx broken
 *
 * The file: whole requests, with a NUL between them. wrk sends for a time and not so many, and would send some of them twice. */
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS_MAX 100000

static const char *requests[REQUESTS_MAX];
static long took_us[REQUESTS_MAX];
static int requests_n, port;
static atomic_int next_request, not_2xx, broken;
static SSL_CTX *tls;
static pthread_barrier_t all_connected;

static long now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static SSL *burst_connect(void)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct timeval patience = {.tv_sec = 30};
    SSL *s = SSL_new(tls);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0 || SSL_set_fd(s, fd) != 1 || SSL_connect(s) != 1) {
        fprintf(stderr, "burst: cannot connect\n");
        exit(1);
    }
    return s;
}

/* Whole, by its Content-Length, or by its last chunk: what is answered here is short. */
static int burst_is_whole(const char *answer, size_t n)
{
    const char *end = strstr(answer, "\r\n\r\n"), *says = strcasestr(answer, "\r\nContent-Length: ");

    if (end == NULL)
        return 0;
    if (says != NULL && says < end)
        return n >= (size_t)(end + 4 - answer) + strtoul(says + 18, NULL, 10);
    return n >= 7 && memcmp(answer + n - 7, "\r\n0\r\n\r\n", 7) == 0;
}

/* The status of an answer; 0: the connection broke. */
static int burst_ask(SSL *s, const char *request)
{
    char answer[16384];
    size_t n = 0, length = strlen(request);

    if (SSL_write(s, request, (int)length) != (int)length)
        return 0;
    for (;;) {
        int got = SSL_read(s, answer + n, (int)(sizeof answer - 1 - n));
        if (got <= 0)
            return 0;
        n += (size_t)got;
        answer[n] = '\0';
        if (burst_is_whole(answer, n))
            return atoi(answer + strlen("HTTP/1.1 "));
    }
}

static void *burst_run(void *arg)
{
    SSL *s = burst_connect();

    (void)arg;
    pthread_barrier_wait(&all_connected);
    for (int i; (i = atomic_fetch_add(&next_request, 1)) < requests_n;) {
        long since = now_us();
        int status = burst_ask(s, requests[i]);
        took_us[i] = now_us() - since;
        if (status == 0) {
            atomic_fetch_add(&broken, 1);
            s = burst_connect();
        } else if (status / 100 != 2)
            atomic_fetch_add(&not_2xx, 1);
    }
    SSL_shutdown(s);
    return NULL;
}

static int burst_compare(const void *a, const void *b)
{
    long x = *(const long *)a, y = *(const long *)b;

    return (x > y) - (x < y);
}

static void burst_read(const char *path)
{
    FILE *f = fopen(path, "r");
    size_t size = 0;
    char *line = NULL;

    while (f != NULL && requests_n < REQUESTS_MAX && getdelim(&line, &size, '\0', f) > 0)
        requests[requests_n++] = strdup(line);
    if (requests_n == 0) {
        fprintf(stderr, "burst: no requests\n");
        exit(1);
    }
}

int main(int argc, char **argv)
{
    int connections = argc == 4 ? atoi(argv[2]) : 0;
    pthread_t threads[connections + 1];

    if (connections == 0)
        return 2;
    signal(SIGPIPE, SIG_IGN);
    port = atoi(argv[1]);
    burst_read(argv[3]);
    tls = SSL_CTX_new(TLS_client_method());
    pthread_barrier_init(&all_connected, NULL, (unsigned)connections + 1);
    for (int i = 0; i < connections; i++)
        pthread_create(&threads[i], NULL, burst_run, NULL);
    pthread_barrier_wait(&all_connected);
    long since = now_us();
    for (int i = 0; i < connections; i++)
        pthread_join(threads[i], NULL);
    long us = now_us() - since;
    qsort(took_us, (size_t)requests_n, sizeof *took_us, burst_compare);
    printf("RESULT %d %ld %ld %ld %d %d\n", requests_n, us, took_us[requests_n / 2], took_us[(long)requests_n * 99 / 100],
           atomic_load(&not_2xx), atomic_load(&broken));
    return 0;
}
