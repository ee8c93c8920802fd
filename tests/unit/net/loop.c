#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"

#define CALLS_MAX 4
#define WAIT_MS 10000 /* far more than any of these takes */

#define SLOW_NAME "slow.test"
#define SLOW_MS 6000

static int resolved[2] = {-1, -1}; /* a pipe: closed when the name server may answer */

/* Stands in for libc's, which libcurl's resolver threads call: of one name the server is silent. */
int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **ret)
{
    struct pollfd p = {.fd = resolved[0], .events = POLLIN};

    (void)service, (void)hints, (void)ret;
    if (strcmp(name, SLOW_NAME) == 0)
        (void)poll(&p, 1, SLOW_MS);
    return EAI_AGAIN;
}

struct fixture {
    struct net_loop *loop;
    struct arena arena;
    int fd; /* a listener that nobody serves: connections stand, TLS never comes */
    char silent_url[64], closed_url[64];
};

static int listen_local(int *ret_port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, n), 0);
    assert_int_equal(listen(fd, 16), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static int setup(void **state)
{
    static struct fixture f;
    int port, closed_port;

    f = (struct fixture){.loop = net_loop_new(CALLS_MAX)};
    arena_init(&f.arena, 1 << 20);
    int closed = listen_local(&closed_port);
    f.fd = listen_local(&port);
    assert_int_equal(close(closed), 0);
    (void)snprintf(f.silent_url, sizeof f.silent_url, "https://127.0.0.1:%d/", port);
    (void)snprintf(f.closed_url, sizeof f.closed_url, "https://127.0.0.1:%d/", closed_port);
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    net_loop_free(f->loop);
    arena_done(&f->arena);
    return close(f->fd);
}

static struct net_call call_to(const char *url)
{
    return (struct net_call){.method = "POST",
                             .url = url,
                             .body = STR("{}"),
                             .allow_private = true,
                             .fresh = true,
                             .timeout_sec = 30,
                             .connect_timeout_sec = 30,
                             .reply_max_bytes = 1000};
}

static struct net_result one_result(struct fixture *f, const struct net_call *call)
{
    struct net_result result = {0};
    void *tag = NULL;
    int mark;

    assert_true(net_loop_submit(f->loop, call, &f->arena, &mark));
    assert_int_equal(net_loop_open(f->loop), 1);
    assert_true(net_loop_next(f->loop, WAIT_MS, &tag, &result));
    assert_ptr_equal(tag, &mark);
    assert_int_equal(net_loop_open(f->loop), 0);
    return result;
}

static void test_nobody_listens(void **state)
{
    struct fixture *f = *state;
    struct net_call call = call_to(f->closed_url);

    assert_int_equal(one_result(f, &call).err, ERR_NET_NOT_SENT);
}

static void test_forbidden_address(void **state)
{
    struct fixture *f = *state;
    struct net_call call = call_to(f->silent_url);

    call.allow_private = false;
    assert_int_equal(one_result(f, &call).err, ERR_NET_FORBIDDEN);
}

static void test_late_call_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct net_call call = call_to(f->silent_url);

    call.start_by_us = clock_mono_us() - 1;
    assert_int_equal(one_result(f, &call).err, ERR_NET_NOT_SENT);
}

/* Without TLS not a byte of the request has left, so the timeout is no unknown outcome. */
static void test_timeout_before_tls(void **state)
{
    struct fixture *f = *state;
    struct net_call call = call_to(f->silent_url);

    call.timeout_sec = 1;
    assert_int_equal(one_result(f, &call).err, ERR_NET_NOT_SENT);
}

static void test_nothing_to_hand_out(void **state)
{
    struct fixture *f = *state;
    struct net_result result;
    void *tag;

    assert_false(net_loop_next(f->loop, 0, &tag, &result));
    assert_false(net_loop_next(f->loop, 1, &tag, &result));
}

static void test_no_more_than_max_and_each_once(void **state)
{
    struct fixture *f = *state;
    struct net_call silent = call_to(f->silent_url);
    bool seen[CALLS_MAX] = {false};
    struct net_result result;
    void *tag;

    silent.timeout_sec = 1;
    for (size_t i = 0; i < CALLS_MAX; i++)
        assert_true(net_loop_submit(f->loop, &silent, &f->arena, &seen[i]));
    assert_false(net_loop_submit(f->loop, &silent, &f->arena, NULL));
    assert_int_equal(net_loop_open(f->loop), CALLS_MAX);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        assert_true(net_loop_next(f->loop, WAIT_MS, &tag, &result));
        assert_false(*(bool *)tag);
        *(bool *)tag = true;
    }
    assert_false(net_loop_next(f->loop, 0, &tag, &result));
    assert_int_equal(net_loop_open(f->loop), 0);
    struct net_call closed = call_to(f->closed_url);
    assert_int_equal(one_result(f, &closed).err, ERR_NET_NOT_SENT); /* there is room again */
}

/* Nor does the one thread of all calls wait for a name server longer than the call may take. */
static void test_silent_name_server(void **state)
{
    struct fixture *f = *state;
    struct net_call call = call_to("https://" SLOW_NAME "/");
    int64_t since_us = clock_mono_us();

    assert_int_equal(pipe(resolved), 0);
    call.connect_timeout_sec = 1;
    enum err e = one_result(f, &call).err;
    int64_t took_us = clock_mono_us() - since_us;
    assert_int_equal(close(resolved[1]), 0);
    assert_int_equal(e, ERR_NET_NOT_SENT);
    assert_true(took_us < (SLOW_MS / 2) * US_PER_MS);
}

/* The end waits for what is open, and frees results that nobody took. */
static void test_free_with_calls_open(void **state)
{
    struct fixture *f = *state;
    struct net_loop *loop = net_loop_new(2);
    struct net_call silent = call_to(f->silent_url), closed = call_to(f->closed_url);

    silent.timeout_sec = 1;
    assert_true(net_loop_submit(loop, &silent, &f->arena, NULL));
    assert_true(net_loop_submit(loop, &closed, &f->arena, NULL));
    net_loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody_listens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_forbidden_address, setup, teardown),
        cmocka_unit_test_setup_teardown(test_late_call_is_not_sent, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timeout_before_tls, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_to_hand_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_more_than_max_and_each_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silent_name_server, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_with_calls_open, setup, teardown),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
