#include "model/post/sides.h"

#define THREADS 16 /* connections that create and publish at once */
#define POSTS 50   /* of each */

enum { ISOLATION, NUMBERS };
static const struct sql sqls[] = {
    [ISOLATION] = {.text = "SELECT @@tx_isolation = 'READ-COMMITTED'", .in = "", .cols = db_number_cols},
    [NUMBERS] = {.text = "SELECT MAX(number) FROM post_attempts WHERE post_id = ?", .in = "u", .cols = db_number_cols},
};

static enum err create(struct side *s)
{
    return side_create(s, &UUID_NONE);
}

/* Takes the post's job as a worker does. */
static enum err take(struct side *s, struct job *ret_job)
{
    struct job *jobs;
    size_t n;

    enum err e = side_take(s, TURN_KIND, 1, &jobs, &n);
    if (e == OK && n == 0)
        e = ERR_NOT_FOUND;
    if (e == OK)
        *ret_job = jobs[0];
    return e;
}

/* That of this side's account, whatever an earlier run has left. */
static struct job take_own(struct side *s)
{
    struct job job;

    do
        assert_int_equal(take(s, &job), OK);
    while (!uuid_eq(&job.subject_id, &s->account.id));
    return job;
}

static enum err begin(struct side *s, const struct job *job, const struct uuid *post_id, int64_t number,
                      struct uuid *ret_id)
{
    const struct attempt_new attempt = {
        .id = uuid_new(), .post_id = *post_id, .from = POST_QUEUED, .number = number, .payload = STR("{}"), .job = job};

    *ret_id = attempt.id;
    return attempt_begin(s->db, &s->arena, &conf, JOB_PUBLISH, clock_now_us() + LEASE_US, &attempt, NULL, 1);
}

struct ending {
    struct side *s;
    const struct job *job;
    struct uuid post_id, attempt_id;
};

/* As the worker ends an attempt that TikTok has refused, and goes to the account's next post. */
static enum err end_tx(struct db *db, void *arg)
{
    const struct ending *x = arg;
    const struct attempt_result result = {.state = ATTEMPT_REFUSED};
    const struct post_move rejected = {.event = "rejected", .failure_code = STR("tiktok_refused")};
    struct turn turn;

    enum err e = post_lock(db, &x->post_id);
    if (e == OK)
        e = attempt_end(db, &x->attempt_id, &x->job->lease_token, &result);
    if (e == OK)
        e = post_move(db, &x->s->arena, &conf, &x->post_id, &rejected);
    if (e == OK)
        e = turn_next(db, &x->s->arena, &x->job->subject_id, clock_now_us(), &turn);
    if (e == ERR_NOT_FOUND)
        return job_finish(db, JOB_PUBLISH, x->job);
    return e == OK ? job_restart(db, JOB_PUBLISH, x->job, clock_now_us()) : e;
}

/* An account's next post, whoever's it is: its job is ours. */
static enum err publish_one(struct side *s, const struct job *job)
{
    struct ending x = {.s = s, .job = job};
    struct turn turn;

    enum err e = turn_next(s->db, &s->arena, &job->subject_id, clock_now_us(), &turn);
    if (e == ERR_NOT_FOUND)
        return job_finish(s->db, JOB_PUBLISH, job);
    if (e != OK)
        return e;
    x.post_id = turn.post_id;
    e = begin(s, job, &x.post_id, 1, &x.attempt_id);
    return e == OK ? db_tx(s->db, end_tx, &x) : e;
}

static void *create_and_publish(void *arg)
{
    struct side *s = arg;
    struct job job;
    enum err e = OK;

    for (int i = 0; i < POSTS && e == OK; i++) {
        e = create(s);
        if (e == OK)
            e = take(s, &job); /* perhaps somebody else's */
        if (e == OK)
            e = publish_one(s, &job);
        else if (e == ERR_NOT_FOUND)
            e = OK;
    }
    if (e != OK)
        print_error("%s: %s\n", err_slug(e), db_error(s->db));
    return (void *)(uintptr_t)e;
}

