/* That what comes out is read by others, tests/api/test_export.py looks at; here, what others cannot see. */
#include "zip/zip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/clock.h"

#define AT_US (INT64_C(1795000000) * US_PER_SEC)
#define END "PK\5\6"

struct out {
    struct buf b;
    size_t takes; /* bytes, and then it fails */
    enum err e;
};

static enum err take(void *arg, struct str bytes)
{
    struct out *o = arg;

    if (o->b.n + bytes.n > o->takes)
        return o->e;
    buf_putstr(&o->b, bytes);
    return OK;
}

static struct out out_of(size_t takes)
{
    return (struct out){.b = BUF_MAX(8u << 20), .takes = takes, .e = ERR_CLIENT_GONE};
}

static bool has_end(const struct out *o)
{
    return o->b.n > 22 && memcmp(o->b.p + o->b.n - 22, END, 4) == 0;
}

static void test_entries_and_an_end(void **state)
{
    _cleanup_(zip_freep) struct zip *z = NULL;
    struct out o = out_of(SIZE_MAX / 2);

    (void)state;
    z = zip_new(take, &o, AT_US);
    assert_int_equal(zip_begin(z, "a.txt", ZIP_PACKED, ZIP_BYTES_UNKNOWN), OK);
    assert_int_equal(zip_put(z, STR("some ")), OK);
    assert_int_equal(zip_put(z, STR("text")), OK);
    assert_int_equal(zip_begin(z, "b/c.bin", ZIP_STORED, 5), OK);
    assert_int_equal(zip_put(z, STR("12345")), OK);
    assert_int_equal(zip_begin(z, "empty", ZIP_PACKED, ZIP_BYTES_UNKNOWN), OK);
    assert_int_equal(zip_finish(z), OK);
    assert_true(str_starts(buf_str(&o.b), STR("PK\3\4")));
    assert_true(has_end(&o));
    buf_done(&o.b);
}

/* What broke off must not look whole. */
static void test_without_a_finish_there_is_no_end(void **state)
{
    struct out o = out_of(SIZE_MAX / 2);
    struct zip *z = zip_new(take, &o, AT_US);

    (void)state;
    assert_int_equal(zip_begin(z, "a.txt", ZIP_STORED, ZIP_BYTES_UNKNOWN), OK);
    assert_int_equal(zip_put(z, STR("some text")), OK);
    zip_free(z);
    assert_false(has_end(&o));
    buf_done(&o.b);
}

static void test_the_writers_error_stays(void **state)
{
    static char noise[300000];
    _cleanup_(zip_freep) struct zip *z = NULL;
    struct out o = out_of(100000);
    enum err e = OK;

    (void)state;
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (char)(i * i >> 7);
    z = zip_new(take, &o, AT_US);
    assert_int_equal(zip_begin(z, "a.bin", ZIP_STORED, sizeof noise), OK);
    for (size_t i = 0; i < sizeof noise && e == OK; i += 1000)
        e = zip_put(z, str_of(noise + i, 1000));
    assert_int_equal(e, ERR_CLIENT_GONE);
    assert_int_equal(zip_put(z, STR("x")), ERR_CLIENT_GONE);
    assert_int_equal(zip_begin(z, "b", ZIP_STORED, 1), ERR_CLIENT_GONE);
    assert_int_equal(zip_finish(z), ERR_CLIENT_GONE);
    assert_true(o.b.n <= 100000);
    buf_done(&o.b);
}

static void test_an_entry_has_the_size_that_was_said(void **state)
{
    struct out o = out_of(SIZE_MAX / 2);
    struct zip *z = zip_new(take, &o, AT_US);

    (void)state;
    assert_int_equal(zip_begin(z, "short", ZIP_STORED, 5), OK);
    assert_int_equal(zip_put(z, STR("1234")), OK);
    assert_int_equal(zip_finish(z), ERR_INTERNAL);
    zip_free(z);
    assert_false(has_end(&o));
    z = zip_new(take, &o, AT_US);
    assert_int_equal(zip_begin(z, "long", ZIP_STORED, 5), OK);
    assert_int_equal(zip_put(z, STR("123456")), ERR_INTERNAL);
    zip_free(z);
    buf_done(&o.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_and_an_end),
        cmocka_unit_test(test_without_a_finish_there_is_no_end),
        cmocka_unit_test(test_the_writers_error_stays),
        cmocka_unit_test(test_an_entry_has_the_size_that_was_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
