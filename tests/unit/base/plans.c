#include "base/plans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define FREE "[free]\nfree = yes\n"

static enum err parse(const char *text, struct plans *plans, struct buf *why)
{
    buf_clear(why);
    return plans_parse(str_from(text), plans, why);
}

static void test_read(void **state)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct plans p;

    (void)state;
    assert_int_equal(
        parse("# what users have\n" FREE "posts_per_month = 0\naccounts = 1\nstorage_mb = 100\n\n[pro]\n"
              "price_live = price_1QxAbc\nprice_test = price_1QxTest ; of the sandbox\nposts_per_month = 1000\n"
              "rate_factor = 5\n[agency-2]\nprice_live =\nfree = no\n",
              &p, &why),
        OK);
    assert_int_equal(p.n, 3);
    const struct plan *free = plans_free(&p), *pro = plans_find(&p, STR("pro")),
                      *agency = plans_find(&p, STR("agency-2"));
    assert_string_equal(free->name, "free");
    assert_int_equal(free->limits[PLAN_POSTS_PER_MONTH], 0);
    assert_int_equal(free->limits[PLAN_ACCOUNTS], 1);
    assert_int_equal(free->limits[PLAN_STORAGE_BYTES], 100 << 20);
    assert_int_equal(free->rate_factor, 1);
    assert_int_equal(pro->limits[PLAN_POSTS_PER_MONTH], 1000);
    assert_int_equal(pro->limits[PLAN_ACCOUNTS], PLAN_NO_LIMIT);
    assert_int_equal(pro->rate_factor, 5);
    assert_ptr_equal(plans_by_price(&p, true, STR("price_1QxAbc")), pro);
    assert_ptr_equal(plans_by_price(&p, false, STR("price_1QxTest")), pro);
    assert_null(plans_by_price(&p, false, STR("price_1QxAbc")));
    assert_null(plans_by_price(&p, true, STR(""))); /* of a plan that is not sold */
    assert_null(plans_find(&p, STR("pr")));
    assert_ptr_equal(plan_better(pro, free), pro);
    assert_ptr_equal(plan_better(pro, agency), agency);
}

static void test_who_allows(void **state)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct plans p;

    (void)state;
    assert_int_equal(
        parse(FREE "posts_per_month = 10\n[a]\nposts_per_month = 10\n[b]\nposts_per_month = 20\n[c]\n", &p, &why), OK);
    const struct plan *free = plans_free(&p);
    assert_true(plan_allows(free, PLAN_POSTS_PER_MONTH, 10));
    assert_false(plan_allows(free, PLAN_POSTS_PER_MONTH, 11));
    assert_string_equal(plans_that_allow(&p, free, PLAN_POSTS_PER_MONTH, 11)->name, "b");
    assert_string_equal(plans_that_allow(&p, free, PLAN_POSTS_PER_MONTH, 21)->name, "c");
    assert_null(plans_that_allow(&p, plans_find(&p, STR("c")), PLAN_POSTS_PER_MONTH, 21));
}

/* What is wrong with it, and the line that is to blame. */
static void test_bad(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "there is no plan in it"},
        {"# nothing\n\n", "there is no plan in it"},
        {"[pro]\n", "no plan is free"},
        {"[pro]\nfree = no\n", "no plan is free"},
        {FREE "[gift]\nfree = yes\n", "line 3: the plan gift is free, and so is free"},
        {"[pro]\n" FREE, "line 2: the free plan free must be the first"},
        {FREE "price_live = price_1\n", "line 1: the plan free is free, and has a price"},
        {FREE "price_test = price_1\n", "line 1: the plan free is free, and has a price"},
        {FREE "[free]\n", "line 3: the plan free is there already, in line 1"},
        {FREE "[a]\nprice_live = price_1\n[b]\nprice_live = price_1\n", "line 5: the plan b has the price of a"},
        {FREE "[a]\nprice_test = price_1\n[b]\nprice_test = price_1\n", "line 5: the plan b has the price of a"},
        {FREE "posts = 3\n", "line 3: a plan has no posts"},
        {FREE "posts_per_month = many\n",
         "line 3: posts_per_month of the plan free must be a number from 0 to 1000000"},
        {FREE "posts_per_month =\n", "line 3: posts_per_month of the plan free must be a number"},
        {FREE "posts_per_month = -1\n", "line 3: posts_per_month"},
        {FREE "posts_per_month = 1000001\n", "line 3: posts_per_month"},
        {FREE "posts_per_month = 99999999999999999999\n", "line 3: posts_per_month"},
        {FREE "rate_factor = 0\n", "line 3: rate_factor of the plan free must be a number from 1 to 10"},
        {FREE "rate_factor = 11\n", "line 3: rate_factor"},
        {FREE "accounts = 1\naccounts = 1\n", "line 4: accounts is given twice"},
        {FREE "accounts = 1\n  2\n", "line 4: accounts is given twice"}, /* goes on in the next line */
        {"[free]\nfree = true\n", "line 2: free of the plan free must be yes or no"},
        {FREE "[a]\nprice_live = prod_1\n",
         "line 4: price_live of the plan a must be empty, or the id of a price at Stripe"},
        {FREE "[a]\nprice_live = price_\n", "line 4: price_live"},
        {FREE "[a]\nprice_live = price_a/b\n", "line 4: price_live"},
        {"posts_per_month = 3\n" FREE, "line 1: posts_per_month stands in no plan"},
        {"  [free]\n  free = yes\n", "line 2: free stands in no plan"},
        {FREE "[Pro]\n", "line 3: [Pro] is not the name of a plan"},
        {FREE "[]\n", "line 3: [] is not the name of a plan"},
        {FREE "[2nd]\n", "line 3: [2nd] is not the name of a plan"},
        {FREE "[p\xc3\xa4]\n", "line 3: [p??] is not the name of a plan"},
        {FREE "[abcdefghijklmnopqrstuvwxyzabcdefg]\n", "is not the name of a plan"},
        {FREE "nonsense\n", "line 3: this is not a [plan], a key = value or a comment"},
        {FREE "[pro\n", "line 3: this is not a [plan]"},
    };
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct plans p;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(parse(bad[i].text, &p, &why), ERR_VALIDATION);
        if (strstr(why.p, bad[i].why) == NULL)
            fail_msg("%s: %s", bad[i].text, why.p);
    }
}

