#include "things.h"

enum { PUT, ADD, ADD_ALL };

static const struct sql sqls[] = {
    [PUT] = {.text = "INSERT INTO things (id, number, name) VALUES (?, ?, ?) ON DUPLICATE KEY UPDATE"
                     " number = number + VALUES(number) + ?",
             .in = "uisi"},
    [ADD] = {.text = "UPDATE things SET number = number + ? WHERE id = ? AND name = ?", .in = "ius"},
    /* By its 1000 one sees that it ran. */
    [ADD_ALL] = {.text = "UPDATE things FORCE INDEX (PRIMARY) SET number = number + 1000 + ?"
                         " WHERE id IN " DB_MANY_IDS " AND name = ?",
                 .in = "i" DB_MANY_IDS_IN "s"},
};

static struct uuid insert(struct fixture *f, int64_t number)
{
    struct uuid id = uuid_new();

    assert_int_equal(db_exec(f->db, &sqls[PUT], DB_ARGS(db_uuid(&id), db_i64(number), db_cstr("a"), db_i64(0)), NULL),
                     OK);
    return id;
}

static int64_t number_of(struct fixture *f, const struct uuid *id)
{
    int64_t number;

    assert_int_equal(db_number(f->other, &thing_sqls[THING_NUMBER], DB_ARGS(db_uuid(id)), &number), OK);
    return number;
}

struct many_rows {
    enum err (*fn)(struct db *db, const struct sql *q, const struct db_many *many);
    const struct sql *q;
    struct db_many many;
};

static enum err many_tx(struct db *db, void *arg)
{
    const struct many_rows *r = arg;

    return r->fn(db, r->q, &r->many);
}

static void many_rows_of_all_types(void **state)
{
    struct fixture *f = *state;
    struct uuid ids[DB_MANY_MAX];
    char text[DB_MANY_MAX * 100];
    struct many_rows r = {.fn = db_change_many, .q = &thing_sqls[THING_INSERT]};

    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < DB_MANY_MAX; i++) {
        bool null = i % 3 == 1;
        ids[i] = uuid_new();
        db_many_add(&r.many,
                    DB_ARGS(db_uuid(&ids[i]), db_str(null ? (struct str){0} : str_of(text, i * 100)),
                            db_bytes(null ? NULL : "\0\1", null ? 0 : 2), db_i64(INT64_MAX - (int64_t)i),
                            db_i64_or_null(null ? 0 : 1), db_cstr(null ? NULL : "green"), db_bytes("abcd", 4)));
    }
    assert_int_equal(db_tx(f->db, many_tx, &r), OK);
    for (size_t i = 0; i < DB_MANY_MAX; i++) {
        struct thing t = {.untouched = 7};
        bool null = i % 3 == 1;
        assert_int_equal(db_row(f->db, &thing_sqls[THING_BY_ID], DB_ARGS(db_uuid(&ids[i])), &f->arena, &t), OK);
        assert_true(t.number == INT64_MAX - (int64_t)i && t.flag == !null && t.colour == !null && t.untouched == 7);
        assert_true((t.name.p == NULL) == null && t.name.n == (null ? 0 : i * 100) && (t.bytes.p == NULL) == null);
    }
}

static void many_changes_must_all_match(void **state)
{
    struct fixture *f = *state;
    struct uuid one = insert(f, 1), two = insert(f, 2), stranger = uuid_new();
    struct many_rows r = {.fn = db_change_many, .q = &thing_sqls[THING_BUMP]};

    assert_int_equal(db_tx(f->db, many_tx, &r), OK); /* none at all */
    db_many_add(&r.many, DB_ARGS(db_uuid(&two)));
    assert_int_equal(db_tx(f->db, many_tx, &r), OK); /* one */
    db_many_add(&r.many, DB_ARGS(db_uuid(&one)));
    assert_int_equal(db_tx(f->db, many_tx, &r), OK);
    assert_true(number_of(f, &one) == 2 && number_of(f, &two) == 4);
    db_many_add(&r.many, DB_ARGS(db_uuid(&stranger)));
    assert_int_equal(db_tx(f->db, many_tx, &r), ERR_CONFLICT);
    assert_true(number_of(f, &one) == 2 && number_of(f, &two) == 4);
    assert_int_equal(db_change(f->db, &thing_sqls[THING_BUMP], DB_ARGS(db_uuid(&one))), OK); /* by itself as before */
    assert_int_equal(number_of(f, &one), 3);
}

