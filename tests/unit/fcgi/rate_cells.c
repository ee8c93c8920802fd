#include "fcgi/rate_cells.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/clock.h"
#include "crypto/digest.h"

#define SETS 64
#define CELLS (SETS * RATE_CELLS_WAYS)
#define MINUTE_US (60 * US_PER_SEC)

static int64_t now_us;

static int64_t moved_clock(void)
{
    return now_us;
}

static int make_cells(void **state)
{
    static struct rate_cells cells;

    now_us = 1000 * US_PER_SEC;
    cells = (struct rate_cells){.v = xshared(CELLS, sizeof *cells.v), .sets = SETS, .clock = moved_clock};
    *state = &cells;
    return 0;
}

static int drop_cells(void **state)
{
    struct rate_cells *c = *state;

    xshared_free(c->v, CELLS, sizeof *c->v);
    return 0;
}

static uint64_t who_is(uint64_t number)
{
    struct sha256 digest = sha256_of((struct str){(const char *)&number, sizeof number});

    memcpy(&number, digest.b, sizeof number);
    return number;
}

/* How many of n are granted. */
static int64_t taken(const struct rate_cells *c, uint64_t who, const struct rate_quota *q, int64_t n)
{
    struct rate_left left;
    int64_t got = 0;

    for (int64_t i = 0; i < n; i++)
        got += rate_cells_take(c, who, q, &left);
    return got;
}

static void all_at_once_and_then_one_by_one(void **state)
{
    struct rate_quota q = rate_quota(120, 60);
    struct rate_left left;

    assert_true(rate_cells_take(*state, who_is(1), &q, &left));
    assert_int_equal(left.n, 119);
    assert_int_equal(left.wait_us, 0);
    assert_int_equal(left.all_us, 500 * US_PER_MS);
    assert_int_equal(taken(*state, who_is(1), &q, 200), 119);
    assert_int_equal(taken(*state, who_is(2), &q, 1), 1);
    left = rate_cells_look(*state, who_is(1), &q);
    assert_int_equal(left.n, 0);
    assert_int_equal(left.wait_us, 500 * US_PER_MS);
    assert_int_equal(left.all_us, MINUTE_US);
    now_us += 499 * US_PER_MS;
    assert_int_equal(taken(*state, who_is(1), &q, 1), 0);
    now_us += 1 * US_PER_MS;
    assert_int_equal(taken(*state, who_is(1), &q, 5), 1);
    now_us += 10 * US_PER_SEC;
    assert_int_equal(taken(*state, who_is(1), &q, 100), 20);
    now_us += MINUTE_US;
    assert_int_equal(rate_cells_look(*state, who_is(1), &q).n, 120);
    assert_int_equal(taken(*state, who_is(1), &q, 200), 120);
}

static void every_quota_is_whole(void **state)
{
    static const int64_t numbers[] = {1, 2, 3, 7, 10, 13, 59, 61, 600, 999, 60000, 600000};

    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct rate_quota q = rate_quota(numbers[i], 60);
        assert_int_equal(rate_cells_look(*state, who_is(i), &q).n, numbers[i]);
        assert_int_equal(taken(*state, who_is(i), &q, MIN(numbers[i], 1000) + 1),
                         MIN(numbers[i], 1000) + (numbers[i] > 1000));
    }
}

static void given_back(void **state)
{
    struct rate_quota q = rate_quota(5, 60);

    assert_int_equal(taken(*state, who_is(1), &q, 9), 5);
    int64_t all_at = rate_cells_look(*state, who_is(1), &q).all_at;
    rate_cells_give_back(*state, who_is(1), &q, all_at);
    assert_int_equal(taken(*state, who_is(1), &q, 9), 1);
    for (int i = 0; i < 9; i++)
        rate_cells_give_back(*state, who_is(1), &q, all_at);
    rate_cells_give_back(*state, who_is(2), &q, all_at); /* who has nothing */
    assert_int_equal(rate_cells_look(*state, who_is(1), &q).n, 5);
    assert_int_equal(taken(*state, who_is(1), &q, 9), 5);
    assert_int_equal(taken(*state, who_is(2), &q, 9), 5);
}

/* What time has given back by itself is not given back again. */
static void given_back_late(void **state)
{
    struct rate_quota q = rate_quota(5, 60);
    struct rate_left first;

    assert_true(rate_cells_take(*state, who_is(1), &q, &first));
    now_us += 9 * US_PER_SEC; /* 3 of its 12 seconds are left */
    assert_int_equal(taken(*state, who_is(1), &q, 4), 4);
    assert_int_equal(rate_cells_look(*state, who_is(1), &q).all_us, 51 * US_PER_SEC);
    rate_cells_give_back(*state, who_is(1), &q, first.all_at);
    assert_int_equal(rate_cells_look(*state, who_is(1), &q).all_us, 48 * US_PER_SEC);
    now_us += 3 * US_PER_SEC;
    rate_cells_give_back(*state, who_is(1), &q, first.all_at);
    assert_int_equal(rate_cells_look(*state, who_is(1), &q).all_us, 45 * US_PER_SEC);
}

/* Whatever is in the memory, nobody is refused at first for longer than a window. */
static void any_bytes_lock_nobody_out(void **state)
{
    const struct rate_cells *c = *state;
    struct rate_quota q = rate_quota(10, 60);

    srandom(1);
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < CELLS; i++)
            c->v[i] =
                round == 0 ? UINT64_MAX : (uint64_t)random() << 33 ^ (uint64_t)random() << 11 ^ (uint64_t)random();
        for (uint64_t who = 0; who < 500; who++) {
            int64_t at_us = now_us;
            if (taken(c, who_is(who), &q, 1) == 0)
                now_us += MINUTE_US;
            assert_int_equal(taken(c, who_is(who), &q, 1), 1);
            now_us = at_us;
        }
    }
}

