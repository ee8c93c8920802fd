/* Few users with several accounts each, and many connections that all do something about their posts at once. The locks are
 * taken in the one order of docs/architecture.md, so nobody waits for somebody who waits for them. */
#include "model/post/sides.h"

#include "crypto/digest.h"
#include "model/post/post_again.h"
#include "model/post/post_approve.h"
#include "model/post/post_digest.h"
#include "model/user/user.h"
#include "model/user/user_state.h"

#define THREADS 16
#define ROUNDS 8 /* in which each does all it can do, once */
#define USERS 4
#define ACCOUNTS 2 /* of each; a TikTok account is connected by two of them */
#define BATCH 4

enum { ADD_SESSION, CONNECT, CALLS, COUNTED_POSTS, BUDGET, PLANNED_POSTS, PLAN };
static const struct db_col calls_cols[] = {{.type = DB_BYTES}, DB_END};
static const struct db_col budget_cols[] = {{.type = DB_I64}, DB_END};
static const struct sql sqls[] = {
    [ADD_SESSION] = {.text =
                         "INSERT INTO sessions (id, token_hash, user_id, user_state, created_at_us, last_seen_at_us,"
                         " expires_at_us) SELECT ?, ?, id, state, 1, 1, ? FROM users WHERE id = ?",
                     .in = "ubiu"},
    [CONNECT] = {.text = "UPDATE accounts FORCE INDEX (PRIMARY) SET state = 'active', init_calls = '' WHERE id = ?",
                 .in = "u"},
    [CALLS] = {.text = "SELECT init_calls FROM accounts WHERE id = ?", .in = "u", .cols = calls_cols},
    [COUNTED_POSTS] = {.text = "SELECT COUNT(*) FROM posts WHERE key_id = ?", .in = "u", .cols = db_number_cols},
    [PLANNED_POSTS] = {.text = "SELECT COUNT(*) FROM posts WHERE user_id = ? AND plan_month IS NOT NULL",
                       .in = "u",
                       .cols = db_number_cols},
    [PLAN] = {.text = "SELECT posts FROM plan_counters WHERE user_id = ?", .in = "u", .cols = db_number_cols},
    [BUDGET] = {.text = "SELECT posts FROM key_budgets WHERE key_id = ?", .in = "u", .cols = budget_cols},
};

enum { COUNTS, ASKS, KEYS };

struct person {
    struct uuid user_id, accounts[ACCOUNTS], keys[KEYS], upload_id; /* one image is in all posts */
    struct uuid session_id;                                         /* its text is its token */
};

struct sharer {
    struct side side;
    const struct person *person;
    size_t number;
};

/* A hand-over that another made impossible: as a worker does, it is left for later. */
static enum err shared_give_back(struct sharer *s, const struct job *jobs, size_t n, enum err e)
{
    if (e != ERR_CONFLICT && e != ERR_NOT_FOUND && e != ERR_BUDGET_APPROVAL)
        return e;
    for (size_t i = 0; i < n; i++) {
        e = job_restart(s->side.db, JOB_PUBLISH, &jobs[i], clock_now_us());
        if (e != OK)
            return e;
    }
    return OK;
}

static enum err shared_create(struct sharer *s)
{
    return side_create(&s->side, &s->person->keys[COUNTS]);
}

static enum err shared_decide(struct sharer *s)
{
    const struct last_step last = {.fn = side_nothing_last};
    const struct post *p = &s->side.made.post;

    enum err e = side_create(&s->side, &s->person->keys[ASKS]);
    if (e != OK)
        return e;
    const struct sha256 digest = post_digest(p, s->side.made.images, s->side.made.images_n);
    const struct uuid_text token = uuid_text(&s->person->session_id);
    const struct post_decider by = {.user_id = &p->user_id,
                                    .session_id = &s->person->session_id,
                                    .sent = str_from(token.s),
                                    .mode = MODE_LIVE,
                                    .id = &p->id,
                                    .request_id = STR("r")};
    e = s->number % 3 == 0 ? post_refuse(s->side.db, &s->side.arena, &conf, &by, &last)
                           : post_approve(s->side.db, &s->side.arena, &conf, &by,
                                          hex_encode(&s->side.arena, digest.b, sizeof digest.b), &last);
    return e == ERR_NOT_AWAITING ? OK : e; /* its account was disconnected meanwhile */
}

