/*
 * The runner with kinds of our own, in a database with our schema where no worker looks: its socket is $TEST_DB_SOCKET, where
 * root may connect by unix_socket. tests/api/test_with_database.py runs it.
 */
#include "jobs/runner.h"

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

#define KIND "test"
#define KIND_FAULTS 3 /* after so many subjects a kind is paused */

static enum job_step runner_test_step(struct job_run *run);

static const struct job_kind work_kind = {.name = KIND, .class = JOB_MEDIA, .step = runner_test_step};
static const struct job_kind call_kind = {.name = KIND, .class = JOB_MEDIA, .calls = true, .step = runner_test_step};
static const struct job_kind standing_kind = {
    .name = KIND, .class = JOB_MEDIA, .standing = true, .step = runner_test_step};
static const struct job_kind other_kind = {.name = "other", .class = JOB_MEDIA, .step = runner_test_step};
static const struct job_kind *kinds[] = {&work_kind, &other_kind, NULL};
static const struct worker_class class = {.class = JOB_MEDIA, .lease_us = 120 * US_PER_SEC};

/* What the kind does in the test that runs. */
static enum job_step (*step_of_test)(struct job_run *run);
static atomic_int steps, open_now, open_most, to_fail, others_done, suspect_began;

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

struct row {
    struct str state;
    int64_t run_at_us, runs;
};

static const struct db_col row_cols[] = {
    DB_COL(struct row, state, STR),
    DB_COL(struct row, run_at_us, I64),
    DB_COL(struct row, runs, I64),
    DB_END,
};

enum { CLEAR, COUNT, READ, SET_RUNS, MAKE_SUSPECT };
static const struct sql sqls[] = {
    [CLEAR] = {.text = "DELETE FROM jobs_media", .in = ""},
    [COUNT] = {.text = "SELECT COUNT(*) FROM jobs_media", .in = "", .cols = db_number_cols},
    [READ] = {.text = "SELECT state, run_at_us, runs FROM jobs_media WHERE kind = '" KIND "'",
              .in = "",
              .cols = row_cols},
    [SET_RUNS] = {.text = "UPDATE jobs_media SET runs = ?", .in = "i"},
    [MAKE_SUSPECT] = {.text = "UPDATE jobs_media SET runs = ?, run_at_us = 1 WHERE subject_id = ?", .in = "iu"},
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
    atomic_store(&open_now, 0);
    atomic_store(&open_most, 0);
    atomic_store(&others_done, 0);
    atomic_store(&suspect_began, 0);
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

static void add_of(struct fixture *f, const struct job_kind *kind)
{
    struct uuid id = uuid_new();

    assert_int_equal(job_add(f->db, JOB_MEDIA, kind->name, &id, clock_now_us(), (struct str){0}), OK);
}

static void add(struct fixture *f)
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

    assert_int_equal(db_number(f->db, &sqls[COUNT], DB_NO_ARGS, &n), OK);
    return n;
}

static struct row read_row(struct fixture *f)
{
    struct row r = {0};

    assert_int_equal(db_row(f->db, &sqls[READ], DB_NO_ARGS, &f->arena, &r), OK);
    return r;
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

/* What cannot be written holds a place, as a call does. */
static enum job_step step_that_is_refused(struct job_run *run)
{
    if (run->data == NULL) {
        run->data = arena_alloc(run->arena, 1);
        int n = atomic_fetch_add(&open_now, 1) + 1;
        for (int most = atomic_load(&open_most); n > most && !atomic_compare_exchange_weak(&open_most, &most, n);)
            ;
        return job_run_record(run, ERR_DB_FAILED);
    }
    atomic_fetch_sub(&open_now, 1);
    return JOB_DONE;
}

static void no_more_are_begun_than_may_be_open(void **state)
{
    struct fixture *f = *state;

    f->conf.worker_in_flight_max = 3;
    for (int i = 0; i < 12; i++)
        add_of(f, i % 2 == 0 ? &work_kind : &other_kind);
    start(f, step_that_is_refused);
    WAIT_FOR(jobs_left(f) == 0);
    assert_int_equal(atomic_load(&open_most), 3);
}

static bool is_told(struct fixture *f, const char *line)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);

    metrics_text(f->worker.metrics->set, &b);
    return strstr(b.p, line) != NULL;
}