/* His own cell holds the worst that can be written there. */
static void the_worst_cell_is_over_after_a_window(void **state)
{
    const struct rate_cells *c = *state;
    struct rate_quota q = rate_quota(10, 60), longest = rate_quota(10, RATE_WINDOW_MAX_SEC);

    assert_int_equal(taken(c, who_is(1), &longest, 20), 10);
    assert_int_equal(taken(c, who_is(1), &q, 20), 10); /* too far away for this quota */
    assert_int_equal(taken(c, who_is(1), &q, 1), 0);
    now_us += MINUTE_US;
    assert_int_equal(taken(c, who_is(1), &q, 20), 10);
}

static void the_time_wraps(void **state)
{
    struct rate_quota q = rate_quota(10, 60);

    now_us = (INT64_C(1) << 40) * RATE_TICK_US - 30 * US_PER_SEC;
    assert_int_equal(taken(*state, who_is(1), &q, 20), 10);
    now_us += 36 * US_PER_SEC;
    assert_int_equal(taken(*state, who_is(1), &q, 20), 6);
}

/* Without room, a newcomer gets the place of the one who needs it least. */
static void more_than_there_is_room_for(void **state)
{
    struct rate_quota q = rate_quota(10, 60);
    uint64_t set = who_is(1) & (SETS - 1), heavy = who_is(1);

    assert_int_equal(taken(*state, heavy, &q, 20), 10);
    for (uint64_t i = 1; i < 100; i++)
        assert_int_equal(taken(*state, i << 40 | set, &q, 1), 1);
    assert_int_equal(taken(*state, heavy, &q, 1), 0);
}

/* Two that come for the first time, of whom the second finds a place that was not free for the first. */
static struct {
    const struct rate_cells *cells;
    const struct rate_quota *quota;
    int calls; /* of the clock, until the second comes; negative: it has */
} second;

static int64_t clock_with_a_second(void)
{
    if (second.calls-- == 0) {
        now_us += MINUTE_US;
        assert_int_equal(taken(second.cells, who_is(1), second.quota, 3), 3);
    }
    return now_us;
}

static void two_places_become_one(void **state)
{
    struct rate_cells cells = *(struct rate_cells *)*state;
    struct rate_quota q = rate_quota(10, 3600), minute = rate_quota(10, 60);
    uint64_t set = who_is(1) & (SETS - 1);

    assert_int_equal(taken(&cells, (UINT64_C(77) << 40) | set, &minute, 10), 10); /* the first place of the set */
    cells.clock = clock_with_a_second;
    second.cells = *state;
    second.quota = &q;
    second.calls = 1; /* after the first has chosen its place */
    assert_int_equal(taken(&cells, who_is(1), &q, 1), 1);
    assert_true(second.calls < 0);
    assert_int_equal(rate_cells_look(*state, who_is(1), &q).n, 6);
    assert_int_equal(taken(*state, who_is(1), &q, 20), 6);
}

/* Threads and processes */

#define THREADS 4
#define ROUNDS 300
#define EACH 40

struct crowd {
    const struct rate_cells *cells;
    pthread_barrier_t start;
    atomic_llong got[ROUNDS];
};

static void *crowd_main(void *arg)
{
    struct crowd *c = arg;
    struct rate_quota q = rate_quota(EACH, 3600);

    for (uint64_t round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(&c->start);
        atomic_fetch_add(&c->got[round], taken(c->cells, who_is(round << 8), &q, EACH));
    }
    return NULL;
}

/* All of a round come for the first time at the same moment, to a set in which others' cells are just over. */
static void exact_for_threads_and_processes(void **state)
{
    struct rate_cells cells = *(struct rate_cells *)*state;
    struct crowd *c = xshared(1, sizeof *c);
    pthread_t threads[THREADS];
    pthread_barrierattr_t attr;
    int status;

    cells.clock = clock_mono_us;
    struct rate_quota quick = rate_quota(600000, 60);
    for (uint64_t i = 0; i < (uint64_t)4 * CELLS; i++)
        (void)taken(&cells, who_is(i << 32), &quick, 1);
    c->cells = &cells;
    assert_int_equal(pthread_barrierattr_init(&attr), 0);
    assert_int_equal(pthread_barrierattr_setpshared(&attr, PTHREAD_PROCESS_SHARED), 0);
    assert_int_equal(pthread_barrier_init(&c->start, &attr, 2 * THREADS), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, crowd_main, c) != 0)
            abort();
    for (int i = 0; i < THREADS; i++)
        if (pthread_join(threads[i], NULL) != 0)
            abort();
    if (child == 0)
        _exit(0);
    assert_int_equal(waitpid(child, &status, 0), child);
    for (int round = 0; round < ROUNDS; round++)
        assert_int_equal(c->got[round], EACH);
    assert_int_equal(pthread_barrier_destroy(&c->start), 0);
    xshared_free(c, 1, sizeof *c);
}

int main(void)
{
#define CELLS_TEST(f) cmocka_unit_test_setup_teardown(f, make_cells, drop_cells)
    const struct CMUnitTest tests[] = {
        CELLS_TEST(all_at_once_and_then_one_by_one),
        CELLS_TEST(every_quota_is_whole),
        CELLS_TEST(given_back),
        CELLS_TEST(given_back_late),
        CELLS_TEST(any_bytes_lock_nobody_out),
        CELLS_TEST(the_worst_cell_is_over_after_a_window),
        CELLS_TEST(the_time_wraps),
        CELLS_TEST(more_than_there_is_room_for),
        CELLS_TEST(two_places_become_one),
        CELLS_TEST(exact_for_threads_and_processes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
