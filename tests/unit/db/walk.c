#include "connections.h"

enum { WALK, WALK_TYPES, WALK_SLOW };
static const struct sql sqls[] = {
    [WALK] = {.text = "SELECT id, name FROM walk_rows WHERE id > ? ORDER BY id DESC", .in = "i"},
    [WALK_TYPES] = {.text = "SELECT CAST(-3 AS SIGNED), 'grün', UNHEX('00ff'), NULL, REPEAT('x', 100000), s, e, t, "
                            "(SELECT UNHEX('01'))"
                            " FROM walk_types WHERE 1 = ?",
                    .in = "i"},
    [WALK_SLOW] =
        {.text = "SELECT id, CONCAT(REPEAT('x', 20000), SLEEP(0.3)) FROM walk_rows WHERE id > ? ORDER BY id LIMIT 5",
         .in = "i"},
};

static int setup(void **state)
{
    struct fixture *f = connections_open(state);

    assert_int_equal(db_run_text(f->db, STR("DROP TABLE IF EXISTS walk_rows, walk_types")), OK);
    assert_int_equal(db_run_text(f->db, STR("CREATE TABLE walk_rows (id BIGINT PRIMARY KEY, name TEXT)"
                                            " SELECT seq AS id, REPEAT('n', seq % 2000) AS name FROM seq_1_to_5000")),
                     OK);
    assert_int_equal(db_run_text(f->db, STR("CREATE TABLE walk_types (s SET('a', 'b'), e ENUM('c'), t TINYINT UNSIGNED)"
                                            " CHARSET utf8mb4 SELECT 'a,b' AS s, 'c' AS e, 200 AS t")),
                     OK);
    return 0;
}

struct walked {
    const struct sql *q;
    struct fixture *f;
    int64_t last, n, at;
    size_t bytes;
    enum err (*happens)(struct fixture *f); /* at the row at */
};

static enum err row(const struct db_value *v, size_t n, void *arg)
{
    struct walked *w = arg;

    assert_int_equal(n, 2);
    w->last = v[0].i;
    w->bytes += v[1].s.n;
    w->n++;
    return w->happens != NULL && w->n == w->at ? w->happens(w->f) : OK;
}

static enum err walk_tx(struct db *db, void *arg)
{
    struct walked *w = arg;

    w->n = 0;
    return db_walk(db, w->q, DB_ARGS(db_i64(0)), row, w);
}

static void every_row_comes_in_its_order(void **state)
{
    struct fixture *f = *state;
    struct walked w = {.q = &sqls[WALK], .f = f};

    assert_int_equal(db_tx_snapshot(f->db, walk_tx, &w), OK);
    assert_int_equal(w.n, 5000);
    assert_int_equal(w.last, 1);
    assert_int_equal(w.bytes, 2 * 1999 * 1000 + 999 * 500 + 1000);
}

static enum err types(const struct db_value *v, size_t n, void *arg)
{
    (void)arg;
    assert_int_equal(n, 9);
    assert_true(v[0].type == DB_VALUE_NUMBER && v[0].i == -3);
    assert_true(v[1].type == DB_VALUE_TEXT && str_eqc(v[1].s, "grün"));
    assert_true(v[2].type == DB_VALUE_BYTES && str_eq(v[2].s, STR("\0\xff")));
    assert_int_equal(v[3].type, DB_VALUE_NULL);
    assert_true(v[4].type == DB_VALUE_TEXT && v[4].s.n == 100000 && v[4].s.p[99999] == 'x');
    assert_true(v[5].type == DB_VALUE_TEXT && str_eqc(v[5].s, "a,b"));
    assert_true(v[6].type == DB_VALUE_TEXT && str_eqc(v[6].s, "c"));
    assert_true(v[7].type == DB_VALUE_NUMBER && v[7].i == 200);
    assert_true(v[8].type == DB_VALUE_BYTES && str_eq(v[8].s, STR("\1")));
    return OK;
}

static enum err types_tx(struct db *db, void *arg)
{
    return db_walk(db, &sqls[WALK_TYPES], DB_ARGS(db_i64(1)), types, arg);
}

static void values_have_the_servers_types(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_tx_snapshot(f->db, types_tx, NULL), OK);
}

static enum err fails(struct fixture *f)
{
    (void)f;
    return ERR_STORE_FULL;
}

static void an_error_ends_it_and_leaves_the_connection(void **state)
{
    struct fixture *f = *state;
    struct walked w = {.q = &sqls[WALK], .f = f, .at = 10, .happens = fails}, all = {.q = &sqls[WALK], .f = f};

    assert_int_equal(db_tx_snapshot(f->db, walk_tx, &w), ERR_STORE_FULL);
    assert_int_equal(w.n, 10);
    assert_int_equal(db_tx_snapshot(f->db, walk_tx, &all), OK);
    assert_int_equal(all.n, 5000);
}

static enum err ends_once(struct fixture *f)
{
    static bool done;
    int64_t id;
    char text[64];

    if (done)
        return OK;
    done = true;
    const struct sql newest = {
        .text =
            "SELECT MAX(id) FROM information_schema.processlist WHERE command <> 'Daemon' AND id <> CONNECTION_ID()",
        .in = "",
        .cols = db_number_cols};
    assert_int_equal(db_number(f->other, &newest, DB_NO_ARGS, &id), OK);
    (void)snprintf(text, sizeof text, "KILL %lld", (long long)id);
    return db_run_text(f->other, str_from(text));
}

/* With the connection goes the moment that was looked at: all of it begins anew. */
static void after_a_lost_connection_it_begins_again(void **state)
{
    struct fixture *f = *state;
    struct walked w = {.q = &sqls[WALK], .f = f, .at = 10, .happens = ends_once};

    assert_int_equal(db_tx_snapshot(f->db, walk_tx, &w), OK);
    assert_int_equal(w.n, 5000);
}

/* Longer than any other statement may. */
static void it_may_take_its_time(void **state)
{
    struct fixture *f = *state;
    struct db_options options = {
        .name = "test_db", .user = "root", .timeout_sec = 1, .socket = getenv("TEST_DB_SOCKET")};
    _cleanup_(db_freep) struct db *hasty = db_new(&options);
    struct walked w = {.q = &sqls[WALK_SLOW], .f = f};

    assert_int_equal(db_tx_snapshot(hasty, walk_tx, &w), OK);
    assert_int_equal(w.n, 5);
    const struct sql left = {.text = "SELECT CAST(@@max_statement_time AS SIGNED)", .in = "", .cols = db_number_cols};
    int64_t sec;
    assert_int_equal(db_number(hasty, &left, DB_NO_ARGS, &sec), OK);
    assert_int_equal(sec, 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, connections_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_comes_in_its_order),
        TEST(values_have_the_servers_types),
        TEST(an_error_ends_it_and_leaves_the_connection),
        TEST(after_a_lost_connection_it_begins_again),
        TEST(it_may_take_its_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
