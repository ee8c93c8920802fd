/* The lease per customer, and what is stored under it. */
#include "rows.h"

#include "base/clock.h"
#include "model/billing/billing.h"
#include "model/billing/sync.h"

static const struct plans plans = {
    .v = {{.name = "free", .is_free = true, .limits = {2, PLAN_NO_LIMIT, PLAN_NO_LIMIT}, .rate_factor = 1},
          {.name = "pro",
           .price_test = "price_pro",
           .limits = {PLAN_NO_LIMIT, PLAN_NO_LIMIT, PLAN_NO_LIMIT},
           .rate_factor = 1}},
    .n = 2};
static const struct conf conf = {.billing_grace_days = 7, .plans = &plans};

struct fixture {
    struct db *db;
    struct arena arena;
    struct uuid user;
    struct str customer;
};

static const struct sql add_customer = {
    .text = "INSERT INTO subscriptions (user_id, customer_id, created_at_us, updated_at_us) VALUES (?, ?, 1, 1)",
    .in = "us"};
static const struct sql put_until = {.text = "UPDATE subscriptions SET sync_until_us = ? WHERE user_id = ?",
                                     .in = "iu"};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    f->db = rows_connect(NULL);
    arena_init(&f->arena, 1 << 20);
    f->user = uuid_new();
    f->customer = arena_printf(&f->arena, "cus_%s", uuid_text(&f->user).s);
    rows_add_user(f->db, &f->user);
    assert_int_equal(db_exec(f->db, &add_customer, DB_ARGS(db_uuid(&f->user), db_str(f->customer)), NULL), OK);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    db_free(f->db);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static enum err claim(struct fixture *f, struct sync *ret)
{
    return sync_claim(f->db, &f->arena, &f->user, clock_now_us(), ret);
}

struct storing {
    struct fixture *f;
    const struct sync *sync;
    struct stripe_state state;
};

static enum err store_tx(struct db *db, void *arg)
{
    const struct storing *x = arg;

    return sync_store(db, &x->f->arena, &conf, x->sync, &x->state);
}

static enum err forget_tx(struct db *db, void *arg)
{
    const struct storing *x = arg;

    return sync_forget(db, &x->f->arena, &conf, x->sync);
}

static struct storing of(struct fixture *f, const struct sync *sync, enum stripe_status status)
{
    return (struct storing){f,
                            sync,
                            {.subscription = arena_printf(&f->arena, "sub_%s", uuid_text(&f->user).s),
                             .price = STR("price_pro"),
                             .status = status,
                             .period_start_us = 100,
                             .period_end_us = clock_now_us() + US_PER_DAY}};
}

static enum subscription_status stored(struct fixture *f)
{
    struct billing b;

    assert_int_equal(billing_read(f->db, &f->arena, &conf, &f->user, &b), OK);
    return (enum subscription_status)b.subscription.status;
}

static void test_one_at_a_time(void **state)
{
    struct fixture *f = *state;
    struct sync first, second = {.until_us = 0};
    struct uuid nobody = uuid_new();

    assert_int_equal(claim(f, &first), OK);
    assert_true(str_eq(first.customer, f->customer));
    assert_int_equal(claim(f, &second), ERR_AGAIN);
    assert_int_equal(second.until_us, first.until_us);
    assert_int_equal(sync_release(f->db, &first), OK);
    assert_int_equal(claim(f, &second), OK);
    assert_int_equal(sync_release(f->db, &first), OK); /* not hers any more: the other's stays */
    assert_int_equal(claim(f, &first), ERR_AGAIN);
    assert_int_equal(sync_claim(f->db, &f->arena, &nobody, clock_now_us(), &first), ERR_NOT_FOUND);
}

