/*
 * Against a real MariaDB with our schema: its socket is $TEST_DB_SOCKET, where root may connect by unix_socket.
 * tests/api/test_with_database.py runs it. The jobs are in a table of their own, in test_db, where no worker looks.
 */
#include "jobs.h"

#include <pthread.h>
#include <time.h>

struct row {
    struct str state;
    int64_t run_at_us, runs, tries, failures, wanted_at_us;
    struct uuid lease_token;
};

static const struct db_col row_cols[] = {
    DB_COL(struct row, state, STR),        DB_COL(struct row, run_at_us, I64),
    DB_COL(struct row, runs, I64),         DB_COL(struct row, tries, I64),
    DB_COL(struct row, failures, I64),     DB_COL(struct row, lease_token, UUID),
    DB_COL(struct row, wanted_at_us, I64), DB_END,
};

enum { READ, WAITING };
static const struct sql sqls[] = {
    [READ] = {.text = "SELECT state, run_at_us, runs, tries, failures, lease_token, wanted_at_us FROM jobs_media"
                      " WHERE subject_id = ?",
              .in = "u",
              .cols = row_cols},
    [WAITING] = {.text = "SELECT COUNT(*) FROM information_schema.innodb_trx WHERE trx_state = 'LOCK WAIT'",
                 .in = "",
                 .cols = db_number_cols},
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

/* How many are claimed; *ret_job is the first. */
static size_t claim_some(struct fixture *f, const struct job_claim *c, struct job *ret_job, bool *ret_suspect)
{
    struct job *jobs;
    size_t n;

    assert_int_equal(job_claim(f->db, c, &f->arena, &jobs, &n, ret_suspect), OK);
    if (n > 0)
        *ret_job = jobs[0];
    return n;
}

static struct job claim(struct fixture *f, int64_t now_us)
{
    struct job_claim c = claim_at(now_us);
    struct job job = {0};
    bool suspect;

    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
    return job;
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
    add(f, AT_US + 2 * JOB_REST_US); /* asked for again: neither put off */
    assert_int_equal(read(f).run_at_us, dead.run_at_us + JOB_REST_US);
    add(f, AT_US); /* nor called from its rest */
    assert_int_equal(read(f).run_at_us, dead.run_at_us + JOB_REST_US);

    job = claim(f, dead.run_at_us + JOB_REST_US);
    assert_int_equal(job_again(f->db, JOB_MEDIA, &job, dead.run_at_us + 2 * JOB_REST_US), OK);
    add(f, AT_US); /* which is over */
    assert_int_equal(read(f).run_at_us, AT_US);
}

/* While it runs, run_at_us is the lease that keeps others away; what was asked meanwhile is done when it ends. */
static void one_that_is_wanted_while_it_runs_runs_again(void **state)
{
    struct fixture *f = *state;

    add(f, AT_US);
    struct job job = claim(f, AT_US);
    add(f, AT_US + 7);
    add(f, AT_US + 5);
    add(f, AT_US + 9);
    struct row r = read(f);
    assert_int_equal(r.run_at_us, AT_US + LEASE_US);
    assert_true(uuid_eq(&r.lease_token, &job.lease_token));
    assert_int_equal(r.runs, 1);
    assert_int_equal(r.wanted_at_us, AT_US + 5);

    assert_int_equal(job_finish(f->db, JOB_MEDIA, &job), OK);
    r = read(f);
    assert_int_equal(r.run_at_us, AT_US + 5);
    assert_true(uuid_is_none(&r.lease_token));
    assert_int_equal(r.runs, 0);
    assert_int_equal(r.wanted_at_us, 0);

    job = claim(f, AT_US + 5);
    add(f, AT_US + 20);
    assert_int_equal(job_again(f->db, JOB_MEDIA, &job, AT_US + 1000), OK);
    assert_int_equal(read(f).run_at_us, AT_US + 20);

    job = claim(f, AT_US + 20);
    assert_int_equal(job_finish(f->db, JOB_MEDIA, &job), OK);
    assert_int_equal(job_finish(f->db, JOB_MEDIA, &job), ERR_CONFLICT); /* nobody wanted it: it is gone */
}

/* Nobody heard whether the claim was committed. It was, or it was not, or somebody else has the job by now. */
static void a_claim_that_is_taken_back_was_none(void **state)
{
    struct fixture *f = *state;

    add(f, AT_US);
    struct job dead = claim(f, AT_US), job = claim(f, AT_US + LEASE_US);
    assert_int_equal(job.runs, 2);
    assert_int_equal(job_unclaim(f->db, JOB_MEDIA, &dead, 1), OK); /* it is another worker's */
    assert_int_equal(read(f).runs, 2);
    add(f, AT_US + LEASE_US + 7);
    for (int i = 0; i < 2; i++) { /* also when nobody heard of this one either */
        assert_int_equal(job_unclaim(f->db, JOB_MEDIA, &job, 1), OK);
        struct row r = read(f);
        assert_true(uuid_eq(&r.lease_token, &dead.lease_token)); /* what it may have left is found */
        assert_int_equal(r.run_at_us, AT_US + LEASE_US);
        assert_int_equal(r.runs, 1); /* the worker that died */
        assert_int_equal(r.wanted_at_us, 0);
    }
    job = claim(f, AT_US + LEASE_US);
    assert_true(uuid_eq(&job.left_token, &dead.lease_token));
    assert_int_equal(job_is_left(f->db, JOB_MEDIA, &job.id, &dead.lease_token), ERR_NOT_FOUND);
    assert_int_equal(job_is_left(f->db, JOB_MEDIA, &job.id, &job.lease_token), OK);
    assert_int_equal(job_again(f->db, JOB_MEDIA, &job, AT_US), OK);
    assert_int_equal(job_is_left(f->db, JOB_MEDIA, &job.id, &job.lease_token), ERR_NOT_FOUND);
    job = claim(f, AT_US);
    assert_true(uuid_is_none(&job.left_token)); /* that run has ended */
    assert_int_equal(job_unclaim(f->db, JOB_MEDIA, &job, 1), OK);
    struct row free_row = read(f);
    assert_true(uuid_is_none(&free_row.lease_token));
}

/* Written before the clock was set back by an hour. */
static void what_a_clock_that_was_set_back_put_off_is_found(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = clock_now_us(), before_us = now_us + 3600 * US_PER_SEC;
    uint64_t n;

    add(f, before_us); /* the time of its creation is now's */
    assert_int_equal(job_hurry(f->db, JOB_MEDIA, now_us, 10, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(job_hurry(f->db, JOB_MEDIA, now_us - 3600 * US_PER_SEC, 10, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(read(f).run_at_us, now_us - 3600 * US_PER_SEC);

    struct job job = claim(f, before_us); /* and its worker dies */
    assert_int_equal(job_hurry(f->db, JOB_MEDIA, before_us, 10, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(job_hurry(f->db, JOB_MEDIA, now_us, 10, &n), OK);
    assert_int_equal(n, 1);
    struct row r = read(f);
    assert_int_equal(r.run_at_us, now_us);
    assert_true(uuid_eq(&r.lease_token, &job.lease_token));

    assert_int_equal(job_again(f->db, JOB_MEDIA, &job, before_us), OK); /* what is tried again keeps its wait */
    assert_int_equal(job_hurry(f->db, JOB_MEDIA, now_us - 3600 * US_PER_SEC, 10, &n), OK);
    assert_int_equal(n, 0);
}

/* Its process has died twice while it ran, among others: it comes when nothing else runs, and by itself. */
static void a_suspect_comes_alone(void **state)
{
    struct fixture *f = *state;
    struct job_claim c = claim_at(AT_US);
    struct uuid suspect_id = f->subject_id, other_id = uuid_new();
    struct job job;
    bool suspect;

    add(f, AT_US);
    for (int i = 0; i < JOB_CRASHES_MAX; i++) {
        assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
        assert_false(suspect);
        c.now_us = c.lapsed_us = job.run_at_us; /* its lease is over */
    }
    f->subject_id = other_id;
    add(f, ++c.now_us);
    c.alone = false;
    assert_int_equal(claim_some(f, &c, &job, &suspect), 0);
    assert_true(suspect);
    c.alone = true;
    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
    assert_true(suspect && uuid_eq(&job.subject_id, &suspect_id));
    assert_int_equal(job.runs, JOB_RUNS_MAX);
    assert_int_equal(job_finish(f->db, JOB_MEDIA, &job), OK);
    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
    assert_true(!suspect && uuid_eq(&job.subject_id, &other_id));
}

/* A run that is given up for a reason that is not the job's is not counted. */
static void a_dropped_run_is_no_crash(void **state)
{
    struct fixture *f = *state;

    add(f, AT_US);
    for (int i = 1; i <= 10; i++) {
        struct job job = claim(f, AT_US);
        assert_int_equal(job.runs, 1);
        assert_int_equal(job_drop(f->db, JOB_MEDIA, &job, AT_US), OK);
        assert_int_equal(read(f).runs, 0);
        assert_int_equal(read(f).tries, i);
        assert_int_equal(read(f).failures, i);
    }
    struct job job = claim(f, AT_US);
    assert_int_equal(job.failures, 10);
    assert_int_equal(job_again(f->db, JOB_MEDIA, &job, AT_US),
                     OK); /* it has done its work: what fails next is the first */
    assert_int_equal(read(f).failures, 0);
    assert_int_equal(read(f).tries, 11);
}

/* The process that fails with an error is one that lives: what died with it before was not this job's doing. */
static void one_that_fails_is_no_suspect(void **state)
{
    struct fixture *f = *state;
    int64_t now_us = AT_US;
    struct job job;

    add(f, AT_US);
    for (int i = 0; i <= JOB_CRASHES_MAX; i++, now_us += LEASE_US)
        job = claim(f, now_us);
    assert_int_equal(job.runs, JOB_RUNS_MAX);
    assert_int_equal(job_drop(f->db, JOB_MEDIA, &job, now_us), OK);
    assert_int_equal(read(f).runs, 0);
}

/* An account is connected again while its turn fails: that does not wait for the backoff. */
static void one_that_is_wanted_while_it_fails_runs_when_it_is_wanted(void **state)
{
    struct fixture *f = *state;

    add(f, AT_US);
    struct job job = claim(f, AT_US);
    add(f, AT_US + 7);
    assert_int_equal(job_drop(f->db, JOB_MEDIA, &job, AT_US + 300), OK);
    assert_int_equal(read(f).run_at_us, AT_US + 7);
    assert_int_equal(read(f).wanted_at_us, 0);
}

/* After an outage another worker may still write what it has done. */
static void a_lease_that_lapsed_lately_is_left_to_its_owner(void **state)
{
    struct fixture *f = *state;
    struct job_claim c = claim_at(AT_US + 2 * LEASE_US);
    struct job job;
    bool suspect;

    add(f, AT_US);
    (void)claim(f, AT_US);
    c.lapsed_us = 0;
    assert_int_equal(claim_some(f, &c, &job, &suspect), 0);
    c.lapsed_us = c.now_us;
    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
}

/* What one worker is taking, another passes over, and waits for nothing. */
static void two_workers_do_not_fight(void **state)
{
    struct fixture *f = *state;
    struct job_claim c = claim_at(AT_US);
    struct job job;
    struct uuid first = f->subject_id;
    bool suspect;

    add(f, AT_US);
    f->subject_id = uuid_new();
    add(f, AT_US);
    struct db *other = open_db();
    assert_int_equal(db_run_text(other, STR("START TRANSACTION")), OK);
    int64_t locked;
    assert_int_equal(db_number(other, &jobs_lock, DB_ARGS(db_uuid(&first)), &locked), OK);
    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
    assert_true(uuid_eq(&job.subject_id, &f->subject_id));
    assert_int_equal(db_run_text(other, STR("ROLLBACK")), OK);
    db_free(other);
    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
    assert_true(uuid_eq(&job.subject_id, &first));
}

static bool not_the_first(void *first, const struct job *job)
{
    return !uuid_eq(&job->subject_id, first);
}

/* It keeps its lease, which is over, and its count; others come meanwhile. */
static void one_that_must_not_be_taken_is_in_nobodys_way(void **state)
{
    struct fixture *f = *state;
    struct job_claim c = claim_at(AT_US + 2 * LEASE_US);
    struct uuid first = f->subject_id;
    struct job job;
    bool suspect;

    add(f, AT_US);
    const struct job left = claim(f, AT_US);
    f->subject_id = uuid_new();
    add(f, AT_US + LEASE_US + 1);
    c.may_take = not_the_first;
    c.may_take_arg = &first;
    c.max = 1;
    assert_int_equal(claim_some(f, &c, &job, &suspect), 0);
    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
    assert_true(uuid_eq(&job.subject_id, &f->subject_id));
    f->subject_id = first;
    const struct row r = read(f);
    assert_int_equal(r.runs, 1);
    assert_int_equal(r.run_at_us, c.now_us + JOB_LEFT_US);
    assert_true(uuid_eq(&r.lease_token, &left.lease_token));
    c = claim_at(c.now_us + JOB_LEFT_US);
    assert_int_equal(claim_some(f, &c, &job, &suspect), 1);
    assert_true(uuid_eq(&job.left_token, &left.lease_token));
}

/* Somebody who adds a job, in a transaction and a thread of its own. */
struct adding {
    struct db_counts counts;
    struct db *db;
    const struct uuid *subject_id;
    pthread_t thread;
    enum err end;
};

static enum err adding_tx(struct db *db, void *arg)
{
    const struct adding *a = arg;

    return job_add(db, JOB_MEDIA, KIND, a->subject_id, AT_US, (struct str){0});
}

static void *adding_main(void *arg)
{
    struct adding *a = arg;

    a->end = db_tx(a->db, adding_tx, a);
    return NULL;
}

/* Starts it, and waits until n in all wait for a lock. */
static void adding_begin(struct fixture *f, struct adding *a, const struct uuid *subject_id, int64_t n)
{
    struct timespec pause = {.tv_nsec = 150000000}; /* who asks InnoDB within 100 ms is told the same again */
    int64_t waiting = 0;

    *a = (struct adding){.subject_id = subject_id};
    struct db_options options = options_of_tests(&a->counts);
    a->db = db_new(&options);
    assert_int_equal(db_run_text(a->db, STR("SET SESSION innodb_lock_wait_timeout = 60")), OK);
    assert_int_equal(pthread_create(&a->thread, NULL, adding_main, a), 0);
    for (int i = 0; i < 200 && waiting < n; i++) {
        (void)nanosleep(&pause, NULL);
        assert_int_equal(db_number(f->db, &sqls[WAITING], DB_NO_ARGS, &waiting), OK);
    }
    assert_int_equal(waiting, n);
}

/* No deadlock is left behind. */
static void adding_end(struct adding *a)
{
    assert_int_equal(pthread_join(a->thread, NULL), 0);
    assert_int_equal(a->end, OK);
    assert_int_equal(atomic_load(&a->counts.reruns), 0);
    db_free(a->db);
}

/*
 * The second is being finished while both are added again. Of the first an old row is still there, because a snapshot is
 * open that may see it.
 */
static void neighbours_that_are_added_again_do_not_deadlock(void **state)
{
    struct fixture *f = *state;
    struct uuid first = {.b = {1}}, second = {.b = {2}};
    struct db_counts counts = {0};
    struct db_options options = options_of_tests(&counts);
    struct db *snapshot = db_new(&options), *finishing = db_new(&options);
    struct adding a, b;

    f->subject_id = first;
    add(f, AT_US);
    assert_int_equal(db_run_text(snapshot, STR("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")), OK);
    assert_int_equal(db_run_text(snapshot, STR("START TRANSACTION WITH CONSISTENT SNAPSHOT")), OK);
    struct job job = claim(f, AT_US);
    assert_int_equal(job_finish(f->db, JOB_MEDIA, &job), OK);
    f->subject_id = second;
    add(f, AT_US);
    job = claim(f, AT_US);
    assert_int_equal(db_run_text(finishing, STR("START TRANSACTION")), OK);
    assert_int_equal(job_finish(finishing, JOB_MEDIA, &job), OK);
    adding_begin(f, &a, &first, 1);
    adding_begin(f, &b, &second, 2);
    assert_int_equal(db_run_text(finishing, STR("COMMIT")), OK);
    adding_end(&a);
    adding_end(&b);
    db_free(finishing);
    db_free(snapshot);
}

/* Statements of this connection so far. */
static const struct sql executed = {.text =
                                        "SELECT CAST(variable_value AS SIGNED) FROM information_schema.session_status"
                                        " WHERE variable_name = 'COM_STMT_EXECUTE'",
                                    .in = "",
                                    .cols = db_number_cols};

static void the_oldest_of_each_kind_is_known(void **state)
{
    struct fixture *f = *state;
    static const char *const kinds[] = {"another", "nobody's", KIND};
    struct job_due due;
    int64_t before, after;

    add(f, AT_US + 3);
    f->subject_id = uuid_new();
    add(f, AT_US + 2);
    assert_int_equal(job_add(f->db, JOB_MEDIA, "another", &f->subject_id, AT_US + 1, (struct str){0}), OK);
    assert_int_equal(db_number(f->db, &executed, DB_NO_ARGS, &before), OK);
    assert_int_equal(job_due(f->db, JOB_MEDIA, &f->arena, kinds, ARRAY_LEN(kinds), &due), OK);
    assert_int_equal(db_number(f->db, &executed, DB_NO_ARGS, &after), OK);
    assert_int_equal(after - before, 2); /* of it one: a worker asks with each claim */
    assert_int_equal(due.at_us[0], AT_US + 1);
    assert_true(due.at_us[1] == INT64_MAX && due.at_us[3] == INT64_MAX);
    assert_int_equal(due.at_us[2], AT_US + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_that_waits_is_made_due_sooner_and_not_later),
        TEST(one_that_is_dead_lives_again_after_a_rest),
        TEST(one_that_is_wanted_while_it_runs_runs_again),
        TEST(a_claim_that_is_taken_back_was_none),
        TEST(what_a_clock_that_was_set_back_put_off_is_found),
        TEST(a_suspect_comes_alone),
        TEST(a_dropped_run_is_no_crash),
        TEST(one_that_fails_is_no_suspect),
        TEST(one_that_is_wanted_while_it_fails_runs_when_it_is_wanted),
        TEST(a_lease_that_lapsed_lately_is_left_to_its_owner),
        TEST(one_that_must_not_be_taken_is_in_nobodys_way),
        TEST(two_workers_do_not_fight),
        TEST(neighbours_that_are_added_again_do_not_deadlock),
        TEST(the_oldest_of_each_kind_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
