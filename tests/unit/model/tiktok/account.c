#include "rows.h"

#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "model/tiktok/account.h"

#define THREADS 4

static const struct conf conf = {.tiktok_accounts_max = 2, .caps_accounts_a_day = 100};

struct fixture {
    struct db *db;
    struct arena arena;
    struct keyring *ring;
    struct uuid user_id, id; /* of one connected account */
};

enum { RAW_TOKENS, RAW_MODE, RAW_END };
static const struct sql sqls[] = {
    [RAW_MODE] = {.text = "UPDATE accounts SET mode = IF(mode = 'live', 'test', 'live') WHERE id = ?", .in = "u"},
    [RAW_END] = {.text = "UPDATE accounts SET state = 'disconnected' WHERE id = ?", .in = "u"},
    [RAW_TOKENS] = {.text = "UPDATE accounts SET access_token = refresh_token WHERE id = ?", .in = "u"},
};

static struct account_tokens pair(const char *access, const char *refresh)
{
    return (struct account_tokens){
        .access = secret_copy(str_from(access)),
        .refresh = secret_copy(str_from(refresh)),
        .access_expires_at_us = 1000,
        .refresh_expires_at_us = 2000,
    };
}

static enum err connect_for(struct fixture *f, const struct uuid *user_id, const char *open_id, struct uuid *ret_id)
{
    struct account_connection c = {
        /* No other test's: what is left of earlier ones would share the grant. */
        .open_id = arena_printf(&f->arena, "%s.%s", open_id, uuid_text(&f->user_id).s),
        .display_name = STR("Ada"),
        .scopes = STR("user.info.basic,video.publish"),
        .tokens = pair("act.1", "rft.1"),
    };
    struct account made;
    enum err e = account_connect(f->db, &f->arena, &conf, f->ring, user_id, &c, STR("0123456789abcdef0123456789abcdef"),
                                 NULL, &made);

    if (e == OK)
        *ret_id = made.id;
    account_tokens_done(&c.tokens);
    return e;
}

static enum err connect_as(struct fixture *f, const char *open_id, struct uuid *ret_id)
{
    return connect_for(f, &f->user_id, open_id, ret_id);
}

static enum err disconnect_as(struct fixture *f, const struct uuid *user_id)
{
    struct account_ended ended = {0};
    enum err e =
        account_disconnect(f->db, &f->arena, &conf, f->ring, user_id, MODE_LIVE, &f->id, (struct str){0}, &ended);

    assert_int_equal(e == OK, ended.tokens.access.n > 0);
    assert_false(ended.in_use);
    account_tokens_done(&ended.tokens);
    return e;
}

static struct uuid add_user(struct db *db)
{
    struct uuid id = uuid_new();