#define PAUSED(times) "marketingcli_alarms_total{alarm=\"kind_paused\"} " times "\n"

/* Some fail; the others must wait before they can make their call. */
static enum job_step step_that_waits_or_fails(struct job_run *run)
{
    if (atomic_fetch_sub(&to_fail, 1) > 0)
        return job_run_failed(run, ERR_SEALED);
    run->again_at_us = clock_now_us() + 3600 * US_PER_SEC;
    return JOB_AGAIN;
}

/* A kind whose calls fail does not work because a run had none to make: somebody would be woken again and again. */
static void who_made_no_call_does_not_end_a_pause(void **state)
{
    struct fixture *f = *state;

    kinds[0] = &call_kind;
    atomic_store(&to_fail, KIND_FAULTS);
    for (int i = 0; i < KIND_FAULTS; i++)
        add(f);
    start(f, step_that_waits_or_fails);
    WAIT_FOR(is_told(f, PAUSED("1")));
    WAIT_FOR(atomic_load(&steps) >= 2 * KIND_FAULTS); /* they come again, and wait */
    atomic_store(&to_fail, KIND_FAULTS);
    for (int i = 0; i < KIND_FAULTS; i++)
        add(f);
    WAIT_FOR(atomic_load(&steps) >= 3 * KIND_FAULTS);
    stop(f);
    assert_true(is_told(f, PAUSED("1")));
}

static atomic_bool refusing;

static enum job_step step_that_is_refused_for_long(struct job_run *run)
{
    if (run->data == NULL) {
        run->data = arena_alloc(run->arena, 1);
        atomic_fetch_add(&open_now, 1);
    }
    return atomic_load(&refusing) ? job_run_record(run, ERR_DB_FAILED) : JOB_DONE;
}

/* They show by themselves whether the pause may end: a probe would only begin one more that cannot be recorded. */
static void where_many_results_wait_no_more_are_begun(void **state)
{
    struct fixture *f = *state;

    atomic_store(&refusing, true);
    for (int i = 0; i <= KIND_FAULTS; i++)
        add(f);
    start(f, step_that_is_refused_for_long);
    WAIT_FOR(atomic_load(&open_now) == KIND_FAULTS + 1 && is_told(f, PAUSED("1")));
    for (int i = 0; i <= KIND_FAULTS; i++)
        add(f);
    WAIT_FOR(atomic_load(&steps) >= 10 * (KIND_FAULTS + 1)); /* by then the pause is over, and the grace of a start */
    assert_int_equal(atomic_load(&open_now), KIND_FAULTS + 1);
    atomic_store(&refusing, false);
    WAIT_FOR(jobs_left(f) == 0);
}

static struct uuid keeps; /* the subject whose result is refused */

static enum job_step step_beside_a_suspect(struct job_run *run)
{
    if (uuid_eq(&run->job.subject_id, &keeps)) {
        atomic_store(&open_now, 1);
        if (atomic_load(&refusing))
            return job_run_record(run, ERR_DB_FAILED);
        atomic_store(&open_now, 0);
    } else if (run->job.runs > JOB_CRASHES_MAX) {
        atomic_fetch_add(&suspect_began, atomic_load(&refusing) ? 100 : 1);
    } else {
        atomic_fetch_add(&others_done, 1);
    }
    return JOB_DONE;
}

/* It may take the process with it, and the database has not got that result. Others go on meanwhile. */
static void a_suspect_waits_for_results_that_wait(void **state)
{
    struct fixture *f = *state;
    struct uuid suspect = uuid_new();

    keeps = uuid_new();
    atomic_store(&refusing, true);
    assert_int_equal(job_add(f->db, JOB_MEDIA, KIND, &keeps, clock_now_us(), (struct str){0}), OK);
    start(f, step_beside_a_suspect);
    WAIT_FOR(atomic_load(&open_now) == 1);
    int64_t later_us = clock_now_us() + 3600 * US_PER_SEC;
    assert_int_equal(job_add(f->db, JOB_MEDIA, KIND, &suspect, later_us, (struct str){0}), OK);
    assert_int_equal(db_exec(f->db, &sqls[MAKE_SUSPECT], DB_ARGS(db_i64(JOB_CRASHES_MAX), db_uuid(&suspect)), NULL),
                     OK);
    add(f);
    WAIT_FOR(atomic_load(&others_done) == 1);
    assert_int_equal(atomic_load(&suspect_began), 0);
    atomic_store(&refusing, false);
    WAIT_FOR(jobs_left(f) == 0);
    assert_int_equal(atomic_load(&suspect_began), 1);
}

