/*
 * A runner with kinds of a test's own, in a database with our schema where no worker looks: its socket is $TEST_DB_SOCKET, where
 * root may connect by unix_socket. For tests/unit/jobs/; tests/api/test_with_database.py runs them.
 *
 *    add(f);                       // a job of kinds[0]
 *    start(f, step_of_test);
 *    WAIT_FOR(jobs_left(f) == 0);
 */
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "jobs/runner.h"
#include "model/job/heartbeat.h"

#define KIND "test"
#define KIND_FAULTS 3 /* after so many subjects a kind is paused */

static enum job_step runner_test_step(struct job_run *run);

static const struct job_kind work_kind = {.name = KIND, .class = JOB_MEDIA, .step = runner_test_step};
static const struct job_kind call_kind = {.name = KIND, .class = JOB_MEDIA, .calls = true, .step = runner_test_step};
static const struct job_kind other_kind = {.name = "other", .class = JOB_MEDIA, .step = runner_test_step};
static const struct job_kind *kinds[] = {&work_kind, &other_kind, NULL};
static const struct worker_class class = {.class = JOB_MEDIA, .lease_us = 120 * US_PER_SEC};

/* What the kind does in the test that runs. */
static enum job_step (*step_of_test)(struct job_run *run);
static atomic_int steps;

static enum job_step runner_test_step(struct job_run *run)
{
    atomic_fetch_add(&steps, 1);
    return step_of_test(run);
}

struct fixture {
    struct conf conf;
    struct worker worker;
    struct db_options options;
    struct db *db;
    struct runner *runner;
    struct arena arena;
};

enum { RUNNING_CLEAR, RUNNING_COUNT };
static const struct sql running_sqls[] = {
    [RUNNING_CLEAR] = {.text = "DELETE FROM jobs_media", .in = ""},
    [RUNNING_COUNT] = {.text = "SELECT COUNT(*) FROM jobs_media", .in = "", .cols = db_number_cols},
};

/* What the runner waits for by clock_patience_us passes twenty times as quickly as time, while a test waits. */
#define WAIT_NS 5000000
#define LOST_US (20 * WAIT_NS / 1000)

static struct {
    char dir[32], path[48];
    int fd;
} running_patience;

static void running_forget_patience(void)
{
    (void)close(running_patience.fd);
    (void)unlink(running_patience.path);
    (void)rmdir(running_patience.dir);
}

static void running_have_patience(void)
{
    if (running_patience.fd != 0)
        return;
    (void)snprintf(running_patience.dir, sizeof running_patience.dir, "/tmp/running-XXXXXX");
    assert_non_null(mkdtemp(running_patience.dir));
    (void)snprintf(running_patience.path, sizeof running_patience.path, "%s/patience", running_patience.dir);
    running_patience.fd = open(running_patience.path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(running_patience.fd > 0);
    assert_int_equal(setenv("MARKETINGCLI_TEST_DIR", running_patience.dir, 1), 0);
    (void)atexit(running_forget_patience);
}

/* In one write: the runner's threads read it meanwhile. */
static void running_lose_patience(void)
{
    static int64_t lost_us;
    char text[32];

    lost_us += LOST_US;
    int n = snprintf(text, sizeof text, "%020lld", (long long)lost_us);
    assert_int_equal(pwrite(running_patience.fd, text, (size_t)n, 0), n);
}

/* The database has answered others all the while, so a runner that starts gives no grace. */
static void running_note_steady(struct fixture *f)
{
    int64_t now_us = clock_now_us();

    for (int64_t ago_us = 60 * US_PER_SEC; ago_us >= 0; ago_us -= HEARTBEAT_EVERY_US)
        assert_int_equal(heartbeat_write(f->db, JOB_MEDIA, now_us - ago_us), OK);
}

static int running_setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    running_have_patience();
    f->conf = (struct conf){.worker_threads = 2,
                            .worker_in_flight_max = 16,
                            .worker_idle_ms = 10,
                            .database_timeout_sec = 10,
                            .tiktok_timeout_sec = 1};
    f->options = (struct db_options){
        .name = "test_schema", .user = "root", .timeout_sec = 10, .socket = getenv("TEST_DB_SOCKET")};
    assert_non_null(f->options.socket);
    f->worker = (struct worker){.conf = &f->conf,
                                .class = &class,
                                .kinds = kinds,
                                .metrics = worker_metrics_start(&f->conf, &class, "test", kinds)};
    f->db = db_new(&f->options);
    arena_init(&f->arena, 1 << 20);
    assert_int_equal(db_exec(f->db, &running_sqls[RUNNING_CLEAR], DB_NO_ARGS, NULL), OK);
    running_note_steady(f);
    atomic_store(&steps, 0);
    kinds[0] = &work_kind;
    *state = f;
    return 0;
}

static void stop(struct fixture *f)
{
    if (f->runner != NULL)
        runner_stop(f->runner);
    f->runner = NULL;
}

static int running_teardown(void **state)
{
    struct fixture *f = *state;

    stop(f);
    worker_metrics_stop(f->worker.metrics);
    db_free(f->db);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static void add_of(struct fixture *f, const struct job_kind *kind)
{
    struct uuid id = uuid_new();

    assert_int_equal(job_add(f->db, JOB_MEDIA, kind->name, &id, clock_now_us(), (struct str){0}), OK);
}

static inline void add(struct fixture *f)
{
    add_of(f, &work_kind);
}

static void start(struct fixture *f, enum job_step (*step)(struct job_run *run))
{
    step_of_test = step;
    f->runner = runner_new(&f->worker, &f->options);
}

static int64_t jobs_left(struct fixture *f)
{
    int64_t n;

    assert_int_equal(db_number(f->db, &running_sqls[RUNNING_COUNT], DB_NO_ARGS, &n), OK);
    return n;
}

/* Waits for a condition: nothing here takes long unless it never comes. */
#define WAIT_FOR(condition) \
    do { \
        for (int64_t end_us_ = clock_mono_us() + 60 * US_PER_SEC; !(condition);) { \
            if (clock_mono_us() > end_us_) \
                fail_msg("%s", "never: " #condition); \
            (void)nanosleep(&(struct timespec){.tv_nsec = WAIT_NS}, NULL); \
            running_lose_patience(); \
        } \
    } while (0)

static bool is_told(struct fixture *f, const char *line)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    metrics_text(f->worker.metrics->set, &b);
    return strstr(b.p, line) != NULL;
}

#define PAUSED(times) "marketingcli_alarms_total{alarm=\"kind_paused\"} " times "\n"

/* Connections to it are taken, and nothing ever comes. */
static inline int listen_silently(int *ret_port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 10), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    *ret_port = ntohs(at.sin_port);
    return fd;
}
