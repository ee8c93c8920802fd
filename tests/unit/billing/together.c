#include "billing/together.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/lock.h"

#define MOST 3
#define ONES 7
#define THREADS 8
#define ROUNDS 2000

/* One that somebody wants done. */
struct one {
    struct gate *gate;
    struct together *together;
    pthread_t thread;
    enum err e;
    int turn;          /* with which of the calls it was done, from 1; 0: it was not */
    int place, beside; /* which of them it was there, of how many */
    const struct one *leader;
};

/* What does them, and stands still for as long as it is shut. */
struct gate {
    atomic_bool is_shut, is_inside;
    int calls, fails_at; /* only the one that is inside writes */
    enum err error;
};

static enum err all(void *leader, void *const *v, size_t n)
{
    struct gate *g = ((struct one *)leader)->gate;

    assert_false(atomic_exchange(&g->is_inside, true));
    g->calls++;
    for (size_t i = 0; i < n; i++) {
        struct one *one = v[i];
        assert_int_equal(one->turn, 0);
        one->turn = g->calls;
        one->place = (int)i;
        one->beside = (int)n;
        one->leader = leader;
    }
    while (atomic_load(&g->is_shut))
        (void)sched_yield();
    enum err e = g->calls == g->fails_at ? g->error : OK;
    atomic_store(&g->is_inside, false);
    return e;
}

static void *run(void *arg)
{
    struct one *one = arg;

    one->e = together_do(one->together, one, one);
    return NULL;
}

/* Comes, and waits behind those that are there. */
static void come(struct one *one, size_t waiting)
{
    assert_int_equal(pthread_create(&one->thread, NULL, run, one), 0);
    while (together_waiting(one->together) < waiting)
        (void)sched_yield();
}

/* The first one comes and is inside until the others wait, in their order. */
static void come_at_once(struct gate *g, struct one *ones, size_t n)
{
    struct together *t = together_new(all, MOST);

    for (size_t i = 0; i < n; i++)
        ones[i] = (struct one){.gate = g, .together = t, .e = ERR_INTERNAL};
    atomic_store(&g->is_shut, true);
    come(&ones[0], 0);
    while (!atomic_load(&g->is_inside))
        (void)sched_yield();
    for (size_t i = 1; i < n; i++)
        come(&ones[i], i);
    atomic_store(&g->is_shut, false);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(pthread_join(ones[i].thread, NULL), 0);
    assert_int_equal(together_waiting(t), 0);
    together_free(t);
}

static void one_alone_waits_for_nobody(void **state)
{
    struct gate g = {.error = OK};
    struct one one = {.gate = &g, .together = together_new(all, MOST)};

    (void)state;
    for (int i = 1; i <= 3; i++) {
        one.turn = 0;
        assert_int_equal(together_do(one.together, &one, &one), OK);
        assert_true(one.turn == i && one.beside == 1 && one.leader == &one);
    }
    g.fails_at = 4;
    g.error = ERR_DB_DUPLICATE;
    one.turn = 0;
    assert_int_equal(together_do(one.together, &one, &one), ERR_DB_DUPLICATE);
    together_free(one.together);
}

static void those_that_wait_are_done_in_their_order(void **state)
{
    static const struct {
        int turn, place, beside;
        size_t leader;
    } want[ONES] = {{1, 0, 1, 0},    {2, 0, MOST, 1}, {2, 1, MOST, 1}, {2, 2, MOST, 1},
                    {3, 0, MOST, 4}, {3, 1, MOST, 4}, {3, 2, MOST, 4}};
    struct gate g = {.error = OK};
    struct one ones[ONES];

    (void)state;
    come_at_once(&g, ones, ONES);
    for (size_t i = 0; i < ONES; i++) {
        assert_int_equal(ones[i].e, OK);
        assert_int_equal(ones[i].turn, want[i].turn);
        assert_int_equal(ones[i].place, want[i].place);
        assert_int_equal(ones[i].beside, want[i].beside);
        assert_ptr_equal(ones[i].leader, &ones[want[i].leader]);
    }
}

/* Whoever leads when it fails: the first, one of those behind it, or the last, of whom there may be fewer. */
static void a_failure_is_that_of_those_who_were_in_it(void **state)
{
    (void)state;
    for (int fails_at = 1; fails_at <= 3; fails_at++) {
        struct gate g = {.fails_at = fails_at, .error = ERR_DB_UNAVAILABLE};
        struct one ones[ONES - 1];
        come_at_once(&g, ones, ARRAY_LEN(ones));
        for (size_t i = 0; i < ARRAY_LEN(ones); i++)
            assert_int_equal(ones[i].e, ones[i].turn == fails_at ? ERR_DB_UNAVAILABLE : OK);
        assert_int_equal(ones[ARRAY_LEN(ones) - 1].beside, 2);
    }
}

/* Many, again and again: each is done once, and is told what became of it and not of its neighbours. */
struct crowd {
    struct gate gate;
    struct together *together;
    pthread_t threads[THREADS];
};

static enum err every_third_fails(void *leader, void *const *v, size_t n)
{
    struct crowd *crowd = leader;

    assert_false(atomic_exchange(&crowd->gate.is_inside, true));
    crowd->gate.calls++;
    for (size_t i = 0; i < n; i++)
        *(int *)v[i] += crowd->gate.calls;
    enum err e = crowd->gate.calls % 3 == 0 ? ERR_AGAIN : OK;
    atomic_store(&crowd->gate.is_inside, false);
    return e;
}

static void *come_again_and_again(void *arg)
{
    struct crowd *crowd = arg;
    int last = 0;

    for (int i = 0; i < ROUNDS; i++) {
        int call = 0;
        enum err e = together_do(crowd->together, crowd, &call);
        assert_true(call > last && e == (call % 3 == 0 ? ERR_AGAIN : OK));
        last = call;
    }
    return NULL;
}

static void a_crowd_loses_nobody(void **state)
{
    struct crowd crowd = {.together = together_new(every_third_fails, MOST)};

    (void)state;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&crowd.threads[i], NULL, come_again_and_again, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(crowd.threads[i], NULL), 0);
    assert_true(crowd.gate.calls >= THREADS * ROUNDS / MOST && crowd.gate.calls <= THREADS * ROUNDS);
    together_free(crowd.together);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_alone_waits_for_nobody),
        cmocka_unit_test(those_that_wait_are_done_in_their_order),
        cmocka_unit_test(a_failure_is_that_of_those_who_were_in_it),
        cmocka_unit_test(a_crowd_loses_nobody),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
