#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/defs.h"
#include "image/shares.h"

#define MB (UINT64_C(1) << 20)
#define SMALL (40 * MB)
#define LARGE (256 * MB)

static size_t add(struct shares *t, char user, uint64_t need_bytes)
{
    uint8_t tag[16] = {(uint8_t)user};
    size_t i;

    assert_true(shares_add(t, tag, need_bytes, &i));
    return i;
}

static bool fits(struct shares *t, char user, uint64_t need_bytes)
{
    uint8_t tag[16] = {(uint8_t)user};
    size_t i;

    return shares_add(t, tag, need_bytes, &i);
}

/* Whose images begin now, in their order. */
static const char *begun(struct shares *t)
{
    static char users[SHARES_MAX + 1];
    size_t n = 0, i;

    while (shares_begin(t, &i))
        users[n++] = (char)t->share[i].user[0];
    users[n] = '\0';
    return users;
}

static void end(struct shares *t, char user)
{
    for (size_t i = 0; i < SHARES_MAX; i++)
        if (t->share[i].state == SHARE_RUNNING && t->share[i].user[0] == (uint8_t)user) {
            shares_end(t, i);
            return;
        }
    fail_msg("%c has nothing at work", user);
}

static struct shares *fresh(size_t processes)
{
    static struct shares t;

    shares_init(&t, processes, 1024 * MB);
    return &t;
}

static void add_all(struct shares *t, const char *users, uint64_t need_bytes)
{
    for (; *users != '\0'; users++)
        (void)add(t, *users, need_bytes);
}

static void one_user_has_half(void **state)
{
    static const struct {
        size_t processes, half;
    } rows[] = {{2, 1}, {3, 1}, {4, 2}, {5, 2}, {8, 4}, {16, 8}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct shares *t = fresh(rows[i].processes);
        add_all(t, "aaaaaaaaaaaaaaaa", MB);
        assert_int_equal(strlen(begun(t)), rows[i].half);
        add_all(t, "b", MB);
        assert_string_equal(begun(t), "b"); /* and there is room for another */
    }
}

static void only_who_has_none_takes_the_last(void **state)
{
    struct shares *t = fresh(4);

    (void)state;
    add_all(t, "aaaa", SMALL);
    assert_string_equal(begun(t), "aa");
    add_all(t, "bb", SMALL);
    assert_string_equal(begun(t), "b");
    add_all(t, "c", SMALL);
    assert_string_equal(begun(t), "c");
    add_all(t, "d", SMALL);
    assert_string_equal(begun(t), "");
    end(t, 'a');
    assert_string_equal(begun(t), "d");
}

static void users_take_turns(void **state)
{
    struct shares *t = fresh(2);

    (void)state;
    add_all(t, "aaaabbc", SMALL);
    assert_string_equal(begun(t), "ab");
    end(t, 'a');
    assert_string_equal(begun(t), "c");
    end(t, 'b');
    assert_string_equal(begun(t), "a");
    end(t, 'c');
    assert_string_equal(begun(t), "b");
    end(t, 'a');
    end(t, 'b');
    assert_string_equal(begun(t), "a");
    end(t, 'a');
    assert_string_equal(begun(t), "a");
    end(t, 'a');
    assert_int_equal(shares_running(t) + shares_waiting(t), 0);
}

/* One who comes again and again with a single image does not keep another, who has many, from his turn. */
static void nobody_is_passed_over_for_ever(void **state)
{
    struct shares *t = fresh(2);
    size_t turns_of_b = 0;

    (void)state;
    add_all(t, "x", SMALL);
    assert_string_equal(begun(t), "x");
    add_all(t, "bbbbbbbb", SMALL);
    for (int i = 0; i < 16; i++) {
        if (shares_waiting(t) == 8 - turns_of_b)
            (void)add(t, 'c', SMALL);
        const char *who = begun(t);
        assert_int_equal(strlen(who), 1);
        turns_of_b += who[0] == 'b';
        end(t, who[0]);
    }
    assert_int_equal(turns_of_b, 8);
}

static void memory_has_shares_too(void **state)
{
    struct shares *t = fresh(16);

    (void)state;
    add_all(t, "aaaa", LARGE);
    assert_string_equal(begun(t), "aa"); /* half of 1024 MB */
    add_all(t, "b", LARGE);
    add_all(t, "c", SMALL);
    assert_string_equal(begun(t), "bc");
    add_all(t, "d", LARGE);
    assert_string_equal(begun(t), ""); /* 216 MB are left */
    add_all(t, "e", SMALL);
    assert_string_equal(begun(t), "e"); /* what fits does not stand behind what does not */
    end(t, 'a');
    assert_string_equal(begun(t), "d");
    assert_false(fits(t, 'f', 1025 * MB));
}

#define MEDIUM (100 * MB) /* nine leave no room for a large one */

static struct shares *crowded(void)
{
    struct shares *t = fresh(16);

