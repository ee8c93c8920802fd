/* Subscriptions as worker@billing writes them, and where what they come to goes. */
#include "rows.h"

#include "base/clock.h"
#include "model/billing/billing.h"
#include "model/billing/counter.h"

static const struct plans plans = {
    .v = {{.name = "free", .is_free = true, .limits = {2, PLAN_NO_LIMIT, PLAN_NO_LIMIT}, .rate_factor = 1},
          {.name = "pro", .limits = {PLAN_NO_LIMIT, PLAN_NO_LIMIT, PLAN_NO_LIMIT}, .rate_factor = 1}},
    .n = 2};
static const struct conf conf = {.billing_grace_days = 7, .plans = &plans};

struct fixture {
    struct db *db;
    struct arena arena;
    struct uuid user, other;
};

enum { ADD_SESSION, COPIES };
static const struct sql sqls[] = {
    [ADD_SESSION] = {.text =
                         "INSERT INTO sessions (id, token_hash, user_id, user_state, created_at_us, last_seen_at_us,"
                         " expires_at_us) VALUES (?, ?, ?, 'active', 1, 1, 1)",
                     .in = "ubu"},
    /* How many of the user and the session say so. */
    [COPIES] = {.text = "SELECT (SELECT COUNT(*) FROM users WHERE id = ? AND subscribed_plan <=> ? AND"
                        " subscribed_until_us <=> ?) + (SELECT COUNT(*) FROM sessions WHERE user_id = ? AND"
                        " subscribed_plan <=> ? AND subscribed_until_us <=> ?)",
                .in = "usiusi",
                .cols = db_number_cols},
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);
    struct uuid session = uuid_new();
    char token[32] = {0};

    f->db = rows_connect(NULL);
    arena_init(&f->arena, 1 << 20);
    f->user = uuid_new();
    f->other = uuid_new();
    memcpy(token, session.b, sizeof session.b);
    rows_add_user(f->db, &f->user);
    rows_add_user(f->db, &f->other);
    assert_int_equal(
        db_exec(f->db, &sqls[ADD_SESSION], DB_ARGS(db_uuid(&session), db_bytes(token, 32), db_uuid(&f->user)), NULL),
        OK);
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

struct setting {
    struct fixture *f;
    const struct uuid *user;
    struct subscription s;
};

static enum err set_tx(struct db *db, void *arg)
{
    struct setting *x = arg;

    return billing_set_subscription(db, &x->f->arena, &conf, x->user, &x->s);
}

static enum err set(struct fixture *f, const struct uuid *user, struct subscription s)
{
    return db_tx(f->db, set_tx, &(struct setting){f, user, s});
}

static int64_t copies(struct fixture *f, const char *plan, int64_t until_us)
{
    struct db_arg u = db_uuid(&f->user), p = db_cstr(plan), t = db_i64_or_null(until_us);
    int64_t n;

    assert_int_equal(db_number(f->db, &sqls[COPIES], DB_ARGS(u, p, t, u, p, t), &n), OK);
    return n;
}

static struct subscription of(const char *customer, const char *id, enum subscription_status status, int64_t end_us)
{
    return (struct subscription){.customer_id = str_from(customer),
                                 .subscription_id = str_from(id),
                                 .plan = STR("pro"),
                                 .status = status,
                                 .period_end_us = end_us};
}

