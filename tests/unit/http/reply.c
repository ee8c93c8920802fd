#include "http/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct item {
    int64_t n;
};

static const struct json_field item_fields[] = {{.name = "n", JSON_I64(struct item, n)}, JSON_END};

struct fixture {
    struct arena arena;
    struct reply rep;
    struct problems problems;
};

static int set_up(void **state)
{
    static struct fixture f;

    f = (struct fixture){0};
    arena_init(&f.arena, 8 << 20);
    reply_init(&f.rep, &f.arena, STR("r1"));
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    reply_done(&f->rep);
    arena_done(&f->arena);
    return 0;
}

static void test_data(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(reply_data(&f->rep, 201, item_fields, &(struct item){7}), OK);
    assert_int_equal(f->rep.status, 201);
    assert_string_equal(f->rep.content_type, "application/json");
    assert_string_equal(f->rep.body.p, "{\"data\":{\"n\":7},\"meta\":{\"request_id\":\"r1\"}}");
}

static void test_reason(void **state)
{
    (void)state;
    assert_string_equal(reply_reason(200), "OK");
    assert_string_equal(reply_reason(404), "Not Found");
    assert_string_equal(reply_reason(599), "Unknown");
}

static void test_list(void **state)
{
    static const struct item items[] = {{1}, {2}};
    struct fixture *f = *state;

    assert_int_equal(reply_list(&f->rep, item_fields, items, 2, sizeof *items, 2, STR("c")), OK);
    assert_int_equal(f->rep.status, 200);
    assert_string_equal(f->rep.body.p, "{\"data\":[{\"n\":1},{\"n\":2}],\"meta\":{\"request_id\":\"r1\",\"limit\":2,"
                                       "\"has_more\":true,\"next_cursor\":\"c\"}}");
    assert_int_equal(reply_list(&f->rep, item_fields, NULL, 0, sizeof *items, 20, (struct str){0}), OK);
    assert_string_equal(f->rep.body.p, "{\"data\":[],\"meta\":{\"request_id\":\"r1\",\"limit\":20,\"has_more\":false,"
                                       "\"next_cursor\":null}}");
}

static void test_nothing_redirect_body(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(reply_nothing(&f->rep), OK);
    assert_int_equal(f->rep.status, 204);
    assert_int_equal(buf_str(&f->rep.body).n, 0);
    assert_int_equal(reply_redirect(&f->rep, STR("/x")), OK);
    assert_int_equal(f->rep.status, 303);
    assert_string_equal(f->rep.headers[0].name, "Location");
    assert_true(str_eqc(f->rep.headers[0].value, "/x"));
    assert_int_equal(reply_body(&f->rep, 418, "text/plain", STR("tea")), OK);
    assert_int_equal(f->rep.status, 418);
    assert_string_equal(f->rep.content_type, "text/plain");
    assert_string_equal(f->rep.body.p, "tea");
}

static enum err write_nothing(struct sink *sink, void *arg)
{
    (void)sink;
    (void)arg;
    return OK;
}

