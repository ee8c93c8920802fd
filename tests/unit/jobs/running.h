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
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
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
            (void)nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL); \
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
