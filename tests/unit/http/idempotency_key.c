#include "http/idempotency_key.h"

#include "with_arena.h"

/* The key of the header; NULL: it is refused. */
static void gives(const char *header, const char *want)
{
    struct str key = STR("untouched");
    enum err e = idempotency_key_parse(&arena, str_from(header), &key);

    assert_int_equal(e, want != NULL ? OK : ERR_IDEMPOTENCY_KEY);
    assert_true(str_eqc(key, want != NULL ? want : "untouched"));
}

static void test_quoted(void **state)
{
    (void)state;
    gives("\"8e03978e-40d5-43dd-bc93-6894a57f9324\"", "8e03978e-40d5-43dd-bc93-6894a57f9324"); /* the draft's example */
    gives("\"order 17, again; #2\"", "order 17, again; #2");
    gives("\"a\\\"b\\\\c\"", "a\"b\\c");
    gives(" \t\"a\" ", "a");
    gives("\" \"", " ");
}

static void test_bare(void **state)
{
    (void)state;
    gives("8e03978e-40d5-43dd-bc93-6894a57f9324", "8e03978e-40d5-43dd-bc93-6894a57f9324");
    gives(" a ", "a");
    gives("AbC+/=:;\\~!", "AbC+/=:;\\~!");
}

static void test_refused(void **state)
{
    static const char *const refused[] = {
        "",         " ",         "\"\"",      "\"",   "\"a",         "a\"",      "\"a\\\"",
        "\"a\\b\"", "\"a\"b",    "\"a\";x=1", "a b",  "a,b",         "a, a",     "\"a\", \"b\"",
        "a\x01",    "\"a\x7f\"", "\"a\tb\"",  "a\tb", "caf\xc3\xa9", "\"\xff\"", "'a' 'b'"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(refused); i++)
        gives(refused[i], NULL);
}

static void test_lengths(void **state)
{
    char text[2 * IDEMPOTENCY_KEY_MAX + 8] = "\"";
    struct str key;

    (void)state;
    memset(text + 1, 'x', IDEMPOTENCY_KEY_MAX);
    assert_int_equal(idempotency_key_parse(&arena, str_of(text + 1, IDEMPOTENCY_KEY_MAX), &key), OK);
    assert_int_equal(key.n, IDEMPOTENCY_KEY_MAX);
    text[IDEMPOTENCY_KEY_MAX + 1] = '"';
    assert_int_equal(idempotency_key_parse(&arena, str_from(text), &key), OK);
    assert_int_equal(key.n, IDEMPOTENCY_KEY_MAX);
    memset(text + 1, 'x', IDEMPOTENCY_KEY_MAX + 1);
    assert_int_equal(idempotency_key_parse(&arena, str_of(text + 1, IDEMPOTENCY_KEY_MAX + 1), &key),
                     ERR_IDEMPOTENCY_KEY);
    for (size_t i = 0; i < IDEMPOTENCY_KEY_MAX; i++) /* it is the key that counts, not how it is written */
        memcpy(text + 1 + 2 * i, "\\\\", 2);
    memcpy(text + 1 + (size_t)(2 * IDEMPOTENCY_KEY_MAX), "\"", 2);
    assert_int_equal(idempotency_key_parse(&arena, str_from(text), &key), OK);
    assert_int_equal(key.n, IDEMPOTENCY_KEY_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_quoted), cmocka_unit_test(test_bare),
                                              cmocka_unit_test(test_refused), cmocka_unit_test(test_lengths)};

    return cmocka_run_group_tests(tests, arena_set_up, arena_tear_down);
}
