/* Users take turns. tests/api/test_with_database.py runs it. */
#include "jobs.h"

static const struct sql owner_of = {
    .text = "SELECT user_id FROM jobs_media WHERE id = ?", .in = "u", .cols = db_uuid_cols};

#define BATCH 8

struct users {
    struct fixture *f;
    struct job_round round;
    int64_t now_us;
};

/* A job of this user; NULL: of nobody's. */
static void add_of(struct users *u, const struct uuid *user_id, int64_t run_at_us)
{
    struct uuid id = uuid_new();

    assert_int_equal(job_add_of(u->f->db, JOB_MEDIA, KIND, &id, user_id, run_at_us, (struct str){0}), OK);
}

static void add_many(struct users *u, const struct uuid *user_id, int n, int64_t from_us)
{
    for (int i = 0; i < n; i++)
        add_of(u, user_id, from_us + i);
}

/* Claims a batch; how many of them are this user's, or of nobody if that is none. All of them count as done. */
static size_t claim_batch(struct users *u, const struct uuid *user_id, size_t *ret_n)
{
    struct job_claim c = claim_at(u->now_us);
    struct job *jobs;
    bool suspect;
    size_t n, found = 0;

    c.max = BATCH;
    c.round = &u->round;
    assert_int_equal(job_claim(u->f->db, &c, &u->f->arena, &jobs, &n, &suspect), OK);
    for (size_t i = 0; i < n; i++) {
        struct uuid owner = UUID_NONE;
        assert_int_equal(db_row(u->f->db, &owner_of, DB_ARGS(db_uuid(&jobs[i].id)), &u->f->arena, &owner), OK);
        found += uuid_eq(&owner, user_id);
        assert_int_equal(job_finish(u->f->db, JOB_MEDIA, &jobs[i]), OK);
    }
    *ret_n = n;
    return found;
}

/* In which batch the first of this user's jobs comes; 0: in none. */
static int batch_of(struct users *u, const struct uuid *user_id)
{
    size_t n;

    for (int i = 1; i < 1000; i++) {
        if (claim_batch(u, user_id, &n) > 0)
            return i;
        if (n == 0)
            break;
    }
    return 0;
}

/* The first batch goes by time, because nobody knows yet that there is more. */
static void one_users_many_accounts_hold_up_nobody(void **state)
{
    struct users u = {.f = *state, .now_us = AT_US + 1000000};
    struct uuid many = uuid_new(), one = uuid_new();

    add_many(&u, &many, 200, AT_US);
    add_of(&u, &one, AT_US + 1000);
    assert_int_equal(batch_of(&u, &one), 2);
    add_of(&u, &one, AT_US + 2000);
    assert_int_equal(batch_of(&u, &one), 1); /* also when it comes while a round is under way */
}

static void many_users_with_many_accounts_take_turns(void **state)
{
    struct users u = {.f = *state, .now_us = AT_US + 1000000};
    struct uuid one = uuid_new();

    for (int i = 0; i < 20; i++) {
        struct uuid many = uuid_new();
        add_many(&u, &many, 20, AT_US + 100 * i);
    }
    add_of(&u, &one, AT_US + 10000);
    assert_in_range(batch_of(&u, &one), 2, 1 + (20 + BATCH) / (BATCH - 1));
}

/* Twenty new users in each batch: more than are served. */
static void who_has_many_accounts_is_not_forgotten(void **state)
{
    struct users u = {.f = *state, .now_us = AT_US + 1000};
    struct uuid many = uuid_new();
    size_t served = 0, n;

    add_many(&u, &many, 50, AT_US);
    for (int i = 0; i < 60; i++) {
        for (int j = 0; j < 20; j++) {
            struct uuid user_id = uuid_new();
            add_of(&u, &user_id, u.now_us);
        }
        u.now_us += 1000;
        served += claim_batch(&u, &many, &n);
        assert_int_equal(n, BATCH);
    }
    assert_in_range(served, BATCH + 3, BATCH + 12);
}

/* Whether users take turns or not, each job comes once, and none is left. */
static void turns_leave_nothing_behind(void **state)
{
    struct users u = {.f = *state, .now_us = AT_US + 1000000};
    struct uuid none = UUID_NONE;
    size_t n, all = 0, nobodys = 0;

    for (int i = 0; i < 5; i++) {
        struct uuid user_id = uuid_new();
        add_many(&u, &user_id, 5 * i, AT_US); /* all at the same moments */
    }
    add_many(&u, &none, 30, AT_US); /* of an older program */
    do {
        nobodys += claim_batch(&u, &none, &n);
        all += n;
    } while (n == BATCH);
    assert_int_equal(nobodys, 30);
    assert_int_equal(all, 30 + 5 * (1 + 2 + 3 + 4));
    assert_int_equal(u.round.until_us, 0); /* there is no more than fits */
    assert_int_equal(claim_batch(&u, &none, &n) + n, 0);
}

/* Another worker is taking the only job of each user that may come now: there is enough besides. */
static void turns_wait_for_no_other_worker(void **state)
{
    struct users u = {.f = *state, .now_us = AT_US + 1000000, .round = {.until_us = AT_US + 1000000}};
    struct uuid many = uuid_new();
    int64_t n;
    size_t claimed;

    u.f->subject_id = uuid_new();
    assert_int_equal(job_add_of(u.f->db, JOB_MEDIA, KIND, &u.f->subject_id, &many, AT_US, (struct str){0}), OK);
    add_many(&u, &many, 20, AT_US + 1);
    struct db *other = open_db();
    assert_int_equal(db_run_text(other, STR("START TRANSACTION")), OK);
    assert_int_equal(db_number(other, &jobs_lock, DB_ARGS(db_uuid(&u.f->subject_id)), &n), OK);
    assert_int_equal(claim_batch(&u, &many, &claimed), BATCH);
    db_free(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_users_many_accounts_hold_up_nobody), TEST(many_users_with_many_accounts_take_turns),
        TEST(who_has_many_accounts_is_not_forgotten), TEST(turns_leave_nothing_behind),
        TEST(turns_wait_for_no_other_worker),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
