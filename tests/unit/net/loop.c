#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"
#include "server.h"

#define CALLS_MAX 4
#define WAIT_MS 60000 /* far more than any of these takes, also on a machine where much else runs */

#define SLOW_NAME "slow.test"
#define SLOW_MS 60000

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

    f = (struct fixture){.loop = net_loop_new(&(struct net_loop_options){.max = CALLS_MAX})};
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
    return (struct net_call){.to = OUTGOING_TIKTOK,
                             .method = "POST",
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
    call.allow_private = true; /* whatever is set: who is called says whether that can be */
    call.to = OUTGOING_SIMULATOR;
    assert_int_equal(one_result(f, &call).err, ERR_NET_FORBIDDEN);
}

static void test_late_call_is_not_sent(void **state)
{
    struct fixture *f = *state;
    struct net_call call = call_to(f->silent_url);

    call.start_by_us = clock_boot_us() - 1;
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
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 2});
    struct net_call silent = call_to(f->silent_url), closed = call_to(f->closed_url);

    silent.timeout_sec = 1;
    assert_true(net_loop_submit(loop, &silent, &f->arena, NULL));
    assert_true(net_loop_submit(loop, &closed, &f->arena, NULL));
    net_loop_free(loop);
}

/* The rest is with a server that answers, and a loop for each test. */

#define PATIENT_SEC 60

static struct net_call call_path(struct fixture *f, const struct server *s, const char *host, const char *path)
{
    return (struct net_call){.to = OUTGOING_TIKTOK,
                             .method = "GET",
                             .url = arena_printf(&f->arena, "https://%s:%d%s", host, s->port, path).p,
                             .ca_file = s->ca,
                             .allow_private = true,
                             .timeout_sec = PATIENT_SEC,
                             .connect_timeout_sec = PATIENT_SEC,
                             .reply_max_bytes = 32u << 20};
}

static struct net_result next_result(struct net_loop *loop, void **ret_tag)
{
    struct net_result r = {0};

    assert_true(net_loop_next(loop, PATIENT_SEC * 1000, ret_tag, &r));
    return r;
}

static void fill_pipe(int fd)
{
    char zeros[4096] = "";

    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    while (write(fd, zeros, sizeof zeros) > 0)
        ;
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
}

/* A file that does not take what is written holds its own call and no other. */
static void test_blocked_file(void **state)
{
    struct fixture *f = *state;
    struct server s;
    int blocked[2], tag_blocked, tag_other;
    char piece[65536];
    ssize_t got = 0, got_in_all = 0;
    void *tag;

    server_start(&s);
    assert_int_equal(pipe(blocked), 0);
    fill_pipe(blocked[1]);
    server_reply(&s, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody");
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 4, .aside_max = 1});
    struct net_call to_file = call_path(f, &s, "localhost", "/file"), other = call_path(f, &s, "localhost", "/");
    to_file.reply_fd = blocked[1];
    assert_true(net_loop_submit(loop, &to_file, &f->arena, &tag_blocked));
    for (int i = 0; i < 3; i++) {
        assert_true(net_loop_submit(loop, &other, &f->arena, &tag_other));
        assert_int_equal(next_result(loop, &tag).err, OK);
        assert_ptr_equal(tag, &tag_other);
    }
    assert_int_equal(net_loop_open(loop), 1);
    assert_int_equal(fcntl(blocked[0], F_SETFL, O_NONBLOCK), 0);
    while ((got = read(blocked[0], piece, sizeof piece)) > 0)
        got_in_all += got;
    struct net_result r = next_result(loop, &tag);
    assert_ptr_equal(tag, &tag_blocked);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.body_bytes, 4);
    assert_true(got_in_all > 0);
    net_loop_free(loop);
    assert_int_equal(close(blocked[0]) + close(blocked[1]), 0);
    server_stop(&s);
}

