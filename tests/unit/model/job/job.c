/*
 * Against a real MariaDB with our schema: its socket is $TEST_DB_SOCKET, where root may connect by unix_socket.
 * tests/api/test_with_database.py runs it. The jobs are in a table of their own, in test_db, where no worker looks.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/clock.h"
#include "model/job/job.h"

#define KIND "test"
#define AT_US INT64_C(1000000000)
#define LEASE_US (120 * US_PER_SEC)

struct fixture {
    struct db *db;
    struct arena arena;
    struct uuid subject_id;
};

struct row {
    struct str state;
    int64_t run_at_us, runs, tries;
    struct uuid lease_token;
};

static const struct db_col row_cols[] = {
    DB_COL(struct row, state, STR), DB_COL(struct row, run_at_us, I64),    DB_COL(struct row, runs, I64),
    DB_COL(struct row, tries, I64), DB_COL(struct row, lease_token, UUID), DB_END,
};

enum { READ };
static const struct sql sqls[] = {
    [READ] = {.text = "SELECT state, run_at_us, runs, tries, lease_token FROM jobs_media WHERE subject_id = ?",
              .in = "u",
              .cols = row_cols},
};

static struct row read(struct fixture *f)
{
    struct row r = {0};

    assert_int_equal(db_row(f->db, &sqls[READ], DB_ARGS(db_uuid(&f->subject_id)), &f->arena, &r), OK);
    return r;
}

static void add(struct fixture *f, int64_t run_at_us)
{
    assert_int_equal(job_add(f->db, JOB_MEDIA, KIND, &f->subject_id, run_at_us, (struct str){0}), OK);
}

static struct job claim(struct fixture *f, int64_t now_us)
{
    struct job *jobs;
    size_t n;

    assert_int_equal(job_claim(f->db, JOB_MEDIA, now_us, LEASE_US, JOB_CLAIM_MAX, &f->arena, &jobs, &n), OK);
    assert_int_equal(n, 1);
    return jobs[0];
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct db_options options = {
        .name = "test_db", .user = "root", .timeout_sec = 10, .socket = getenv("TEST_DB_SOCKET")};

    assert_non_null(options.socket);
    f->db = db_new(&options);
    assert_int_equal(db_run_text(f->db, STR("CREATE OR REPLACE TABLE jobs_media LIKE marketingcli.jobs_media")), OK);
    f->subject_id = uuid_new();
    arena_init(&f->arena, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_run_text(f->db, STR("DROP TABLE jobs_media")), OK);
    db_free(f->db);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static void one_that_waits_is_made_due_sooner_and_not_later(void **state)
{
    struct fixture *f = *state;

    add(f, AT_US);
    add(f, AT_US - 5);
    assert_int_equal(read(f).run_at_us, AT_US - 5);
    add(f, AT_US + 5);
    assert_int_equal(read(f).run_at_us, AT_US - 5);
}

static void one_that_is_dead_lives_again_after_a_rest(void **state)
{
    struct fixture *f = *state;

    add(f, AT_US);
    struct job job = claim(f, AT_US);
    assert_int_equal(job_again(f->db, JOB_MEDIA, &job, AT_US), OK);
    job = claim(f, AT_US);
    assert_int_equal(job_bury(f->db, JOB_MEDIA, &job), OK);
    struct row dead = read(f);
    assert_true(str_eqc(dead.state, "dead"));

    add(f, AT_US);
    struct row r = read(f);
    assert_true(str_eqc(r.state, "ready"));
    assert_int_equal(r.run_at_us, dead.run_at_us + JOB_REST_US);
    assert_int_equal(r.runs, 0);
    assert_int_equal(r.tries, 0);
    add(f, AT_US + 2 * JOB_REST_US); /* asked for a third time: not put off */
    assert_int_equal(read(f).run_at_us, dead.run_at_us + JOB_REST_US);
}

/* While it runs, run_at_us is the lease that keeps others away. */
static void one_that_runs_is_left_alone(void **state)
{
    struct fixture *f = *state;

    add(f, AT_US);
    struct job job = claim(f, AT_US);
    add(f, AT_US - 5);
    struct row r = read(f);
    assert_int_equal(r.run_at_us, AT_US + LEASE_US);
    assert_true(uuid_eq(&r.lease_token, &job.lease_token));
    assert_int_equal(r.runs, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_waits_is_made_due_sooner_and_not_later),
        TEST(one_that_is_dead_lives_again_after_a_rest),
        TEST(one_that_runs_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
