#include "db/window.h"

#include "base/clock.h"
#include "connections.h"

#define NOW_US (1000 * US_PER_SEC)

static const struct db_window window = DB_WINDOW("windows", "calls", 3, 60 * US_PER_SEC);

static const struct sql insert = {.text = "INSERT INTO windows (id, calls) VALUES (?, ?)", .in = "ub"};

static int setup(void **state)
{
    struct fixture *f = connections_open(state);

    assert_int_equal(db_run_text(f->db, STR("DROP TABLE IF EXISTS windows")), OK);
    assert_int_equal(
        db_run_text(f->db, STR("CREATE TABLE windows (id BINARY(16) PRIMARY KEY, calls VARBINARY(24) NOT NULL)")), OK);
    return 0;
}

static struct uuid a_row(struct fixture *f, struct str calls)
{
    struct uuid id = uuid_new();

    assert_int_equal(db_change(f->db, &insert, DB_ARGS(db_uuid(&id), db_bytes(calls.p, calls.n))), OK);
    return id;
}

static enum err take_at(struct fixture *f, struct db *db, const struct uuid *id, int64_t now_us, int64_t *ret_free_at)
{
    return db_window_take(db, &f->arena, &window, id, now_us, ret_free_at);
}

static void takes_as_many_as_there_are(void **state)
{
    struct fixture *f = *state;
    struct uuid id = a_row(f, STR("")), other = a_row(f, STR("")), none = uuid_new();
    int64_t free_at = 0;

    assert_int_equal(take_at(f, f->db, &id, NOW_US, &free_at), OK);
    assert_int_equal(take_at(f, f->other, &id, NOW_US + 1, &free_at), OK); /* the processes share it */
    assert_int_equal(take_at(f, f->db, &id, NOW_US + 2, &free_at), OK);
    assert_int_equal(take_at(f, f->other, &id, NOW_US + 3, &free_at), ERR_AGAIN);
    assert_int_equal(free_at, NOW_US + 60 * US_PER_SEC);
    assert_int_equal(take_at(f, f->db, &other, NOW_US + 3, &free_at), OK);
    assert_int_equal(take_at(f, f->db, &none, NOW_US, &free_at), ERR_NOT_FOUND);
    assert_int_equal(take_at(f, f->db, &id, NOW_US + 60 * US_PER_SEC, &free_at), OK);
}

static void reserves_one_after_another(void **state)
{
    struct fixture *f = *state;
    struct uuid id = a_row(f, STR(""));
    int64_t at = 0;

    for (int i = 0; i < 9; i++) {
        struct db *db = i % 2 == 0 ? f->db : f->other;
        assert_int_equal(db_window_reserve(db, &f->arena, &window, &id, NOW_US, &at), OK);
        assert_int_equal(at, NOW_US + i / 3 * 60 * US_PER_SEC);
    }
}

static void takes_over_what_is_no_log(void **state)
{
    struct fixture *f = *state;
    struct uuid id = a_row(f, STR("xy"));
    int64_t free_at = 0;

    for (int i = 0; i < 3; i++)
        assert_int_equal(take_at(f, f->db, &id, NOW_US + i, &free_at), OK);
    assert_int_equal(take_at(f, f->db, &id, NOW_US + 3, &free_at), ERR_AGAIN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, connections_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_as_many_as_there_are),
        TEST(reserves_one_after_another),
        TEST(takes_over_what_is_no_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
