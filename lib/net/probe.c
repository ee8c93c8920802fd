#include "net/probe.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/defs.h"

static enum probe_state probe_state_of(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
        return PROBE_REFUSED;
    case EAGAIN: /* its queue is full, so nobody will answer in time (unix(7)) */
        return PROBE_SILENT;
    default:
        return PROBE_GONE;
    }
}

/* -1: nobody was asked; state says why. */
static int probe_connect(struct probe *p)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    size_t n = strlen(p->path);

    if (n >= sizeof a.sun_path) {
        p->state = PROBE_GONE;
        return -1;
    }
    memcpy(a.sun_path, p->path, n);
    p->state = PROBE_SILENT;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
        send(fd, p->question.p, p->question.n, MSG_NOSIGNAL) == (ssize_t)p->question.n)
        return fd;
    p->state = probe_state_of(errno);
    (void)close(fd);
    return -1;
}

/* Takes what has come. Then nobody waits for this one any more. */
static void probe_take(struct probe *p, struct pollfd *f)
{
    char byte;

    if (f->revents == 0)
        return;
    ssize_t n = recv(f->fd, &byte, 1, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    p->state = n == 1 ? PROBE_ANSWERS : PROBE_GONE;
    (void)close(f->fd);
    f->fd = -1;
}

static bool probe_any_open(const struct pollfd *f, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (f[i].fd >= 0)
            return true;
    return false;
}

void probe_all(struct probe *v, size_t n, int timeout_ms)
{
    int64_t until_us = clock_mono_us() + timeout_ms * US_PER_MS;
    struct pollfd f[PROBE_MAX];

    ASSERT(n <= PROBE_MAX);
    for (size_t i = 0; i < n; i++)
        f[i] = (struct pollfd){.fd = probe_connect(&v[i]), .events = POLLIN};
    for (;;) {
        int64_t left_ms = MAX((until_us - clock_mono_us()) / US_PER_MS, 0);
        if (!probe_any_open(f, n) || left_ms == 0 || (poll(f, n, (int)left_ms) < 0 && errno != EINTR))
            break;
        for (size_t i = 0; i < n; i++)
            if (f[i].fd >= 0)
                probe_take(&v[i], &f[i]);
    }
    for (size_t i = 0; i < n; i++)
        if (f[i].fd >= 0)
            (void)close(f[i].fd);
}

/* The FastCGI specification, 3.3, 3.4 and 8: each record is a version, a type, an id, a length and a padding. */
#define FCGI_RECORD(type, length) "\x01" type "\x00\x01\x00" length "\x00\x00"
#define FCGI_BEGIN "\x01"
#define FCGI_PARAMS "\x04"
#define FCGI_STDIN "\x05"
#define RESPONDER_ONCE "\x00\x01\x00\x00\x00\x00\x00\x00" /* the connection is not kept */
#define PARAMETERS \
    "\x0e\x04REQUEST_METHODHEAD\x0c\x06REQUEST_PATH/alive\x0e\x01" \
    "AUTHORIZE_ONLY1"
#define PARAMETERS_BYTES 0x39

struct str probe_fcgi_question(void)
{
    _Static_assert(sizeof PARAMETERS - 1 == PARAMETERS_BYTES, "its record says so");
    return STR(FCGI_RECORD(FCGI_BEGIN, "\x08") RESPONDER_ONCE FCGI_RECORD(FCGI_PARAMS, "\x39")
                   PARAMETERS FCGI_RECORD(FCGI_PARAMS, "\x00") FCGI_RECORD(FCGI_STDIN, "\x00"));
}

struct str probe_metrics_question(void)
{
    return STR("HEAD / HTTP/1.0\r\n\r\n");
}
