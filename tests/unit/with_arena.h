/*
 * What a unit test begins with whose cases work in one arena: cmocka with the headers that it needs, the arena, and how
 * a test or a group gets it empty. The state that cmocka passes is the arena, too.
 *
 *    cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

static struct arena arena;

UNUSED static int arena_set_up(void **state)
{
    arena_done(&arena);
    arena_init(&arena, 4 << 20);
    *state = &arena;
    return 0;
}

UNUSED static int arena_tear_down(void **state)
{
    arena_done(*state);
    return 0;
}

UNUSED static void assert_str(struct str s, const char *expected)
{
    if (!str_eqc(s, expected))
        fail_msg("'%.*s' is not '%s'", STR_FMT(s), expected);
}
