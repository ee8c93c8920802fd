#include "with_arena.h"

#include <string.h>

#include "crypto/rotation.h"

#define K "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

typedef void edit(struct str text, struct str line, struct buf *b);

/* And what it gives does not change when it is done again. */
static void assert_becomes(edit *e, const char *text, const char *line, const char *wanted)
{
    _cleanup_(buf_done) struct buf once = BUF_MAX(1024);
    _cleanup_(buf_done) struct buf twice = BUF_MAX(1024);

    e(str_from(text), str_from(line), &once);
    assert_true(str_eqc(buf_str(&once), wanted));
    e(buf_str(&once), str_from(line), &twice);
    assert_true(str_eqc(buf_str(&twice), wanted));
}

static void lines_are_put_once(void **state)
{
    (void)state;
    assert_becomes(lines_first, "", "new", "new\n");
    assert_becomes(lines_first, "old", "new", "new\nold\n");
    assert_becomes(lines_first, "old\nnew\n", "new", "new\nold\n");
    assert_becomes(lines_last, "old\r\n\n  older \n", "new", "old\n  older \nnew\n");
    assert_becomes(lines_last, "new\nold\n", "new", "old\nnew\n");
    assert_becomes(lines_without, "new\nold\n", "new", "old\n");
    assert_becomes(lines_without, "# a note\nold\n", "new", "# a note\nold\n");
}

static void lines_are_counted(void **state)
{
    (void)state;
    assert_int_equal(lines_count(STR("")), 0);
    assert_int_equal(lines_count(STR("\n \n\r\n")), 0);
    assert_int_equal(lines_count(STR("a\n\nb\r\n#\n")), 3);
    assert_true(lines_have(STR("a\r\nb\n"), STR("b")));
    assert_false(lines_have(STR("ab\n"), STR("b")));
}

static void what_is_no_line_is_refused(void **state)
{
    char long_one[ROTATION_LINE_MAX_BYTES + 2];

    (void)state;
    memset(long_one, 'a', sizeof long_one);
    assert_true(rotation_line_is_fine(STR("whsec_0123+/=")));
    assert_true(rotation_line_is_fine(STR("ID secret")));
    assert_true(rotation_line_is_fine(STR("p\xc3\xa4ss")));
    assert_true(rotation_line_is_fine(str_of(long_one, ROTATION_LINE_MAX_BYTES)));
    assert_false(rotation_line_is_fine(str_of(long_one, ROTATION_LINE_MAX_BYTES + 1)));
    assert_false(rotation_line_is_fine(STR("")));
    assert_false(rotation_line_is_fine(STR(" ")));
    assert_false(rotation_line_is_fine(STR(" a")));
    assert_false(rotation_line_is_fine(STR("a ")));
    assert_false(rotation_line_is_fine(STR("a\nb")));
    assert_false(rotation_line_is_fine(STR("a\0b")));
    assert_false(rotation_line_is_fine(STR("a\tb")));
    assert_true(rotation_line_is_fine(STR("#a")));
}

static void numbers_of_keys_go_round(void **state)
{
    _cleanup_(buf_done) struct buf all = BUF_MAX(64u << 10);

    (void)state;
    assert_int_equal(rotation_next_id(STR("1 " K "\n")), 2);
    assert_int_equal(rotation_next_id(STR("# one\n3 " K "\n4 " K "\n1 " K "\n")), 5);
    assert_int_equal(rotation_next_id(STR("255 " K "\n")), 1);
    assert_int_equal(rotation_next_id(STR("254 " K "\n255 " K "\n1 " K "\n")), 2);
    assert_int_equal(rotation_next_id(STR("")), 0);
    assert_int_equal(rotation_next_id(STR("0 " K "\n")), 0);
    for (int i = 1; i <= 255; i++)
        buf_printf(&all, "%d " K "\n", i);
    assert_int_equal(rotation_next_id(buf_str(&all)), 0);
}

static void a_state_is_read_as_it_was_written(void **state)
{
    const struct rotation_state s = {12345, 1, 2, STR("worker_publish"), STR("7 " K)};
    _cleanup_(buf_done) struct buf b = BUF_MAX(1024);
    struct rotation_state got;

    (void)state;
    rotation_state_put(&s, &b);
    assert_true(rotation_state_parse(buf_str(&b), &got));
    assert_true(got.begun_us == 12345 && got.course == 1 && got.step == 2);
    assert_true(str_eq(got.of, s.of) && str_eq(got.line, s.line));
    buf_clear(&b);
    rotation_state_put(&(struct rotation_state){.begun_us = 1}, &b);
    assert_true(rotation_state_parse(buf_str(&b), &got));
    assert_true(got.of.p == NULL && got.line.p == NULL);
}

static void a_state_that_is_torn_is_refused(void **state)
{
    struct rotation_state got;

    (void)state;
    assert_false(rotation_state_parse(STR(""), &got));
    assert_false(rotation_state_parse(STR("begun_us 1\ncourse 0\n"), &got));
    assert_false(rotation_state_parse(STR("begun_us 1\ncourse 0\nstep x\n"), &got));
    assert_false(rotation_state_parse(STR("begun_us 1\ncourse 0\nstep 0\nelse 1\n"), &got));
    assert_false(rotation_state_parse(STR("begun_us 1\ncourse 0\nstep\n"), &got));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_put_once),
        cmocka_unit_test(lines_are_counted),
        cmocka_unit_test(what_is_no_line_is_refused),
        cmocka_unit_test(numbers_of_keys_go_round),
        cmocka_unit_test(a_state_is_read_as_it_was_written),
        cmocka_unit_test(a_state_that_is_torn_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
