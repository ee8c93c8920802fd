#include "process.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "image/wire.h"
#include "repair.h"

#define IMAGES_MAX 50 /* then a new process takes over: starting it takes 30 ms, less than 1 ms per image */
#define TIMEOUT_SEC_MAX 120
#define REQUEST_SEC_MAX 5 /* a client that connects and says nothing must not keep a process */

/* An interlaced 16-bit RGBA PNG of 100 megapixels takes 800 MB; nothing that is allowed takes more. */
#define MEMORY_MAX_BYTES (UINT64_C(1536) << 20)

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) /* they map terabytes */
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__SANITIZE_THREAD__)
/* TSan does not see how threads wait for each other in libvips (glib calls futex(2) itself), so it must ignore
 * libvips. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
    return "ignore_noninstrumented_modules=1";
}
#endif

struct job {
    struct image_request request;
    int in_fd, out_fd;
};

static void image_process_job_close(struct job *j)
{
    fd_closep(&j->in_fd);
    fd_closep(&j->out_fd);
}

static bool image_process_receive(int fd, struct job *ret)
{
    struct job j = {.in_fd = -1, .out_fd = -1};
    int *fds[IMAGE_WIRE_FDS] = {&j.in_fd, &j.out_fd};
    union {
        char space[CMSG_SPACE(sizeof(int) * IMAGE_WIRE_FDS)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = &j.request, .iov_len = sizeof j.request};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};

    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    struct cmsghdr *c = n < 0 ? NULL : CMSG_FIRSTHDR(&m);
    if (c != NULL && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        for (size_t i = 0; i < IMAGE_WIRE_FDS && c->cmsg_len >= CMSG_LEN(sizeof(int) * (i + 1)); i++)
            memcpy(fds[i], CMSG_DATA(c) + sizeof(int) * i, sizeof(int));
    if (n == sizeof j.request && j.request.version == IMAGE_WIRE_VERSION && j.in_fd >= 0 && j.out_fd >= 0 &&
        j.request.timeout_sec > 0 && j.request.timeout_sec <= TIMEOUT_SEC_MAX) {
        *ret = j;
        return true;
    }
    image_process_job_close(&j);
    return false;
}

/* A decoder that hangs cannot be asked to stop. This may only call what signal-safety(7) allows. */
static void image_process_too_late(int sig, siginfo_t *info, void *context)
{
    struct image_report r = {.err = ERR_IMAGE_TIMEOUT};

    (void)sig;
    (void)context;
    (void)send(info->si_value.sival_int, &r, sizeof r, MSG_NOSIGNAL | MSG_DONTWAIT);
    _exit(EXIT_TIMED_OUT);
}

static timer_t image_process_start_timer(int fd, int sec)
{
    struct sigaction sa = {.sa_sigaction = image_process_too_late, .sa_flags = SA_SIGINFO};
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value = {.sival_int = fd}};
    struct itimerspec at = {.it_value = {.tv_sec = sec}};
    timer_t t;

    ASSERT(sigaction(SIGALRM, &sa, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &ev, &t) == 0 &&
           timer_settime(t, 0, &at, NULL) == 0);
    return t;
}

static void image_process_log_image(const struct image_report *r, const struct buf *why, int64_t since_us)
{
    log_event(r->err == OK ? LOG_INFO : LOG_WARNING, "image", LOG_CSTR("result", err_slug((enum err)r->err)),
              LOG_INT("original_width", r->original_width), LOG_INT("original_height", r->original_height),
              LOG_INT("width", r->width), LOG_INT("height", r->height), LOG_INT("size_bytes", (int64_t)r->size_bytes),
              LOG_INT("duration_us", clock_mono_us() - since_us),
              LOG_STR("detail", why->n > 0 ? buf_str(why) : (struct str){0}), LOG_END);
}

static void image_process_serve(int fd, struct counts *counts, size_t slot)
{
    static const struct timeval patience = {.tv_sec = REQUEST_SEC_MAX};
    _cleanup_(buf_done) struct buf why = BUF_MAX(4096);
    struct image_report r = {0};
    struct job j;
    int64_t since_us = clock_mono_us();

    /* A client that waited too long has hung up: then there is nobody to work for. */
    struct pollfd p = {.fd = fd, .events = POLLIN};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
        poll(&p, 1, REQUEST_SEC_MAX * 1000) <= 0 || (p.revents & POLLHUP) || !image_process_receive(fd, &j))
        return;
    timer_t t = image_process_start_timer(fd, j.request.timeout_sec);
    enum err e = repair(j.in_fd, j.out_fd, &r, &why);
    (void)timer_delete(t);
    r.err = (int32_t)e;
    image_process_job_close(&j);
    counts_image(counts, slot, e);
    (void)send(fd, &r, sizeof r, MSG_NOSIGNAL);
    image_process_log_image(&r, &why, since_us);
}

static void image_process_limit(int resource, uint64_t most)
{
    struct rlimit r = {.rlim_cur = most, .rlim_max = most};

    (void)setrlimit(resource, &r); /* fails only where a tighter limit is set already */
}

int process_run(int listener, struct counts *counts, size_t slot)
{
    sigset_t stop;

    image_process_limit(RLIMIT_CORE, 0); /* a core dump would hold somebody's picture */
    if (!SANITIZED)
        image_process_limit(RLIMIT_AS, MEMORY_MAX_BYTES);
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    _cleanup_(fd_closep) int stop_fd = signalfd(-1, &stop, SFD_CLOEXEC);
    if (stop_fd < 0)
        return EXIT_FAILURE;
    for (int served = 0; served < IMAGES_MAX;) {
        struct pollfd p[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = listener, .events = POLLIN}};
        if (poll(p, ARRAY_LEN(p), -1) < 0 && errno != EINTR)
            return EXIT_FAILURE;
        if (p[0].revents != 0)
            break;
        /* The listener does not block: all processes wake up, and one gets the connection. */
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        counts_take(counts, slot);
        image_process_serve(fd, counts, slot);
        counts_leave(counts, slot);
        (void)close(fd);
        (void)malloc_trim(0); /* an idle process must not keep the 50 MB of its last image */
        served++;
    }
    return EXIT_SUCCESS;
}
