#include "http/sink.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"

struct end {
    struct buf taken;
    int flushes;
    enum err e; /* what it says from now on */
};

static enum err end_write(void *arg, struct str bytes)
{
    struct end *end = arg;

    buf_putstr(&end->taken, bytes);
    return end->e;
}

static enum err end_flush(void *arg)
{
    struct end *end = arg;

    end->flushes++;
    return end->e;
}

static void test_counts_what_was_put(void **state)
{
    struct end end = {.taken = BUF_MAX(64)};
    struct sink s = {.write = end_write, .flush = end_flush, .arg = &end};

    (void)state;
    assert_int_equal(sink_put(&s, STR("ab")), OK);
    assert_int_equal(sink_put(&s, STR("")), OK);
    assert_int_equal(sink_put(&s, STR("cde")), OK);
    assert_int_equal(sink_flush(&s), OK);
    assert_string_equal(end.taken.p, "abcde");
    assert_int_equal(s.bytes, 5);
    assert_int_equal(end.flushes, 1);
    buf_done(&end.taken);
}

static void test_an_error_stays(void **state)
{
    struct end end = {.taken = BUF_MAX(64), .e = ERR_CLIENT_GONE};
    struct sink s = {.write = end_write, .flush = end_flush, .arg = &end};

    (void)state;
    assert_int_equal(sink_flush(&s), ERR_CLIENT_GONE);
    end.e = OK;
    assert_int_equal(sink_flush(&s), ERR_CLIENT_GONE);
    assert_int_equal(sink_put(&s, STR("ab")), ERR_CLIENT_GONE);
    assert_int_equal(s.bytes, 0);
    assert_int_equal(end.taken.n, 0);
    assert_int_equal(end.flushes, 1);
    buf_done(&end.taken);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_counts_what_was_put),
                                              cmocka_unit_test(test_an_error_stays)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
