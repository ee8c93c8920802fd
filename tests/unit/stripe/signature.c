#include "with_arena.h"

#include "base/buf.h"
#include "base/clock.h"
#include "stripe/signature.h"

#define AT_SEC INT64_C(1789000000)
#define BODY "{\"id\":\"evt_1\"}"
#define SECRET "whsec_test_secret"
#define OLDER "whsec_older"

/* HMAC-SHA256 by Python's hmac, not by us. */
#define BY_SECRET "120f50652f0e2c52087353e61e0819324fbf02b921f75fee7e33e010033dfa40"
#define BY_OLDER "b643bc3f3cb5d3ed5145f67a32376541269e914d920905aea48138edc79753af"
#define OF_NOTHING "c44aa54bdc9f942d9a998c342dbc6080a6ca54f7789d42bad3aba037cc5b98b6"
#define WITH_ZERO "e4d60bcc61528d4e0e0c20ba1bbb57394f4841fa50300bd1ea455f58a6dba571"
#define AT_ZERO "3d31db08be01ff1385c3acf35d5640f367097ccad5ed94e88a443f828fd16259"
#define OF_NUL "6fecf2e472fa78ad696bcd0f71df0128de7e7c1de3d9e4e3f1b30737a60383f7"
#define OF_ABC "9f69835f48e0c06dedb78a2f1253312ed8c083c962c8638d584b4430731ac61b"
#define OTHER "0000000000000000000000000000000000000000000000000000000000000000"

static const struct stripe_secrets one = {.v = {{SECRET, sizeof SECRET - 1}}, .n = 1};
static const struct stripe_secrets rolled = {
    .v = {{"whsec_newer", 11}, {OLDER, sizeof OLDER - 1}, {SECRET, sizeof SECRET - 1}}, .n = 3};

static enum timed_signature check_of(const struct stripe_secrets *secrets, const char *header, struct str body,
                                     int64_t now_sec)
{
    return stripe_signature_check(str_from(header), body, secrets, now_sec * US_PER_SEC + 999999);
}

static enum timed_signature check(const char *header)
{
    return check_of(&one, header, STR(BODY), AT_SEC);
}

static void test_good(void **state)
{
    static const char *const headers[] = {
        "t=1789000000,v1=" BY_SECRET,
        "v1=" BY_SECRET ",t=1789000000",
        "t=1789000000,v1=" BY_SECRET ",v0=" OTHER,
        "t=1789000000,v0=" OTHER ",v1=" OTHER ",v1=" BY_SECRET,
        "t=1789000000,v1=" BY_SECRET ",v1=" OTHER,
        "t=1789000000,v1=,v1=" BY_SECRET,
        "t=1789000000,v2=a=b,=x,v1=" BY_SECRET,
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(headers); i++)
        assert_string_equal(timed_signature_word(check(headers[i])), "good");
    assert_int_equal(check_of(&one, "t=1789000000,v1=" OF_NOTHING, STR(""), AT_SEC), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check_of(&one, "t=1789000000,v1=" OF_NUL, STR("a\0b"), AT_SEC), TIMED_SIGNATURE_GOOD);
}

static void test_rolled_secrets(void **state)
{
    (void)state;
    assert_int_equal(check_of(&rolled, "t=1789000000,v1=" BY_OLDER, STR(BODY), AT_SEC), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check_of(&rolled, "t=1789000000,v1=" BY_SECRET, STR(BODY), AT_SEC), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check("t=1789000000,v1=" BY_OLDER), TIMED_SIGNATURE_WRONG);
    assert_int_equal(check("t=1789000000,v1=" BY_OLDER ",v1=" BY_SECRET), TIMED_SIGNATURE_GOOD);
}

