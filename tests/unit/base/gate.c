#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>

#include "base/gate.h"
#include "base/clock.h"

#define FOREVER_MS 60000

static void lets_in_as_many_as_there_are_places(void **state)
{
    _cleanup_(gate_freep) struct gate *g = gate_new(2, 0, FOREVER_MS);

    (void)state;
    assert_int_equal(gate_enter(g), OK);
    assert_int_equal(gate_enter(g), OK);
    assert_int_equal(gate_enter(g), ERR_BUSY); /* at once: nobody may stand in line */
    assert_int_equal(gate_inside(g), 2);
    gate_leave(g);
    assert_int_equal(gate_inside(g), 1);
    assert_int_equal(gate_enter(g), OK);
}

/* Sixteen processors must not let all eight threads hash. */
static void leaves_threads_to_others(void **state)
{
    static const struct {
        int threads, running, inside;
    } rows[] = {{8, 15, 6}, {8, 6, 6}, {8, 1, 1}, {3, 15, 1}, {1, 1, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        _cleanup_(gate_freep) struct gate *g = gate_of_threads(rows[i].threads, rows[i].running, 0);
        int inside = 0;
        while (gate_enter(g) == OK)
            inside++;
        assert_int_equal(inside, rows[i].inside);
    }
}

static void gives_up_waiting(void **state)
{
    _cleanup_(gate_freep) struct gate *g = gate_new(1, 1, 30);

    (void)state;
    assert_int_equal(gate_enter(g), OK);
    int64_t before_us = clock_mono_us();
    assert_int_equal(gate_enter(g), ERR_BUSY);
    assert_true(clock_mono_us() - before_us >= 30 * US_PER_MS);
    gate_leave(g);
    assert_int_equal(gate_enter(g), OK); /* who gave up holds no place in the line */
}

struct visitor {
    struct gate *gate;
    atomic_int *inside, *most, *done;
    pthread_t id;
};

static void *visit(void *arg)
{
    struct visitor *v = arg;

    for (int i = 0; i < 200; i++) {
        if (gate_enter(v->gate) != OK)
            return NULL;
        int n = atomic_fetch_add(v->inside, 1) + 1, most = atomic_load(v->most);
        while (n > most && !atomic_compare_exchange_weak(v->most, &most, n))
            ;
        (void)sched_yield();
        (void)atomic_fetch_sub(v->inside, 1);
        gate_leave(v->gate);
    }
    (void)atomic_fetch_add(v->done, 1);
    return NULL;
}

static void who_waits_gets_in_and_never_too_many(void **state)
{
    _cleanup_(gate_freep) struct gate *g = gate_new(2, 4, FOREVER_MS);
    atomic_int inside = 0, most = 0, done = 0;
    struct visitor v[6];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        v[i] = (struct visitor){.gate = g, .inside = &inside, .most = &most, .done = &done};
        assert_int_equal(pthread_create(&v[i].id, NULL, visit, &v[i]), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(v); i++)
        assert_int_equal(pthread_join(v[i].id, NULL), 0);
    assert_int_equal(done, 6); /* 2 inside and 4 in line: nobody was sent away */
    assert_in_range(most, 1, 2);
    assert_int_equal(inside, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lets_in_as_many_as_there_are_places),
        cmocka_unit_test(leaves_threads_to_others),
        cmocka_unit_test(gives_up_waiting),
        cmocka_unit_test(who_waits_gets_in_and_never_too_many),
    };
    return cmocka_run_group_tests_name("gate", tests, NULL, NULL);
}
