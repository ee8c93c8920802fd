#include "connections.h"

struct row {
    struct uuid id;
    struct str name;
};

static const struct db_col row_cols[] = {DB_COL(struct row, id, UUID), DB_COL(struct row, name, STR), DB_END};

enum { EACH, UNORDERED };

static const struct sql sqls[] = {
    [EACH] = {.text = "SELECT id, name FROM each_rows WHERE number > ? AND id > ? ORDER BY id LIMIT ?",
              .in = "iui",
              .cols = row_cols},
    [UNORDERED] = {.text = "SELECT id, name FROM each_rows WHERE id <> ? LIMIT ?", .in = "ui", .cols = row_cols},
};

static int setup(void **state)
{
    struct fixture *f = connections_open(state);

    assert_int_equal(db_run_text(f->db, STR("DROP TABLE IF EXISTS each_rows")), OK);
    assert_int_equal(
        db_run_text(f->db, STR("CREATE TABLE each_rows (id BINARY(16) PRIMARY KEY, name TEXT, number BIGINT)")), OK);
    return 0;
}

/* What db_each passed on, and what the test does meanwhile. */
struct passed {
    struct fixture *f;
    struct uuid last;
    size_t n, bytes;
    size_t at;                              /* the row at which it happens */
    enum err (*happens)(struct fixture *f); /* NULL: nothing */
};

static enum err pass(const void *row, void *arg)
{
    const struct row *r = row;
    struct passed *p = arg;

    assert_true(memcmp(&p->last, &r->id, sizeof r->id) < 0);
    p->last = r->id;
    p->bytes += r->name.n;
    p->n++;
    return p->happens != NULL && p->n == p->at ? p->happens(p->f) : OK;
}

static enum err each(struct fixture *f, struct passed *p)
{
    p->f = f;
    return db_each(f->db, &sqls[EACH], DB_ARGS(db_i64(0)), sizeof(struct row), pass, p);
}

/* n rows with names of so many bytes. */
static void fill(struct fixture *f, int64_t n, int64_t bytes)
{
    char text[200];

    (void)snprintf(
        text, sizeof text,
        "INSERT INTO each_rows SELECT UNHEX(LPAD(HEX(seq * 7), 32, '0')), REPEAT('x', %lld), seq FROM seq_1_to_%lld",
        (long long)bytes, (long long)n);
    assert_int_equal(db_run_text(f->db, str_from(text)), OK);
}

static void every_row_comes_once(void **state)
{
    static const int64_t rows[] = {0, 1, DB_EACH_ROWS - 1, DB_EACH_ROWS, DB_EACH_ROWS + 1, DB_EACH_ROWS * 3};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct passed p = {0};
        assert_int_equal(db_run_text(f->db, STR("DELETE FROM each_rows")), OK);
        if (rows[i] > 0)
            fill(f, rows[i], 10);
        assert_int_equal(each(f, &p), OK);
        assert_int_equal(p.n, rows[i]);
        assert_int_equal(p.bytes, rows[i] * 10);
    }
}

/* Rows of 60 000 bytes, of which a chunk has room for some twenty. */
static void wide_rows_come_in_small_chunks(void **state)
{
    struct fixture *f = *state;
    struct passed p = {0};

    fill(f, 700, 60000);
    assert_int_equal(each(f, &p), OK);
    assert_int_equal(p.n, 700);
    assert_int_equal(p.bytes, 700 * 60000);
}

static enum err give_up(struct fixture *f)
{
    (void)f;
    return ERR_CONFLICT;
}

static enum err lose_the_connection(struct fixture *f)
{
    kill_connection(f);
    return OK;
}

static enum err lose_the_table(struct fixture *f)
{
    return db_run_text(f->other, STR("DROP TABLE each_rows"));
}

static enum err read_others(struct fixture *f)
{
    struct passed inner = {0};

    return each(f, &inner);
}

static enum err change_the_table(struct fixture *f)
{
    assert_int_equal(db_run_text(f->other, STR("SET lock_wait_timeout = 1")), OK);
    assert_int_equal(db_run_text(f->other, STR("UPDATE each_rows SET number = number + 1")), OK);
    return db_run_text(f->other, STR("ALTER TABLE each_rows ADD COLUMN later INT"));
}

static void what_happens_meanwhile(void **state)
{
    static const struct {
        enum err (*happens)(struct fixture *f);
        enum err end;
        size_t n;
    } rows[] = {
        {give_up, ERR_CONFLICT, 700}, {lose_the_connection, OK, 2000},       {read_others, OK, 2000},
        {change_the_table, OK, 2000}, {lose_the_table, ERR_DB_FAILED, 1000}, /* those of its chunk are still passed on */
    };
    struct fixture *f = *state;

    fill(f, 2000, 10);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct passed p = {.at = 700, .happens = rows[i].happens};
        assert_int_equal(each(f, &p), rows[i].end);
        assert_int_equal(p.n, rows[i].n);
    }
}

static enum err each_in_tx(struct db *db, void *arg)
{
    struct passed *p = arg;

    assert_ptr_equal(db, p->f->db);
    *p = (struct passed){.f = p->f, .at = p->at, .happens = p->happens};
    return each(p->f, p);
}

static enum err remove_all(struct fixture *f)
{
    return db_run_text(f->other, STR("DELETE FROM each_rows"));
}

static void a_transaction_sees_one_moment(void **state)
{
    struct fixture *f = *state;
    struct passed p = {.f = f, .at = 700, .happens = remove_all}, q = {0};

    fill(f, 2000, 10);
    assert_int_equal(db_tx_snapshot(f->db, each_in_tx, &p), OK);
    assert_int_equal(p.n, 2000);
    assert_int_equal(each(f, &q), OK);
    assert_int_equal(q.n, 0);
}

static void a_statement_without_order_ends(void **state)
{
    struct fixture *f = *state;
    struct passed p = {.f = f};

    fill(f, DB_EACH_ROWS, 10);
    assert_int_equal(db_each(f->db, &sqls[UNORDERED], DB_NO_ARGS, sizeof(struct row), pass, &p), ERR_DB_FAILED);
    assert_int_equal(p.n, DB_EACH_ROWS);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, connections_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_row_comes_once),          TEST(wide_rows_come_in_small_chunks), TEST(what_happens_meanwhile),
        TEST(a_transaction_sees_one_moment), TEST(a_statement_without_order_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