static enum err add_alike(struct db *db, const struct sql *q, const struct db_many *many)
{
    return db_change_alike(db, q, &sqls[ADD_ALL], many, 1);
}

static void many_alike_are_one_statement(void **state)
{
    struct fixture *f = *state;
    struct uuid one = insert(f, 1), two = insert(f, 2), three = insert(f, 3), stranger = uuid_new();
    struct many_rows r = {.fn = add_alike, .q = &sqls[ADD]};

    assert_int_equal(db_tx(f->db, many_tx, &r), OK); /* none at all */
    db_many_add(&r.many, DB_ARGS(db_i64(10), db_uuid(&one), db_cstr("a")));
    assert_int_equal(db_tx(f->db, many_tx, &r), OK); /* one */
    assert_int_equal(number_of(f, &one), 11);
    db_many_add(&r.many, DB_ARGS(db_i64(10), db_uuid(&two), db_cstr("a")));
    assert_int_equal(db_tx(f->db, many_tx, &r), OK); /* two that are alike */
    assert_true(number_of(f, &one) == 1021 && number_of(f, &two) == 1012 && number_of(f, &three) == 3);
    struct many_rows missing = r, null = r, other = r;
    db_many_add(&missing.many, DB_ARGS(db_i64(10), db_uuid(&stranger), db_cstr("a")));
    assert_int_equal(db_tx(f->db, many_tx, &missing), ERR_CONFLICT);
    db_many_add(&null.many, DB_ARGS(db_i64(10), db_uuid(&three), db_cstr(NULL)));
    assert_int_equal(db_tx(f->db, many_tx, &null), ERR_CONFLICT); /* NULL is another value, and no name */
    assert_true(number_of(f, &one) == 1021 && number_of(f, &two) == 1012);
    db_many_add(&other.many, DB_ARGS(db_i64(20), db_uuid(&three), db_cstr("a")));
    assert_int_equal(db_tx(f->db, many_tx, &other), OK); /* three that are not */
    assert_true(number_of(f, &one) == 1031 && number_of(f, &two) == 1022 && number_of(f, &three) == 23);
}

static void many_rows_fail_together(void **state)
{
    struct fixture *f = *state;
    struct uuid new = uuid_new(), old = insert(f, 1);
    struct many_rows r = {.fn = db_exec_many, .q = &sqls[PUT]};

    db_many_add(&r.many, DB_ARGS(db_uuid(&new), db_i64(7), db_cstr("new"), db_i64(100)));
    db_many_add(&r.many, DB_ARGS(db_uuid(&old), db_i64(7), db_cstr(NULL), db_i64(100)));
    db_many_add(&r.many, DB_ARGS(db_uuid(&new), db_i64(8), db_cstr(NULL), db_i64(200)));
    assert_int_equal(db_tx(f->db, many_tx, &r), OK);
    assert_true(number_of(f, &new) == 215 && number_of(f, &old) == 108);
    db_many_add(&r.many, DB_ARGS(db_uuid(&new), db_i64(-9), db_cstr(NULL), db_i64(0))); /* the column is unsigned */
    assert_int_equal(db_tx(f->db, many_tx, &r), ERR_DB_FAILED);
    assert_true(number_of(f, &new) == 215 && number_of(f, &old) == 108);
}

static void many_rows_are_sorted(void **state)
{
    struct uuid ids[DB_MANY_MAX];
    struct db_many many = {0};
    (void)state;

    for (size_t i = 0; i < DB_MANY_MAX; i++)
        ids[i] = (struct uuid){{(uint8_t)(i * 5 % 4)}};
    for (size_t i = 0; i < DB_MANY_MAX; i++)
        db_many_add(&many, DB_ARGS(db_i64((int64_t)i), db_uuid(&ids[i])));
    db_many_sort(&many, 1);
    for (size_t i = 1; i < DB_MANY_MAX; i++) {
        const struct db_arg *before = &many.args[(i - 1) * 2], *here = &many.args[i * 2];
        int order = uuid_cmp(&before[1].u, &here[1].u);
        assert_true(order < 0 || (order == 0 && before[0].i < here[0].i));
        assert_true(uuid_eq(&here[1].u, &ids[here[0].i]));
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, things_setup, connections_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_rows_of_all_types),  TEST(many_changes_must_all_match), TEST(many_alike_are_one_statement),
        TEST(many_rows_fail_together), TEST(many_rows_are_sorted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