static void test_stream(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(reply_body(&f->rep, 200, "text/plain", STR("whole")), OK);
    assert_int_equal(reply_stream(&f->rep, 201, "text/csv", write_nothing, f), OK);
    assert_int_equal(f->rep.status, 201);
    assert_string_equal(f->rep.content_type, "text/csv");
    assert_ptr_equal(f->rep.stream, write_nothing);
    assert_ptr_equal(f->rep.stream_arg, f);
    assert_int_equal(buf_str(&f->rep.body).n, 0);
    reply_error(&f->rep, ERR_NOT_FOUND, NULL);
    assert_null(f->rep.stream);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

/* Whatever the answer becomes: what a stream holds open is let go once. */
static void test_when_over(void **state)
{
    struct fixture *f = *state;
    int n = 0;

    reply_when_over(&f->rep, count, &n);
    assert_int_equal(reply_stream(&f->rep, 200, "text/csv", write_nothing, f), OK);
    reply_error(&f->rep, ERR_NOT_FOUND, NULL);
    assert_int_equal(n, 0);
    reply_done(&f->rep);
    assert_int_equal(n, 1);
    reply_done(&f->rep);
    assert_int_equal(n, 1);
}

static void test_too_large_body(void **state)
{
    struct fixture *f = *state;
    struct str text = {arena_alloc(&f->arena, REPLY_BODY_MAX + 1), REPLY_BODY_MAX};

    assert_int_equal(reply_body(&f->rep, 200, "text/plain", text), OK);
    text.n++;
    assert_int_equal(reply_body(&f->rep, 200, "text/plain", text), ERR_INTERNAL);
    assert_int_equal(f->rep.status, 0);
}

static void test_error_plain(void **state)
{
    struct fixture *f = *state;

    reply_header(&f->rep, "Location", STR("/secret"));
    reply_error(&f->rep, ERR_NOT_FOUND, NULL);
    assert_int_equal(f->rep.status, 404);
    assert_int_equal(f->rep.headers_n, 0);
    assert_string_equal(
        f->rep.body.p,
        "{\"error\":{\"code\":\"not_found\",\"type\":\"not_found\",\"message\":\"There is nothing "
        "here, or it does not belong to you. Check the address and the "
        "id.\",\"param\":null,\"retryable\":false,\"details\":[],\"platform_error\":null,\"may_exist_id\":null},"
        "\"meta\":{\"request_id\":\"r1\"}}");
}

static bool has(const struct reply *r, const char *name, const char *value)
{
    for (size_t i = 0; i < r->headers_n; i++)
        if (strcmp(r->headers[i].name, name) == 0 && str_eqc(r->headers[i].value, value))
            return true;
    return false;
}

static void test_standing_headers(void **state)
{
    struct fixture *f = *state;

    reply_header(&f->rep, "Link", STR("</a>"));
    reply_standing_header(&f->rep, "RateLimit", STR("r=2"));
    reply_header(&f->rep, "Link", STR("</b>"));
    reply_standing_header(&f->rep, "Idempotent-Replayed", STR("true"));
    reply_standing_header(&f->rep, "RateLimit", STR("r=1"));
    assert_int_equal(f->rep.headers_n, 4);
    reply_error(&f->rep, ERR_NOT_FOUND, NULL);
    assert_int_equal(f->rep.headers_n, 2);
    assert_true(has(&f->rep, "RateLimit", "r=1") && has(&f->rep, "Idempotent-Replayed", "true"));
    reply_header(&f->rep, "Allow", STR("GET"));
    reply_error(&f->rep, ERR_BUSY, NULL);
    assert_int_equal(f->rep.headers_n, 2);
}

static void test_error_one_problem(void **state)
{
    struct fixture *f = *state;

    problem_add_text(&f->problems, ERR_IMAGE_CORRUPT, STR("images[2]"), STR("Bad."));
    reply_error(&f->rep, ERR_VALIDATION, &f->problems);
    assert_int_equal(f->rep.status, 422);
    assert_string_equal(f->rep.body.p,
                        "{\"error\":{\"code\":\"image_corrupt\",\"type\":\"validation\",\"message\":\"Bad.\",\"param\":"
                        "\"images[2]\",\"retryable\":false,\"details\":[{\"code\":\"image_corrupt\",\"message\":\"Bad."
                        "\",\"param\":\"images[2]\"}],\"platform_error\":null,\"may_exist_id\":null},\"meta\":{"
                        "\"request_id\":\"r1\"}}");
}

static void test_error_status_of_one_problem(void **state)
{
    struct fixture *f = *state;

    problem_add(&f->problems, ERR_IMAGE_TYPE, &f->arena, "images[%d]", 0);
    reply_error(&f->rep, ERR_VALIDATION, &f->problems);
    assert_int_equal(f->rep.status, 415);
}

static void test_error_several_problems(void **state)
{
    struct fixture *f = *state;

    problem_add(&f->problems, ERR_FIELD_REQUIRED, &f->arena, "name");
    problem_add(&f->problems, ERR_FIELD_RANGE, &f->arena, "days");
    reply_error(&f->rep, ERR_VALIDATION, &f->problems);
    assert_int_equal(f->rep.status, 422);
    assert_non_null(strstr(f->rep.body.p, "{\"code\":\"validation_failed\""));
    assert_non_null(strstr(f->rep.body.p, "\"param\":null,\"retryable\""));
    assert_non_null(strstr(f->rep.body.p, "[{\"code\":\"required\",\"message\":\"This field is required.\",\"param\":"
                                          "\"name\"},{\"code\":\"out_of_range\","));
}

/* A failure of another kind keeps its own message, with the problems as details. */
static void test_error_other_code_with_problem(void **state)
{
    struct fixture *f = *state;

    problem_add(&f->problems, ERR_FIELD_REQUIRED, &f->arena, "name");
    reply_error(&f->rep, ERR_BUSY, &f->problems);
    assert_int_equal(f->rep.status, 503);
    assert_non_null(
        strstr(f->rep.body.p, "{\"code\":\"busy\",\"type\":\"unavailable\",\"message\":\"The server is busy."));
    assert_non_null(strstr(f->rep.body.p, "\"details\":[{\"code\":\"required\""));
}

static void test_error_platform(void **state)
{
    struct fixture *f = *state;

    f->problems.platform_code = STR("access_token_invalid");
    reply_error(&f->rep, ERR_TIKTOK_REFUSED, &f->problems);
    assert_non_null(strstr(f->rep.body.p, "\"details\":[],\"platform_error\":{\"code\":\"access_token_invalid\","
                                          "\"log_id\":null},\"may_exist_id\":null}"));
}

static void test_error_internal(void **state)
{
    struct fixture *f = *state;

    problem_add(&f->problems, ERR_FIELD_REQUIRED, &f->arena, "name");
    for (int e = 0; e < ERR__MAX; e++) {
        if (err_is_shown((enum err)e) && e != ERR_INTERNAL)
            continue;
        reply_error(&f->rep, (enum err)e, &f->problems);
        assert_int_equal(f->rep.status, 500);
        assert_non_null(strstr(f->rep.body.p, "{\"code\":\"internal_error\",\"type\":\"internal\""));
        assert_non_null(strstr(f->rep.body.p, "\"details\":[]"));
    }
    /* inside a list of problems */
    f->problems.n = 0;
    problem_add_text(&f->problems, ERR_DB_FAILED, STR("x"), STR("table users"));
    reply_error(&f->rep, ERR_VALIDATION, &f->problems);
    assert_int_equal(f->rep.status, 500);
    assert_null(strstr(f->rep.body.p, "users"));
    assert_null(strstr(f->rep.body.p, "db_failed"));
}

static void test_error_outcome_unknown(void **state)
{
    struct fixture *f = *state;

    assert_true(uuid_parse(STR("01900000-0000-7000-8000-000000000000"), &f->problems.may_exist));
    reply_error(&f->rep, ERR_OUTCOME_UNKNOWN, &f->problems);
    assert_int_equal(f->rep.status, 500);
    assert_non_null(strstr(f->rep.body.p, "{\"code\":\"outcome_unknown\",\"type\":\"internal\""));
    assert_non_null(strstr(f->rep.body.p, "\"may_exist_id\":\"01900000-0000-7000-8000-000000000000\""));
    reply_error(&f->rep, ERR_NOT_FOUND, &f->problems);
    assert_non_null(strstr(f->rep.body.p, "\"may_exist_id\":null"));
}

static void test_error_every_code(void **state)
{
    struct fixture *f = *state;

    for (int e = 1; e < ERR__MAX; e++) {
        reply_error(&f->rep, (enum err)e, NULL);
        assert_in_range(f->rep.status, 400, 599);
    }
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(test_data),
                                              TEST(test_list),
                                              TEST(test_reason),
                                              TEST(test_nothing_redirect_body),
                                              TEST(test_stream),
                                              TEST(test_when_over),
                                              TEST(test_too_large_body),
                                              TEST(test_error_plain),
                                              TEST(test_standing_headers),
                                              TEST(test_error_one_problem),
                                              TEST(test_error_status_of_one_problem),
                                              TEST(test_error_several_problems),
                                              TEST(test_error_other_code_with_problem),
                                              TEST(test_error_platform),
                                              TEST(test_error_internal),
                                              TEST(test_error_outcome_unknown),
                                              TEST(test_error_every_code)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
