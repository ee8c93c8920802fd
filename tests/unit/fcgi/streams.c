#include "fcgi/streams.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"

#define LONG_US (60 * US_PER_SEC) /* nobody waits for that */

struct fixture {
    struct streams *streams;
    int ours, peers; /* a connection */
};

static int set_up(void **state)
{
    static struct fixture f;
    int fds[2];

    (void)signal(SIGPIPE, SIG_IGN);
    f.streams = streams_new(2);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0)
        return -1;
    f.ours = fds[0];
    f.peers = fds[1];
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    streams_free(f->streams);
    (void)close(f->ours);
    (void)close(f->peers);
    return 0;
}

static void test_counts_those_that_are_open(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(streams_count(f->streams), 0);
    assert_true(streams_enter(f->streams, f->ours));
    assert_true(streams_enter(f->streams, f->peers));
    assert_int_equal(streams_count(f->streams), 2);
    streams_leave(f->streams, f->ours);
    assert_int_equal(streams_count(f->streams), 1);
    streams_leave(f->streams, f->peers);
    assert_int_equal(streams_count(f->streams), 0);
}

static void test_none_begins_after_the_end(void **state)
{
    struct fixture *f = *state;

    assert_false(streams_are_ended(f->streams));
    streams_end(f->streams, clock_mono_us() + LONG_US);
    assert_true(streams_are_ended(f->streams));
    assert_false(streams_enter(f->streams, f->ours));
    assert_int_equal(write(f->ours, "x", 1), 1);
}

static void *write_without_end(void *arg)
{
    static const char bytes[4096];
    struct fixture *f = arg;

    while (write(f->ours, bytes, sizeof bytes) > 0)
        ;
    errno = streams_are_ended(f->streams) ? errno : 0;
    intptr_t error = errno;
    streams_leave(f->streams, f->ours);
    return (void *)error;
}

/* Nobody reads, so that the thread blocks in its write until the end. */
static void test_the_end_wakes_who_writes(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;
    void *error;

    assert_true(streams_enter(f->streams, f->ours));
    assert_int_equal(pthread_create(&thread, NULL, write_without_end, f), 0);
    streams_end(f->streams, clock_mono_us() + 50 * US_PER_MS);
    assert_int_equal(pthread_join(thread, &error), 0);
    assert_int_equal((intptr_t)error, EPIPE);
}

static void *leave(void *arg)
{
    struct fixture *f = arg;

    streams_leave(f->streams, f->ours);
    return NULL;
}

static void test_the_end_waits_for_those_that_finish(void **state)
{
    struct fixture *f = *state;
    int64_t started_us = clock_mono_us();
    pthread_t thread;

    assert_true(streams_enter(f->streams, f->ours));
    assert_int_equal(pthread_create(&thread, NULL, leave, f), 0);
    streams_end(f->streams, clock_mono_us() + LONG_US);
    assert_true(clock_mono_us() - started_us < LONG_US / 2);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(write(f->ours, "x", 1), 1);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

int main(void)
{
    static const struct CMUnitTest tests[] = {TEST(test_counts_those_that_are_open),
                                              TEST(test_none_begins_after_the_end), TEST(test_the_end_wakes_who_writes),
                                              TEST(test_the_end_waits_for_those_that_finish)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