static void test_bad(void **state)
{
    static const struct {
        const char *header, *word;
    } rows[] = {
        {NULL, "missing"},
        {"", "missing"},
        {"v1=" BY_SECRET, "time_missing"},
        {"T=1789000000,v1=" BY_SECRET, "time_missing"},
        {" t=1789000000,v1=" BY_SECRET, "time_missing"},
        {"t=1789000000", "no_signature"},
        {"t=1789000000,v0=" BY_SECRET, "no_signature"},
        {"t=1789000000, v1=" BY_SECRET, "no_signature"},
        {"t=1789000000,V1=" BY_SECRET, "no_signature"},
        {"t=1789000000,v1 =" BY_SECRET, "no_signature"},
        {"t=1789000000,v1=" BY_SECRET ",", "malformed"},
        {",t=1789000000,v1=" BY_SECRET, "malformed"},
        {"t=1789000000,,v1=" BY_SECRET, "malformed"},
        {"t=1789000000;v1=" BY_SECRET, "no_signature"}, /* one item: t */
        {"t,v1=" BY_SECRET, "malformed"},
        {"hello", "malformed"},
        {"t=1789000000,t=1789000000,v1=" BY_SECRET, "time_repeated"},
        {"t=1789000000,v1=" BY_SECRET ",t=1", "time_repeated"},
        {"t=,v1=" BY_SECRET ",t=1789000000", "time_repeated"},
        {"t=,v1=" BY_SECRET, "time_invalid"},
        {"t=1789000000abc,v1=" OF_ABC, "time_invalid"},
        {"t=abc,v1=" BY_SECRET, "time_invalid"},
        {"t=-1789000000,v1=" BY_SECRET, "time_invalid"},
        {"t=+1789000000,v1=" BY_SECRET, "time_invalid"},
        {"t= 1789000000,v1=" BY_SECRET, "time_invalid"},
        {"t=1789000000.0,v1=" BY_SECRET, "time_invalid"},
        {"t=01789000000,v1=" WITH_ZERO, "time_invalid"},
        {"t=9223372036854775808,v1=" BY_SECRET, "time_invalid"},
        {"t=1000000000000,v1=" BY_SECRET, "time_invalid"},
        {"t=1789000000,v1=", "wrong"},
        {"t=1789000000,v1=" OTHER, "wrong"},
        {"t=1789000000,v1=" BY_SECRET "0", "wrong"},
        {"t=1789000000,v1=" BY_SECRET " ", "wrong"},
        {"t=1789000000,v1= " BY_SECRET, "wrong"},
        {"t=1789000000,v1=\"" BY_SECRET "\"", "wrong"},
        {"t=1789000001,v1=" BY_SECRET, "wrong"},
        {"t=0,v1=" AT_ZERO, "too_old"},
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *word = timed_signature_word(check(rows[i].header));
        if (strcmp(word, rows[i].word) != 0)
            fail_msg("%s: %s and not %s", rows[i].header, word, rows[i].word);
    }
}

/* One letter's case, one digit, one byte more or less of it or of the body. */
static void test_all_of_it_counts(void **state)
{
    char header[] = "t=1789000000,v1=" BY_SECRET;
    size_t n = sizeof header - 1, begin = n - 64;
    (void)state;

    for (size_t i = begin; i < n; i++) {
        char was = header[i];
        header[i] = was == '0' ? '1' : '0';
        assert_int_equal(check(header), TIMED_SIGNATURE_WRONG);
        header[i] = was >= 'a' ? (char)(was - 'a' + 'A') : was;
        assert_int_equal(check(header), was >= 'a' ? TIMED_SIGNATURE_WRONG : TIMED_SIGNATURE_GOOD);
        header[i] = was;
    }
    for (size_t cut = begin + 1; cut < n; cut++)
        assert_int_equal(stripe_signature_check(str_of(header, cut), STR(BODY), &one, AT_SEC * US_PER_SEC),
                         TIMED_SIGNATURE_WRONG);
    assert_int_equal(check_of(&one, header, STR(BODY "\n"), AT_SEC), TIMED_SIGNATURE_WRONG);
    assert_int_equal(check_of(&one, header, STR("\xef\xbb\xbf" BODY), AT_SEC), TIMED_SIGNATURE_WRONG);
    assert_int_equal(check_of(&one, header, STR("{\"id\": \"evt_1\"}"), AT_SEC), TIMED_SIGNATURE_WRONG);
    assert_int_equal(check_of(&one, header, str_head(STR(BODY), sizeof BODY - 2), AT_SEC), TIMED_SIGNATURE_WRONG);
    assert_int_equal(check_of(&one, header, (struct str){0}, AT_SEC), TIMED_SIGNATURE_WRONG);
}