static enum err shared_new_budget_tx(struct db *db, void *arg)
{
    struct sharer *s = arg;
    const struct budget to = {.by_day = true, .posts_per_day = BUDGET_POSTS_MAX};
    const struct person *p = s->person;
    struct budget given;
    bool widens;

    enum err e = user_lock(db, &s->side.arena, &p->user_id);
    if (e == OK)
        e = side_lock_key(db, &p->keys[COUNTS]);
    return e == OK ? budget_set(db, &s->side.arena, &p->user_id, &p->keys[COUNTS], &to, &widens, &given) : e;
}

static enum err shared_new_budget(struct sharer *s)
{
    return db_tx(s->side.db, shared_new_budget_tx, s);
}

/* All of them in one transaction, as turns.c does, whosever they are. */
struct handing {
    struct sharer *s;
    struct job *jobs;
    struct post posts[BATCH];
    struct attempt_new attempts[BATCH];
    struct account_taken taken[BATCH];
    size_t n;
};

/* The post whose turn it is, and a call of its account. ERR_NOT_FOUND; ERR_AGAIN: not now. */
static enum err shared_look(struct handing *h, const struct job *job)
{
    struct side *side = &h->s->side;
    struct post *p = &h->posts[h->n];
    struct turn turn;
    struct str calls;

    enum err e = turn_next(side->db, &side->arena, &job->subject_id, clock_now_us(), &turn);
    if (e == OK)
        e = post_by_id(side->db, &side->arena, &turn.post_id, p);
    if (e == OK && p->state != POST_QUEUED && p->state != POST_DEFERRED)
        e = ERR_AGAIN; /* somebody has ended it a moment ago */
    if (e == OK)
        e = db_row(side->db, &sqls[CALLS], DB_ARGS(db_uuid(&p->account_id)), &side->arena, &calls);
    if (e != OK)
        return e;
    return account_take_from(&side->arena, &p->account_id, ACCOUNT_CALL_INIT, calls, clock_now_us(), &h->taken[h->n])
               ? OK
               : ERR_AGAIN;
}

static enum err shared_read(struct handing *h, size_t jobs_n)
{
    struct side *side = &h->s->side;
    struct attempt latest = {0};

    for (size_t i = 0; i < jobs_n; i++) {
        const struct job job = h->jobs[i];
        const struct post *p = &h->posts[h->n];
        enum err e = shared_look(h, &job);
        if (e == ERR_NOT_FOUND || e == ERR_AGAIN) {
            e = e == ERR_NOT_FOUND ? job_finish(side->db, JOB_PUBLISH, &job)
                                   : job_restart(side->db, JOB_PUBLISH, &job, clock_now_us());
            if (e != OK)
                return e;
            continue;
        }
        if (e == OK)
            e = attempt_latest(side->db, &side->arena, &p->id, &latest);
        if (e != OK && e != ERR_NOT_FOUND)
            return e;
        h->jobs[h->n] = job;
        h->attempts[h->n] = (struct attempt_new){
            .id = uuid_new(),
            .post_id = p->id,
            .user_id = p->user_id,
            .from = (enum post_state)p->state,
            .use = {.key_id = p->key_id, .account_id = p->account_id, .is_approved = post_is_approved(p)},
            .number = e == OK ? latest.number + 1 : 1,
            .payload = STR("{}"),
            .job = &h->jobs[h->n]};
        h->n++;
    }
    return OK;
}

/* As turns_end_jobs. */
static enum err shared_end_jobs(struct db *db, const struct handing *h, const struct uuid *accounts)
{
    const struct job *again[BATCH], *done[BATCH], *all[BATCH];
    int64_t at_us[BATCH], again_at_us[BATCH];
    size_t again_n = 0, done_n = 0;

