#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/call.h"

static struct arena arena;

/* Answers one request, if one comes. */
static void *answer_once(void *arg)
{
    static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
    char request[4096];
    int fd = accept(*(int *)arg, NULL, NULL);

    if (fd < 0)
        return NULL;
    assert_true(read(fd, request, sizeof request) > 0);
    assert_int_equal(write(fd, reply, strlen(reply)), (ssize_t)strlen(reply));
    close(fd);
    return NULL;
}

/* A socket of this machine, without TLS; and http goes nowhere else. */
static void test_unix_socket(void **state)
{
    char folder[] = "/tmp/net-call-XXXXXX";
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    pthread_t thread;
    struct net_result r;

    assert_non_null(mkdtemp(folder));
    const char *path = arena_printf(&arena, "%s/sock", folder).p;
    memcpy(address.sun_path, path, strlen(path));
    struct net_call call = {.to = OUTGOING_SIMULATED,
                            .method = "POST",
                            .url = "http://simulator/path/",
                            .body = STR("a=b"),
                            .unix_socket = path,
                            .fresh = true,
                            .timeout_sec = 20,
                            .connect_timeout_sec = 10,
                            .reply_max_bytes = 1000};
    (void)state;

    net_call_run(&arena, &call, &r);
    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(pthread_create(&thread, NULL, answer_once, &listener), 0);
    net_call_run(&arena, &call, &r);
    pthread_join(thread, NULL);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, 200);
    assert_true(str_eqc(r.body, "{}"));
    call.unix_socket = NULL;
    net_call_run(&arena, &call, &r);
    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    call.unix_socket = path;
    call.url = "https://simulator/path/";
    net_call_run(&arena, &call, &r);
    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    close(listener);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_unix_socket)};

    net_init();
    arena_init(&arena, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_done(&arena);
    return failed;
}