/* Nor does a server that does not read a large body. */
static void test_slow_reader(void **state)
{
    struct fixture *f = *state;
    struct server s;
    char *large = xcalloc(1, 16u << 20);
    FILE *file = tmpfile();
    int tag_memory, tag_file, tag_other;
    void *tag;

    server_start(&s);
    server_reply(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(fwrite(large, 16u << 20, 1, file), 1);
    assert_int_equal(fflush(file), 0);
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 4, .aside_max = 2});
    struct net_call memory = call_path(f, &s, "localhost", "/gate/memory"), other = call_path(f, &s, "localhost", "/");
    struct net_call from_file = call_path(f, &s, "localhost", "/gate/file");
    memory.method = from_file.method = "PUT";
    memory.body = str_of(large, 16u << 20);
    from_file.body_fd = fileno(file);
    from_file.body_bytes = 16 << 20;
    assert_true(net_loop_submit(loop, &memory, &f->arena, &tag_memory));
    assert_true(net_loop_submit(loop, &from_file, &f->arena, &tag_file));
    server_wait_at_gate(&s, 2);
    assert_true(net_loop_submit(loop, &other, &f->arena, &tag_other));
    assert_int_equal(next_result(loop, &tag).err, OK);
    assert_ptr_equal(tag, &tag_other);
    server_open_gate(&s);
    assert_int_equal(next_result(loop, &tag).err, OK);
    assert_int_equal(next_result(loop, &tag).err, OK);
    net_loop_free(loop);
    server_stop(&s);
    (void)fclose(file);
    free(large);
}

static void test_host_max(void **state)
{
    struct fixture *f = *state;
    struct server s;
    int tags[6];
    void *tag;

    server_start(&s);
    server_reply(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 8, .host_max = 2});
    struct net_call slow = call_path(f, &s, "LocalHost", "/gate"), late = slow;
    for (int i = 0; i < 3; i++)
        assert_true(net_loop_submit(loop, &slow, &f->arena, &tags[i]));
    server_wait_at_gate(&s, 2);
    late.start_by_us = clock_boot_us() + 100 * US_PER_MS;
    assert_true(net_loop_submit(loop, &late, &f->arena, &tags[3]));
    struct net_result r = next_result(loop, &tag);
    assert_ptr_equal(tag, &tags[3]);
    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    assert_string_equal(r.detail, "too late to be sent");
    slow.url = arena_printf(&f->arena, "https://localhost:%d/gate", s.port).p; /* the same host */
    assert_true(net_loop_submit(loop, &slow, &f->arena, &tags[3]));
    assert_true(net_loop_submit(loop, &slow, &f->arena, &tags[4])); /* two run and two wait */
    r = next_result(loop, &tag);
    assert_ptr_equal(tag, &tags[4]);
    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    assert_string_equal(r.detail, "too many calls wait for that host already");
    struct net_call other = call_path(f, &s, "127.0.0.1", "/"); /* another host by its name */
    assert_true(net_loop_submit(loop, &other, &f->arena, &tags[5]));
    assert_int_equal(next_result(loop, &tag).err, OK);
    assert_ptr_equal(tag, &tags[5]);
    assert_int_equal(net_loop_open(loop), 4);
    assert_int_equal(s.requests, 1);
    server_open_gate(&s);
    for (int i = 0; i < 4; i++)
        assert_int_equal(next_result(loop, &tag).err, OK);
    net_loop_free(loop);
    assert_int_equal(s.requests, 5);
    assert_int_equal(s.at_gate_most, 2);
    server_stop(&s);
}

/* Waiting is no part of a call's time. */
static void test_timeout_begins_with_the_turn(void **state)
{
    struct fixture *f = *state;
    struct server s;
    struct net_result r;
    int tags[2];
    void *tag;

    server_start(&s);
    server_reply(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 2, .host_max = 1});
    struct net_call hung = call_path(f, &s, "localhost", "/gate"), waiting = call_path(f, &s, "localhost", "/");
    waiting.timeout_sec = 8;
    assert_true(net_loop_submit(loop, &hung, &f->arena, &tags[0]));
    server_wait_at_gate(&s, 1);
    assert_true(net_loop_submit(loop, &waiting, &f->arena, &tags[1]));
    assert_false(net_loop_next(loop, 8500, &tag, &r));
    server_open_gate(&s);
    assert_int_equal(next_result(loop, &tag).err, OK);
    assert_ptr_equal(tag, &tags[0]);
    assert_int_equal(next_result(loop, &tag).err, OK);
    net_loop_free(loop);
    server_stop(&s);
}

