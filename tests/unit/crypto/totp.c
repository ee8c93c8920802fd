#include "with_arena.h"

#include "base/clock.h"
#include "crypto/totp.h"

#define SECRET STR("12345678901234567890") /* of RFC 6238, appendix B */

/* RFC 6238, appendix B, for SHA-1: its eight digits end with the six that we use. */
static const struct {
    int64_t at_sec;
    const char *code;
} vectors[] = {
    {59, "287082"},         {1111111109, "081804"}, {1111111111, "050471"},
    {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
};

static bool find(const char *code, int64_t at_sec, int64_t *ret_step)
{
    return totp_find(SECRET, str_from(code), at_sec * US_PER_SEC, ret_step);
}

static void vectors_of_the_rfc(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
        int64_t step = -1;
        assert_true(find(vectors[i].code, vectors[i].at_sec, &step));
        assert_int_equal(step, vectors[i].at_sec / 30);
    }
}

static void one_step_off_and_no_more(void **state)
{
    const int64_t begins = 1111111111 / 30 * 30; /* of the 30 seconds whose code it is */
    int64_t step = -1;

    (void)state;
    assert_false(find("050471", begins - 31, &step));
    assert_int_equal(step, -1); /* written only when it is found */
    assert_true(find("050471", begins - 30, &step));
    assert_int_equal(step, begins / 30);
    assert_true(find("050471", begins + 59, &step));
    assert_int_equal(step, begins / 30);
    assert_false(find("050471", begins + 60, &step));
    assert_false(find("050472", begins, &step));
}

/* 1970: there is no step before the first. */
static void the_first_step(void **state)
{
    int64_t step;

    (void)state;
    assert_true(find("287082", 29, &step));
    assert_int_equal(step, 1);
    assert_false(find("000000", 0, &step));
}

static void base32_as_people_type_it(void **state)
{
    struct arena *a = *state;

    assert_str(totp_base32(a, SECRET), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_str(totp_base32(a, STR("f")), "MY"); /* RFC 4648 10, without its padding */
    assert_str(totp_base32(a, STR("fooba")), "MZXW6YTB");
}

static void the_uri(void **state)
{
    assert_str(totp_uri(*state, STR("mcli.example"), STR("a+b'/?&#%:@example.com"), SECRET),
               "otpauth://totp/mcli.example:a%2Bb%27%2F%3F%26%23%25%3A%40example.com"
               "?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=mcli.example&algorithm=SHA1&digits=6&period=30");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_of_the_rfc),
        cmocka_unit_test(one_step_off_and_no_more),
        cmocka_unit_test(the_first_step),
        cmocka_unit_test(base32_as_people_type_it),
        cmocka_unit_test(the_uri),
    };

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
