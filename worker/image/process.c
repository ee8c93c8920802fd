#include "process.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fault.h"
#include "base/io.h"
#include "base/log.h"
#include "job.h"
#include "limits.h"
#include "repair.h"

/* What malloc gives back to the kernel when it is freed; then what a process keeps stays small. */
#define MMAP_BYTES (256 << 10)
#define STACK_BYTES (2u << 20) /* of libvips' threads, as libvips itself asks for at least; the default is 8 MB each */

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

/*
 * dav1d asks this how many threads it may have, and would take one for each processor of the machine, each with its own memory: more than
 * an image may have, on a large one. Here the processes are the concurrency. (sched_setaffinity is not for units.)
 */
int pthread_getaffinity_np(pthread_t thread, size_t n, cpu_set_t *set)
{
    (void)thread;
    CPU_ZERO_S(n, set);
    CPU_SET_S(0, n, set);
    return 0;
}

/* A decoder that hangs cannot be asked to stop. This may only call what signal-safety(7) allows. */
static void image_process_too_late(int sig, siginfo_t *info, void *context)
{
    struct image_report r = {.err = ERR_IMAGE_TIMEOUT};

    (void)sig;
    (void)context;
    image_job_answer(info->si_value.sival_ptr, &r);
    _exit(EXIT_TIMED_OUT);
}

static timer_t image_process_start_timer(struct image_job *j)
{
    struct sigaction sa = {.sa_sigaction = image_process_too_late, .sa_flags = SA_SIGINFO};
    struct sigevent ev = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM, .sigev_value = {.sival_ptr = j}};
    struct itimerspec at = {.it_value = {.tv_sec = j->request.timeout_sec}};
    timer_t t;

    ASSERT(sigaction(SIGALRM, &sa, NULL) == 0 && timer_create(CLOCK_MONOTONIC, &ev, &t) == 0 &&
           timer_settime(t, 0, &at, NULL) == 0);
    return t;
}

static void image_process_log_image(const struct image_report *r, const struct buf *why, int64_t waited_us,
                                    int64_t since_us)
{
    log_event(r->err == OK ? LOG_INFO : LOG_WARNING, "image", LOG_CSTR("result", err_slug((enum err)r->err)),
              LOG_INT("original_width", r->original_width), LOG_INT("original_height", r->original_height),
              LOG_INT("width", r->width), LOG_INT("height", r->height), LOG_INT("size_bytes", (int64_t)r->size_bytes),
              LOG_INT("waited_us", waited_us), LOG_INT("duration_us", clock_mono_us() - since_us),
              LOG_STR("detail", why->n > 0 ? buf_str(why) : (struct str){0}), LOG_END);
}

static void image_process_limit(int resource, uint64_t most, uint64_t for_ever)
{
    struct rlimit r = {.rlim_cur = most, .rlim_max = for_ever};

    if (!SANITIZED || resource == RLIMIT_CORE)
        (void)setrlimit(resource, &r); /* fails only where a tighter limit is set already */
}

/* All that this process can write to and nobody shares, used or not. -1: unknown. */
static int64_t image_process_data_bytes(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long long pages = -1;

    if (f != NULL && fscanf(f, "%*d %*d %*d %*d %*d %lld", &pages) != 1)
        pages = -1;
    if (f != NULL)
        (void)fclose(f);
    return pages < 0 ? -1 : pages * sysconf(_SC_PAGESIZE);
}

static enum err image_process_repair(const struct image_job *j, struct image_report *r, struct buf *why)
{
    struct fault fault;

    if (fault_before(&fault, "repair an image"))
        return ERR_IMAGE_SERVICE;
    enum err e = repair(j->in_fd, j->out_fd, &j->request, r, why);
    return fault_after(&fault) ? ERR_IMAGE_SERVICE : e;
}

static void image_process_serve(struct image_job *j, struct counts *counts, size_t slot)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(4096);
    struct image_report r = {0};
    int64_t since_us = clock_mono_us();

    image_process_limit(RLIMIT_DATA, PROCESS_DATA_BYTES + j->request.need_bytes,
                        PROCESS_DATA_BYTES + IMAGE_NEED_MAX_BYTES);
    timer_t t = image_process_start_timer(j);
    enum err e = image_process_repair(j, &r, &why);
    (void)timer_delete(t);
    r.err = (int32_t)e;
    counts_image(counts, slot, e);
    image_job_answer(j, &r);
    image_process_log_image(&r, &why, j->waited_us, since_us);
}

/* Tells the scheduler that this process is free again. False: it is to end. */
static bool image_process_is_good(int fd)
{
    (void)malloc_trim(0); /* an idle process must not keep the 50 MB of its last image */
    return (SANITIZED || image_process_data_bytes() <= (int64_t)PROCESS_DATA_BYTES) &&
           send(fd, "", 1, MSG_NOSIGNAL) == 1;
}

static void image_process_prepare(void)
{
    pthread_attr_t a;

    image_process_limit(RLIMIT_CORE, 0, 0); /* a core dump would hold somebody's picture */
    image_process_limit(RLIMIT_AS, IMAGE_NEED_MAX_BYTES + PROCESS_MAPPED_BYTES,
                        IMAGE_NEED_MAX_BYTES + PROCESS_MAPPED_BYTES);
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
    (void)mallopt(M_ARENA_MAX, 1);
    if (!SANITIZED && pthread_attr_init(&a) == 0) {
        (void)pthread_attr_setstacksize(&a, STACK_BYTES);
        (void)pthread_setattr_default_np(&a);
        (void)pthread_attr_destroy(&a);
    }
}

int process_run(int fd, struct counts *counts, size_t slot)
{
    sigset_t stop;

    image_process_prepare();
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    _cleanup_(fd_closep) int stop_fd = signalfd(-1, &stop, SFD_CLOEXEC);
    if (stop_fd < 0)
        return EXIT_FAILURE;
    for (int served = 0; served < PROCESS_IMAGES_MAX; served++) {
        struct pollfd p[] = {{.fd = stop_fd, .events = POLLIN}, {.fd = fd, .events = POLLIN}};
        struct image_job j;
        while (poll(p, ARRAY_LEN(p), -1) < 0)
            if (errno != EINTR)
                return EXIT_FAILURE;
        if (p[0].revents != 0 || !image_job_take(fd, &j))
            break;
        counts_take(counts, slot);
        image_process_serve(&j, counts, slot);
        counts_leave(counts, slot);
        image_job_close(&j);
        if (!image_process_is_good(fd))
            break;
    }
    return EXIT_SUCCESS;
}
