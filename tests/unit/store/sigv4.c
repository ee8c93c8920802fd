#include "with_arena.h"

#include "base/clock.h"
#include "crypto/digest.h"
#include "store/sigv4.h"

/* The examples of the Amazon S3 API Reference, "Authenticating Requests: Using the Authorization Header" and "Using Query Parameters". */
#define AT_US (INT64_C(1369353600) * US_PER_SEC) /* 2013-05-24T00:00:00Z */
#define DATE "20130524T000000Z"
#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define HOST \
    { \
        STR("host"), STR("examplebucket.s3.amazonaws.com") \
    }
#define DATED \
    { \
        STR("x-amz-date"), STR(DATE) \
    }
#define HASHED(hex) \
    { \
        STR("x-amz-content-sha256"), STR(hex) \
    }
#define CREDENTIAL "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request"

static const struct sigv4_key example_key = {
    .id = STR("AKIAIOSFODNN7EXAMPLE"),
    .secret = STR("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
    .region = STR("us-east-1"),
    .service = STR("s3"),
};

static void assert_authorization(struct arena *a, const struct sigv4_request *r, const char *names,
                                 const char *signature)
{
    struct str expected =
        arena_printf(a, "AWS4-HMAC-SHA256 Credential=" CREDENTIAL ",SignedHeaders=%s,Signature=%s", names, signature);

    assert_string_equal(sigv4_authorization(a, &example_key, r).p, expected.p);
}

static void example_get_object(void **state)
{
    const struct sigv4_pair headers[] = {HOST, {STR("range"), STR("bytes=0-9")}, HASHED(EMPTY), DATED};
    const struct sigv4_request r = {.method = STR("GET"),
                                    .path = STR("/test.txt"),
                                    .headers = headers,
                                    .n_headers = 4,
                                    .payload = STR(EMPTY),
                                    .at_us = AT_US};

    assert_authorization(*state, &r, "host;range;x-amz-content-sha256;x-amz-date",
                         "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41");
}

/* The headers come in any order. */
static void example_put_object(void **state)
{
#define PUT_HASH "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
    const struct sigv4_pair headers[] = {DATED,
                                         {STR("x-amz-storage-class"), STR("REDUCED_REDUNDANCY")},
                                         HASHED(PUT_HASH),
                                         {STR("date"), STR("Fri, 24 May 2013 00:00:00 GMT")},
                                         HOST};
    const struct sigv4_request r = {.method = STR("PUT"),
                                    .path = STR("/test$file.text"),
                                    .headers = headers,
                                    .n_headers = 5,
                                    .payload = STR(PUT_HASH),
                                    .at_us = AT_US};
    struct sha256 body = sha256_of(STR("Welcome to Amazon S3."));

    assert_string_equal(arena_printf(*state, "%.*s", STR_FMT(hex_encode(*state, body.b, sizeof body.b))).p, PUT_HASH);
    assert_authorization(*state, &r, "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
                         "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd");
    assert_string_equal(sigv4_target(*state, &r).p, "/test%24file.text");
}

static const struct sigv4_pair plain_headers[] = {HOST, HASHED(EMPTY), DATED};

/* A name without a value is one with an empty value. */
static void example_get_bucket_lifecycle(void **state)
{
    const struct sigv4_pair query[] = {{STR("lifecycle"), STR("")}};
    const struct sigv4_request r = {.method = STR("GET"),
                                    .path = STR("/"),
                                    .query = query,
                                    .n_query = 1,
                                    .headers = plain_headers,
                                    .n_headers = 3,
                                    .payload = STR(EMPTY),
                                    .at_us = AT_US};

    assert_authorization(*state, &r, "host;x-amz-content-sha256;x-amz-date",
                         "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543");
    assert_string_equal(sigv4_target(*state, &r).p, "/?lifecycle=");
}

static void example_list_objects(void **state)
{
    const struct sigv4_pair query[] = {{STR("prefix"), STR("J")}, {STR("max-keys"), STR("2")}};
    const struct sigv4_request r = {.method = STR("GET"),
                                    .path = STR("/"),
                                    .query = query,
                                    .n_query = 2,
                                    .headers = plain_headers,
                                    .n_headers = 3,
                                    .payload = STR(EMPTY),
                                    .at_us = AT_US};

    assert_authorization(*state, &r, "host;x-amz-content-sha256;x-amz-date",
                         "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7");
    assert_string_equal(sigv4_target(*state, &r).p, "/?max-keys=2&prefix=J");
}

static void example_presigned(void **state)
{
    const struct sigv4_pair headers[] = {HOST};
    const struct sigv4_request r = {.method = STR("GET"),
                                    .path = STR("/test.txt"),
                                    .headers = headers,
                                    .n_headers = 1,
                                    .payload = SIGV4_UNSIGNED,
                                    .at_us = AT_US};

    assert_string_equal(sigv4_presigned(*state, &example_key, &r, 86400).p,
                        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%"
                        "2Fus-east-1%2Fs3%2F"
                        "aws4_request&X-Amz-Date=" DATE "&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature="
                        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404");
}

/* S3 has all but unreserved characters encoded, in capitals, once, and the slashes of a path left alone. */
static void targets(void **state)
{
    static const struct {
        struct str path;
        const char *target;
    } rows[] = {
        {STR("/b/a b"), "/b/a%20b"},
        {STR("/b/a+b"), "/b/a%2Bb"},
        {STR("/b/\303\244.jpg"), "/b/%C3%A4.jpg"},
        {STR("/b/x/y//z/"), "/b/x/y//z/"},
        {STR("/b/~._-"), "/b/~._-"},
        {STR("/b/100%"), "/b/100%25"},
        {STR("/b/a%20b"), "/b/a%2520b"},
        {STR("/b/?#&=*'()!"), "/b/%3F%23%26%3D%2A%27%28%29%21"},
        {STR("/"), "/"},
    };

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct sigv4_request r = {.method = STR("GET"), .path = rows[i].path};
        assert_string_equal(sigv4_target(*state, &r).p, rows[i].target);
    }
}

/* By the names as they are encoded, and then by the values: "a=" comes after "a-b=" only when the whole text is compared. */
static void query_is_sorted(void **state)
{
    const struct sigv4_pair query[] = {{STR("b"), STR("2")},    {STR("a-b"), STR("1")}, {STR("b"), STR("1")},
                                       {STR("a"), STR("/ +~")}, {STR("B"), STR("")},    {STR("\303\244"), STR("x")},
                                       {STR("a b"), STR("3")}};
    const struct sigv4_request r = {
        .method = STR("GET"), .path = STR("/"), .query = query, .n_query = ARRAY_LEN(query)};

    assert_string_equal(sigv4_target(*state, &r).p, "/?%C3%A4=x&B=&a=%2F%20%2B~&a%20b=3&a-b=1&b=1&b=2");
}

static struct str authorization_with(struct arena *a, struct str value)
{
    const struct sigv4_pair headers[] = {HOST, {STR("x-amz-meta-note"), value}, DATED};
    const struct sigv4_request r = {.method = STR("GET"),
                                    .path = STR("/"),
                                    .headers = headers,
                                    .n_headers = 3,
                                    .payload = STR(EMPTY),
                                    .at_us = AT_US};

    return sigv4_authorization(a, &example_key, &r);
}

/* The server sees one blank where several were sent, and none at the ends. */
static void blanks_of_headers(void **state)
{
    struct str plain = authorization_with(*state, STR("a b"));

    assert_string_equal(authorization_with(*state, STR("  a   b ")).p, plain.p);
    assert_string_not_equal(authorization_with(*state, STR("ab")).p, plain.p);
    assert_non_null(authorization_with(*state, STR("")).p);
}

static void dates(void **state)
{
    (void)state;
    assert_string_equal(sigv4_date(AT_US).s, DATE);
    assert_string_equal(sigv4_date(0).s, "19700101T000000Z");
    assert_string_equal(sigv4_date(INT64_C(4102444799999999)).s, "20991231T235959Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(example_get_object),
        cmocka_unit_test(example_put_object),
        cmocka_unit_test(example_get_bucket_lifecycle),
        cmocka_unit_test(example_list_objects),
        cmocka_unit_test(example_presigned),
        cmocka_unit_test(targets),
        cmocka_unit_test(query_is_sorted),
        cmocka_unit_test(blanks_of_headers),
        cmocka_unit_test(dates),
    };

    return cmocka_run_group_tests_name("sigv4", tests, arena_set_up, arena_tear_down);
}
