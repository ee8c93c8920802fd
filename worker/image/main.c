/*
 * marketingcli-image: the image service. Its listening SOCK_SEQPACKET socket is fd 0. This process never
 * touches an image: it says who is next (desk.c, shares.c), keeps a few processes alive that do the work (crew.c,
 * process.c), and one that shows what they count (counts.c). At SIGTERM it finishes what it has. It has no credentials.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/conf.h"
#include "base/log.h"
#include "desk.h"

#include <vips/vips.h> /* last: glib undefines our MIN and MAX before it defines the same */

#define LISTENER STDIN_FILENO
#define PROCESSES_MIN 4 /* one user has at most half of them, and he alone can use two processors */
#define EXIT_CONFIG 78  /* sysexits.h */

struct service {
    struct counts *counts;
    struct shares shares;
    struct crew crew;
    struct desk desk;
    int signal_fd;
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

/* How long those that wait for their turn may still wait at a stop; then what runs has its own time (TimeoutStopSec=). */
#define STOP_WAIT_US (10 * US_PER_SEC)

/* The signals that have come. True: it is time to stop. */
static bool image_main_signals(struct service *s)
{
    struct signalfd_siginfo info;
    bool stop = false;

    while (read(s->signal_fd, &info, sizeof info) == sizeof info)
        stop |= info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
    crew_reap(&s->crew);
    return stop;
}

static int image_main_poll_ms(const struct service *s)
{
    int64_t now_us = clock_mono_us(), until_us = desk_until_us(&s->desk);

    if (s->crew.pause_until_us > now_us)
        until_us = MIN(until_us, s->crew.pause_until_us);
    return until_us == INT64_MAX ? -1 : (int)(MAX(until_us - now_us, 0) / US_PER_MS + 1);
}

/* Waits until there is something to do, and does it. True: it is time to stop. */
static bool image_main_turn(struct service *s)
{
    struct pollfd p[1 + CREW_MAX + 1 + DESK_MAX];

    p[0] = (struct pollfd){.fd = s->signal_fd, .events = POLLIN};
    size_t crew_n = crew_polls(&s->crew, &p[1]);
    size_t n = 1 + crew_n + desk_polls(&s->desk, &p[1 + crew_n]);
    if (poll(p, n, image_main_poll_ms(s)) < 0) {
        ASSERT(errno == EINTR);
        return false;
    }
    crew_hear(&s->crew, &p[1]);
    desk_hear(&s->desk, &p[1 + crew_n]);
    return p[0].revents != 0 && image_main_signals(s);
}

static void image_main_run(struct service *s)
{
    bool stopping = false;

    while (!stopping || s->desk.clients > 0 || shares_running(&s->shares) > 0) {
        crew_fill(&s->crew);
        desk_give(&s->desk, &s->crew);
        if (image_main_turn(s) && !stopping) {
            stopping = true;
            desk_stop(&s->desk, STOP_WAIT_US);
        }
    }
    crew_end(&s->crew);
}

static int image_main_fail(int code, const char *why)
{
    log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", why), LOG_END);
    return code;
}

static int image_main_catch_signals(void)
{
    sigset_t signals;

    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)sigaddset(&signals, SIGCHLD);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN); /* the reader of our log may go away */
    return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

int main(void)
{
    static struct service s;
    _cleanup_(conf_done) struct conf conf = {0};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    long processes = 2 * sysconf(_SC_NPROCESSORS_ONLN);

    log_init("marketingcli-image", LOG_INFO);
    if (conf_load(&conf, conf_path(), &why) != OK)
        return image_main_fail(EXIT_CONFIG, why.p);
    log_init("marketingcli-image", conf.service_log_level);
    if (!image_main_is_listener(LISTENER))
        return image_main_fail(EXIT_CONFIG, "standard input is not a listening SOCK_SEQPACKET socket");
    s.signal_fd = image_main_catch_signals();
    if (s.signal_fd < 0)
        return image_main_fail(EXIT_FAILURE, strerror(errno));
    if (!image_main_start_vips())
        return image_main_fail(EXIT_FAILURE, vips_error_buffer());
    s.counts = counts_new();
    shares_init(&s.shares, (size_t)MIN(MAX(processes, PROCESSES_MIN), PROCESSES_MAX), IMAGES_NEED_MAX_BYTES);
    crew_init(&s.crew, &conf, s.counts, &s.shares);
    desk_init(&s.desk, LISTENER, s.counts, &s.shares);
    image_main_run(&s);
    counts_free(s.counts);
    (void)close(s.signal_fd);
    vips_shutdown();
    return EXIT_SUCCESS;
}
