#include "with_arena.h"

#include "stripe/form.h"
#include "stripe/id.h"

static void test_names(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(500);
    (void)state;

    stripe_form_put(&b, STRIPE_NAME("mode"), STR("subscription"));
    stripe_form_put(&b, STRIPE_NAME("line_items", "0", "price"), STR("price_1"));
    stripe_form_put_i64(&b, STRIPE_NAME("line_items", "0", "quantity"), 1);
    stripe_form_put(&b, STRIPE_NAME("subscription_data", "metadata", "user id"), STR("a"));
    stripe_form_put(&b, STRIPE_NAME("m", "a]b[c&d=e"), STR("b"));
    assert_str(buf_str(&b), "mode=subscription&line_items[0][price]=price_1&line_items[0][quantity]=1"
                            "&subscription_data[metadata][user%20id]=a&m[a%5Db%5Bc%26d%3De]=b");
    assert_false(b.overflow);
}

static void test_values(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(500);
    (void)state;

    stripe_form_put(&b, STRIPE_NAME("url"), STR("https://e.org/a?s={CHECKOUT_SESSION_ID}&b=1 2"));
    stripe_form_put(&b, STRIPE_NAME("absent"), (struct str){0});
    stripe_form_put(&b, STRIPE_NAME("empty"), STR(""));
    stripe_form_put(&b, STRIPE_NAME("all"), STR("\n%+~._-\xc3\xa9"));
    stripe_form_put_i64(&b, STRIPE_NAME("n"), INT64_MIN);
    stripe_form_put_bool(&b, STRIPE_NAME("yes"), true);
    stripe_form_put_bool(&b, STRIPE_NAME("no"), false);
    assert_str(buf_str(&b), "url=https%3A%2F%2Fe.org%2Fa%3Fs%3D%7BCHECKOUT_SESSION_ID%7D%26b%3D1%202&empty="
                            "&all=%0A%25%2B~._-%C3%A9&n=-9223372036854775808&yes=true&no=false");
}

static void test_query_and_lists(void **state)
{
    static const char *const types[] = {"a.b", "c d"};
    _cleanup_(buf_done) struct buf b = BUF_MAX(500);
    (void)state;

    buf_puts(&b, "/v1/events?");
    stripe_form_put_list(&b, "types", types, 2);
    stripe_form_put_list(&b, "none", types, 0);
    stripe_form_put_i64(&b, STRIPE_NAME("limit"), 10);
    assert_str(buf_str(&b), "/v1/events?types[0]=a.b&types[1]=c%20d&limit=10");
}

static void test_ids(void **state)
{
    static const char *const bad[] = {"",       "cus_",     "cus",          "CUS_1",  "sub_1",   "cus_a-b", "cus_a b",
                                      "cus_/x", "cus_1%2f", "cus_\xc3\xa9", " cus_1", "cus_1\n", "cus_a?b"};
    char longest[STRIPE_ID_MAX_BYTES + 1];
    (void)state;

    assert_true(stripe_id_is(STR("cus_QXg1o8vcGmoR32"), STRIPE_ID_CUSTOMER));
    assert_true(stripe_id_is(STR("cs_test_a1YS1URlnyQCN5fUU"), STRIPE_ID_SESSION));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(stripe_id_is(str_from(bad[i]), STRIPE_ID_CUSTOMER));
    assert_false(stripe_id_is((struct str){0}, STRIPE_ID_CUSTOMER));
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "cus_", 4);
    assert_true(stripe_id_is(str_of(longest, STRIPE_ID_MAX_BYTES), STRIPE_ID_CUSTOMER));
    assert_false(stripe_id_is(str_of(longest, sizeof longest), STRIPE_ID_CUSTOMER));
    assert_true(stripe_id_is(STR("ch_1"), STRIPE_ID_CHARGE) && stripe_id_is(STR("py_1"), STRIPE_ID_CHARGE));
    assert_false(stripe_id_is(STR("ch_|py_"), STRIPE_ID_CHARGE) || stripe_id_is(STR("pi_1"), STRIPE_ID_CHARGE));
    assert_null(stripe_id_or_none(STR("x"), STRIPE_ID_EVENT).p);
    assert_str(stripe_id_or_none(STR("evt_1"), STRIPE_ID_EVENT), "evt_1");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_query_and_lists),
        cmocka_unit_test(test_ids),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
