#include "fcgi/turns.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#define LONG_US (60 * US_PER_SEC)

static struct turns *turns_of(int threads, int heavy, int outside)
{
    return turns_new(threads, (const int[COST__MAX]){[COST_HEAVY] = heavy, [COST_OUTSIDE] = outside});
}

static struct turn turn_of(enum route_cost cost, uint8_t user)
{
    return (struct turn){.cost = cost, .user = {.b = {user}}, .until_us = clock_mono_us() + LONG_US};
}

/* Ends those that run, and those that wait after them. */
static void end(struct turns *t, struct turn *turns, int n)
{
    for (int i = 0; i < n; i++)
        for (struct turn *next = &turns[i]; next != NULL; next = turns_leave(t, next))
            ;
    turns_free(t);
}

static void light_always_runs(void **state)
{
    struct turns *t = turns_of(1, 1, 1);
    struct turn heavy = turn_of(COST_HEAVY, 1), light = turn_of(COST_LIGHT, 1);

    (void)state;
    assert_int_equal(turns_ask(t, &heavy), TURN_RUN);
    turns_close(t);
    for (int i = 0; i < 100; i++)
        assert_int_equal(turns_ask(t, &light), TURN_RUN);
    assert_null(turns_leave(t, &light));
    assert_null(turns_leave(t, &heavy));
    turns_free(t);
}

/* How many of different users run at a time; one more waits. */
static int runs_at_once(struct turns *t, struct turn turns[static TURNS_LINE_MAX])
{
    for (int n = 0; n < TURNS_LINE_MAX; n++) {
        turns[n] = turn_of(COST_HEAVY, (uint8_t)(n + 1));
        if (turns_ask(t, &turns[n]) != TURN_RUN)
            return n;
    }
    return TURNS_LINE_MAX;
}

/* Sixteen processors must not let all eight threads hash. */
static void leaves_threads_to_what_is_light(void **state)
{
    static const struct {
        int threads, share, runs;
    } rows[] = {{8, 4, 4}, {8, 15, 6}, {8, 6, 6}, {8, 1, 1}, {4, 4, 2}, {3, 15, 1}, {1, 1, 1}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct turns *t = turns_of(rows[i].threads, rows[i].share, rows[i].share);
        struct turn turns[TURNS_LINE_MAX];
        assert_int_equal(runs_at_once(t, turns), rows[i].runs);
        assert_int_equal(turns_running(t, COST_HEAVY), rows[i].runs);
        assert_int_equal(turns_waiting(t), 1);
        end(t, turns, rows[i].runs);
    }
}

static void both_costs_together_leave_two_threads(void **state)
{
    struct turns *t = turns_of(8, 4, 3);
    struct turn turns[8];
    int run = 0;

    (void)state;
    for (int i = 0; i < 8; i++) {
        turns[i] = turn_of(i % 2 == 0 ? COST_HEAVY : COST_OUTSIDE, (uint8_t)(i + 1));
        run += turns_ask(t, &turns[i]) == TURN_RUN;
    }
    assert_int_equal(run, 6);
    assert_int_equal(turns_running(t, COST_HEAVY) + turns_running(t, COST_OUTSIDE), 6);
    end(t, turns, run);
}

static void one_user_has_half_of_a_share(void **state)
{
    struct turns *t = turns_of(8, 4, 3);
    struct turn mine[4], theirs[2], outside = turn_of(COST_OUTSIDE, 1);

    (void)state;
    for (int i = 0; i < 4; i++) {
        mine[i] = turn_of(COST_HEAVY, 1);
        assert_int_equal(turns_ask(t, &mine[i]), i < 2 ? TURN_RUN : TURN_WAIT);
    }
    for (int i = 0; i < 2; i++) { /* past those that wait for their user's part */
        theirs[i] = turn_of(COST_HEAVY, 2);
        assert_int_equal(turns_ask(t, &theirs[i]), TURN_RUN);
    }
    assert_int_equal(turns_ask(t, &outside), TURN_RUN); /* a share of its own */
    assert_null(turns_leave(t, &theirs[0]));            /* the place is free, but not for this user */
    assert_ptr_equal(turns_leave(t, &mine[0]), &mine[2]);
    assert_ptr_equal(turns_leave(t, &mine[1]), &mine[3]);
    assert_null(turns_leave(t, &mine[2]));
    assert_null(turns_leave(t, &mine[3]));
    assert_null(turns_leave(t, &theirs[1]));
    assert_null(turns_leave(t, &outside));
    turns_free(t);
}

