#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "base/clock.h"
#include "metrics/expose.h"

static char dir[] = "/tmp/unit-expose-XXXXXX";
static char path[64];

static void set_busy(void *m)
{
    metric_set(m, METRIC_THREADS_BUSY, 0, 5);
}

struct shown {
    struct metrics *m;
    struct expose *x;
};

static int start(void **state)
{
    struct shown *s = calloc(1, sizeof *s);

    s->m = metrics_new(&(struct metrics_options){.who = METRICS_APP});
    s->x = expose_start(s->m, str_from(dir), "test", set_busy, s->m);
    *state = s;
    return s->x == NULL ? -1 : 0;
}

static int stop(void **state)
{
    struct shown *s = *state;

    expose_stop(s->x);
    metrics_free(s->m);
    free(s);
    return access(path, F_OK) == 0 ? -1 : 0; /* it takes its socket away */
}

static int dial(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* All that comes back for what is sent, until the other side closes. */
static char *ask(const char *request)
{
    static char reply[1 << 16];
    size_t n = 0;
    ssize_t got;
    int fd = dial();

    assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    while ((got = recv(fd, reply + n, sizeof reply - 1 - n, 0)) > 0)
        n += (size_t)got;
    reply[n] = '\0';
    (void)close(fd);
    return reply;
}

static void test_answers_any_get(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        char *reply = ask(i == 0 ? "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n" : "GET / HTTP/1.0\r\n\r\n");
        assert_memory_equal(reply, "HTTP/1.0 200 ", 13);
        assert_non_null(strstr(reply, "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
        char *body = strstr(reply, "\r\n\r\n") + 4, *length = strstr(reply, "Content-Length: ");
        assert_int_equal(strtol(length + strlen("Content-Length: "), NULL, 10), strlen(body));
        assert_non_null(strstr(body, "\nmarketingcli_threads_busy 5\n")); /* refresh was called */
    }
}

static void test_refuses_other_methods(void **state)
{
    (void)state;
    assert_memory_equal(ask("POST /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.0 405 ", 13);
}

static void test_a_head_that_does_not_end(void **state)
{
    static char head[EXPOSE_REQUEST_MAX + 1];
    (void)state;

    memset(head, 'a', sizeof head - 1);
    assert_string_equal(ask(head), "");
}

static void test_a_head_in_pieces(void **state)
{
    char reply[14] = "";
    int fd = dial();
    (void)state;

    for (const char *p = "GET / HTTP/1.0\r\n\r\n"; *p != '\0'; p++)
        assert_int_equal(send(fd, p, 1, MSG_NOSIGNAL), 1);
    assert_int_equal(recv(fd, reply, 13, MSG_WAITALL), 13);
    assert_string_equal(reply, "HTTP/1.0 200 ");
    (void)close(fd);
}

static void test_who_may_connect(void **state)
{
    struct stat st;
    (void)state;

    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0660);
}

/* A silent client is dropped when its time is over, and the next one is served. */
static void test_a_silent_client(void **state)
{
    int64_t began_us = clock_mono_us();
    char c;
    int fd = dial();
    (void)state;

    assert_memory_equal(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.0 200 ", 13);
    assert_true(clock_mono_us() - began_us >= EXPOSE_SEC * US_PER_SEC);
    assert_int_equal(recv(fd, &c, 1, 0), 0);
    (void)close(fd);
}

/* A silent client does not hold up the end. A machine that stands still may: not each time. */
static void test_stops_at_once(void **state)
{
    struct shown *s = *state;
    int64_t took_us = INT64_MAX;

    for (int i = 0; i < 3 && took_us >= EXPOSE_SEC * US_PER_SEC; i++) {
        int fd = dial();
        int64_t began_us = clock_mono_us();
        expose_stop(s->x);
        took_us = clock_mono_us() - began_us;
        s->x = expose_start(s->m, str_from(dir), "test", set_busy, s->m);
        assert_non_null(s->x);
        (void)close(fd);
    }
    assert_true(took_us < EXPOSE_SEC * US_PER_SEC);
}

/* What a killed process left behind is replaced. */
static void test_replaces_an_old_socket(void **state)
{
    struct shown *s = *state;
    struct expose *second = expose_start(s->m, str_from(dir), "test", set_busy, s->m);

    assert_non_null(second);
    assert_memory_equal(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.0 200 ", 13);
    assert_false(expose_found_dead(second)); /* the first one lives */
    expose_stop(second);
}

static void test_finds_what_a_dead_process_left(void **state)
{
    struct shown *s = *state;
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    assert_false(expose_found_dead(s->x));
    assert_false(expose_found_dead(NULL));
    expose_stop(s->x);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    (void)close(fd);
    s->x = expose_start(s->m, str_from(dir), "test", set_busy, s->m);
    assert_true(expose_found_dead(s->x));
    assert_memory_equal(ask("GET / HTTP/1.0\r\n\r\n"), "HTTP/1.0 200 ", 13);
}

static void test_where_it_cannot_listen(void **state)
{
    struct metrics *m = metrics_new(&(struct metrics_options){.who = METRICS_APP});
    char long_dir[120];
    (void)state;

    assert_null(expose_start(m, STR("/nowhere"), "test", NULL, NULL));
    assert_int_equal(errno, ENOENT);
    memset(long_dir, 'a', sizeof long_dir);
    assert_null(expose_start(m, str_of(long_dir, sizeof long_dir), "test", NULL, NULL));
    assert_int_equal(errno, ENAMETOOLONG);
    metrics_free(m);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_answers_any_get),
        TEST(test_refuses_other_methods),
        TEST(test_a_head_that_does_not_end),
        TEST(test_a_head_in_pieces),
        TEST(test_who_may_connect),
        TEST(test_a_silent_client),
        TEST(test_stops_at_once),
        TEST(test_replaces_an_old_socket),
        TEST(test_finds_what_a_dead_process_left),
        cmocka_unit_test(test_where_it_cannot_listen),
    };

    if (mkdtemp(dir) == NULL || snprintf(path, sizeof path, "%s/test.sock", dir) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    (void)rmdir(dir);
    return failed;
}