static void test_time(void **state)
{
    static const char header[] = "t=1789000000,v1=" BY_SECRET, unsigned_header[] = "t=1789000000,v1=" OTHER;
    (void)state;

    assert_int_equal(check_of(&one, header, STR(BODY), AT_SEC + 300), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check_of(&one, header, STR(BODY), AT_SEC + 301), TIMED_SIGNATURE_TOO_OLD);
    assert_int_equal(check_of(&one, header, STR(BODY), AT_SEC - 300), TIMED_SIGNATURE_GOOD);
    assert_int_equal(check_of(&one, header, STR(BODY), AT_SEC - 301), TIMED_SIGNATURE_TOO_NEW);
    assert_int_equal(check_of(&one, unsigned_header, STR(BODY), AT_SEC + 301), TIMED_SIGNATURE_WRONG);
}

static void test_long_headers(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(4000);
    (void)state;

    buf_puts(&b, "t=1789000000");
    for (int i = 0; i < 28; i++)
        buf_puts(&b, ",v1=" OTHER);
    buf_puts(&b, ",v1=" BY_SECRET);
    assert_in_range(b.n, 1900, TIMED_SIGNATURE_HEADER_MAX_BYTES);
    assert_int_equal(check(b.p), TIMED_SIGNATURE_GOOD);
    buf_puts(&b, ",x=");
    while (b.n < TIMED_SIGNATURE_HEADER_MAX_BYTES)
        buf_putc(&b, 'x');
    assert_int_equal(check(b.p), TIMED_SIGNATURE_GOOD);
    buf_putc(&b, 'x');
    assert_int_equal(check(b.p), TIMED_SIGNATURE_TOO_LONG);
}

static void test_secrets(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"", "there is no webhook secret"},
        {"\n \r\n", "there is no webhook secret"},
        {"sk_live_1", "a webhook secret must begin with whsec_ and have no blanks"},
        {"whsec_", "a webhook secret must begin with whsec_ and have no blanks"},
        {"whsec_a b", "a webhook secret must begin with whsec_ and have no blanks"},
        {"whsec_a,whsec_b\nwhsec_c\x01", "a webhook secret must begin with whsec_ and have no blanks"},
    };
    struct stripe_secrets s = {.n = 77};
    struct secret_ring ring;
    const char *why;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_true(secret_ring_parse(str_from(bad[i].text), SECRET_RING_WORDS, &ring, &why));
        assert_false(stripe_secrets_of(&ring, &s, &why));
        assert_string_equal(why, bad[i].why);
        assert_int_equal(s.n, 77);
        secret_ring_done(&ring);
    }
    assert_true(secret_ring_parse(STR("whsec_one\r\n\n  whsec_two \n"), SECRET_RING_WORDS, &ring, &why));
    assert_true(stripe_secrets_of(&ring, &s, &why));
    assert_null(why);
    assert_int_equal(s.n, 2);
    assert_str(s.v[0], "whsec_one");
    assert_str(s.v[1], "whsec_two");
    secret_ring_done(&ring);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_rolled_secrets),
        cmocka_unit_test(test_bad),     cmocka_unit_test(test_all_of_it_counts),
        cmocka_unit_test(test_time),    cmocka_unit_test(test_long_headers),
        cmocka_unit_test(test_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