/* Whoever stood still for longer than their lease writes nothing over what another has fetched since. */
static void test_a_fence(void **state)
{
    struct fixture *f = *state;
    struct sync old, new;

    assert_int_equal(claim(f, &old), OK);
    assert_int_equal(sync_claim(f->db, &f->arena, &f->user, old.until_us, &new), OK);
    struct storing newer = of(f, &new, STRIPE_ACTIVE), older = of(f, &old, STRIPE_CANCELED);
    assert_int_equal(db_tx(f->db, store_tx, &older), ERR_CONFLICT);
    assert_int_equal(db_tx(f->db, store_tx, &newer), OK);
    assert_int_equal(stored(f), SUBSCRIPTION_ACTIVE);
    assert_int_equal(db_tx(f->db, store_tx, &older), ERR_CONFLICT);
    assert_int_equal(db_tx(f->db, store_tx, &newer), ERR_CONFLICT); /* once: the lease ends with it */
    assert_int_equal(db_tx(f->db, forget_tx, &older), ERR_CONFLICT);
    assert_int_equal(stored(f), SUBSCRIPTION_ACTIVE);
    assert_int_equal(claim(f, &old), OK);
}

struct holding {
    const struct uuid *user, *token;
    int64_t until_us;
};

static enum err hold_tx(struct db *db, void *arg)
{
    const struct holding *h = arg;

    return sync_hold(db, h->user, h->token, h->until_us);
}

static enum err hold(struct fixture *f, const struct sync *sync, int64_t until_us)
{
    return db_tx(f->db, hold_tx, &(struct holding){&f->user, &sync->token, until_us});
}

static void test_extended(void **state)
{
    struct fixture *f = *state;
    struct sync mine, other;
    int64_t later;

    assert_int_equal(claim(f, &mine), OK);
    later = mine.until_us + SYNC_LEASE_US;
    assert_int_equal(hold(f, &mine, later), OK);
    assert_int_equal(sync_claim(f->db, &f->arena, &f->user, mine.until_us, &other), ERR_AGAIN);
    assert_int_equal(other.until_us, later);
    assert_int_equal(sync_claim(f->db, &f->arena, &f->user, later, &other), OK);
    assert_int_equal(hold(f, &mine, later), ERR_CONFLICT);
}

/* From before a clock was set back. */
static void test_too_far_ahead(void **state)
{
    struct fixture *f = *state;
    struct sync sync;

    assert_int_equal(claim(f, &sync), OK);
    assert_int_equal(
        db_exec(f->db, &put_until, DB_ARGS(db_i64(clock_now_us() + 6 * SYNC_LEASE_US), db_uuid(&f->user)), NULL), OK);
    assert_int_equal(claim(f, &sync), OK);
}

static void test_forgotten(void **state)
{
    struct fixture *f = *state;
    struct sync sync;
    struct billing b;

    assert_int_equal(claim(f, &sync), OK);
    struct storing x = of(f, &sync, STRIPE_ACTIVE);
    assert_int_equal(db_tx(f->db, store_tx, &x), OK);
    assert_int_equal(claim(f, &sync), OK);
    assert_int_equal(db_tx(f->db, forget_tx, &x), OK);
    assert_int_equal(billing_read(f->db, &f->arena, &conf, &f->user, &b), OK);
    assert_int_equal(b.subscription.status, SUBSCRIPTION_NONE);
    assert_string_equal(b.now.plan->name, "free");
    assert_int_equal(claim(f, &sync), ERR_NOT_FOUND);
}

static enum err void_tx(struct db *db, void *arg)
{
    const struct storing *x = arg;

    return sync_void(db, &x->f->arena, &conf, x->sync);
}

