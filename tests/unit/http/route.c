#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct route one[] = {{.method = "GET", .pattern = "/api/v1/keys", .summary = "list"},
                                   {.method = "POST", .pattern = "/api/v1/keys", .summary = "create"},
                                   {.method = "DELETE", .pattern = "/api/v1/keys/{id}", .summary = "delete"},
                                   {.method = "GET", .pattern = "/api/v1/keys/{id}", .summary = "get"},
                                   {.method = "GET", .pattern = "/m/{attempt}/{n}", .summary = "image"},
                                   ROUTE_END};
static const struct route two[] = {{.method = "GET", .pattern = "/api/v1/keys/all", .summary = "all"},
                                   {.method = "GET", .pattern = "/a/{x}/c", .summary = "a-x-c"},
                                   {.method = "GET", .pattern = "/a/b/{y}", .summary = "a-b-y"},
                                   {.method = "GET", .pattern = "/", .summary = "root"},
                                   ROUTE_END};
static const struct route *const tables[] = {one, two, NULL};
static const struct route *const turned[] = {two, one, NULL};

static struct route_match find(const char *method, const char *path)
{
    return route_find(tables, str_from(method), str_from(path));
}

static void gives(const char *method, const char *path, const char *summary)
{
    struct route_match m = find(method, path), t = route_find(turned, str_from(method), str_from(path));

    assert_non_null(m.route);
    assert_string_equal(m.route->summary, summary);
    assert_ptr_equal(m.route, t.route); /* whatever the order of the tables */
}

static void test_find(void **state)
{
    (void)state;
    gives("GET", "/api/v1/keys", "list");
    gives("POST", "/api/v1/keys", "create");
    gives("HEAD", "/api/v1/keys", "list");
    gives("DELETE", "/api/v1/keys/1", "delete");
    gives("GET", "/", "root");
}

static void test_params(void **state)
{
    struct route_match m = find("GET", "/m/ab%2Fc/7");

    (void)state;
    assert_non_null(m.route);
    assert_true(str_eqc(m.param[0], "ab%2Fc"));
    assert_true(str_eqc(m.param[1], "7"));
    assert_null(m.param[2].p);
}

static void test_literal_wins(void **state)
{
    (void)state;
    gives("GET", "/api/v1/keys/all", "all");
    gives("GET", "/api/v1/keys/al", "get");
    gives("DELETE", "/api/v1/keys/all", "delete");
    gives("GET", "/a/b/c", "a-b-y");
    gives("GET", "/a/x/c", "a-x-c");
}

static void test_not_found(void **state)
{
    static const char *const paths[] = {"",        "/api/v1/keys/",    "/api/v1/keys/1/", "/api/v1/key", "/API/v1/keys",
                                        "//",      "/api/v1/keys/1/2", "/m//7",           "/m/a/",       "api/v1/keys",
                                        "/m/a/7/", "/api//v1/keys"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        struct route_match m = find("GET", paths[i]);
        if (m.route != NULL || m.allow_n != 0)
            fail_msg("found: %s", paths[i]);
    }
}

static void allows(const char *method, const char *path, const char *want)
{
    struct route_match m = find(method, path);
    char text[100] = "";
    size_t n = 0;

    assert_null(m.route);
    for (size_t i = 0; i < m.allow_n; i++)
        n += (size_t)snprintf(text + n, sizeof text - n, "%s%s", i == 0 ? "" : ", ", m.allow[i]);
    assert_string_equal(text, want);
}

static void test_allow(void **state)
{
    (void)state;
    allows("PUT", "/api/v1/keys", "GET, HEAD, POST");
    allows("OPTIONS", "/api/v1/keys/all", "DELETE, GET, HEAD");
    allows("get", "/", "GET, HEAD");
    allows("HEAD", "/nothing", "");
    assert_int_equal(find("GET", "/").allow_n, 0);
}

static void test_auth_name(void **state)
{
    (void)state;
    assert_string_equal(route_auth_name(AUTH_NONE), "none");
    assert_string_equal(route_auth_name(AUTH_SESSION), "session");
    assert_string_equal(route_auth_name(AUTH_ANY), "any");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_find),         cmocka_unit_test(test_params),
                                              cmocka_unit_test(test_literal_wins), cmocka_unit_test(test_not_found),
                                              cmocka_unit_test(test_allow),        cmocka_unit_test(test_auth_name)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
