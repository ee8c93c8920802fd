#include "crew.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "process.h"

#define SHOWS 0 /* the slot of the process that shows the figures; those that repair images come after it */
#define PROCESS_FD (STDERR_FILENO + 1)

/*
 * Without a pause, processes that die at once would be replaced as fast as the machine can. One that an image has ended is
 * replaced at once: whoever sends such images must not keep the others from a process.
 */
#define SHORT_LIFE_US (100 * US_PER_MS)
#define PAUSE_US US_PER_SEC

void crew_init(struct crew *c, const struct conf *conf, struct counts *counts, struct shares *shares)
{
    *c = (struct crew){.conf = conf, .counts = counts, .shares = shares, .slots = 1 + shares->processes};
    for (size_t i = 0; i < c->slots; i++)
        c->slot[i].fd = -1;
}

/* A process must neither see the images of others nor keep their connections open. */
static void crew_leave_descriptors(int fd)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    if (null < 0 || dup2(null, STDIN_FILENO) < 0)
        (void)close(STDIN_FILENO); /* the listening socket */
    if (fd < 0)
        (void)close(PROCESS_FD);
    else
        ASSERT(dup2(fd, PROCESS_FD) == PROCESS_FD);
    ASSERT(close_range(PROCESS_FD + 1, ~0u, 0) == 0);
}

/* The life of a new process. The one that shows the figures is killed when we die, so its socket tells that we did. */
static NORETURN void crew_live(struct crew *c, size_t slot, int fd, pid_t master)
{
    (void)prctl(PR_SET_PDEATHSIG, slot == SHOWS ? SIGKILL : SIGTERM);
    if (getppid() != master)
        exit(EXIT_SUCCESS);
    crew_leave_descriptors(fd);
    exit(slot == SHOWS ? counts_show(c->counts, c->conf->metrics_dir) : process_run(PROCESS_FD, c->counts, slot));
}

static void crew_start(struct crew *c, size_t slot)
{
    int fds[2] = {-1, -1};
    pid_t master = getpid();
    bool works = slot != SHOWS;

    pid_t pid = works && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0 ? -1 : fork();
    if (pid == 0)
        crew_live(c, slot, fds[1], master);
    fd_closep(&fds[1]);
    if (pid < 0) {
        log_event(LOG_ERROR, "fork_failed", LOG_CSTR("reason", strerror(errno)), LOG_END);
        fd_closep(&fds[0]);
        c->pause_until_us = clock_mono_us() + PAUSE_US;
        return;
    }
    c->slot[slot] = (struct crew_slot){.pid = pid, .fd = fds[0], .since_us = clock_mono_us()};
    if (works)
        counts_started(c->counts);
}

void crew_fill(struct crew *c)
{
    for (size_t i = 0; i < c->slots && clock_mono_us() >= c->pause_until_us; i++)
        if (c->slot[i].pid == 0)
            crew_start(c, i);
}

static struct crew_slot *crew_free(struct crew *c)
{
    for (size_t i = SHOWS + 1; i < c->slots; i++)
        if (c->slot[i].fd >= 0 && !c->slot[i].busy)
            return &c->slot[i];
    return NULL;
}

bool crew_is_free(struct crew *c)
{
    return crew_free(c) != NULL;
}

/* It gets no more images, and ends when it sees that. */
static void crew_close(struct crew_slot *s)
{
    fd_closep(&s->fd);
    s->fd = -1;
}

bool crew_hand_over(struct crew *c, struct image_job *j, size_t share)
{
    struct crew_slot *s = crew_free(c);

    ASSERT(s != NULL);
    if (!image_job_send(s->fd, j)) {
        crew_close(s);
        return false;
    }
    s->busy = true;
    s->share = share;
    s->job = *j;
    s->job.in_fd = s->job.out_fd = j->client_fd = -1;
    s->served++;
    return true;
}

static void crew_end_image(struct crew *c, struct crew_slot *s)
{
    if (!s->busy)
        return;
    shares_end(c->shares, s->share);
    image_job_close(&s->job);
    s->busy = false;
}

size_t crew_polls(const struct crew *c, struct pollfd *p)
{
    size_t n = 0;

    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].fd >= 0)
            p[n++] = (struct pollfd){.fd = c->slot[i].fd, .events = POLLIN};
    return n;
}

void crew_hear(struct crew *c, const struct pollfd *p)
{
    char done;

    for (size_t i = 0, n = 0; i < c->slots; i++) {
        struct crew_slot *s = &c->slot[i];
        if (s->fd < 0 || p[n++].revents == 0)
            continue;
        /* The end of file is that of the process: crew_reap ends its share, once what it took is known to be free. */
        if (recv(s->fd, &done, sizeof done, MSG_DONTWAIT) != sizeof done) {
            crew_close(s);
            continue;
        }
        crew_end_image(c, s);
        if (s->served >= PROCESS_IMAGES_MAX)
            crew_close(s);
    }
}

static enum counts_cause crew_cause_of(int status)
{
    if (!WIFEXITED(status))
        return CAUSE_CRASHED;
    return WEXITSTATUS(status) == EXIT_SUCCESS     ? CAUSE_RECYCLED
           : WEXITSTATUS(status) == EXIT_TIMED_OUT ? CAUSE_TIMED_OUT
                                                   : CAUSE_CRASHED;
}

/*
 * Whether a process died of what it worked on: a fault in a decoder, or glib that gets no memory. It would again, so its client
 * is told that. Somebody else's signals, the kernel's SIGKILL among them, and our own errors say nothing about an image.
 */
static bool crew_died_of_image(int status)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};

    for (size_t i = 0; WIFSIGNALED(status) && i < ARRAY_LEN(own); i++)
        if (WTERMSIG(status) == own[i])
            return true;
    return false;
}

static void crew_bury(struct crew *c, pid_t pid, int status)
{
    enum counts_cause cause = crew_cause_of(status);
    bool well = cause == CAUSE_RECYCLED;

    if (!well)
        log_event(LOG_WARNING, "image_process_died", LOG_CSTR("cause", counts_causes[cause]), LOG_INT("pid", pid),
                  LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
                  LOG_INT("exit_status", WIFEXITED(status) ? WEXITSTATUS(status) : 0), LOG_END);
    for (size_t i = 0; i < c->slots; i++) {
        struct crew_slot *s = &c->slot[i];
        if (s->pid != pid)
            continue;
        if (!well && s->served == 0 && clock_mono_us() - s->since_us < SHORT_LIFE_US)
            c->pause_until_us = clock_mono_us() + PAUSE_US;
        if (s->busy && crew_died_of_image(status))
            image_job_answer(&s->job, &(struct image_report){.err = ERR_IMAGE_UNDECODABLE});
        crew_end_image(c, s);
        crew_close(s);
        s->pid = 0;
        if (i != SHOWS)
            counts_ended(c->counts, i, cause);
    }
}

static void crew_wait(struct crew *c, int flags)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, flags)) > 0 || (pid < 0 && errno == EINTR))
        if (pid > 0)
            crew_bury(c, pid, status);
}

void crew_reap(struct crew *c)
{
    crew_wait(c, WNOHANG);
}

void crew_end(struct crew *c)
{
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].pid != 0)
            (void)kill(c->slot[i].pid, SIGTERM);
    crew_wait(c, 0);
}