    add_all(t, "123456789", MEDIUM);
    assert_string_equal(begun(t), "123456789");
    return t;
}

/* One of the nine's images ends, and its sender has the next one. Returns whether x's large one has begun by then. */
static bool goes_on(struct shares *t)
{
    size_t i = 0;

    while (t->share[i].state != SHARE_RUNNING || t->share[i].user[0] == 'x')
        i++;
    char who = (char)t->share[i].user[0];
    shares_end(t, i);
    (void)add(t, who, MEDIUM);
    (void)begun(t);
    for (i = 0; i < SHARES_MAX; i++)
        if (t->share[i].state == SHARE_RUNNING && t->share[i].need_bytes == LARGE)
            return true;
    return false;
}

static void a_large_image_is_not_passed_for_ever(void **state)
{
    struct shares *t = crowded();
    size_t n = 0;

    (void)state;
    (void)add(t, 'x', LARGE);
    while (n < 100 && !goes_on(t))
        n++;
    assert_in_range(n, 1, SHARES_PASSED_MAX + 2);
}

static size_t at_work(const struct shares *t, char user)
{
    size_t n = 0;

    for (size_t i = 0; i < SHARES_MAX; i++)
        n += t->share[i].state == SHARE_RUNNING && t->share[i].user[0] == (uint8_t)user;
    return n;
}

/* Whether each of them ends before the next one begins, or after. */
static void nor_by_small_ones_of_its_own_user(void **state)
{
    (void)state;
    for (size_t stay = 0; stay <= 1; stay++) {
        struct shares *t = crowded();
        size_t n = 0;

        add_all(t, "x", LARGE);
        for (; n < 100 && !goes_on(t); n++) {
            (void)fits(t, 'x', MB);
            bool more = begun(t)[0] == 'x';
            while (at_work(t, 'x') > (more ? stay : 0))
                end(t, 'x');
        }
        assert_in_range(n, 1, SHARES_PASSED_MAX + 4);
    }
}

/* What is kept for one is not more than it needs, and only until it begins or its sender leaves. */
static void the_rest_goes_on_meanwhile(void **state)
{
    struct shares *t = crowded();

    (void)state;
    size_t x = add(t, 'x', LARGE);
    for (size_t i = 0; i < SHARES_PASSED_MAX; i++) {
        (void)add(t, 'y', MB);
        assert_string_equal(begun(t), "y");
        end(t, 'y');
    }
    add_all(t, "yz", MB);
    assert_string_equal(begun(t), ""); /* 124 MB are free */
    shares_end(t, x);
    assert_string_equal(begun(t), "yz");
    end(t, 'y');
    end(t, 'z');
    (void)add(t, 'x', LARGE);
    for (size_t i = 0; i < SHARES_PASSED_MAX; i++) {
        (void)add(t, 'y', MB);
        assert_string_equal(begun(t), "y");
        end(t, 'y');
    }
    (void)add(t, 'y', MB);
    end(t, '1');
    assert_string_equal(begun(t), ""); /* 224 */
    end(t, '2');
    assert_string_equal(begun(t), "xy"); /* 324 */
}

static void the_line_has_an_end(void **state)
{
    struct shares *t = fresh(2);
    char user = 'b';

    (void)state;
    add_all(t, "a", SMALL);
    assert_string_equal(begun(t), "a");
    for (int i = 0; i < SHARES_USER_WAITING_MAX; i++)
        (void)add(t, 'a', SMALL);
    assert_false(fits(t, 'a', SMALL));
    for (; shares_waiting(t) < SHARES_WAITING_MAX; user++)
        for (int i = 0; i < SHARES_USER_WAITING_MAX && shares_waiting(t) < SHARES_WAITING_MAX; i++)
            (void)add(t, user, SMALL);
    assert_false(fits(t, user, SMALL));
    assert_string_equal(begun(t), "b");
    assert_true(fits(t, user, SMALL));
    assert_false(fits(t, user, SMALL));
}

static void who_leaves_is_forgotten(void **state)
{
    struct shares *t = fresh(2);

    (void)state;
    add_all(t, "aa", SMALL);
    assert_string_equal(begun(t), "a");
    size_t second = add(t, 'b', SMALL);
    shares_end(t, second);
    assert_string_equal(begun(t), "");
    end(t, 'a');
    assert_string_equal(begun(t), "a");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_user_has_half),
        cmocka_unit_test(only_who_has_none_takes_the_last),
        cmocka_unit_test(users_take_turns),
        cmocka_unit_test(nobody_is_passed_over_for_ever),
        cmocka_unit_test(memory_has_shares_too),
        cmocka_unit_test(a_large_image_is_not_passed_for_ever),
        cmocka_unit_test(nor_by_small_ones_of_its_own_user),
        cmocka_unit_test(the_rest_goes_on_meanwhile),
        cmocka_unit_test(the_line_has_an_end),
        cmocka_unit_test(who_leaves_is_forgotten),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