    enum err e = turn_times(db, &h->s->side.arena, accounts, h->n, clock_now_us(), at_us);
    for (size_t i = 0; i < h->n && e == OK; i++) {
        all[i] = &h->jobs[i];
        if (at_us[i] == 0) {
            done[done_n++] = &h->jobs[i];
            continue;
        }
        again_at_us[again_n] = at_us[i];
        again[again_n++] = &h->jobs[i];
    }
    if (e == OK && again_n > 0 && done_n > 0)
        e = job_hold_many(db, JOB_PUBLISH, all, h->n, 0);
    if (e == OK)
        e = job_restart_many(db, JOB_PUBLISH, again, again_n, again_at_us);
    return e == OK ? job_finish_many(db, JOB_PUBLISH, done, done_n) : e;
}

/* As turns_record. */
static enum err shared_accept(struct db *db, void *arg)
{
    struct handing *h = arg;
    struct arena *arena = &h->s->side.arena;
    struct post_moving moves[BATCH];
    struct attempt_ending endings[BATCH];
    struct job_new polls[BATCH];
    struct uuid accounts[BATCH];

    for (size_t i = 0; i < h->n; i++) {
        const struct attempt_new *a = &h->attempts[i];
        struct str publish_id = arena_printf(arena, "p%s", uuid_text(&a->id).s);
        moves[i] = (struct post_moving){a->post_id, POST_PUBLISHING, {.event = "accepted", .publish_id = publish_id}};
        endings[i] =
            (struct attempt_ending){a->id, a->job->lease_token, {.state = ATTEMPT_ACCEPTED, .publish_id = publish_id}};
        polls[i] = (struct job_new){.kind = "poll", .subject_id = a->post_id, .run_at_us = clock_now_us()};
        accounts[i] = a->job->subject_id;
    }
    enum err e = post_move_many(db, arena, &conf, moves, h->n);
    if (e == OK)
        e = attempt_end_many(db, endings, h->n);
    if (e == OK)
        e = job_add_many(db, JOB_PUBLISH, polls, h->n);
    return e == OK ? shared_end_jobs(db, h, accounts) : e;
}

/* As init_record, of one that TikTok has refused: its user will be told, and its image's end is set. */
struct refusing {
    struct handing *h;
    size_t i;
};

static enum err shared_reject(struct db *db, void *arg)
{
    const struct refusing *r = arg;
    const struct attempt_new *a = &r->h->attempts[r->i];
    const struct attempt_result result = {.state = ATTEMPT_REFUSED};
    const struct post_move rejected = {.event = "rejected", .failure_code = STR("tiktok_refused")};

    enum err e = post_lock(db, &a->post_id);
    if (e == OK)
        e = attempt_end(db, &a->id, &a->job->lease_token, &result);
    if (e == OK)
        e = post_move(db, &r->h->s->side.arena, &conf, &a->post_id, &rejected);
    return e == OK ? job_restart(db, JOB_PUBLISH, a->job, clock_now_us()) : e;
}

static enum err shared_hand_over(struct sharer *s)
{
    struct handing h = {.s = s};
    size_t jobs_n;

    enum err e = side_take(&s->side, TURN_KIND, BATCH, &h.jobs, &jobs_n);
    if (e == OK)
        e = shared_read(&h, jobs_n);
    if (e != OK || h.n == 0)
        return e;
    e = attempt_begin(s->side.db, &s->side.arena, &conf, JOB_PUBLISH, clock_now_us() + LEASE_US, h.attempts, h.taken,
                      h.n);
    if (e != OK)
        return shared_give_back(s, h.jobs, h.n, e);
    if (s->number % 2 == 0)
        e = db_tx(s->side.db, shared_accept, &h);
    if (s->number % 2 == 0 && e != ERR_CONFLICT) /* a job was wanted meanwhile: then each by itself */
        return e;
    e = OK;
    for (size_t i = 0; i < h.n && e == OK; i++)
        e = db_tx(s->side.db, shared_reject, &(struct refusing){&h, i});
    return e;
}

