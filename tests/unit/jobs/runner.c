/*
 * The runner with kinds of our own, in a database with our schema where no worker looks: its socket is $TEST_DB_SOCKET, where
 * root may connect by unix_socket. tests/api/test_with_database.py runs it.
 */
#include "jobs/runner.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#define KIND "test"

static enum job_step runner_test_step(struct job_run *run);

static const struct job_kind work_kind = {.name = KIND, .class = JOB_MEDIA, .step = runner_test_step};
static const struct job_kind *const kinds[] = {&work_kind, NULL};
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

enum { CLEAR, COUNT };
static const struct sql sqls[] = {
    [CLEAR] = {.text = "DELETE FROM jobs_media", .in = ""},
    [COUNT] = {.text = "SELECT COUNT(*) FROM jobs_media WHERE kind = '" KIND "'", .in = "", .cols = db_number_cols},
};

static int setup(void **state)
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
                                .metrics = worker_metrics_start(&f->conf, JOB_MEDIA, "test", kinds)};
    f->db = db_new(&f->options);
    arena_init(&f->arena, 1 << 20);
    assert_int_equal(db_exec(f->db, &sqls[CLEAR], DB_NO_ARGS, NULL), OK);
    atomic_store(&steps, 0);
    *state = f;
    return 0;
}

static void stop(struct fixture *f)
{
    if (f->runner != NULL)
        runner_stop(f->runner);
    f->runner = NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    stop(f);
    worker_metrics_stop(f->worker.metrics);
    db_free(f->db);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static void add(struct fixture *f)
{
    struct uuid id = uuid_new();

    assert_int_equal(job_add(f->db, JOB_MEDIA, KIND, &id, clock_now_us(), (struct str){0}), OK);
}

static void start(struct fixture *f, enum job_step (*step)(struct job_run *run))
{
    step_of_test = step;
    f->runner = runner_new(&f->worker, &f->options);
}

static int64_t jobs_left(struct fixture *f)
{
    int64_t n;

    assert_int_equal(db_number(f->db, &sqls[COUNT], DB_NO_ARGS, &n), OK);
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

/* What is tried again for a night must take no more memory than one try. */
static enum job_step step_that_fills_its_arena(struct job_run *run)
{
    int *tries = run->data;

    if (tries == NULL)
        tries = run->data = arena_alloc(run->arena, sizeof *tries);
    (void)arena_alloc(run->arena, RUN_ARENA_BYTES * 2 / 5);
    run->note = arena_strdup(run->arena, STR("a note"));
    return ++*tries < 5 ? job_run_record(run, ERR_DB_FAILED) : JOB_DONE;
}

static void a_result_is_tried_again_in_the_same_memory(void **state)
{
    struct fixture *f = *state;

    add(f);
    start(f, step_that_fills_its_arena);
    WAIT_FOR(jobs_left(f) == 0);
    assert_int_equal(atomic_load(&steps), 5);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_result_is_tried_again_in_the_same_memory),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
