#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "crypto/password.h"

#define COST 4 /* the least there is: these tests are about the rules, not the work */
#define TEN "0123456789"
#define SEVENTY TEN TEN TEN TEN TEN TEN TEN

static void check_limits(void **state)
{
    (void)state;
    assert_int_equal(password_check(STR("")), ERR_PASSWORD_TOO_SHORT);
    assert_int_equal(password_check((struct str){NULL, 0}), ERR_PASSWORD_TOO_SHORT);
    assert_int_equal(password_check(STR("012345678")), ERR_PASSWORD_TOO_SHORT);
    assert_int_equal(password_check(STR(TEN)), OK);
    assert_int_equal(password_check(STR(SEVENTY "12")), OK);
    assert_int_equal(password_check(STR(SEVENTY "123")), ERR_PASSWORD_TOO_LONG);
    /* the least is in characters, the most in bytes: ä is two */
    assert_int_equal(password_check(STR("äääääääää")), ERR_PASSWORD_TOO_SHORT);
    assert_int_equal(password_check(STR("ääääääääää")), OK);
    assert_int_equal(password_check(STR(SEVENTY "1ä")), ERR_PASSWORD_TOO_LONG);
}

static void check_characters(void **state)
{
    (void)state;
    assert_int_equal(password_check(STR(TEN "\0")), ERR_PASSWORD_NUL);
    assert_int_equal(password_check(STR("\0" TEN)), ERR_PASSWORD_NUL);
    assert_int_equal(password_check(STR(TEN "\xff")), ERR_BAD_UTF8);
    assert_int_equal(password_check(STR("          ")), OK); /* no rules of taste (NIST SP 800-63B 5.1.1.2) */
}

static void hash_and_verify(void **state)
{
    _cleanup_(secret_done) struct secret right = secret_copy(STR("correct horse")),
                                         wrong = secret_copy(STR("Correct horse"));
    char hash[PASSWORD_HASH_SIZE], again[PASSWORD_HASH_SIZE];

    (void)state;
    assert_int_equal(password_hash(&right, COST, hash), OK);
    assert_int_equal(strlen(hash), 60);
    assert_memory_equal(hash, "$2b$04$", 7);
    assert_true(password_verify(&right, hash, COST));
    assert_true(password_verify(&right, hash, 5)); /* the cost is the hash's own */
    assert_false(password_verify(&wrong, hash, COST));
    assert_int_equal(password_hash(&right, COST, again), OK);
    assert_string_not_equal(hash, again);
}

/* What one keyboard sends as one character and another as two is the same password. */
static void both_ways_of_typing_match(void **state)
{
    _cleanup_(secret_done) struct secret composed = secret_copy(STR("\xc3\xa9" TEN)),
                                         decomposed = secret_copy(STR("e\xcc\x81" TEN));
    char hash[PASSWORD_HASH_SIZE];

    (void)state;
    assert_int_equal(password_hash(&composed, COST, hash), OK);
    assert_true(password_verify(&decomposed, hash, COST));
    assert_int_equal(password_hash(&decomposed, COST, hash), OK);
    assert_true(password_verify(&composed, hash, COST));
    assert_true(password_verify(&decomposed, hash, COST));
    assert_false(password_verify(&decomposed, NULL, COST));
}

/* Made before passwords were normalised, of e and a combining acute and ten digits; by Python's crypt. */
static void old_hashes_of_what_was_sent_match(void **state)
{
    _cleanup_(secret_done) struct secret decomposed = secret_copy(STR("e\xcc\x81" TEN));

    (void)state;
    assert_true(password_verify(&decomposed, "$2b$04$un0CctXwM4hHliTotcBwruYtYOZefnUavVTEO88eDTXehdUhMLJqi", COST));
}

static void limits_are_those_of_the_normal_form(void **state)
{
    (void)state;
    assert_int_equal(password_check(STR("e\xcc\x81"
                                        "12345678")),
                     ERR_PASSWORD_TOO_SHORT);
    assert_int_equal(password_check(STR(SEVENTY "e\xcc\x81")), OK); /* 73 bytes as it was sent */
}

