#include "model/privacy/export_private.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    struct export_rows *r = xcalloc(1, sizeof *r);

    assert_int_equal(spool_open("/tmp", &r->fd), OK);
    assert_int_equal(export_rows_begin(r), OK);
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct export_rows *r = *state;

    (void)close(r->fd);
    free(r);
    return 0;
}

/* A row whose text has that many bytes. */
static void add(struct export_rows *r, int64_t i, size_t bytes)
{
    char *text = malloc(bytes + 1);

    memset(text, 'a' + (int)(i % 26), bytes);
    const struct db_value v[] = {{.type = DB_VALUE_NUMBER, .i = i},
                                 {.type = DB_VALUE_NULL},
                                 {.type = DB_VALUE_TEXT, .s = str_of(text, bytes)},
                                 {.type = DB_VALUE_BYTES, .s = STR("\0\1")}};
    assert_int_equal(export_rows_add(v, ARRAY_LEN(v), r), OK);
    free(text);
}

static void is_row(const struct export_cursor *c, int64_t i, size_t bytes)
{
    assert_false(c->ended);
    assert_int_equal(c->n, 4);
    assert_int_equal(c->v[0].i, i);
    assert_int_equal(c->v[1].type, DB_VALUE_NULL);
    assert_int_equal(c->v[2].type, DB_VALUE_TEXT);
    assert_int_equal(c->v[2].s.n, bytes);
    assert_true(bytes == 0 || (c->v[2].s.p[0] == 'a' + (int)(i % 26) && c->v[2].s.p[bytes - 1] == c->v[2].s.p[0]));
    assert_int_equal(c->v[3].type, DB_VALUE_BYTES);
    assert_true(str_eq(c->v[3].s, STR("\0\1")));
}

/* Of all lengths beside that of a buffer. */
static size_t length_of(int64_t i)
{
    return i % 7 == 0 ? EXPORT_ROWS_BUFFER - 40 + (size_t)i % 50 : i % 11 == 0 ? 200000 : (size_t)i % 100;
}

static void test_rows_come_back(void **state)
{
    struct export_rows *r = *state;
    struct export_cursor c, other;

    export_rows_open(r, 3);
    for (int64_t i = 0; i < 300; i++)
        add(r, i, length_of(i));
    export_rows_close(r, 3);
    export_rows_open(r, 4);
    export_rows_close(r, 4);
    export_rows_open(r, 5);
    add(r, 1000, 5);
    export_rows_close(r, 5);
    assert_int_equal(export_rows_end(r), OK);
    assert_int_equal(r->lists[3].n, 300);
    assert_int_equal(r->lists[4].n, 0);
    assert_int_equal(r->lists[5].n, 1);

    assert_int_equal(export_cursor_open(&c, r, 3), OK);
    assert_int_equal(export_cursor_open(&other, r, 5), OK);
    for (int64_t i = 0; i < 300; i++) {
        is_row(&c, i, length_of(i));
        assert_int_equal(export_cursor_next(&c), OK);
    }
    assert_true(c.ended);
    is_row(&other, 1000, 5);
    export_cursor_done(&c);
    export_cursor_done(&other);
    assert_int_equal(export_cursor_open(&c, r, 4), OK);
    assert_true(c.ended);
    export_cursor_done(&c);
}

/* A transaction that runs again fills it anew. */
static void test_another_run_begins_at_the_start(void **state)
{
    struct export_rows *r = *state;
    struct export_cursor c;

    export_rows_open(r, 0);
    for (int64_t i = 0; i < 5; i++)
        add(r, i, 50000);
    assert_int_equal(export_rows_begin(r), OK);
    export_rows_open(r, 0);
    add(r, 7, 3);
    export_rows_close(r, 0);
    assert_int_equal(export_rows_end(r), OK);
    assert_int_equal(r->lists[0].n, 1);
    assert_int_equal(lseek(r->fd, 0, SEEK_END), r->lists[0].end);
    assert_int_equal(export_cursor_open(&c, r, 0), OK);
    is_row(&c, 7, 3);
    assert_int_equal(export_cursor_next(&c), OK);
    assert_true(c.ended);
    export_cursor_done(&c);
}

/* The disk is full, or broken: an error, and no row that is half there. */
static void test_a_disk_that_fails(void **state)
{
    struct export_rows *r = *state;
    struct export_cursor c;
    enum err e = OK;

    export_rows_open(r, 0);
    add(r, 1, 100000);
    export_rows_close(r, 0);
    assert_int_equal(export_rows_end(r), OK);
    assert_int_equal(ftruncate(r->fd, 50000), 0);
    assert_int_equal(export_cursor_open(&c, r, 0), ERR_STORE);
    export_cursor_done(&c);

    int full = open("/dev/full", O_RDWR | O_CLOEXEC), own = r->fd;
    assert_true(full >= 0);
    r->fd = full;
    const struct db_value v = {.type = DB_VALUE_TEXT, .s = STR("some text")};
    for (int i = 0; i < 20000 && e == OK; i++)
        e = export_rows_add(&v, 1, r);
    assert_int_equal(e, ERR_STORE_FULL);
    r->fd = own;
    (void)close(full);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_rows_come_back),
        TEST(test_another_run_begins_at_the_start),
        TEST(test_a_disk_that_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
