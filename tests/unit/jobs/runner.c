#include "running.h"

static const struct job_kind standing_kind = {
    .name = KIND, .class = JOB_MEDIA, .standing = true, .step = runner_test_step};

static atomic_int open_now, open_most, to_fail, others_done, suspect_began;

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

enum { READ, SET_RUNS, MAKE_SUSPECT };
static const struct sql sqls[] = {
    [READ] = {.text = "SELECT state, run_at_us, runs FROM jobs_media WHERE kind = '" KIND "'",
              .in = "",
              .cols = row_cols},
    [SET_RUNS] = {.text = "UPDATE jobs_media SET runs = ?", .in = "i"},
    [MAKE_SUSPECT] = {.text = "UPDATE jobs_media SET runs = ?, run_at_us = 1 WHERE subject_id = ?", .in = "iu"},
};

static int setup(void **state)
{
    atomic_store(&open_now, 0);
    atomic_store(&open_most, 0);
    atomic_store(&others_done, 0);
    atomic_store(&suspect_began, 0);
    return running_setup(state);
}

static struct row read_row(struct fixture *f)
{
    struct row r = {0};

    assert_int_equal(db_row(f->db, &sqls[READ], DB_NO_ARGS, &f->arena, &r), OK);
    return r;
}

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
    WAIT_FOR(atomic_load(&steps) >= 8 * (KIND_FAULTS + 1)); /* by then the pause is over */
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

/* Whose stop lasts so long: what is set for a call, which is negative here, and RUNNER_STOP_SEC. */
#define STOP_SEC 2
static const struct worker_class impatient_class = {
    .class = JOB_MEDIA, .lease_us = 120 * US_PER_SEC, .call_sec = SETTING(tiktok_timeout_sec)};

static int silent_port;

/* Of one that works once. */
static enum job_step step_that_calls_in_vain(struct job_run *run)
{
    run->call = (struct net_call){.to = OUTGOING_TIKTOK,
                                  .method = "POST",
                                  .url = arena_printf(run->arena, "https://127.0.0.1:%d/", silent_port).p,
                                  .body = STR("x"),
                                  .content_type = "text/plain",
                                  .allow_private = true,
                                  .fresh = true,
                                  .reply_max_bytes = 1000,
                                  .timeout_sec = STOP_SEC + 5,
                                  .connect_timeout_sec = STOP_SEC + 5};
    return run->result == NULL ? JOB_CALL : JOB_DONE;
}

static void a_call_that_is_open_when_a_stop_ends_is_told(void **state)
{
    struct fixture *f = *state;
    int fd = listen_silently(&silent_port);

    f->worker.class = &impatient_class;
    f->conf.tiktok_timeout_sec = STOP_SEC - RUNNER_STOP_SEC;
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

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, running_teardown)

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