    rows_add_user(db, &id);
    return id;
}

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    f->db = rows_connect(NULL);
    arena_init(&f->arena, 8 << 20);
    assert_int_equal(
        keyring_parse(STR("1 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"), &f->ring), OK);
    f->user_id = add_user(f->db);
    assert_int_equal(connect_as(f, "open-1", &f->id), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    db_free(f->db);
    keyring_free(f->ring);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static void assert_tokens(struct fixture *f, const char *access, const char *refresh)
{
    _cleanup_(account_tokens_done) struct account_tokens t = {0};

    assert_int_equal(account_tokens(f->db, &f->arena, f->ring, &f->id, &t), OK);
    assert_true(str_eqc(secret_str(&t.access), access));
    assert_true(str_eqc(secret_str(&t.refresh), refresh));
}

static void test_connect(void **state)
{
    struct fixture *f = *state;
    _cleanup_(account_tokens_done) struct account_tokens t = {0};
    struct account a = {0};
    struct uuid again, other;

    assert_int_equal(account_tokens(f->db, &f->arena, f->ring, &f->id, &t), OK);
    assert_int_equal(t.access_expires_at_us, 1000);
    assert_int_equal(t.refresh_expires_at_us, 2000);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_true(str_starts(a.open_id, STR("open-1.")) && str_eqc(a.display_name, "Ada"));
    assert_int_equal(a.state, ACCOUNT_ACTIVE);
    assert_int_equal(a.snapshot_at_us, 0);
    assert_true(account_has_scope(&a, STR("video.publish")));
    assert_false(account_has_scope(&a, STR("video")));
    assert_false(account_has_scope(&a, STR("video.upload")));
    assert_int_equal(connect_as(f, "open-1", &again), OK);
    assert_true(uuid_eq(&again, &f->id));
    assert_int_equal(connect_as(f, "open-2", &other), OK);
    assert_false(uuid_eq(&other, &f->id));
    assert_int_equal(connect_as(f, "open-3", &other), ERR_ACCOUNTS_TOO_MANY);
    assert_int_equal(connect_as(f, "open-1", &again), OK); /* needs no place of its own */
    other = uuid_new();
    assert_int_equal(account_get(f->db, &f->arena, &other, MODE_LIVE, &f->id, &a), ERR_NOT_FOUND);
}

static void test_disconnect(void **state)
{
    struct fixture *f = *state;
    const struct account_snapshot s = {.username = STR("ada"), .privacy_level_options = STR("SELF_ONLY")};
    struct account_tokens t;
    struct account a = {0};
    struct uuid stranger = uuid_new();

    assert_int_equal(disconnect_as(f, &stranger), ERR_NOT_FOUND);
    assert_tokens(f, "act.1", "rft.1");
    assert_int_equal(disconnect_as(f, &f->user_id), OK);
    assert_int_equal(account_tokens(f->db, &f->arena, f->ring, &f->id, &t), ERR_NOT_FOUND);
    /* An answer of TikTok that comes late brings nothing back. */
    assert_int_equal(account_store_snapshot(f->db, &f->id, &s), OK);
    assert_int_equal(account_by_id(f->db, &f->arena, &f->id, &a), OK);
    assert_int_equal(a.state, ACCOUNT_DISCONNECTED);
    assert_null(a.display_name.p);
    assert_null(a.username.p);
    assert_int_equal(a.snapshot_at_us, 0);
    assert_int_equal(account_needs_reconnect(f->db, &f->id, 1000, "x"), OK);
    assert_int_equal(account_by_id(f->db, &f->arena, &f->id, &a), OK);
    assert_int_equal(a.state, ACCOUNT_DISCONNECTED);
    assert_int_equal(account_lease(f->db, &f->id, &stranger, clock_now_us(), clock_now_us() + US_PER_SEC), ERR_AGAIN);
    assert_int_equal(disconnect_as(f, &f->user_id), ERR_NOT_FOUND);
}

#define ENDS_ROUNDS 40

struct ending {
    pthread_t thread;
    const struct fixture *f;
    struct uuid user_id, id;
    pthread_barrier_t *barrier;
    struct db_counts counts;
    int in_use[ENDS_ROUNDS];
};

static void *end_each_time(void *arg)
{
    struct ending *x = arg;
    struct db *db = rows_connect(&x->counts);
    struct arena arena;

    arena_init(&arena, 8 << 20);
    for (int i = 0; i < ENDS_ROUNDS; i++) {
        struct account_ended ended = {0};
        pthread_barrier_wait(x->barrier); /* they are connected */
        enum err e =
            account_disconnect(db, &arena, &conf, x->f->ring, &x->user_id, MODE_LIVE, &x->id, (struct str){0}, &ended);
        x->in_use[i] = e != OK ? -1 : ended.in_use;
        account_tokens_done(&ended.tokens);
        pthread_barrier_wait(x->barrier);
    }
    db_free(db);
    arena_done(&arena);
    return NULL;
}

/* Two users end their connections of one TikTok account at once: neither waits for the other's lock while it holds its
 * own, and one of them is told that nobody else uses the grant. */
static void test_two_ends_at_once(void **state)
{
    struct fixture *f = *state;
    pthread_barrier_t barrier;
    struct ending both[2] = {{.user_id = f->user_id}, {.user_id = add_user(f->db)}};

    assert_int_equal(pthread_barrier_init(&barrier, NULL, 3), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(connect_for(f, &both[i].user_id, "open-1", &both[i].id), OK);
        both[i].f = f;
        both[i].barrier = &barrier;
        assert_int_equal(pthread_create(&both[i].thread, NULL, end_each_time, &both[i]), 0);
    }
    for (int round = 0; round < ENDS_ROUNDS; round++) {
        for (size_t i = 0; i < 2 && round > 0; i++)
            assert_int_equal(connect_for(f, &both[i].user_id, "open-1", &both[i].id), OK);
        pthread_barrier_wait(&barrier);
        pthread_barrier_wait(&barrier);
    }
    for (size_t i = 0; i < 2; i++)
        pthread_join(both[i].thread, NULL);
    for (int round = 0; round < ENDS_ROUNDS; round++)
        assert_int_equal(both[0].in_use[round] + both[1].in_use[round], 1);
    assert_int_equal(atomic_load(&both[0].counts.reruns) + atomic_load(&both[1].counts.reruns), 0);
    pthread_barrier_destroy(&barrier);
}

/* A sealed value opens in its own column and row only. */
static void test_tokens_are_bound_to_their_place(void **state)
{
    struct fixture *f = *state;
    struct account_tokens t;

    assert_int_equal(db_exec(f->db, &sqls[RAW_TOKENS], DB_ARGS(db_uuid(&f->id)), NULL), OK);
    assert_int_equal(account_tokens(f->db, &f->arena, f->ring, &f->id, &t), ERR_SEALED);
}

/* Nor in a row of the other mode; and a new pair is not written into one. */
static void test_tokens_are_bound_to_their_mode(void **state)
{
    struct fixture *f = *state;
    struct account_tokens t = {0};
    struct account a;

    for (int mode = MODE_LIVE; mode < MODE__MAX; mode++) {
        struct account_connection c = {.open_id = arena_printf(&f->arena, "mode-%d.%s", mode, uuid_text(&f->user_id).s),
                                       .scopes = STR("video.publish"),
                                       .tokens = pair("act.1", "rft.1")};
        c.tokens.mode = mode;
        assert_int_equal(account_connect(f->db, &f->arena, &conf, f->ring, &f->user_id, &c, (struct str){0}, NULL, &a),
                         OK);
        assert_int_equal(account_tokens(f->db, &f->arena, f->ring, &a.id, &t), OK);
        assert_int_equal(t.mode, mode);
        account_tokens_done(&t);
        assert_int_equal(db_exec(f->db, &sqls[RAW_MODE], DB_ARGS(db_uuid(&a.id)), NULL), OK);
        assert_int_equal(account_tokens(f->db, &f->arena, f->ring, &a.id, &t), ERR_SEALED);
        assert_int_equal(
            account_store_tokens(f->db, &f->arena, f->ring, &a.id, &f->user_id, 1000, &c.tokens, (struct str){0}),
            ERR_CONFLICT);
        assert_int_equal(db_exec(f->db, &sqls[RAW_END], DB_ARGS(db_uuid(&a.id)), NULL), OK); /* makes room */
        account_tokens_done(&c.tokens);
    }
}

static enum err store_instead_of(struct fixture *f, int64_t pair_us, const struct uuid *lease, const char *access,
                                 const char *refresh)
{
    struct account_tokens t = pair(access, refresh);
    t.access_expires_at_us = 3000;
    enum err e = account_store_tokens(f->db, &f->arena, f->ring, &f->id, lease, pair_us, &t, (struct str){0});

    account_tokens_done(&t);
    return e;
}

static enum err store(struct fixture *f, const struct uuid *lease, const char *access, const char *refresh)
{
    return store_instead_of(f, 1, lease, access, refresh);
}

/* The worker stood still until its lease was over: the pair it got is the only one that works. */
static void test_a_new_pair_is_not_lost_with_its_lease(void **state)
{
    struct fixture *f = *state;
    struct uuid mine = uuid_new(), theirs = uuid_new();
    int64_t now = clock_now_us();

    assert_int_equal(account_lease(f->db, &f->id, &mine, clock_now_us(), now - 1), OK);
    assert_int_equal(account_lease(f->db, &f->id, &theirs, clock_now_us(), now + 60 * US_PER_SEC), OK);
    assert_int_equal(store_instead_of(f, 1000, &mine, "act.2", "rft.2"), OK);
    assert_tokens(f, "act.2", "rft.2");
    assert_int_equal(store_instead_of(f, 1000, &theirs, "act.3", "rft.3"), ERR_CONFLICT);
    assert_tokens(f, "act.2", "rft.2");
    assert_int_equal(disconnect_as(f, &f->user_id), OK);
    assert_int_equal(store_instead_of(f, 3000, &mine, "act.4", "rft.4"), ERR_CONFLICT);
}

/* TikTok refuses the old pair while the user connects anew. */
static void test_a_refusal_of_another_pair(void **state)
{
    struct fixture *f = *state;
    struct account a = {0};

    assert_int_equal(account_needs_reconnect(f->db, &f->id, 999, "invalid_grant"), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_int_equal(a.state, ACCOUNT_ACTIVE);
}

static void test_lease(void **state)
{
    struct fixture *f = *state;
    struct uuid mine = uuid_new(), theirs = uuid_new();
    int64_t now = clock_now_us();

    assert_int_equal(store(f, &mine, "act.2", "rft.2"), ERR_CONFLICT);
    assert_int_equal(account_lease(f->db, &f->id, &mine, clock_now_us(), now + 60 * US_PER_SEC), OK);
    assert_int_equal(account_lease(f->db, &f->id, &theirs, clock_now_us(), now + 60 * US_PER_SEC), ERR_AGAIN);
    assert_int_equal(store(f, &theirs, "act.2", "rft.2"), ERR_CONFLICT);
    assert_tokens(f, "act.1", "rft.1");
    assert_int_equal(store(f, &mine, "act.2", "rft.2"), OK);
    assert_tokens(f, "act.2", "rft.2");
    assert_int_equal(store(f, &mine, "act.3", "rft.3"), ERR_CONFLICT); /* it ended with the first */
    assert_int_equal(account_lease(f->db, &f->id, &theirs, clock_now_us(), now - 1), OK);
    assert_int_equal(account_lease(f->db, &f->id, &mine, clock_now_us(), now + 60 * US_PER_SEC),
                     OK); /* theirs is over */
    assert_int_equal(account_end_lease(f->db, &f->id, &theirs), OK);
    assert_int_equal(account_lease(f->db, &f->id, &theirs, clock_now_us(), now + 60 * US_PER_SEC), ERR_AGAIN);
    assert_int_equal(account_end_lease(f->db, &f->id, &mine), OK);
    assert_int_equal(account_lease(f->db, &f->id, &theirs, clock_now_us(), now + 60 * US_PER_SEC), OK);
}

static void test_an_empty_token_is_never_stored(void **state)
{
    struct fixture *f = *state;
    struct uuid lease = uuid_new();

    assert_int_equal(account_lease(f->db, &f->id, &lease, clock_now_us(), clock_now_us() + US_PER_SEC), OK);
    assert_int_equal(store(f, &lease, "act.2", ""), OK);
    assert_tokens(f, "act.2", "rft.1");
}

static void test_needs_reconnect(void **state)
{
    struct fixture *f = *state;
    struct account a = {0};

    assert_int_equal(account_needs_reconnect(f->db, &f->id, 1000, "invalid_grant"), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_int_equal(a.state, ACCOUNT_NEEDS_RECONNECT);
    assert_true(str_eqc(a.state_reason, "invalid_grant"));
    assert_int_equal(connect_as(f, "open-1", &f->id), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_int_equal(a.state, ACCOUNT_ACTIVE);
    assert_null(a.state_reason.p);
}

static void test_snapshot(void **state)
{
    struct fixture *f = *state;
    struct account_snapshot s = {.username = STR("ada"),
                                 .nickname = STR("Ada \xf0\x9f\x90\x9d"),
                                 .privacy_level_options = STR("SELF_ONLY"),
                                 .comment_disabled = true};
    struct account a = {0};

    assert_int_equal(account_store_snapshot(f->db, &f->id, &s), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_true(str_eqc(a.username, "ada") && str_eqc(a.nickname, "Ada \xf0\x9f\x90\x9d") && a.comment_disabled);
    assert_true(a.snapshot_at_us > 0);
    int64_t at_us = a.snapshot_at_us;
    /* The next one replaces it, what TikTok did not say included. */
    assert_int_equal(
        account_store_snapshot(f->db, &f->id, &(struct account_snapshot){.post_block = STR("reached_active_user_cap")}),
        OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_int_equal(a.username.n, 0);
    assert_true(str_eqc(a.post_block, "reached_active_user_cap"));
    assert_false(account_snapshot_within(&a, US_PER_SEC * 3600));
    assert_int_equal(account_purge_snapshots(f->db, at_us), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_true(a.snapshot_at_us >= at_us);
    assert_int_equal(account_purge_snapshots(f->db, a.snapshot_at_us + SNAPSHOT_KEPT_US), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_int_equal(a.snapshot_at_us, 0);
}

static void test_block_alone(void **state)
{
    struct fixture *f = *state;
    const struct account_snapshot s = {.username = STR("ada"), .privacy_level_options = STR("SELF_ONLY")};
    struct account a = {0};

    assert_int_equal(account_store_block(f->db, &f->id, STR("spam_risk_too_many_posts")), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_true(str_eqc(a.post_block, "spam_risk_too_many_posts") && a.snapshot_at_us > 0);
    assert_false(account_snapshot_within(&a, US_PER_SEC)); /* nothing is known of what it offers */
    assert_int_equal(account_store_snapshot(f->db, &f->id, &s), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_int_equal(a.post_block.n, 0);
    int64_t at_us = a.snapshot_at_us;
    assert_int_equal(account_store_block(f->db, &f->id, STR("reached_active_user_cap")), OK);
    assert_int_equal(account_get(f->db, &f->arena, &f->user_id, MODE_LIVE, &f->id, &a), OK);
    assert_true(str_eqc(a.post_block, "reached_active_user_cap") && str_eqc(a.username, "ada"));
    assert_true(account_snapshot_within(&a, US_PER_SEC * 60) && a.snapshot_at_us == at_us);
}

static void test_calls_of_a_minute(void **state)
{
    static const struct {
        enum account_call call;
        int limit;
    } rows[] = {{ACCOUNT_CALL_INIT, 6}, {ACCOUNT_CALL_CREATOR, 20}, {ACCOUNT_CALL_POLL, 30}};
    const int64_t now = 1000 * US_PER_SEC;
    struct fixture *f = *state;
    int64_t free_at;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        enum account_call call = rows[i].call;
        for (int n = 0; n < rows[i].limit; n++)
            assert_int_equal(account_take_call(f->db, &f->arena, &f->id, call, now + n, &free_at), OK);
        assert_int_equal(account_take_call(f->db, &f->arena, &f->id, call, now + 59 * US_PER_SEC, &free_at), ERR_AGAIN);
        assert_int_equal(free_at, now + 60 * US_PER_SEC);
        assert_int_equal(account_take_call(f->db, &f->arena, &f->id, call, free_at, &free_at), OK);
    }
}

struct taker {
    pthread_t thread;
    const struct uuid *id;
    int taken, refused;
};

static void *take(void *arg)
{
    struct taker *t = arg;
    struct db *db = rows_connect(NULL);
    struct arena arena;
    int64_t free_at;

    arena_init(&arena, 1 << 20);
    for (int i = 0; i < 4; i++) {
        enum err e = account_take_call(db, &arena, t->id, ACCOUNT_CALL_INIT, 1000 * US_PER_SEC, &free_at);
        t->taken += e == OK;
        t->refused += e == ERR_AGAIN && free_at == 1060 * US_PER_SEC;
    }
    db_free(db);
    arena_done(&arena);
    return NULL;
}

/* Six calls at most are taken while the log is not full, so a taker loses five races at most, which is less than it
 * runs. */
static void test_workers_share_the_calls(void **state)
{
    struct fixture *f = *state;
    struct taker takers[THREADS] = {0};
    int taken = 0, refused = 0;

    for (int i = 0; i < THREADS; i++) {
        takers[i].id = &f->id;
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(takers[i].thread, NULL);
        taken += takers[i].taken;
        refused += takers[i].refused;
    }
    assert_int_equal(taken, 6);
    assert_int_equal(refused, THREADS * 4 - 6);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connect),
        TEST(test_disconnect),
        TEST(test_two_ends_at_once),
        TEST(test_tokens_are_bound_to_their_place),
        TEST(test_tokens_are_bound_to_their_mode),
        TEST(test_lease),
        TEST(test_an_empty_token_is_never_stored),
        TEST(test_needs_reconnect),
        TEST(test_a_refusal_of_another_pair),
        TEST(test_a_new_pair_is_not_lost_with_its_lease),
        TEST(test_snapshot),
        TEST(test_block_alone),
        TEST(test_calls_of_a_minute),
        TEST(test_workers_share_the_calls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
