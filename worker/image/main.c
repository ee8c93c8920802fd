/*
 * marketingcli-image: the image service. Its listening SOCK_SEQPACKET socket is fd 0. This process never
 * touches an image: it keeps a few processes alive that do (process.c), and one that shows what they count (counts.c),
 * and passes SIGTERM on to them. It has no credentials.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "process.h"

#include <vips/vips.h> /* last: glib undefines our MIN and MAX before it defines the same */

#define LISTENER STDIN_FILENO
#define PROCESSES_MIN 2 /* one slow image must not hold up the others */
#define PROCESSES_MAX 16
#define SHOWS 0        /* the slot of the process that shows the figures; those that repair images come after it */
#define EXIT_CONFIG 78 /* sysexits.h */

/* Without a pause, a process that dies at once would be replaced as fast as the machine can. */
#define SHORT_LIFE_US (100 * US_PER_MS)
#define PAUSE_SEC 1

struct slot {
    pid_t pid; /* 0: empty */
    int64_t since_us;
};

struct service {
    const struct conf *conf;
    struct counts *counts;
    struct slot slot[1 + PROCESSES_MAX];
    size_t slots;
    sigset_t signals;
    bool pause;
};

static GLogWriterOutput image_main_be_silent(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
    (void)level;
    (void)fields;
    (void)n;
    (void)data;
    return G_LOG_WRITER_HANDLED;
}

/* Before the first fork, so that all processes share it. libvips starts no thread before it computes. */
static bool image_main_start_vips(void)
{
    g_log_set_writer_func(image_main_be_silent, NULL, NULL);
    if (VIPS_INIT("marketingcli-image") != 0)
        return false;
    vips_concurrency_set(1); /* the processes are the concurrency */
    vips_cache_set_max(0);   /* no image is seen twice */
    return true;
}

static bool image_main_is_listener(int fd)
{
    int type = 0, accepts = 0;
    socklen_t n = sizeof type, m = sizeof accepts;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET &&
           getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &m) == 0 && accepts &&
           fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

/* The life of a new process. The one that shows the figures is killed when we die, so its socket tells that we did. */
static NORETURN void image_main_live(struct service *s, size_t slot, pid_t master)
{
    (void)prctl(PR_SET_PDEATHSIG, slot == SHOWS ? SIGKILL : SIGTERM);
    if (getppid() != master)
        exit(EXIT_SUCCESS);
    exit(slot == SHOWS ? counts_show(s->counts, s->conf->metrics_dir) : process_run(LISTENER, s->counts, slot));
}

static void image_main_fill(struct service *s, size_t slot)
{
    pid_t master = getpid(), pid = fork();

    if (pid < 0) {
        log_event(LOG_ERROR, "fork_failed", LOG_CSTR("reason", strerror(errno)), LOG_END);
        s->pause = true;
        return;
    }
    if (pid == 0)
        image_main_live(s, slot, master);
    s->slot[slot] = (struct slot){.pid = pid, .since_us = clock_mono_us()};
    if (slot != SHOWS)
        counts_started(s->counts);
}

static enum counts_cause image_main_cause_of(int status)
{
    if (!WIFEXITED(status))
        return CAUSE_CRASHED;
    return WEXITSTATUS(status) == EXIT_SUCCESS     ? CAUSE_RECYCLED
           : WEXITSTATUS(status) == EXIT_TIMED_OUT ? CAUSE_TIMED_OUT
                                                   : CAUSE_CRASHED;
}

static void image_main_bury(struct service *s, pid_t pid, int status)
{
    enum counts_cause cause = image_main_cause_of(status);
    bool well = cause == CAUSE_RECYCLED;

    if (!well)
        log_event(LOG_WARNING, "image_process_died", LOG_CSTR("cause", counts_causes[cause]), LOG_INT("pid", pid),
                  LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
                  LOG_INT("exit_status", WIFEXITED(status) ? WEXITSTATUS(status) : 0), LOG_END);
    for (size_t i = 0; i < s->slots; i++) {
        if (s->slot[i].pid != pid)
            continue;
        s->pause |= !well && clock_mono_us() - s->slot[i].since_us < SHORT_LIFE_US;
        s->slot[i].pid = 0;
        if (i != SHOWS)
            counts_ended(s->counts, i, cause);
    }
}

/* Waits for a signal, but only a second when a process just failed. True: it is time to stop. */
static bool image_main_wait_for_signal(struct service *s)
{
    static const struct timespec second = {.tv_sec = PAUSE_SEC};
    int sig = s->pause ? sigtimedwait(&s->signals, NULL, &second) : sigwaitinfo(&s->signals, NULL);

    s->pause = false;
    return sig == SIGTERM || sig == SIGINT;
}

static void image_main_reap(struct service *s, int flags)
{
    pid_t pid;
    int status;

    while ((pid = waitpid(-1, &status, flags)) > 0 || (pid < 0 && errno == EINTR))
        if (pid > 0)
            image_main_bury(s, pid, status);
}

static void image_main_run(struct service *s)
{
    do {
        image_main_reap(s, WNOHANG);
        for (size_t i = 0; i < s->slots && !s->pause; i++)
            if (s->slot[i].pid == 0)
                image_main_fill(s, i);
    } while (!image_main_wait_for_signal(s));
    for (size_t i = 0; i < s->slots; i++)
        if (s->slot[i].pid != 0)
            (void)kill(s->slot[i].pid, SIGTERM);
    image_main_reap(s, 0);
}

static int image_main_fail(int code, const char *why)
{
    log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", why), LOG_END);
    return code;
}

int main(void)
{
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct service s = {.conf = &conf, .slots = 1 + (size_t)MIN(MAX(processors, PROCESSES_MIN), PROCESSES_MAX)};

    log_init("marketingcli-image", LOG_INFO);
    if (conf_load(&conf, conf_path(), &why) != OK)
        return image_main_fail(EXIT_CONFIG, why.p);
    log_init("marketingcli-image", conf.service_log_level);
    if (!image_main_is_listener(LISTENER))
        return image_main_fail(EXIT_CONFIG, "standard input is not a listening SOCK_SEQPACKET socket");
    (void)sigemptyset(&s.signals);
    (void)sigaddset(&s.signals, SIGTERM);
    (void)sigaddset(&s.signals, SIGINT);
    (void)sigaddset(&s.signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &s.signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* the reader of our log may go away */
    if (!image_main_start_vips())
        return image_main_fail(EXIT_FAILURE, vips_error_buffer());
    s.counts = counts_new();
    image_main_run(&s);
    counts_free(s.counts);
    vips_shutdown();
    return EXIT_SUCCESS;
}