static void test_long(void **state)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024), text = BUF_MAX(1u << 20);
    struct plans p;

    (void)state;
    buf_printf(&text, FREE "# %0200d\n", 7);
    assert_int_equal(plans_parse(buf_str(&text), &p, &why), ERR_VALIDATION);
    assert_string_equal(why.p, "line 3 has more than 197 bytes");
    buf_clear(&text);
    buf_puts(&text, FREE);
    for (int i = 1; i < PLANS_MAX; i++)
        buf_printf(&text, "[p%d]\n", i);
    buf_clear(&why);
    assert_int_equal(plans_parse(buf_str(&text), &p, &why), OK);
    buf_puts(&text, "[more]\n");
    assert_int_equal(plans_parse(buf_str(&text), &p, &why), ERR_VALIDATION);
    assert_string_equal(why.p, "line 22: there can be at most 20 plans");
    while (text.n <= PLANS_FILE_MAX_BYTES)
        buf_puts(&text, "# and so on\n");
    buf_clear(&why);
    assert_int_equal(plans_parse(buf_str(&text), &p, &why), ERR_VALIDATION);
    assert_string_equal(why.p, "the file has more than 65536 bytes");
    buf_clear(&why);
    assert_int_equal(plans_parse(STR(FREE "a\0b"), &p, &why), ERR_VALIDATION);
    assert_string_equal(why.p, "the file is not text");
}

/* Begins with U+FEFF, and has the lines of Windows. */
static void test_editors(void **state)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    struct plans p;

    (void)state;
    assert_int_equal(parse("\xEF\xBB\xBF[free]\r\nfree = yes\r\naccounts = 3\r\n", &p, &why), OK);
    assert_int_equal(p.v[0].limits[PLAN_ACCOUNTS], 3);
}

static enum err load(const char *path, struct conf *conf, struct buf *why)
{
    *conf = (struct conf){.billing_plans = str_from(path)};
    buf_clear(why);
    return plans_load(conf, why);
}

static void test_files(void **state)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024), big = BUF_MAX(1u << 20);
    char path[] = "/tmp/unit-plans-XXXXXX";
    struct conf conf;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(load("", &conf, &why), OK);
    assert_null(conf.plans);
    assert_int_equal(plans_of(&conf)->n, 1);
    assert_int_equal(plans_free(plans_of(&conf))->limits[PLAN_STORAGE_BYTES], PLAN_NO_LIMIT);

    assert_int_equal(load("/nonexistent/plans", &conf, &why), ERR_VALIDATION);
    assert_string_equal(why.p, "the file cannot be read [billing.plans: /nonexistent/plans]");
    assert_int_equal(load("/tmp", &conf, &why), ERR_VALIDATION);
    assert_int_equal(load("/dev/zero", &conf, &why), ERR_VALIDATION);
    assert_int_equal(load(path, &conf, &why), ERR_VALIDATION); /* empty */
    assert_non_null(strstr(why.p, "there is no plan in it"));

    assert_int_equal(write(fd, FREE, strlen(FREE)), (ssize_t)strlen(FREE));
    assert_int_equal(load(path, &conf, &why), OK);
    assert_ptr_equal(plans_of(&conf), conf.plans);
    free((void *)conf.plans);

    while (big.n <= PLANS_FILE_MAX_BYTES)
        buf_puts(&big, "# and so on\n");
    assert_int_equal(write(fd, big.p, big.n), (ssize_t)big.n);
    assert_int_equal(load(path, &conf, &why), ERR_VALIDATION);
    assert_non_null(strstr(why.p, "the file has more than 65536 bytes"));
    assert_int_equal(close(fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0); /* nobody waits for who writes into it */
    assert_int_equal(load(path, &conf, &why), ERR_VALIDATION);
    assert_int_equal(unlink(path), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read), cmocka_unit_test(test_who_allows), cmocka_unit_test(test_bad),
        cmocka_unit_test(test_long), cmocka_unit_test(test_editors),    cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
