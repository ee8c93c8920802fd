#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "model/key/key.h"

/* Made by another program from the description in model/key/key.h. */
#define GOOD "mk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsG9r4B"

static void takes_the_checksum_of_the_description(void **state)
{
    (void)state;
    assert_true(key_is_wellformed(STR(GOOD)));
    assert_true(key_is_wellformed(STR("mk_live_yhjskwdA6OZ1AL1YmHWZWm8LLG7HjnuCA2j5rOw8Xp1dIzlZv")));
}

static void every_mistyped_character_is_seen(void **state)
{
    char text[] = GOOD;

    (void)state;
    for (size_t i = 0; i < KEY_CHARS; i++) {
        char right = text[i];
        text[i] = right == 'x' ? 'y' : 'x';
        assert_false(key_is_wellformed(str_from(text)));
        text[i] = right;
    }
    /* two neighbours changed places, at the checksum's edge */
    assert_false(key_is_wellformed(STR("mk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsAG9r4B")));
}

static void refuses_other_shapes(void **state)
{
    static const struct str bad[] = {
        STR(""),
        STR("mk_live_"),
        STR(GOOD "B"),
        STR(" " GOOD),
        STR(GOOD "\n"),
        STR("mk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsG9r4"),
        STR("mk_test_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsG9r4B"),
        STR("MK_LIVE_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsG9r4B"),
        STR("mk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsG9r-B"),
        STR("mk_live_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsG9r4\0"),
        STR("mk_live_\0AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAsG9r4B"),
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_false(key_is_wellformed(bad[i]));
    assert_false(key_is_wellformed((struct str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_the_checksum_of_the_description),
        cmocka_unit_test(every_mistyped_character_is_seen),
        cmocka_unit_test(refuses_other_shapes),
    };
    return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