/* As polls_record. */
static enum err shared_publish_tx(struct db *db, void *arg)
{
    struct handing *h = arg;
    struct post_moving moves[BATCH];
    const struct job *jobs[BATCH];

    for (size_t i = 0; i < h->n; i++) {
        moves[i] = (struct post_moving){h->jobs[i].subject_id, POST_PROCESSING, {.event = "published"}};
        jobs[i] = &h->jobs[i];
    }
    enum err e = post_move_many(db, &h->s->side.arena, &conf, moves, h->n);
    return e == OK ? job_finish_many(db, JOB_PUBLISH, jobs, h->n) : e;
}

static enum err shared_poll(struct sharer *s)
{
    struct handing h = {.s = s};

    enum err e = side_take(&s->side, "poll", BATCH, &h.jobs, &h.n);
    if (e != OK || h.n == 0)
        return e;
    e = db_tx(s->side.db, shared_publish_tx, &h); /* a disconnect has asked for one of them: then it comes again */
    return e == OK ? OK : shared_give_back(s, h.jobs, h.n, e);
}

/* And it is connected again. Whoever has the same TikTok account is asked for meanwhile. */
static enum err shared_disconnect(struct sharer *s)
{
    struct account_ended ended = {0};
    const struct account *a = &s->side.account;

    enum err e =
        account_disconnect(s->side.db, &s->side.arena, &conf, NULL, &a->user_id, MODE_LIVE, &a->id, STR("r"), &ended);
    account_tokens_done(&ended.tokens);
    if (e == OK)
        e = db_exec(s->side.db, &sqls[CONNECT], DB_ARGS(db_uuid(&a->id)), NULL);
    return e == ERR_NOT_FOUND ? OK : e; /* it is, by somebody else */
}

/* One of its own, while a worker may have it, and then once more: by its owner, so that the key's budget is that of what it made. */
static enum err shared_again(struct sharer *s)
{
    const struct last_step last = {.fn = side_nothing_last};
    const struct post_wish wish = {.confirm_not_published = true};
    const struct post_asker by = {.user_id = &s->person->user_id,
                                  .key_id = &UUID_NONE,
                                  .mode = MODE_LIVE,
                                  .id = &s->side.made.post.id,
                                  .request_id = STR("r")};

    enum err e = side_create(&s->side, &s->person->keys[COUNTS]);
    if (e != OK)
        return e;
    e = post_cancel(s->side.db, &s->side.arena, &conf, &by, &last);
    if (e == OK || e == ERR_POST_UNDER_WAY || e == ERR_POST_ENDED)
        e = post_retry(s->side.db, &s->side.arena, &conf, &by, &wish, &last);
    switch (e) {
    case ERR_POST_UNDER_WAY:
    case ERR_NOT_RETRYABLE:
    case ERR_ACCOUNT_NEEDS_RECONNECT: /* it is being disconnected, or was a moment ago */
    case ERR_CONFLICT:
        return OK;
    default:
        return e;
    }
}

/* By an admin, whatever the user's state is. */
static enum err shared_enable(struct sharer *s)
{
    bool changed;

    return user_set_state(s->side.db, &s->side.arena, &s->person->user_id, USER_ACTIVE, &changed);
}

static enum err (*const shared_actions[])(struct sharer *s) = {
    shared_create, shared_hand_over, shared_decide, shared_hand_over,  shared_new_budget, shared_poll,
    shared_create, shared_hand_over, shared_enable, shared_disconnect, shared_again};
#define ACTIONS ARRAY_LEN(shared_actions)

static void *shared_run(void *arg)
{
    struct sharer *s = arg;
    enum err e = OK;

    for (size_t i = 0; i < ROUNDS * ACTIONS && e == OK; i++) {
        size_t which = (i + s->number) % ACTIONS;
        e = shared_actions[which](s);
        arena_clear(&s->side.arena);
        if (e != OK)
            print_error("action %zu: %s: %s\n", which, err_slug(e), db_error(s->side.db));
    }
    return (void *)(uintptr_t)e;
}

