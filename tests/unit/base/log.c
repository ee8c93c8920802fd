#include "base/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define CLOCK_OF_THE_LINE strlen("{\"time\":\"2026-11-22T14:28:19.123456Z\",")

/* What a line looks like on a stderr of which that is said to be the journal. */
static void logged(const char *journal, bool it_is, enum log_level level, char ret_line[static 1024])
{
    int ends[2], kept = dup(STDERR_FILENO);
    char stream[64];
    struct stat st;

    assert_true(kept >= 0);
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fstat(ends[1], &st), 0);
    (void)snprintf(stream, sizeof stream, "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    assert_int_equal(it_is             ? setenv("JOURNAL_STREAM", stream, 1)
                     : journal != NULL ? setenv("JOURNAL_STREAM", journal, 1)
                                       : unsetenv("JOURNAL_STREAM"),
                     0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_init("unit", LOG_DEBUG);
    log_event(level, "tried", LOG_INT("n", 1), LOG_END);
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    assert_int_equal(close(ends[1]) + close(kept), 0);
    ssize_t n = read(ends[0], ret_line, 1023);
    assert_true(n > 0);
    ret_line[n] = '\0';
    assert_int_equal(close(ends[0]), 0);
    log_init("unit", LOG_INFO);
}

static void test_the_journal_gets_a_priority(void **state)
{
    const struct {
        enum log_level level;
        const char *begins;
    } v[] = {{LOG_ERROR, "<3>{"}, {LOG_WARNING, "<4>{"}, {LOG_INFO, "<6>{"}, {LOG_DEBUG, "<7>{"}};
    char line[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(v); i++) {
        logged(NULL, true, v[i].level, line);
        assert_memory_equal(line, v[i].begins, strlen(v[i].begins));
        assert_string_equal(strchr(line, '\0') - 2, "}\n");
    }
}

/* A file, a pipe, or a terminal; also for who was started by a service that logs to the journal. */
static void test_nobody_else_does(void **state)
{
    const char *const streams[] = {NULL, "", "1:1", "x"};
    char line[1024];

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        logged(streams[i], false, LOG_ERROR, line);
        assert_string_equal(line + CLOCK_OF_THE_LINE,
                            "\"level\":\"error\",\"program\":\"unit\",\"event\":\"tried\",\"n\":1}\n");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_journal_gets_a_priority),
        cmocka_unit_test(test_nobody_else_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
