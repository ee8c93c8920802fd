/* Results that the database does not take, while others go on. tests/api/test_with_database.py runs it. */
#include "running.h"

static atomic_int tries, others_done, tries_before_others;
static atomic_bool let_go;

enum { SLOW, HELD, BLOCKED };
static const struct sql sqls[] = {
    [SLOW] = {.text = "SELECT SLEEP(1.1)", .in = "", .cols = db_number_cols}, /* longer than LOOK_US */
    [HELD] = {.text = "SELECT 1 FROM worker_heartbeats WHERE class = 'mail' FOR UPDATE NOWAIT",
              .in = "",
              .cols = db_number_cols},
    [BLOCKED] = {.text = "SELECT COUNT(*) FROM oauth_states", .in = "", .cols = db_number_cols},
};

static int setup(void **state)
{
    atomic_store(&tries, 0);
    atomic_store(&others_done, 0);
    atomic_store(&let_go, false);
    return running_setup(state);
}

static enum job_step other_step(void)
{
    atomic_store(&tries_before_others, atomic_load(&tries));
    atomic_fetch_add(&others_done, 1);
    return JOB_DONE;
}

/* Its first result is not taken; later tries are what the test says. */
static bool is_first(struct job_run *run)
{
    if (run->data != NULL)
        return false;
    run->data = arena_alloc(run->arena, 1);
    return true;
}

/* As a statement does whose rows somebody holds for long. */
static enum job_step step_that_hangs(struct job_run *run)
{
    if (run->kind == &other_kind)
        return other_step();
    if (is_first(run))
        return job_run_record(run, ERR_DB_FAILED);
    atomic_fetch_add(&tries, 1);
    while (!atomic_load(&let_go))
        (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    return JOB_DONE;
}

static void one_thread_is_left_to_all_else(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < 4; i++)
        add(f);
    start(f, step_that_hangs);
    WAIT_FOR(atomic_load(&tries) >= f->conf.worker_threads - 1);
    WAIT_FOR(atomic_load(&steps) >= 4 + f->conf.worker_threads - 1);
    add_of(f, &other_kind);
    WAIT_FOR(atomic_load(&others_done) == 1);
    atomic_store(&let_go, true);
    WAIT_FOR(jobs_left(f) == 0);
}

static enum job_step step_that_is_slow(struct job_run *run)
{
    int64_t zero;

    if (run->kind == &other_kind)
        return other_step();
    if (is_first(run))
        return job_run_record(run, ERR_DB_FAILED);
    atomic_fetch_add(&tries, 1);
    if (atomic_load(&let_go))
        return JOB_DONE;
    enum err e = db_number(run->db, &sqls[SLOW], DB_NO_ARGS, &zero);
    return job_run_record(run, e == OK ? ERR_DB_FAILED : e);
}

/* The one thread always has one of four to try. The leases come first, and with them what is due. */
static void leases_are_looked_at_however_many_results_wait(void **state)
{
    struct fixture *f = *state;

    f->conf.worker_threads = 1;
    for (int i = 0; i < 4; i++)
        add(f);
    start(f, step_that_is_slow);
    WAIT_FOR(atomic_load(&tries) == 1);
    add_of(f, &other_kind);
    WAIT_FOR(atomic_load(&others_done) == 1);
    atomic_store(&let_go, true);
    assert_in_range(atomic_load(&tries_before_others), 1, 6);
    WAIT_FOR(jobs_left(f) == 0);
}

static enum job_step step_whose_rows_are_held(struct job_run *run)
{
    int64_t one;

    atomic_fetch_add(&tries, 1);
    enum err e = db_number(run->db, &sqls[HELD], DB_NO_ARGS, &one);
    return e == OK ? JOB_DONE : job_run_record(run, e);
}

static void rows_that_somebody_holds_for_long_are_told(void **state)
{
    struct fixture *f = *state;
    int64_t one;

    assert_int_equal(heartbeat_write(f->db, JOB_MAIL, clock_now_us()), OK);
    struct db *holder = db_new(&f->options);
    assert_int_equal(db_run_text(holder, STR("START TRANSACTION")), OK);
    assert_int_equal(db_number(holder, &sqls[HELD], DB_NO_ARGS, &one), OK);
    add(f);
    start(f, step_whose_rows_are_held);
    WAIT_FOR(is_told(f, "marketingcli_alarms_total{alarm=\"job_stuck\"} 1\n"));
    assert_int_equal(db_run_text(holder, STR("ROLLBACK")), OK);
    db_free(holder);
    WAIT_FOR(jobs_left(f) == 0);
    assert_true(is_told(f, "marketingcli_alarms_total{alarm=\"database_away\"} 0\n"));
}

static enum job_step step_of_a_blocked_table(struct job_run *run)
{
    int64_t n;

    if (run->kind == &other_kind)
        return other_step();
    atomic_fetch_add(&tries, 1);
    enum err e = db_number(run->db, &sqls[BLOCKED], DB_NO_ARGS, &n);
    return e == OK ? JOB_DONE : job_run_record(run, e);
}

/* An ALTER, say: statements on it end because they take too long. Whoever needs another table goes on. */
static void a_table_that_is_blocked_is_no_outage(void **state)
{
    struct fixture *f = *state;
    struct db *holder = db_new(&f->options);

    assert_int_equal(db_run_text(holder, STR("LOCK TABLES oauth_states WRITE")), OK);
    f->options.timeout_sec = 1;
    add(f);
    start(f, step_of_a_blocked_table);
    WAIT_FOR(atomic_load(&tries) >= 2);
    add_of(f, &other_kind);
    WAIT_FOR(atomic_load(&others_done) == 1);
    assert_int_equal(db_run_text(holder, STR("UNLOCK TABLES")), OK);
    db_free(holder);
    WAIT_FOR(jobs_left(f) == 0);
    assert_true(is_told(f, "marketingcli_alarms_total{alarm=\"database_away\"} 0\n"));
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, running_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_thread_is_left_to_all_else),
        TEST(leases_are_looked_at_however_many_results_wait),
        TEST(rows_that_somebody_holds_for_long_are_told),
        TEST(a_table_that_is_blocked_is_no_outage),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