static void who_creates_and_publishes_at_once_never_deadlocks(void **state)
{
    struct db_counts counts = {0};
    struct side sides[THREADS];
    pthread_t threads[THREADS];
    void *e;

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        side_open(&sides[i], &counts);
    int64_t before = side_number(&sides[0], &sides_sqls[SIDES_DEADLOCKS]);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, create_and_publish, &sides[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &e), 0);
        assert_int_equal((uintptr_t)e, OK);
    }
    side_nobody_ran_again(&sides[0], &counts, before, "16 connections, 800 posts");
    for (size_t i = 0; i < THREADS; i++)
        side_close(&sides[i]);
}

static void a_number_is_taken_once(void **state)
{
    struct side s;
    struct uuid id;
    int64_t number;

    (void)state;
    side_open(&s, NULL);
    assert_int_equal(side_number(&s, &sqls[ISOLATION]), 1);
    assert_int_equal(create(&s), OK);
    struct job job = take_own(&s);
    assert_int_equal(begin(&s, &job, &s.made.post.id, 1, &id), OK);
    assert_int_equal(begin(&s, &job, &s.made.post.id, 2, &id), ERR_CONFLICT); /* the post is publishing */
    const struct post_move back = {.event = "refused_retry"};
    assert_int_equal(post_move(s.db, &s.arena, &conf, &s.made.post.id, &back), OK);
    assert_int_equal(begin(&s, &job, &s.made.post.id, 1, &id),
                     ERR_CONFLICT); /* the number is taken, and nothing was written */
    assert_int_equal(begin(&s, &job, &s.made.post.id, 2, &id), OK);
    assert_int_equal(db_number(s.db, &sqls[NUMBERS], DB_ARGS(db_uuid(&s.made.post.id)), &number), OK);
    assert_int_equal(number, 2);
    assert_int_equal(job_finish(s.db, JOB_PUBLISH, &job), OK);
    side_close(&s);
}

/* The fence is the last statement: without the lease nothing of the attempt stays. */
static void who_lost_the_job_writes_nothing(void **state)
{
    struct side s;
    struct uuid id;
    struct attempt latest;

    (void)state;
    side_open(&s, NULL);
    assert_int_equal(create(&s), OK);
    struct job job = take_own(&s), other = job;
    other.lease_token = uuid_new();
    assert_int_equal(begin(&s, &other, &s.made.post.id, 1, &id), ERR_CONFLICT);
    assert_int_equal(attempt_latest(s.db, &s.arena, &s.made.post.id, &latest), ERR_NOT_FOUND);
    assert_int_equal(job_finish(s.db, JOB_PUBLISH, &job), OK);
    side_close(&s);
}

/* Whoever could not be told that its record was written can look; and notes only what is still so. */
static void what_has_become_of_it(void **state)
{
    struct side s;
    struct uuid id, stranger = uuid_new();
    struct attempt attempt;
    const struct attempt_result accepted = {.state = ATTEMPT_ACCEPTED};

    (void)state;
    side_open(&s, NULL);
    assert_int_equal(create(&s), OK);
    struct job job = take_own(&s);
    assert_int_equal(attempt_look(s.db, &s.arena, &stranger, &job.lease_token, &attempt), ERR_NOT_FOUND);
    assert_int_equal(post_lock_in(s.db, &s.made.post.id, POST_QUEUED), OK);
    assert_int_equal(begin(&s, &job, &s.made.post.id, 1, &id), OK);
    assert_int_equal(post_lock_in(s.db, &s.made.post.id, POST_QUEUED), ERR_CONFLICT);
    assert_int_equal(attempt_end(s.db, &id, &job.lease_token, &accepted), OK);
    assert_int_equal(attempt_end(s.db, &id, &job.lease_token, &accepted), ERR_CONFLICT);
    assert_int_equal(attempt_look(s.db, &s.arena, &id, &job.lease_token, &attempt), OK);
    assert_int_equal(attempt.state, ATTEMPT_ACCEPTED);
    assert_int_equal(attempt_look(s.db, &s.arena, &id, &stranger, &attempt), ERR_NOT_FOUND);
    assert_int_equal(job_finish(s.db, JOB_PUBLISH, &job), OK);
    side_close(&s);
}

