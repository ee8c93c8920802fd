#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "script.h"

static void assert_statements(const char *text, const char *const *want)
{
    struct script s = script_of(str_from(text));
    struct str statement;

    for (; *want != NULL; want++) {
        assert_int_equal(script_next(&s, &statement), OK);
        assert_int_equal(statement.n, strlen(*want));
        assert_memory_equal(statement.p, *want, statement.n);
    }
    assert_int_equal(script_next(&s, &statement), OK);
    assert_null(statement.p);
}

#define ASSERT_STATEMENTS(text, ...) assert_statements(text, (const char *const[]){__VA_ARGS__, NULL})

static void test_statements(void **state)
{
    (void)state;
    ASSERT_STATEMENTS("", NULL);
    ASSERT_STATEMENTS(" \n-- nothing; 'here\n;;\n", NULL);
    ASSERT_STATEMENTS("A;", "A");
    ASSERT_STATEMENTS("A; B\n c ;\n", "A", "B\n c ");
    ASSERT_STATEMENTS("-- first; it's\nA -- x;y\n;# 'z\nB;/* ; \" */C;", "A -- x;y\n", "B", "C");
    ASSERT_STATEMENTS("A -1 --2;", "A -1 --2"); /* "--" needs a blank behind it to be a comment */
}

static void test_quotes(void **state)
{
    (void)state;
    ASSERT_STATEMENTS("A ';' \";\" `;`;B;", "A ';' \";\" `;`", "B");
    ASSERT_STATEMENTS("A 'it''s;';B;", "A 'it''s;'", "B");
    ASSERT_STATEMENTS("A '\\';' ';\\\\';B;", "A '\\';' ';\\\\'", "B");
    ASSERT_STATEMENTS("A '-- /* # \n;';B;", "A '-- /* # \n;'", "B");
    ASSERT_STATEMENTS("A `\\`;B;", "A `\\`", "B"); /* no escapes in names */
}

static void test_lines(void **state)
{
    struct script s = script_of(STR("-- x\n\nA '\n';\n\nB;\n"));
    struct str statement;

    (void)state;
    assert_int_equal(script_next(&s, &statement), OK);
    assert_int_equal(s.line, 3);
    assert_int_equal(script_next(&s, &statement), OK);
    assert_int_equal(s.line, 6);
}

static void test_what_does_not_end(void **state)
{
    static const char *const texts[] = {"A", "A;\nB", "A 'x;", "A \"x;", "A `x;", "A /* x;", "/* x", "A '\\", "A /*"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct script s = script_of(str_from(texts[i]));
        struct str statement = STR("x");
        enum err e = OK;
        while (e == OK && statement.p != NULL)
            e = script_next(&s, &statement);
        assert_int_equal(e, ERR_VALIDATION);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_statements),
        cmocka_unit_test(test_quotes),
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_what_does_not_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
