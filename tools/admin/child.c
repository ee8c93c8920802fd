#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin.h"
#include "base/io.h"
#include "base/point.h"

#define CHILD_NOT_STARTED 127

static bool child_become(const struct child_ways *ways)
{
    return ways->uid == 0 || geteuid() != 0 ||
           (setgroups(0, NULL) == 0 && setgid(ways->gid) == 0 && setuid(ways->uid) == 0);
}

/* Nothing of ours but what it is given. libmariadb's connections would stay open in it: with them a lock that somebody waits for once we
 * are gone. */
static bool child_keep(const struct child_ways *ways)
{
    return close_range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0 &&
           (ways->fd == 0 || fcntl(ways->fd, F_SETFD, 0) == 0);
}

/* It is killed when we die, also when we have died already. After setuid, which forgets it. */
static bool child_die_with(pid_t parent)
{
    while (point_is_set("child.late") && getppid() == parent) /* a test kills us before that */
        (void)sched_yield();
    return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

/* In the child. */
static void child_run(const char *const *argv, const struct child_ways *ways, int in, int out, pid_t parent)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);

    if (dup2(in >= 0 ? in : null, STDIN_FILENO) < 0 || dup2(out >= 0 ? out : STDERR_FILENO, STDOUT_FILENO) < 0 ||
        (ways->quiet && dup2(null, STDERR_FILENO) < 0) || !child_keep(ways) || !child_become(ways) ||
        !child_die_with(parent))
        _exit(CHILD_NOT_STARTED);
    (void)signal(SIGPIPE, SIG_DFL);
    execvp(argv[0], (char *const *)(uintptr_t)argv);
    _exit(CHILD_NOT_STARTED);
}

static void child_close(int *fd)
{
    if (*fd >= 0)
        fd_closep(fd);
    *fd = -1;
}

bool child_start(struct child *c, const char *const *argv, const struct child_ways *ways)
{
    int in[2] = {-1, -1}, out[2] = {-1, -1};

    *c = (struct child){.name = argv[0], .in = -1, .out = -1};
    (void)signal(SIGPIPE, SIG_IGN); /* a child that is gone is told of by child_end */
    if ((ways->takes && pipe2(in, O_CLOEXEC) != 0) || (ways->gives && pipe2(out, O_CLOEXEC) != 0)) {
        complain("%s: %s", argv[0], strerror(errno));
        child_close(&in[0]);
        child_close(&in[1]);
        return false;
    }
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        child_run(argv, ways, in[0], out[1], parent);
    point("child.started");
    child_close(&in[0]);
    child_close(&out[1]);
    c->in = in[1];
    c->out = out[0];
    c->pid = pid > 0 ? pid : 0;
    if (pid > 0)
        return true;
    complain("%s: %s", argv[0], strerror(errno));
    child_close(&c->in);
    child_close(&c->out);
    return false;
}

void child_close_in(struct child *c)
{
    child_close(&c->in);
}

static int child_wait(struct child *c)
{
    int status = 0;
    pid_t pid;

    child_close(&c->in);
    child_close(&c->out);
    do
        pid = waitpid(c->pid, &status, 0);
    while (pid < 0 && errno == EINTR);
    c->pid = 0;
    return pid < 0 ? -1 : status;
}

bool child_end(struct child *c)
{
    if (c->pid == 0)
        return true;
    int status = child_wait(c);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return true;
    if (WIFEXITED(status) && WEXITSTATUS(status) == CHILD_NOT_STARTED)
        complain("%s cannot be started: is it installed?", c->name);
    else if (WIFEXITED(status))
        complain("%s has failed (exit code %d)", c->name, WEXITSTATUS(status));
    else
        complain("%s was ended by signal %d", c->name, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
    return false;
}

void child_kill(struct child *c, int signal_number)
{
    if (c->pid == 0)
        return;
    (void)kill(c->pid, signal_number);
    (void)child_wait(c);
}