/* A key without a budget, whose posts are handed over; and its owner, who gives it one. */
struct first_budget {
    struct side worker, owner;
    struct db *watcher;
    struct budget_use use;
    pthread_t thread;
    enum err ended;
    atomic_bool is_over;
};

/* As key_change does. */
static enum err give_budget(struct db *db, void *arg)
{
    struct first_budget *x = arg;
    const struct budget asks = {.needs_approval = true};
    struct budget given;

    enum err e = side_lock_key(db, &x->use.key_id);
    return e == OK ? budget_set(db, &x->owner.arena, &UUID_NONE, &x->use.key_id, &asks, &(bool){false}, &given) : e;
}

static enum err check_budget(struct db *db, void *arg)
{
    struct first_budget *x = arg;
    const struct budget_use *use = &x->use;

    return budget_check(db, &x->worker.arena, &use, 1);
}

static void *budget_of_owner(void *arg)
{
    struct first_budget *x = arg;

    x->ended = db_tx(x->owner.db, give_budget, x);
    atomic_store(&x->is_over, true);
    return NULL;
}

static void *check_of_worker(void *arg)
{
    struct first_budget *x = arg;

    x->ended = db_tx(x->worker.db, check_budget, x);
    atomic_store(&x->is_over, true);
    return NULL;
}

/* Begins the other side once this one is under way; true if it waits for this one, false if it does not and is over. */
static bool other_waits(struct first_budget *x, void *(*other)(void *))
{
    atomic_store(&x->is_over, false);
    assert_int_equal(pthread_create(&x->thread, NULL, other, x), 0);
    while (!atomic_load(&x->is_over))
        if (rows_waits(x->watcher) > 0)
            return true;
    return false;
}

static enum err check_first(struct db *db, void *arg)
{
    struct first_budget *x = arg;

    assert_int_equal(check_budget(db, x), OK);
    assert_true(other_waits(x, budget_of_owner));
    return OK;
}

static enum err give_first(struct db *db, void *arg)
{
    struct first_budget *x = arg;

    assert_int_equal(give_budget(db, x), OK);
    assert_true(other_waits(x, check_of_worker));
    return OK;
}

static void first_budget_open(struct first_budget *x)
{
    *x = (struct first_budget){.watcher = rows_connect(NULL)};
    side_open(&x->worker, NULL);
    side_open(&x->owner, NULL);
    x->use = (struct budget_use){.key_id = uuid_new(), .account_id = x->owner.account.id};
    side_add_key(&x->owner, &x->use.key_id, &x->owner.account.user_id);
}

static void first_budget_close(struct first_budget *x)
{
    assert_int_equal(pthread_join(x->thread, NULL), 0);
    side_close(&x->worker);
    side_close(&x->owner);
    db_free(x->watcher);
}

/* There is no row of a budget to lock yet. Whoever gives it is not answered before a hand-over that has not seen it is written
 * down; and a hand-over that comes second sees it. */
static void a_keys_first_budget_waits_for_a_hand_over(void **state)
{
    struct first_budget x;

    (void)state;
    first_budget_open(&x);
    assert_int_equal(db_tx(x.worker.db, check_first, &x), OK);
    first_budget_close(&x);
    assert_int_equal(x.ended, OK);
}

static void a_hand_over_waits_for_a_keys_first_budget(void **state)
{
    struct first_budget x;

    (void)state;
    first_budget_open(&x);
    assert_int_equal(db_tx(x.owner.db, give_first, &x), OK);
    first_budget_close(&x);
    assert_int_equal(x.ended, ERR_BUDGET_APPROVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_number_is_taken_once),
        cmocka_unit_test(a_keys_first_budget_waits_for_a_hand_over),
        cmocka_unit_test(a_hand_over_waits_for_a_keys_first_budget),
        cmocka_unit_test(who_lost_the_job_writes_nothing),
        cmocka_unit_test(what_has_become_of_it),
        cmocka_unit_test(who_creates_and_publishes_at_once_never_deadlocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
