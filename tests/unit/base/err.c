#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <ctype.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_every_slug_is_unique(void **state)
{
    (void)state;
    for (int a = 0; a < ERR__MAX; a++)
        for (int b = 0; b < a; b++)
            if (strcmp(err_slug((enum err)a), err_slug((enum err)b)) == 0)
                fail_msg("twice: %s", err_slug((enum err)a));
}

static void test_every_row(void **state)
{
    (void)state;
    for (int i = 0; i < ERR__MAX; i++) {
        enum err e = (enum err)i;
        const char *slug = err_slug(e), *sentence = err_sentence(e);
        assert_true(e == OK ? err_status(e) == 200 : err_status(e) >= 400 && err_status(e) <= 599);
        for (const char *p = slug; *p != '\0'; p++)
            if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) && *p != '_')
                fail_msg("slug: %s", slug);
        size_t n = strlen(sentence);
        if (n == 0 || strchr(".).", sentence[n - 1]) == NULL)
            fail_msg("sentence of %s", slug);
    }
}

static void test_types(void **state)
{
    static const struct {
        int status;
        const char *type;
    } rows[] = {{400, "invalid_request"}, {401, "authentication"}, {403, "permission"},      {404, "not_found"},
                {405, "invalid_request"}, {409, "conflict"},       {413, "invalid_request"}, {415, "invalid_request"},
                {416, "invalid_request"}, {422, "validation"},     {429, "rate_limit"},      {500, "internal"},
                {502, "unavailable"},     {503, "unavailable"},    {507, "unavailable"},     {600, "internal"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_string_equal(err_type_of_status(rows[i].status), rows[i].type);
    assert_string_equal(err_type(ERR_RATE_LIMITED), "rate_limit");
    assert_true(err_retryable(ERR_BUSY));
    assert_false(err_retryable(ERR_NOT_FOUND));
}

/* The process dies, and its last line is one that a log reader can parse. */
static void test_a_failed_assertion(void **state)
{
    char line[1024];
    size_t n = 0;
    ssize_t got;
    int fds[2], status;
    (void)state;

    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(fds[1], STDERR_FILENO);
        ASSERT(fds[0] < 0 && "quoted");
    }
    (void)close(fds[1]);
    while ((got = read(fds[0], line + n, sizeof line - 1 - n)) > 0)
        n += (size_t)got;
    line[n] = '\0';
    (void)close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(line, "\"level\":\"error\",\"program\":\"?\",\"event\":\"assert\","
                                 "\"condition\":\"fds[0] < 0 && \\\"quoted\\\"\",\"file\":"));
    assert_ptr_equal(strchr(line, '\n'), line + n - 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_slug_is_unique),
                                              cmocka_unit_test(test_every_row), cmocka_unit_test(test_types),
                                              cmocka_unit_test(test_a_failed_assertion)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
