#include "http/form.h"

#include "with_arena.h"

static struct form form;

static enum err parse(const char *text)
{
    return form_parse(&arena, str_from(text), &form);
}

static void test_parse(void **state)
{
    (void)state;
    assert_int_equal(parse("a=1&b=x+y%20z&&c&d=&a=2&%61%3D=%26=&"), OK);
    assert_int_equal(form.n, 6);
    assert_true(str_eqc(form_get(&form, "a"), "1"));
    assert_int_equal(form_count(&form, "a"), 2);
    assert_true(str_eqc(form_get(&form, "b"), "x y z"));
    assert_true(form_get(&form, "c").p != NULL && form_get(&form, "c").n == 0);
    assert_true(form_get(&form, "d").p != NULL && form_get(&form, "d").n == 0);
    assert_true(str_eqc(form_get(&form, "a="), "&="));
    assert_null(form_get(&form, "e").p);
    assert_int_equal(form_count(&form, "e"), 0);
}

static void test_empty(void **state)
{
    (void)state;
    assert_int_equal(parse(""), OK);
    assert_int_equal(form.n, 0);
    assert_int_equal(parse(NULL), OK);
    assert_int_equal(form.n, 0);
}

static void test_once(void **state)
{
    (void)state;
    assert_int_equal(parse("a=%2541%2B"), OK);
    assert_true(str_eqc(form_get(&form, "a"), "%41+"));
}

static void test_refused(void **state)
{
    static const char *const bad[] = {"a=%",   "a=%4",  "a=%g1", "a=%1g", "a=100%&b=1", "%=1",
                                      "a=%00", "%00=a", "a=%ff", "a=%c3", "a=\xff",     "a=%ed%a0%80"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_int_equal(parse(bad[i]), ERR_BAD_QUERY);
    assert_int_equal(parse("a=%c3%A9"), OK);
}

static void test_at_most_64(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1000);

    (void)state;
    for (int i = 0; i < FORM_PAIRS_MAX; i++)
        buf_puts(&b, "a=1&");
    assert_int_equal(parse(b.p), OK);
    assert_int_equal(form.n, FORM_PAIRS_MAX);
    buf_puts(&b, "a=1");
    assert_int_equal(parse(b.p), ERR_BAD_QUERY);
}

static void test_put(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1000);

    (void)state;
    buf_puts(&b, "https://h/?");
    form_put(&b, "a b", STR("1&2=\xc3\xa9"));
    form_put(&b, "c", STR("~-._Z"));
    assert_string_equal(b.p, "https://h/?a%20b=1%262%3D%C3%A9&c=~-._Z");
    buf_clear(&b);
    form_put(&b, "x", STR("+%"));
    form_put(&b, "y", STR(""));
    assert_string_equal(b.p, "x=%2B%25&y=");
    assert_int_equal(parse(b.p), OK);
    assert_true(str_eqc(form_get(&form, "x"), "+%"));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse),      cmocka_unit_test(test_empty),
                                              cmocka_unit_test(test_once),       cmocka_unit_test(test_refused),
                                              cmocka_unit_test(test_at_most_64), cmocka_unit_test(test_put)};

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
