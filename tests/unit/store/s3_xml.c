#include "with_arena.h"

#include "base/buf.h"
#include "store/s3_xml.h"

static struct s3_error error_of(const char *body)
{
    struct s3_error e;

    s3_read_error(&arena, str_from(body), &e);
    return e;
}

/* As Swift, AWS and R2 write it: with and without a declaration, an id, blanks and a namespace. */
static void errors(void **state)
{
    struct s3_error e = error_of(
        "<?xml version='1.0' encoding='UTF-8'?>\n<Error>\n <Code>NoSuchKey</Code>\n <Message>It is not &lt;here&gt;, "
        "M\303\274ller.</Message><RequestId>tx12-3</RequestId><Key>a</Key></Error>");
    (void)state;

    assert_str(e.code, "NoSuchKey");
    assert_str(e.message, "It is not <here>, M\303\274ller.");
    assert_str(e.request_id, "tx12-3");
    assert_str(error_of("<s:Error xmlns:s=\"x\"><s:Code> Slow </s:Code></s:Error>").code, "Slow");
}

static void errors_that_say_nothing(void **state)
{
    static const char *const bodies[] = {
        "",
        "no",
        "<html><body>403</body></html>",
        "<Error><Code>Cut</Code>",
        "<Error><Other><Code>Elsewhere</Code></Other></Error>",
        "<Code>Root</Code>",
        "<Error><Code>two words</Code></Error>",
        "<Error><Code>line\nbreak</Code></Error>",
        "<Error><Code>M\303\274ll</Code></Error>",
        "<Error><Code>a<b/>c</Code></Error>",
        "<Error><Code>\377</Code></Error>",
        "<!DOCTYPE Error><Error><Code>Typed</Code></Error>",
        "<!DOCTYPE e [<!ENTITY a \"Made\">]><Error><Code>&a;</Code></Error>",
        "<!DOCTYPE e SYSTEM \"file:///etc/passwd\"><Error><Code>Read</Code></Error>",
        "<a><a><a><a><a><a><a><a><a/></a></a></a></a></a></a></a></a>",
        "<Error><Code>"
        "1234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890+"
        "</Code></Error>",
    };
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        if (error_of(bodies[i]).code.p != NULL)
            fail_msg("%s has a code", bodies[i]);
}

/* A message is for people; what could break a line of a log is not taken. */
static void messages(void **state)
{
    (void)state;
    assert_null(error_of("<Error><Message>a\nb</Message></Error>").message.p);
    assert_null(error_of("<Error><Message></Message></Error>").message.p);
}

#define LIST(body) \
    "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">" body \
    "</ListBucketResult>"
#define OBJECT(key, size) "<Contents><Key>" key "</Key><ETag>x</ETag><Size>" size "</Size></Contents>"

static void listings(void **state)
{
    struct s3_listing l;
    (void)state;

    assert_int_equal(
        s3_read_listing(
            &arena,
            STR(LIST("<IsTruncated>true</IsTruncated><NextContinuationToken>a+/=</NextContinuationToken>" OBJECT(
                "a &amp; b", "3") OBJECT("\303\244/+ x", "0"))),
            &l),
        OK);
    assert_int_equal(l.n, 2);
    assert_str(l.v[0].key, "a & b");
    assert_int_equal(l.v[0].size_bytes, 3);
    assert_str(l.v[1].key, "\303\244/+ x");
    assert_int_equal(l.v[1].size_bytes, 0);
    assert_str(l.next, "a+/=");
    assert_int_equal(s3_read_listing(&arena, STR(LIST("<IsTruncated>false</IsTruncated>")), &l), OK);
    assert_int_equal(l.n, 0);
    assert_null(l.next.p);
}

static void listings_that_are_none(void **state)
{
    static const char *const bodies[] = {
        "",
        "<Error><Code>NoSuchBucket</Code></Error>",
        LIST("<IsTruncated>true</IsTruncated>"),
        LIST("<IsTruncated>maybe</IsTruncated>"),
        LIST("<Contents><Size>1</Size></Contents>"),
        LIST("<Contents><Key>a</Key></Contents>"),
        LIST(OBJECT("", "1")),
        LIST(OBJECT("a", "-1")),
        LIST(OBJECT("a", "99999999999999999999")),
        LIST(OBJECT("a", "1") "<Contents/>"),
        "<ListBucketResult>" OBJECT("a", "1"),
    };
    struct s3_listing l;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(bodies); i++)
        if (s3_read_listing(&arena, str_from(bodies[i]), &l) != ERR_STORE)
            fail_msg("%s is a listing", bodies[i]);
}

static void as_many_as_may_be(void **state)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1 << 20);
    struct s3_listing l;
    (void)state;

    buf_puts(&b, "<ListBucketResult>");
    for (int i = 0; i < S3_LIST_MAX; i++)
        buf_puts(&b, OBJECT("k", "1"));
    size_t n = b.n;
    buf_puts(&b, "</ListBucketResult>");
    assert_int_equal(s3_read_listing(&arena, buf_str(&b), &l), OK);
    assert_int_equal(l.n, S3_LIST_MAX);
    b.n = n;
    buf_puts(&b, OBJECT("k", "1") "</ListBucketResult>");
    assert_int_equal(s3_read_listing(&arena, buf_str(&b), &l), ERR_STORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(errors),   cmocka_unit_test(errors_that_say_nothing), cmocka_unit_test(messages),
        cmocka_unit_test(listings), cmocka_unit_test(listings_that_are_none),  cmocka_unit_test(as_many_as_may_be),
    };

    return cmocka_run_group_tests_name("s3_xml", tests, arena_set_up, arena_tear_down);
}
