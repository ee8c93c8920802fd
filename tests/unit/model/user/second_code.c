#include "with_arena.h"

#include "model/user/second_code.h"

static void assert_reads(const char *typed, enum second_code_kind kind, const char *text)
{
    struct second_code code = second_code_read(str_from(typed));

    assert_int_equal(code.kind, kind);
    assert_str(second_code_str(&code), text);
}

static void digits_of_an_app(void **state)
{
    (void)state;
    assert_reads("123456", SECOND_CODE_TOTP, "123456");
    assert_reads("  123 456 ", SECOND_CODE_TOTP, "123456");
    assert_reads("1-2-3-4-5-6", SECOND_CODE_TOTP, "123456");
    assert_reads("000000", SECOND_CODE_TOTP, "000000");
    assert_reads("12O4I6", SECOND_CODE_TOTP, "120416");
}

static void recovery_codes(void **state)
{
    (void)state;
    assert_reads("7k2m-q9xe-0p5t-w3hd", SECOND_CODE_RECOVERY, "7K2MQ9XE0P5TW3HD");
    assert_reads("7K2M Q9XE 0P5T W3HD", SECOND_CODE_RECOVERY, "7K2MQ9XE0P5TW3HD");
    assert_reads("oOiIlL00-11223344", SECOND_CODE_RECOVERY, "0011110011223344");
}

static void neither(void **state)
{
    static const char *const typed[] = {"",
                                        " ",
                                        "-",
                                        "12345",
                                        "1234567",
                                        "12345a",
                                        "12345x",
                                        "+12345",
                                        "123.456",
                                        "\t123456",
                                        "123456\n",
                                        "7k2m-q9xe-0p5t-w3h",
                                        "7k2m-q9xe-0p5t-w3hdz",
                                        "7k2m-q9xe-0p5t-w3hu",
                                        "7k2m-q9xe-0p5t-w3h!",
                                        "\xef\xbc\x91"
                                        "23456",
                                        "\xd9\xa1"
                                        "23456"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(typed); i++)
        assert_reads(typed[i], SECOND_CODE_NONE, "");
    assert_int_equal(second_code_read(STR("12345\0")).kind, SECOND_CODE_NONE);
    assert_int_equal(second_code_read(STR("\0"
                                          "123456"))
                         .kind,
                     SECOND_CODE_NONE);
    assert_int_equal(second_code_read((struct str){0}).kind, SECOND_CODE_NONE);
}

static void new_ones_are_read_as_they_are_shown(void **state)
{
    char shown[SECOND_CODE_SHOWN_CHARS + 1];

    (void)state;
    for (int i = 0; i < 100; i++) {
        struct second_code code = second_code_new();
        second_code_show(&code, shown);
        assert_int_equal(strlen(shown), SECOND_CODE_SHOWN_CHARS);
        struct second_code read = second_code_read(str_from(shown));
        assert_int_equal(read.kind, SECOND_CODE_RECOVERY);
        assert_memory_equal(read.text, code.text, sizeof code.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_of_an_app),
        cmocka_unit_test(recovery_codes),
        cmocka_unit_test(neither),
        cmocka_unit_test(new_ones_are_read_as_they_are_shown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
