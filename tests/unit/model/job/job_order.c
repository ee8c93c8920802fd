/* Whoever locks several jobs does so in the order of their ids: else two of them would wait for each other. */
#include "model/post/sides.h"

#include "model/user/user_state.h"

enum { JOB_ID, LOCK_JOB };
static const struct sql sqls[] = {
    [JOB_ID] = {.text = "SELECT id FROM jobs_publish WHERE kind = ? AND subject_id = ?",
                .in = "su",
                .cols = db_uuid_cols},
    [LOCK_JOB] = {.text = "SELECT 1 FROM jobs_publish WHERE id = ? FOR UPDATE", .in = "u", .cols = db_number_cols},
};

/* Two jobs of a user's accounts or posts, whose ids are in another order than what they are about. */
struct pair {
    struct side holder, other;
    struct db *watcher;
    struct db_counts counts;
    struct uuid user_id;
    struct job jobs[2]; /* in the order of their subjects */
    enum err (*locks)(struct pair *p);
    pthread_t thread;
    enum err ended;
    atomic_bool is_over;
};

static struct uuid pair_add_account(struct pair *p)
{
    struct account *a = &p->holder.account;

    *a = (struct account){.id = uuid_new(), .user_id = p->user_id, .state = ACCOUNT_ACTIVE};
    rows_add_account_of(p->holder.db, &a->id, &a->user_id, uuid_text(&a->id).s);
    return a->id;
}

/* A post that waits, and so its account's turn. */
static struct uuid pair_add_turn(struct pair *p)
{
    struct uuid id = pair_add_account(p);

    assert_int_equal(side_create(&p->holder, &UUID_NONE), OK);
    return id;
}

/* A post that TikTok has, of the same account as the others. */
static struct uuid pair_add_poll(struct pair *p)
{
    struct side *s = &p->holder;
    const struct post_move attempt = {.event = "attempt"}, accepted = {.event = "accepted"};

    assert_int_equal(side_create(s, &UUID_NONE), OK);
    const struct uuid id = s->made.post.id;
    assert_int_equal(post_move(s->db, &s->arena, &conf, &id, &attempt), OK);
    assert_int_equal(post_move(s->db, &s->arena, &conf, &id, &accepted), OK);
    assert_int_equal(job_add(s->db, JOB_PUBLISH, "poll", &id, clock_now_us(), STR("r")), OK);
    return id;
}

static struct job pair_job(struct pair *p, const char *kind, struct uuid (*add)(struct pair *p))
{
    struct job job = {.kind = str_from(kind), .subject_id = add(p)};

    assert_int_equal(db_row(p->holder.db, &sqls[JOB_ID], DB_ARGS(db_cstr(kind), db_uuid(&job.subject_id)),
                            &p->holder.arena, &job.id),
                     OK);
    return job;
}

/* All that were made before are in the order in which ids grow, too: the first two that are not are the last. */
static void pair_open(struct pair *p, const char *kind, struct uuid (*add)(struct pair *p))
{
    *p = (struct pair){.watcher = rows_connect(NULL), .user_id = uuid_new()};
    side_connect(&p->holder, &p->counts);
    side_connect(&p->other, &p->counts);
    p->holder.upload_id = uuid_new();
    rows_add_user(p->holder.db, &p->user_id);
    rows_add_upload(p->holder.db, &p->holder.upload_id, &p->user_id);
    (void)pair_add_account(p);
    p->jobs[1] = pair_job(p, kind, add);
    do {
        p->jobs[0] = p->jobs[1];
        p->jobs[1] = pair_job(p, kind, add);
    } while (uuid_cmp(&p->jobs[0].id, &p->jobs[1].id) < 0);
}

static void *pair_run(void *arg)
{
    struct pair *p = arg;

    p->ended = p->locks(p);
    atomic_store(&p->is_over, true);
    return NULL;
}

static void pair_lock(struct pair *p, size_t i)
{
    int64_t one;

    assert_int_equal(db_number(p->holder.db, &sqls[LOCK_JOB], DB_ARGS(db_uuid(&p->jobs[i].id)), &one), OK);
}

/* The one whose id is less is held; whoever waits for it has not got the other. */
static void in_the_order_of_their_ids(const char *kind, struct uuid (*add)(struct pair *p),
                                      enum err (*locks)(struct pair *p))
{
    struct pair p;

    pair_open(&p, kind, add);
    p.locks = locks;
    assert_int_equal(db_run_text(p.holder.db, STR("START TRANSACTION")), OK);
    pair_lock(&p, 1);
    assert_int_equal(pthread_create(&p.thread, NULL, pair_run, &p), 0);
    while (rows_waits(p.watcher) == 0)
        assert_false(atomic_load(&p.is_over));
    pair_lock(&p, 0);
    assert_int_equal(db_run_text(p.holder.db, STR("ROLLBACK")), OK);
    assert_int_equal(pthread_join(p.thread, NULL), 0);
    assert_int_equal(p.ended, OK);
    assert_int_equal(atomic_load(&p.counts.reruns), 0);
    side_close(&p.holder);
    side_close(&p.other);
    db_free(p.watcher);
}

static enum err pair_enable(struct pair *p)
{
    return user_set_state(p->other.db, &p->other.arena, &p->user_id, USER_ACTIVE, &(bool){false});
}

static void turns_when_a_user_is_enabled(void **state)
{
    (void)state;
    in_the_order_of_their_ids(TURN_KIND, pair_add_turn, pair_enable);
}

static enum err pair_disconnect(struct pair *p)
{
    struct account_ended ended = {0};

    enum err e = account_disconnect(p->other.db, &p->other.arena, &conf, NULL, &p->user_id, MODE_LIVE,
                                    &p->holder.account.id, STR("r"), &ended);
    account_tokens_done(&ended.tokens);
    return e;
}

static void polls_when_an_account_is_disconnected(void **state)
{
    (void)state;
    in_the_order_of_their_ids("poll", pair_add_poll, pair_disconnect);
}

static enum err pair_finish_tx(struct db *db, void *arg)
{
    struct pair *p = arg;
    const struct job *jobs[] = {&p->jobs[0], &p->jobs[1]};

    enum err e = job_finish_many(db, JOB_PUBLISH, jobs, 2);
    return e == ERR_CONFLICT ? OK : e; /* they are nobody's here: what counts is which one is asked for first */
}

static enum err pair_finish(struct pair *p)
{
    return db_tx(p->other.db, pair_finish_tx, p);
}

static void jobs_that_end_together(void **state)
{
    (void)state;
    in_the_order_of_their_ids(TURN_KIND, pair_add_turn, pair_finish);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(turns_when_a_user_is_enabled),
        cmocka_unit_test(polls_when_an_account_is_disconnected),
        cmocka_unit_test(jobs_that_end_together),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