static enum job_step step_that_is_done(struct job_run *run)
{
    (void)run;
    return JOB_DONE;
}

/* There is always one, whatever it did. */
static void a_standing_job_is_not_buried(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = clock_now_us();

    kinds[0] = &standing_kind;
    assert_int_equal(job_add(f->db, JOB_MEDIA, KIND, &UUID_NONE, now_us, (struct str){0}), OK);
    assert_int_equal(db_exec(f->db, &sqls[SET_RUNS], DB_ARGS(db_i64(JOB_RUNS_MAX)), NULL), OK);
    start(f, step_that_is_done);
    WAIT_FOR(is_told(f, "marketingcli_alarms_total{alarm=\"job_dead\"} 1\n"));
    stop(f);
    struct row r = read_row(f);
    assert_true(str_eqc(r.state, "ready"));
    assert_int_equal(r.runs, 0);
    assert_true(r.run_at_us >= now_us + JOB_REST_US);
    assert_int_equal(atomic_load(&steps), 0);
}

static int silent_port;

/* Of one that works once: its connection is taken, and nothing ever comes. */
static enum job_step step_that_calls_in_vain(struct job_run *run)
{
    run->call = (struct net_call){.method = "POST",
                                  .url = arena_printf(run->arena, "https://127.0.0.1:%d/", silent_port).p,
                                  .body = STR("x"),
                                  .content_type = "text/plain",
                                  .allow_private = true,
                                  .fresh = true,
                                  .reply_max_bytes = 1000,
                                  .timeout_sec = RUNNER_STOP_SEC + 5,
                                  .connect_timeout_sec = RUNNER_STOP_SEC + 5};
    return run->result == NULL ? JOB_CALL : JOB_DONE;
}

static void a_call_that_is_open_when_a_stop_ends_is_told(void **state)
{
    struct fixture *f = *state;
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &n), 0);
    silent_port = ntohs(at.sin_port);
    add(f);
    start(f, step_that_calls_in_vain);
    WAIT_FOR(atomic_load(&steps) == 1);
    stop(f);
    assert_int_equal(close(fd), 0);
    assert_true(is_told(f, "marketingcli_alarms_total{alarm=\"result_lost\"} 1\n"));
    assert_int_equal(jobs_left(f), 1);
}

static enum job_step step_that_calls_too_late(struct job_run *run)
{
    if (run->result != NULL) {
        atomic_fetch_add(&others_done, run->result->unasked);
        return JOB_DONE;
    }
    (void)step_that_calls_in_vain(run);
    run->call.start_by_us = 1;
    return JOB_CALL;
}

/* On a machine that stood still for a while, calls are too late to be made. That is nobody's fault. */
static void calls_that_are_too_late_do_not_pause_the_kind(void **state)
{
    struct fixture *f = *state;

    kinds[0] = &call_kind;
    for (int i = 0; i < 2 * KIND_FAULTS; i++)
        add(f);
    start(f, step_that_calls_too_late);
    WAIT_FOR(jobs_left(f) == 0);
    stop(f);
    assert_int_equal(atomic_load(&others_done), 2 * KIND_FAULTS);
    assert_false(is_told(f, PAUSED("1")));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(no_more_are_begun_than_may_be_open),           TEST(who_made_no_call_does_not_end_a_pause),
        TEST(where_many_results_wait_no_more_are_begun),    TEST(a_standing_job_is_not_buried),
        TEST(a_call_that_is_open_when_a_stop_ends_is_told), TEST(a_result_is_tried_again_in_the_same_memory),
        TEST(a_suspect_waits_for_results_that_wait),        TEST(calls_that_are_too_late_do_not_pause_the_kind),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
