#include "http/request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_media_type(void **state)
{
    _cleanup_(arena_done) struct arena arena;
    struct request r = {.content_type = STR("Application/JSON ; charset=UTF-8")};

    (void)state;
    arena_init(&arena, 4096);
    assert_true(str_eqc(request_media_type(&r, &arena), "application/json"));
    r.content_type = STR(" image/png");
    assert_true(str_eqc(request_media_type(&r, &arena), "image/png"));
    r.content_type = STR(";x");
    assert_int_equal(request_media_type(&r, &arena).n, 0);
    r.content_type = (struct str){0};
    assert_int_equal(request_media_type(&r, &arena).n, 0);
}

static void test_headers(void **state)
{
    static const char *const others[] = {
        "HTTP_COOKI=x",     "HTTP_COOKIES=x", "HTTP_COOKIE", "COOKIE=x", "HTTP_",
        "HTTP_x_Forwarded", "HTTP_Origin=x",  "=",           "",         "HTTP_ACCEPT_=x"};
    struct request r = {0};

    (void)state;
    request_take_header(&r, "HTTP_ACCEPT=text/html");
    request_take_header(&r, "HTTP_SEC_FETCH_SITE=same-origin");
    request_take_header(&r, "CONTENT_TYPE=text/plain; a=b");
    request_take_header(&r, "HTTP_AUTHORIZATION=");
    request_take_header(&r, "HTTP_AUTHORIZATION=Bearer second");
    for (size_t i = 0; i < ARRAY_LEN(others); i++)
        request_take_header(&r, others[i]);
    assert_true(str_eqc(r.accept, "text/html"));
    assert_true(str_eqc(r.sec_fetch_site, "same-origin"));
    assert_true(str_eqc(r.content_type, "text/plain; a=b"));
    assert_true(r.authorization.p != NULL && r.authorization.n == 0);
    assert_true(r.cookie.p == NULL && r.origin.p == NULL);
}

static void test_a_header_that_came_twice(void **state)
{
    struct request r = {0};

    (void)state;
    request_take_header(&r, "HTTP_ACCEPT=a");
    request_take_header(&r, "HTTP_ACCEPT=a");
    request_take_header(&r, "HTTP_IDEMPOTENCY_KEY=a");
    assert_true(str_eqc(r.idempotency_key, "a") && r.idempotency_key_times == 1);
    request_take_header(&r, "HTTP_IDEMPOTENCY_KEY=b");
    assert_true(str_eqc(r.idempotency_key, "a") && r.idempotency_key_times == 2);
    request_take_header(&r, "CONTENT_TYPE=a");
    request_take_header(&r, "HTTP_CONTENT_TYPE=a");
    assert_true(str_eqc(r.content_type, "a") && r.content_type_times == 1);
    request_take_header(&r, "HTTP_CONTENT_TYPE=b");
    request_take_header(&r, "HTTP_CONTENT_ENCODING=identity");
    request_take_header(&r, "HTTP_CONTENT_ENCODING=gzip");
    assert_true(r.content_type_times == 2 && r.content_encoding_times == 2);
}

static void test_param_uuid(void **state)
{
    struct request r = {.param = {STR("019aaa00-0000-7000-8000-00000000000a"),
                                  STR("019aaa00-0000-7000-8000-00000000000"),
                                  STR("00000000-0000-0000-0000-000000000000")}};
    struct uuid id;

    (void)state;
    assert_int_equal(request_param_uuid(&r, 0, &id), OK);
    assert_string_equal(uuid_text(&id).s, "019aaa00-0000-7000-8000-00000000000a");
    assert_int_equal(request_param_uuid(&r, 1, &id), ERR_NOT_FOUND);
    assert_int_equal(request_param_uuid(&r, 2, &id), ERR_NOT_FOUND);
    assert_int_equal(request_param_uuid(&r, 3, &id), ERR_NOT_FOUND);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_media_type), cmocka_unit_test(test_headers),
                                              cmocka_unit_test(test_a_header_that_came_twice),
                                              cmocka_unit_test(test_param_uuid)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
