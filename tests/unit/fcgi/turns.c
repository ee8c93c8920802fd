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
    return (struct turn){
        .cost = cost, .user = {.b = {user}}, .places = TURNS_LINE_USER, .until_us = clock_mono_us() + LONG_US};
}

/* Ends those that run, and then those that wait, as their places become free. */
static void end(struct turns *t, struct turn *turns, int n)
{
    enum turn_answer answer;
    struct turn *next;

    for (int i = 0; i < n; i++)
        turns_leave(t, &turns[i]);
    while ((next = turns_take(t, &answer)) != NULL) {
        assert_int_equal(answer, TURN_RUN);
        turns_leave(t, next);
    }
    turns_free(t);
}

static struct turn *next_to_run(struct turns *t)
{
    enum turn_answer answer = TURN_REFUSED;
    struct turn *next = turns_take(t, &answer);

    assert_true(next == NULL || answer == TURN_RUN);
    return next;
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
    turns_leave(t, &light);
    end(t, &heavy, 1);
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

/* The last place is for somebody who has none. */
static void one_user_alone_has_half_of_a_share(void **state)
{
    static const struct {
        int share, first, second, third;
    } rows[] = {{6, 3, 2, 1}, {4, 2, 1, 1}, {3, 2, 1, 0}, {2, 1, 1, 0}, {1, 1, 0, 0}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct turns *t = turns_of(16, rows[i].share, 1);
        struct turn turns[12];
        const int want[] = {rows[i].first, rows[i].second, rows[i].third};
        int n = 0;
        for (uint8_t user = 0; user < 3; user++) {
            int runs = 0;
            for (int k = 0; k < 4; k++) {
                turns[n] = turn_of(COST_HEAVY, (uint8_t)(user + 1));
                runs += turns_ask(t, &turns[n++]) == TURN_RUN;
            }
            assert_int_equal(runs, want[user]);
        }
        for (int k = 0; k < n; k++) /* those that run are the first of each */
            if (k % 4 < want[k / 4])
                turns_leave(t, &turns[k]);
        end(t, NULL, 0);
    }
}

static void a_share_of_each_cost(void **state)
{
    struct turns *t = turns_of(8, 1, 1);
    struct turn turns[] = {turn_of(COST_HEAVY, 1), turn_of(COST_OUTSIDE, 1)};

    (void)state;
    assert_int_equal(turns_ask(t, &turns[0]), TURN_RUN);
    assert_int_equal(turns_ask(t, &turns[1]), TURN_RUN);
    end(t, turns, 2);
}

/* Two who end at a time leave room for two. */
static void all_who_may_run_are_handed_out(void **state)
{
    struct turns *t = turns_of(8, 4, 1);
    struct turn turns[6];
    struct pollfd p = {.fd = turns_fd(t), .events = POLLIN};

    (void)state;
    for (int i = 0; i < 6; i++) {
        turns[i] = turn_of(COST_HEAVY, (uint8_t)(i + 1));
        assert_int_equal(turns_ask(t, &turns[i]), i < 4 ? TURN_RUN : TURN_WAIT);
    }
    assert_int_equal(poll(&p, 1, 0), 0);
    turns_leave(t, &turns[0]);
    turns_leave(t, &turns[1]);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_ptr_equal(next_to_run(t), &turns[4]);
    assert_int_equal(poll(&p, 1, 0), 1);
    assert_ptr_equal(next_to_run(t), &turns[5]);
    assert_int_equal(poll(&p, 1, 0), 0);
    end(t, &turns[2], 4);
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
    turns_leave(t, &first);
    assert_ptr_equal(next_to_run(t), &second);
    turns_leave(t, &second);
    assert_ptr_equal(next_to_run(t), &third);
    end(t, &third, 1);
}

/* Who fills the line does not make others wait for all of it. */
static void users_take_turns(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn greedy[4], others[2];

    (void)state;
    for (int i = 0; i < 4; i++) {
        greedy[i] = turn_of(COST_HEAVY, 1);
        assert_int_equal(turns_ask(t, &greedy[i]), i == 0 ? TURN_RUN : TURN_WAIT);
    }
    others[0] = turn_of(COST_HEAVY, 2);
    assert_int_equal(turns_ask(t, &others[0]), TURN_WAIT);
    turns_leave(t, &greedy[0]);
    struct turn *next = next_to_run(t); /* both are the first of theirs; this one came first */
    assert_ptr_equal(next, &greedy[1]);
    others[1] = turn_of(COST_HEAVY, 3); /* comes late, and still before the greedy one's third and fourth */
    assert_int_equal(turns_ask(t, &others[1]), TURN_WAIT);
    turns_leave(t, next);
    assert_ptr_equal(next = next_to_run(t), &others[0]);
    turns_leave(t, next);
    assert_ptr_equal(next = next_to_run(t), &greedy[2]);
    turns_leave(t, next);
    assert_ptr_equal(next = next_to_run(t), &others[1]);
    turns_leave(t, next);
    assert_ptr_equal(next = next_to_run(t), &greedy[3]);
    end(t, next, 1);
}

/* A place that is free belongs to who waits for it. */
static void nobody_passes_who_is_about_to_run(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn first = turn_of(COST_HEAVY, 1), second = turn_of(COST_HEAVY, 2), third = turn_of(COST_HEAVY, 3);

    (void)state;
    assert_int_equal(turns_ask(t, &first), TURN_RUN);
    assert_int_equal(turns_ask(t, &second), TURN_WAIT);
    turns_leave(t, &first);
    assert_int_equal(turns_ask(t, &third), TURN_WAIT);
    assert_ptr_equal(next_to_run(t), &second);
    end(t, &second, 1);
}

static void the_line_has_an_end(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn turns[TURNS_LINE_MAX + 2];

    (void)state;
    for (int i = 0; i < TURNS_LINE_MAX + 2; i++) {
        turns[i] = turn_of(COST_HEAVY, (uint8_t)i);
        turns[i].user.b[1] = (uint8_t)(i >> 8);
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
    enum turn_answer answer;

    (void)state;
    late.until_us = clock_mono_us() + 20 * US_PER_MS;
    assert_int_equal(turns_ask(t, &running), TURN_RUN);
    assert_int_equal(turns_ask(t, &patient), TURN_WAIT);
    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(turns_ask(t, &late), TURN_WAIT);
    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_true(clock_mono_us() >= late.until_us);
    assert_ptr_equal(turns_take(t, &answer), &late);
    assert_int_equal(answer, TURN_REFUSED);
    assert_null(turns_take(t, &answer));
    assert_int_equal(poll(&p, 1, 0), 0);
    turns_leave(t, &running);
    assert_ptr_equal(next_to_run(t), &patient);
    end(t, &patient, 1);
}

static void the_stop_waits_for_all(void **state)
{
    struct turns *t = turns_of(3, 1, 1);
    struct turn running = turn_of(COST_HEAVY, 1), waiting = turn_of(COST_HEAVY, 2), comes = turn_of(COST_HEAVY, 3);

    (void)state;
    assert_true(turns_await_quiet(t, 0) && turns_are_over(t));
    turns_enter(t); /* reads a request whose cost nobody knows yet */
    assert_true(turns_are_over(t));
    assert_false(turns_await_quiet(t, clock_mono_us() + 10 * US_PER_MS));
    assert_int_equal(turns_ask(t, &running), TURN_RUN);
    turns_enter(t);
    assert_int_equal(turns_ask(t, &waiting), TURN_WAIT);
    turns_exit(t);
    turns_close(t);
    assert_int_equal(turns_ask(t, &comes), TURN_REFUSED);
    turns_leave(t, &running);
    turns_exit(t);
    assert_int_equal(turns_busy(t), 0);
    assert_false(turns_await_quiet(t, 0) || turns_are_over(t)); /* one stands in line */
    turns_enter(t);
    assert_ptr_equal(next_to_run(t), &waiting);
    assert_false(turns_are_over(t));
    turns_leave(t, &waiting);
    assert_false(turns_await_quiet(t, 0));
    turns_exit(t);
    assert_true(turns_await_quiet(t, 0) && turns_are_over(t));
    turns_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(light_always_runs),
        cmocka_unit_test(leaves_threads_to_what_is_light),
        cmocka_unit_test(both_costs_together_leave_two_threads),
        cmocka_unit_test(one_user_alone_has_half_of_a_share),
        cmocka_unit_test(a_share_of_each_cost),
        cmocka_unit_test(all_who_may_run_are_handed_out),
        cmocka_unit_test(come_in_the_order_of_the_line),
        cmocka_unit_test(users_take_turns),
        cmocka_unit_test(nobody_passes_who_is_about_to_run),
        cmocka_unit_test(the_line_has_an_end),
        cmocka_unit_test(one_user_has_few_places_in_line),
        cmocka_unit_test(who_waits_too_long_is_handed_out),
        cmocka_unit_test(the_stop_waits_for_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