static void shared_add_session(struct side *side, struct person *p)
{
    p->session_id = uuid_new();
    const struct sha256 hash = sha256_of(str_from(uuid_text(&p->session_id).s));

    assert_int_equal(db_exec(side->db, &sqls[ADD_SESSION],
                             DB_ARGS(db_uuid(&p->session_id), db_bytes(hash.b, sizeof hash.b), db_i64(INT64_MAX),
                                     db_uuid(&p->user_id)),
                             NULL),
                     OK);
}

static void shared_make(struct side *side, struct person *people)
{
    const struct budget limits[KEYS] = {
        [COUNTS] = {.by_day = true, .posts_per_day = BUDGET_POSTS_MAX}, [ASKS] = {.needs_approval = true}};
    struct budget given;
    bool widens;

    for (size_t u = 0; u < USERS; u++) {
        struct person *p = &people[u];
        p->user_id = uuid_new();
        p->upload_id = uuid_new();
        rows_add_user(side->db, &p->user_id);
        shared_add_session(side, p);
        rows_add_upload(side->db, &p->upload_id, &p->user_id);
        for (size_t i = 0; i < ACCOUNTS; i++) {
            const char *open_id = arena_printf(&side->arena, "%s-%zu", uuid_text(&people[u / 2 * 2].user_id).s, i).p;
            p->accounts[i] = uuid_new();
            rows_add_account_of(side->db, &p->accounts[i], &p->user_id, open_id);
        }
        for (size_t i = 0; i < KEYS; i++) {
            p->keys[i] = uuid_new();
            side_add_key(side, &p->keys[i], &p->user_id);
            assert_int_equal(budget_set(side->db, &side->arena, &p->user_id, &p->keys[i], &limits[i], &widens, &given),
                             OK);
        }
    }
}

static void who_shares_users_never_deadlocks(void **state)
{
    struct db_counts counts = {0};
    struct person people[USERS] = {0};
    struct sharer sharers[THREADS] = {0};
    pthread_t threads[THREADS];
    int64_t made, counted;
    void *e;

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        side_connect(&sharers[i].side, &counts);
    struct side *first = &sharers[0].side;
    shared_make(first, people);
    for (size_t i = 0; i < THREADS; i++) {
        struct sharer *s = &sharers[i];
        s->number = i;
        s->person = &people[i % USERS];
        s->side.upload_id = s->person->upload_id;
        s->side.account = (struct account){
            .id = s->person->accounts[i / USERS % ACCOUNTS], .user_id = s->person->user_id, .state = ACCOUNT_ACTIVE};
    }
    int64_t before = side_number(first, &sides_sqls[SIDES_DEADLOCKS]);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, shared_run, &sharers[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &e), 0);
        assert_int_equal((uintptr_t)e, OK);
    }
    side_nobody_ran_again(first, &counts, before, "16 connections of 4 users with 8 accounts");
    for (size_t u = 0; u < USERS; u++) {
        struct db_arg key = db_uuid(&people[u].keys[COUNTS]);
        assert_int_equal(db_number(first->db, &sqls[COUNTED_POSTS], &key, 1, &made), OK);
        assert_int_equal(db_row(first->db, &sqls[BUDGET], &key, 1, &first->arena, &counted), OK);
        assert_int_equal(made, counted); /* each post once */
        assert_int_equal(made, 3 * ROUNDS * THREADS / USERS);
        struct db_arg user = db_uuid(&people[u].user_id);
        assert_int_equal(db_number(first->db, &sqls[PLANNED_POSTS], &user, 1, &made), OK);
        assert_int_equal(db_number(first->db, &sqls[PLAN], &user, 1, &counted), OK);
        assert_int_equal(made, counted); /* what has ended unsent was given back */
        assert_true(counted < 4 * ROUNDS * THREADS / USERS);
    }
    for (size_t i = 0; i < THREADS; i++)
        side_close(&sharers[i].side);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(who_shares_users_never_deadlocks)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