/* Those that wait for a host when the loop ends are not made, nor waited for. */
static void test_free_with_calls_waiting(void **state)
{
    struct fixture *f = *state;
    struct server s;
    int tag;

    server_start(&s);
    struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 4, .host_max = 1});
    struct net_call hung = call_path(f, &s, "localhost", "/gate");
    hung.timeout_sec = 5; /* it must come to the gate */
    assert_true(net_loop_submit(loop, &hung, &f->arena, &tag));
    server_wait_at_gate(&s, 1);
    assert_true(net_loop_submit(loop, &hung, &f->arena, &tag));
    net_loop_free(loop);
    server_stop(&s);
    assert_int_equal(s.requests, 1);
}

/*
 * libcurl repeats a request when the connection that it kept dies: a file is read again from its beginning. This is why
 * a call that must not be repeated is fresh.
 */
static void test_repeated_by_libcurl(void **state)
{
    struct fixture *f = *state;
    struct server s;
    FILE *file = tmpfile();
    char text[300000];
    int tag_here;
    void *tag;

    server_start(&s);
    server_reply(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (char)('a' + i % 26);
    assert_int_equal(fwrite(text, sizeof text, 1, file), 1);
    assert_int_equal(fflush(file), 0);
    for (int fresh = 0; fresh < 2; fresh++) {
        s.mode = SERVER_DIE_REUSED;
        s.requests = 0;
        struct net_loop *loop = net_loop_new(&(struct net_loop_options){.max = 2, .aside_max = 1});
        struct net_call call = call_path(f, &s, "localhost", "/");
        call.method = "PUT";
        call.body_fd = fileno(file);
        call.body_bytes = sizeof text;
        for (int i = 0; i < 2; i++) {
            assert_true(net_loop_submit(loop, &call, &f->arena, &tag_here));
            assert_int_equal(next_result(loop, &tag).err, OK);
            call.fresh = fresh;
        }
        net_loop_free(loop);
        server_wait_idle(&s);
        assert_int_equal(s.requests, fresh ? 2 : 3);
        assert_true(str_eq(buf_str(&s.body), str_of(text, sizeof text)));
    }
    server_stop(&s);
    (void)fclose(file);
}

/* A fresh call has a connection of its own, and yet not a whole handshake. Another host, or other checks: another session. */
static void test_fresh_calls_share_sessions(void **state)
{
    struct fixture *f = *state;
    struct server s;
    int tag_here;
    void *tag;

    server_start(&s);
    server_reply(&s, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    for (int i = 0; i < 4; i++) {
        struct net_call call = call_path(f, &s, i == 2 ? "127.0.0.1" : "localhost", "/");
        call.fresh = true;
        call.ca_file = i == 3 ? s.other_ca : call.ca_file;
        assert_true(net_loop_submit(f->loop, &call, &f->arena, &tag_here));
        assert_int_equal(next_result(f->loop, &tag).err, i < 3 ? OK : ERR_NET_NOT_SENT);
        server_wait_idle(&s);
        assert_int_equal(s.resumed, i > 0);
        assert_int_equal(s.requests, MIN(i + 1, 3));
    }
    server_stop(&s);
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
        cmocka_unit_test_setup_teardown(test_blocked_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow_reader, setup, teardown),
        cmocka_unit_test_setup_teardown(test_host_max, setup, teardown),
        cmocka_unit_test_setup_teardown(test_timeout_begins_with_the_turn, setup, teardown),
        cmocka_unit_test_setup_teardown(test_free_with_calls_waiting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_repeated_by_libcurl, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fresh_calls_share_sessions, setup, teardown),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