static void come_in_the_order_of_the_line(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn first = turn_of(COST_HEAVY, 1), second = turn_of(COST_HEAVY, 2), third = turn_of(COST_HEAVY, 3);

    (void)state;
    assert_int_equal(turns_ask(t, &first), TURN_RUN);
    assert_int_equal(turns_ask(t, &second), TURN_WAIT);
    assert_int_equal(turns_ask(t, &third), TURN_WAIT);
    assert_int_equal(turns_waiting(t), 2);
    assert_ptr_equal(turns_leave(t, &first), &second);
    assert_ptr_equal(turns_leave(t, &second), &third);
    assert_null(turns_leave(t, &third));
    turns_free(t);
}

static void the_line_has_an_end(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn turns[TURNS_LINE_MAX + 2];

    (void)state;
    for (int i = 0; i < TURNS_LINE_MAX + 2; i++) {
        turns[i] = turn_of(COST_HEAVY, (uint8_t)(i + 1));
        bool room = turns_have_room(t, &turns[i]);
        enum turn_answer answer = turns_ask(t, &turns[i]);
        assert_int_equal(answer, i == 0 ? TURN_RUN : i <= TURNS_LINE_MAX ? TURN_WAIT : TURN_REFUSED);
        assert_int_equal(room, answer != TURN_REFUSED);
    }
    end(t, turns, 1);
}

static void one_user_has_few_places_in_line(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn turns[TURNS_LINE_USER + 2];
    struct turn other;

    (void)state;
    for (int i = 0; i < TURNS_LINE_USER + 2; i++) {
        turns[i] = turn_of(COST_HEAVY, 1);
        assert_int_equal(turns_ask(t, &turns[i]), i == 0 ? TURN_RUN : i <= TURNS_LINE_USER ? TURN_WAIT : TURN_REFUSED);
    }
    other = turn_of(COST_HEAVY, 2);
    assert_int_equal(turns_ask(t, &other), TURN_WAIT);
    end(t, turns, 1);
}

/* Nobody who runs has to end for that. */
static void who_waits_too_long_is_handed_out(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn running = turn_of(COST_HEAVY, 1), patient = turn_of(COST_HEAVY, 2), late = turn_of(COST_HEAVY, 3);
    struct pollfd p = {.fd = turns_fd(t), .events = POLLIN};

    (void)state;
    late.until_us = clock_mono_us() + 20 * US_PER_MS;
    assert_int_equal(turns_ask(t, &running), TURN_RUN);
    assert_int_equal(turns_ask(t, &patient), TURN_WAIT);
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(turns_ask(t, &late), TURN_WAIT);
    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_true(clock_mono_us() >= late.until_us);
    assert_ptr_equal(turns_take_late(t), &late);
    assert_null(turns_take_late(t));
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_ptr_equal(turns_leave(t, &running), &patient);
    assert_null(turns_leave(t, &patient));
    turns_free(t);
}

static void the_stop_waits_for_all(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn running = turn_of(COST_HEAVY, 1), waiting = turn_of(COST_HEAVY, 2), comes = turn_of(COST_HEAVY, 3);

    (void)state;
    assert_true(turns_await_end(t, 0));
    assert_int_equal(turns_ask(t, &running), TURN_RUN);
    assert_int_equal(turns_ask(t, &waiting), TURN_WAIT);
    assert_false(turns_await_end(t, clock_mono_us() + 10 * US_PER_MS));
    turns_close(t);
    assert_int_equal(turns_ask(t, &comes), TURN_REFUSED);
    assert_ptr_equal(turns_leave(t, &running), &waiting);
    assert_false(turns_await_end(t, 0));
    assert_null(turns_leave(t, &waiting));
    assert_true(turns_await_end(t, 0));
    turns_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_always_runs),
        cmocka_unit_test(leaves_threads_to_what_is_light),
        cmocka_unit_test(both_costs_together_leave_two_threads),
        cmocka_unit_test(one_user_has_half_of_a_share),
        cmocka_unit_test(come_in_the_order_of_the_line),
        cmocka_unit_test(the_line_has_an_end),
        cmocka_unit_test(one_user_has_few_places_in_line),
        cmocka_unit_test(who_waits_too_long_is_handed_out),
        cmocka_unit_test(the_stop_waits_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