static void test_its_life(void **state)
{
    struct fixture *f = *state;
    int64_t end = clock_now_us() + US_PER_DAY;
    struct billing b;

    assert_int_equal(set(f, &f->user, (struct subscription){.customer_id = STR("cus_life")}),
                     OK); /* a customer, and no more */
    assert_int_equal(copies(f, NULL, 0), 2);
    assert_int_equal(set(f, &f->user, of("cus_life", "sub_life", SUBSCRIPTION_ACTIVE, end)), OK);
    assert_int_equal(copies(f, "pro", 0), 2);
    assert_int_equal(billing_read(f->db, &f->arena, &conf, &f->user, &b), OK);
    assert_string_equal(b.now.plan->name, "pro");
    assert_int_equal(set(f, &f->user, of("cus_life", "sub_life", SUBSCRIPTION_PAST_DUE, end)), OK);
    assert_int_equal(copies(f, "pro", end + 7 * US_PER_DAY), 2);
    assert_int_equal(set(f, &f->user, of("cus_life", "sub_life", SUBSCRIPTION_PAST_DUE, end)),
                     OK); /* the same once more */
    assert_int_equal(copies(f, "pro", end + 7 * US_PER_DAY), 2);
    assert_int_equal(set(f, &f->user, of("cus_life", "sub_life", SUBSCRIPTION_CANCELED, end)), OK);
    assert_int_equal(copies(f, NULL, 0), 2);
    assert_int_equal(billing_read(f->db, &f->arena, &conf, &f->user, &b), OK);
    assert_string_equal(b.now.plan->name, "free");
    assert_int_equal(b.subscription.status, SUBSCRIPTION_CANCELED);
}

/* A customer who is somebody else's changes nothing, for either. */
static void test_somebody_elses(void **state)
{
    struct fixture *f = *state;
    struct uuid nobody = uuid_new();

    assert_int_equal(set(f, &f->user, of("cus_mine", "sub_mine", SUBSCRIPTION_ACTIVE, 0)), OK);
    assert_int_equal(set(f, &f->other, of("cus_mine", "sub_other", SUBSCRIPTION_CANCELED, 0)), ERR_DB_DUPLICATE);
    assert_int_equal(set(f, &f->other, of("cus_other", "sub_mine", SUBSCRIPTION_CANCELED, 0)), ERR_DB_DUPLICATE);
    assert_int_equal(copies(f, "pro", 0), 2);
    assert_int_equal(set(f, &nobody, of("cus_no", "sub_no", SUBSCRIPTION_ACTIVE, 0)), ERR_NOT_FOUND);
}

struct taking {
    const struct uuid *user;
    int64_t month;
};

static enum err take_tx(struct db *db, void *arg)
{
    const struct taking *t = arg;

    return plan_posts_take(db, t->user, plans_free(&plans), t->month);
}

static enum err take(struct fixture *f, int64_t month)
{
    return db_tx(f->db, take_tx, &(struct taking){&f->other, month});
}

/* The count is of one month; one of the next month holds already, for clocks differ. */
static void test_the_count(void **state)
{
    struct fixture *f = *state;
    int64_t month = plan_month_now();

    assert_int_equal(take(f, 0), OK); /* not counted */
    assert_int_equal(plan_posts_fit(plans_free(&plans), month, 1), OK);
    assert_int_equal(take(f, month), OK);
    assert_int_equal(take(f, month), OK);
    assert_int_equal(take(f, month), ERR_PLAN_POSTS);
    assert_int_equal(plan_posts_fit(plans_free(&plans), month, 2), ERR_PLAN_POSTS);
    assert_int_equal(plan_posts_fit(plans_free(&plans), month + 1, 2), ERR_PLAN_POSTS);
    assert_int_equal(plan_posts_fit(plans_free(&plans), month - 1, 2), OK);
    assert_int_equal(plan_posts_fit(plans_free(&plans), 0, 0), OK);
    assert_int_equal(take(f, month + 1), OK);
    assert_int_equal(take(f, month), OK);
    assert_int_equal(take(f, month), ERR_PLAN_POSTS);
    assert_int_equal(take(f, month + 1), ERR_PLAN_POSTS);
    assert_int_equal(take(f, month + 3), OK);
    assert_int_equal(take(f, month), OK); /* no clock is two months ahead: that count was wrong */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_its_life, setup, teardown),
        cmocka_unit_test_setup_teardown(test_somebody_elses, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_count, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
