/* What a worker before this one has left. tests/api/test_with_database.py runs it. */
#include "running.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "jobs/spool.h"

#define AGO_US (600 * US_PER_SEC) /* when that worker claimed what it has not ended */

static enum job_step left_step(struct job_run *run);
static bool left_keep(const struct job_run *run, struct buf *memo);
static enum err left_take_up(struct job_run *run, struct str memo);

static const struct job_kind left_kind = {
    .name = KIND, .class = JOB_MEDIA, .calls = true, .step = left_step, .keep = left_keep, .take_up = left_take_up};
static struct spool spool;
static atomic_int without, others_done;
static atomic_bool disk_is_full;

enum { HURRY, PUT_OFF };
static const struct sql sqls[] = {
    [PUT_OFF] = {.text = "SELECT COUNT(*) FROM jobs_media WHERE run_at_us > ?", .in = "i", .cols = db_number_cols},
    [HURRY] = {.text = "UPDATE jobs_media SET run_at_us = 1 WHERE run_at_us > ?", .in = "i"},
};

/* linkat(2), as on a disk that has no room for a name more: of the library's calls, too. */
int linkat(int old_dir, const char *from, int new_dir, const char *to, int flags)
{
    if (atomic_load(&disk_is_full)) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_linkat, old_dir, from, new_dir, to, flags);
}

static bool left_keep(const struct job_run *run, struct buf *memo)
{
    (void)run;
    (void)memo;
    return true;
}

static enum err left_take_up(struct job_run *run, struct str memo)
{
    (void)run;
    return str_eqc(memo, "memo") ? OK : ERR_VALIDATION;
}

static enum job_step left_step(struct job_run *run)
{
    if (run->result == NULL)
        atomic_fetch_add(&without, 1);
    else
        ASSERT(run->fault == (run->result->err == ERR_NET_NOT_SENT) && !run->called);
    return JOB_DONE;
}

static enum job_step other_step(struct job_run *run)
{
    (void)run;
    atomic_fetch_add(&others_done, 1);
    return JOB_DONE;
}

static int setup(void **state)
{
    static char folder[64];

    (void)snprintf(folder, sizeof folder, "/tmp/left-XXXXXX");
    if (mkdtemp(folder) == NULL || running_setup(state) != 0)
        return -1;
    struct fixture *f = *state;
    f->conf.worker_kept_dir = str_from(folder);
    (void)snprintf(spool.dir, sizeof spool.dir, "%s/%s", folder, job_class_names[JOB_MEDIA]);
    kinds[0] = &left_kind;
    atomic_store(&without, 0);
    atomic_store(&others_done, 0);
    return mkdir(spool.dir, 0700);
}

static int remove_it(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    const struct fixture *f = *state;

    (void)nftw(f->conf.worker_kept_dir.p, remove_it, 8, FTW_DEPTH | FTW_PHYS);
    return running_teardown(state);
}

/* A job whose lease is over, and the result of its call. */
static void leave(struct fixture *f, enum err result)
{
    int64_t then_us = clock_now_us() - AGO_US;
    const struct uuid subject_id = uuid_new();
    const struct job_claim c = {
        .class = JOB_MEDIA, .kind = KIND, .now_us = then_us, .lapsed_us = then_us, .lease_us = US_PER_SEC, .max = 1};
    const struct spooled s = {.kind = STR(KIND),
                              .memo = STR("memo"),
                              .runs = 1,
                              .result = {.err = result, .status = result == OK ? 200 : 0, .detail = "left"}};
    struct job *job;
    bool suspect;
    size_t n;

    assert_int_equal(job_add(f->db, JOB_MEDIA, KIND, &subject_id, then_us, (struct str){0}), OK);
    assert_int_equal(job_claim(f->db, &c, &f->arena, &job, &n, &suspect), OK);
    assert_int_equal(n, 1);
    assert_int_equal(spool_write(&spool, &f->arena, &job->id, &job->lease_token, &s), OK);
}

/* That worker could not reach anybody. Whether this one can, nobody knows. */
static void a_call_that_was_not_sent_then_is_no_fault_of_now(void **state)
{
    struct fixture *f = *state;

    for (int i = 0; i < KIND_FAULTS; i++)
        leave(f, ERR_NET_NOT_SENT);
    start(f, other_step);
    WAIT_FOR(jobs_left(f) == 0);
    stop(f);
    assert_int_equal(atomic_load(&without), 0);
    assert_true(is_told(f, PAUSED("0")));
}

static bool is_put_off(struct fixture *f)
{
    int64_t n;

    assert_int_equal(db_number(f->db, &sqls[PUT_OFF], DB_ARGS(db_i64(clock_now_us())), &n), OK);
    return n == 1;
}

/* A run that begins without the result would do again what works only once. */
static void what_cannot_be_handed_on_is_waited_for(void **state)
{
    struct fixture *f = *state;

    leave(f, OK);
    atomic_store(&disk_is_full, true);
    add_of(f, &other_kind);
    start(f, other_step);
    WAIT_FOR(atomic_load(&others_done) == 1);
    WAIT_FOR(is_put_off(f) || atomic_load(&without) > 0);
    assert_int_equal(atomic_load(&without), 0);
    atomic_store(&disk_is_full, false);
    const int64_t now_us = clock_now_us();
    WAIT_FOR(db_exec(f->db, &sqls[HURRY], DB_ARGS(db_i64(now_us)), NULL) == OK && jobs_left(f) == 0);
    stop(f);
    assert_int_equal(atomic_load(&without), 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_call_that_was_not_sent_then_is_no_fault_of_now),
        TEST(what_cannot_be_handed_on_is_waited_for),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