/* What is stored is of the mode that we are in; in the other one it pays nothing, and the customer is still known. */
static void test_other_mode(void **state)
{
    struct fixture *f = *state;
    const struct conf live = {.stripe_livemode = true};
    struct sync sync;
    struct billing b;

    assert_int_equal(claim(f, &sync), OK);
    assert_false(sync_is_other_mode(&sync, &conf) || sync_is_other_mode(&sync, &live)); /* nobody knows */
    struct storing x = of(f, &sync, STRIPE_ACTIVE);
    assert_int_equal(db_tx(f->db, store_tx, &x), OK);
    assert_int_equal(claim(f, &sync), OK);
    assert_true(!sync_is_other_mode(&sync, &conf) && sync_is_other_mode(&sync, &live));
    assert_int_equal(db_tx(f->db, void_tx, &x), OK);
    assert_int_equal(billing_read(f->db, &f->arena, &conf, &f->user, &b), OK);
    assert_string_equal(b.now.plan->name, "free");
    assert_int_equal(claim(f, &sync), OK);
    assert_true(str_eq(sync.customer, f->customer) && sync_is_other_mode(&sync, &live));
}

/* Told once, as long as it lasts: what was fetched ends it, but for the address, of which that says nothing. */
static void test_attention(void **state)
{
    struct fixture *f = *state;
    const int64_t all = SYNC_UNKNOWN_CUSTOMER | SYNC_OTHER_MODE | SYNC_SEVERAL | SYNC_UNKNOWN_STATUS |
                        SYNC_EMAIL_REFUSED | SYNC_FOREIGN_PRICE;
    struct sync sync;

    assert_int_equal(sync_attend(f->db, &f->user, all), OK);
    assert_int_equal(claim(f, &sync), OK);
    assert_int_equal(sync.attention, all);
    struct storing x = of(f, &sync, STRIPE_ACTIVE);
    x.state.others_alive_n = 1;
    assert_int_equal(db_tx(f->db, store_tx, &x), OK);
    assert_int_equal(claim(f, &sync), OK);
    assert_int_equal(sync.attention, SYNC_SEVERAL | SYNC_EMAIL_REFUSED);
    assert_int_equal(sync_attend_over(f->db, &f->user, SYNC_EMAIL_REFUSED), OK);
    x.state.others_alive_n = 0;
    x.state.unknown_n = 1;
    assert_int_equal(db_tx(f->db, store_tx, &x), OK);
    assert_int_equal(claim(f, &sync), OK);
    assert_int_equal(sync.attention, 0); /* what is new is the caller's to tell */
}

/* Every status keeps its word; what is past due is so since its period began, which is the one that is not paid. */
static void test_what_is_stored(void **state)
{
    struct fixture *f = *state;
    struct stripe_state s = {.subscription = STR("sub_1"),
                             .price = STR("price_pro"),
                             .period_start_us = 1,
                             .period_end_us = 2,
                             .will_end = true,
                             .ends_us = 3,
                             .trial_end_us = 4};
    (void)f;

    for (int i = 0; i < STRIPE_STATUS__MAX; i++) {
        s.status = (enum stripe_status)i;
        struct subscription got = sync_subscription(&conf, STR("cus_1"), &s);
        assert_string_equal(subscription_status_names[got.status], stripe_status_word(s.status));
        assert_int_equal(got.past_due_since_us, s.status == STRIPE_PAST_DUE ? 1 : 0);
        assert_true(str_eqc(got.customer_id, "cus_1") && str_eqc(got.subscription_id, "sub_1"));
        assert_true(str_eqc(got.plan, "pro"));
        assert_true(got.period_end_us == 2 && got.cancel_at_us == 3 && got.trial_end_us == 4);
    }
    s.price = STR("price_old"); /* the file has it no more */
    assert_null(sync_subscription(&conf, STR("cus_1"), &s).plan.p);
    s = (struct stripe_state){.foreign_n = 1};
    struct subscription none = sync_subscription(&conf, STR("cus_1"), &s);
    assert_int_equal(none.status, SUBSCRIPTION_NONE);
    assert_null(none.subscription_id.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_at_a_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_fence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_extended, setup, teardown),
        cmocka_unit_test_setup_teardown(test_too_far_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forgotten, setup, teardown),
        cmocka_unit_test_setup_teardown(test_other_mode, setup, teardown),
        cmocka_unit_test_setup_teardown(test_attention, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_is_stored, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
