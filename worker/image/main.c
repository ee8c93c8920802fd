/*
 * marketingcli-image: the image service. Its listening SOCK_SEQPACKET socket is fd 0. This process looks at no image:
 * it keeps a few processes alive that do (process.c) and passes SIGTERM on to them.
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
#include "base/log.h"
#include "process.h"

#include <vips/vips.h> /* last: glib undefines our MIN and MAX before it defines the same */

#define LISTENER STDIN_FILENO
#define PROCESSES_MIN 2 /* one slow image must not stop the others */
#define PROCESSES_MAX 16
#define EXIT_CONFIG 78 /* sysexits.h */

/* One that dies at once would otherwise be replaced as fast as the machine can. */
#define SHORT_LIFE_US (100 * US_PER_MS)
#define PAUSE_SEC 1

struct slot {
	pid_t pid; /* 0: empty */
	int64_t since_us;
};

struct service {
	struct slot slot[PROCESSES_MAX];
	size_t slots;
	sigset_t signals;
	bool pause;
};

static GLogWriterOutput be_silent(GLogLevelFlags level, const GLogField *fields, gsize n, gpointer data)
{
	(void)level;
	(void)fields;
	(void)n;
	(void)data;
	return G_LOG_WRITER_HANDLED;
}

/* Before the fork, so that all processes share it; libvips starts no thread before it computes. */
static bool start_vips(void)
{
	g_log_set_writer_func(be_silent, NULL, NULL);
	if (VIPS_INIT("marketingcli-image") != 0)
		return false;
	vips_concurrency_set(1); /* the processes are the concurrency */
	vips_cache_set_max(0);   /* no image is seen twice */
	return true;
}

static bool is_listener(int fd)
{
	int type = 0, accepts = 0;
	socklen_t n = sizeof type, m = sizeof accepts;

	return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0 && type == SOCK_SEQPACKET &&
	       getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &accepts, &m) == 0 && accepts &&
	       fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) == 0;
}

static void fill(struct service *s, struct slot *slot)
{
	pid_t master = getpid(), pid = fork();

	if (pid < 0) {
		log_event(LOG_ERROR, "fork_failed", LOG_CSTR("reason", strerror(errno)), LOG_END);
		s->pause = true;
		return;
	}
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		exit(getppid() == master ? process_run(LISTENER) : EXIT_SUCCESS);
	}
	*slot = (struct slot){.pid = pid, .since_us = clock_mono_us()};
}

static void bury(struct service *s, pid_t pid, int status)
{
	bool well = WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS;

	if (!well)
		log_event(LOG_WARNING, "image_process_died", LOG_INT("pid", pid),
		          LOG_INT("signal", WIFSIGNALED(status) ? WTERMSIG(status) : 0),
		          LOG_INT("exit_status", WIFEXITED(status) ? WEXITSTATUS(status) : 0), LOG_END);
	for (size_t i = 0; i < s->slots; i++) {
		if (s->slot[i].pid != pid)
			continue;
		s->pause |= !well && clock_mono_us() - s->slot[i].since_us < SHORT_LIFE_US;
		s->slot[i].pid = 0;
	}
}

/* Waits for a signal, a second at most when there was trouble. True: it is time to stop. */
static bool wait_for_signal(struct service *s)
{
	static const struct timespec second = {.tv_sec = PAUSE_SEC};
	int sig = s->pause ? sigtimedwait(&s->signals, NULL, &second) : sigwaitinfo(&s->signals, NULL);

	s->pause = false;
	return sig == SIGTERM || sig == SIGINT;
}

static void reap(struct service *s, int flags)
{
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, flags)) > 0 || (pid < 0 && errno == EINTR))
		if (pid > 0)
			bury(s, pid, status);
}

static void run(struct service *s)
{
	do {
		reap(s, WNOHANG);
		for (size_t i = 0; i < s->slots && !s->pause; i++)
			if (s->slot[i].pid == 0)
				fill(s, &s->slot[i]);
	} while (!wait_for_signal(s));
	for (size_t i = 0; i < s->slots; i++)
		if (s->slot[i].pid != 0)
			(void)kill(s->slot[i].pid, SIGTERM);
	reap(s, 0);
}

int main(void)
{
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	struct service s = {.slots = (size_t)MIN(MAX(processors, PROCESSES_MIN), PROCESSES_MAX)};

	log_init("marketingcli-image", LOG_INFO);
	if (!is_listener(LISTENER)) {
		log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", "standard input is not a listening SOCK_SEQPACKET socket"),
		          LOG_END);
		return EXIT_CONFIG;
	}
	(void)sigemptyset(&s.signals);
	(void)sigaddset(&s.signals, SIGTERM);
	(void)sigaddset(&s.signals, SIGINT);
	(void)sigaddset(&s.signals, SIGCHLD);
	(void)sigprocmask(SIG_BLOCK, &s.signals, NULL);
	(void)signal(SIGPIPE, SIG_IGN); /* whoever reads our log may go away */
	if (!start_vips()) {
		log_event(LOG_ERROR, "cannot_start", LOG_CSTR("why", vips_error_buffer()), LOG_END);
		return EXIT_FAILURE;
	}
	run(&s);
	vips_shutdown();
	return EXIT_SUCCESS;
}