/* OpenBSD's vector for $2b$-compatible bcrypt, made by another implementation. */
static void verifies_hashes_of_others(void **state)
{
    _cleanup_(secret_done) struct secret u = secret_copy(STR("U*U"));

    (void)state;
    assert_true(password_verify(&u, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", COST));
    assert_false(password_verify(&u, "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeX", COST));
}

static void every_one_of_72_bytes_counts(void **state)
{
    _cleanup_(secret_done) struct secret a = secret_copy(STR(SEVENTY "ab")), b = secret_copy(STR(SEVENTY "ac"));
    char hash[PASSWORD_HASH_SIZE];

    (void)state;
    assert_int_equal(password_hash(&a, COST, hash), OK);
    assert_true(password_verify(&a, hash, COST));
    assert_false(password_verify(&b, hash, COST));
}

/* bcrypt would cut these to the password itself. */
static void what_bcrypt_would_cut_does_not_match(void **state)
{
    _cleanup_(secret_done) struct secret a = secret_copy(STR(SEVENTY "ab")), longer = secret_copy(STR(SEVENTY "abc"));
    _cleanup_(secret_done) struct secret s = secret_copy(STR(TEN)), nul = secret_copy(STR(TEN "\0x"));
    char hash[PASSWORD_HASH_SIZE];

    (void)state;
    assert_int_equal(password_hash(&a, COST, hash), OK);
    assert_false(password_verify(&longer, hash, COST));
    assert_int_equal(password_hash(&s, COST, hash), OK);
    assert_false(password_verify(&nul, hash, COST));
}

static void nobody_has_no_password(void **state)
{
    _cleanup_(secret_done) struct secret empty = secret_copy(STR("")), some = secret_copy(STR(TEN));

    (void)state;
    assert_false(password_verify(&some, NULL, COST));
    assert_false(password_verify(&empty, NULL, COST));
    assert_false(password_verify(&some, "", COST));
    assert_false(password_verify(&some, "*0", COST));
    assert_false(password_verify(&some, "garbage", COST));
}

static enum password_match match(struct str typed, const char *hash, int cost)
{
    _cleanup_(secret_done) struct secret password = secret_copy(typed);

    return password_match(&password, hash, cost);
}

static void outdated_hashes_are_told(void **state)
{
    const char *old = "$2b$04$un0CctXwM4hHliTotcBwruYtYOZefnUavVTEO88eDTXehdUhMLJqi"; /* see above */
    _cleanup_(secret_done) struct secret password = secret_copy(STR(TEN));
    char hash[PASSWORD_HASH_SIZE];

    (void)state;
    assert_int_equal(password_hash(&password, 5, hash), OK);
    assert_int_equal(match(STR(TEN), hash, 4), PASSWORD_RIGHT);
    assert_int_equal(match(STR(TEN), hash, 5), PASSWORD_RIGHT);
    assert_int_equal(match(STR(TEN), hash, 6), PASSWORD_OUTDATED);
    assert_int_equal(match(STR(TEN "x"), hash, 6), PASSWORD_WRONG);
    assert_int_equal(match(STR(TEN), NULL, 4), PASSWORD_WRONG);
    assert_int_equal(match(STR("e\xcc\x81" TEN), old, COST), PASSWORD_OUTDATED); /* not in normalization form C */
    assert_int_equal(match(STR("\xc3\xa9" TEN), old, COST), PASSWORD_WRONG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_limits),
        cmocka_unit_test(check_characters),
        cmocka_unit_test(hash_and_verify),
        cmocka_unit_test(outdated_hashes_are_told),
        cmocka_unit_test(both_ways_of_typing_match),
        cmocka_unit_test(old_hashes_of_what_was_sent_match),
        cmocka_unit_test(limits_are_those_of_the_normal_form),
        cmocka_unit_test(verifies_hashes_of_others),
        cmocka_unit_test(every_one_of_72_bytes_counts),
        cmocka_unit_test(what_bcrypt_would_cut_does_not_match),
        cmocka_unit_test(nobody_has_no_password),
    };
    return cmocka_run_group_tests_name("password", tests, NULL, NULL);
}
