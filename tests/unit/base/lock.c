#include "base/lock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct counter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int n;
};

static void *count(void *arg)
{
    struct counter *c = arg;

    for (int i = 0; i < 10000; i++) {
        lock_take(&c->lock);
        c->n++;
        cond_signal(&c->changed);
        lock_release(&c->lock);
    }
    return NULL;
}

static void test_one_at_a_time(void **state)
{
    struct counter c = {.n = 0};
    pthread_t threads[4];
    int64_t until_us = clock_mono_us() + 60 * US_PER_SEC;

    (void)state;
    lock_init(&c.lock);
    cond_init(&c.changed);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count, &c), 0);
    lock_take(&c.lock);
    while (c.n < 40000 && cond_wait_until(&c.changed, &c.lock, until_us))
        ;
    assert_int_equal(c.n, 40000);
    lock_release(&c.lock);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    cond_done(&c.changed);
    lock_done(&c.lock);
}

static void test_waiting_ends(void **state)
{
    struct counter c = {.n = 0};
    int64_t until_us = clock_mono_us() + 20 * US_PER_MS;

    (void)state;
    lock_init(&c.lock);
    cond_init(&c.changed);
    lock_take(&c.lock);
    while (cond_wait_until(&c.changed, &c.lock, until_us))
        ;
    assert_true(clock_mono_us() >= until_us);
    assert_false(cond_wait_until(&c.changed, &c.lock, 0));
    lock_release(&c.lock); /* it was taken again */
    cond_done(&c.changed);
    lock_done(&c.lock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_at_a_time), cmocka_unit_test(test_waiting_ends)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
