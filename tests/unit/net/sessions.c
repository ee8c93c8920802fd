#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <curl/curl.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "net/loop.h"
#include "server.h"

#define WAIT_MS 60000 /* far more than any of these takes, also on a machine where much else runs */
#define MANY 40       /* more than the connections that a loop keeps */

struct fixture {
    struct server server;
    struct net_loop *loop;
    struct arena arena;
    char url[64];
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.loop = net_loop_new(&(struct net_loop_options){.max = MANY + 1})};
    arena_init(&f.arena, 1 << 20);
    server_start(&f.server);
    server_reply(&f.server, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    net_loop_free(f->loop);
    server_stop(&f->server);
    arena_done(&f->arena);
    return 0;
}

static struct net_call call_to(struct fixture *f, const char *path)
{
    (void)snprintf(f->url, sizeof f->url, "https://localhost:%d%s", f->server.port, path);
    return (struct net_call){.to = OUTGOING_TIKTOK,
                             .method = "GET",
                             .url = f->url,
                             .allow_private = true,
                             .ca_file = f->server.ca,
                             .timeout_sec = 60,
                             .connect_timeout_sec = 60,
                             .reply_max_bytes = 1000};
}

static void submit(struct fixture *f, const struct net_call *call)
{
    assert_true(net_loop_submit(f->loop, call, &f->arena, f));
}

static enum err next_end(struct fixture *f)
{
    struct net_result result;
    void *tag;

    assert_true(net_loop_next(f->loop, WAIT_MS, &tag, &result));
    return result.err;
}

/* Until it gives another one, which takes a round trip or does not happen, all take up the same session. */
static void test_session_before_the_next_ticket(void **state)
{
    struct fixture *f = *state;
    struct net_call call = call_to(f, "/");

    call.fresh = true;
    for (int i = 0; i < 4; i++) {
        submit(f, &call);
        assert_int_equal(next_end(f), OK);
        server_wait_idle(&f->server);
        assert_int_equal(f->server.resumed, i);
        SSL_CTX_set_num_tickets(f->server.tls, 0);
    }
}

/* What is idle stays for the next call, however many others are under way. */
static void test_idle_connection_beside_many(void **state)
{
    struct fixture *f = *state;
    struct net_call held = call_to(f, "/gate");

    held.fresh = true;
    f->server.mode = SERVER_KEEP;
    for (int i = 0; i < MANY; i++)
        submit(f, &held);
    server_wait_at_gate(&f->server, MANY);
    for (int i = 0; i < 3; i++) {
        const struct net_call call = call_to(f, "/");
        submit(f, &call);
        assert_int_equal(next_end(f), OK);
        assert_int_equal(f->server.accepted, MANY + 1);
    }
    server_open_gate(&f->server);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(next_end(f), OK);
}

static int events(int fd)
{
    char buffer[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n = read(fd, buffer, sizeof buffer);

    return n < 0 ? 0
                 : (int)(n / (ssize_t)sizeof(struct inotify_event)); /* of a file that is watched itself: no names */
}

/* The system's certificates are read once, and not for each connection. */
static void test_certificates_are_kept(void **state)
{
    const char *file = curl_version_info(CURLVERSION_NOW)->cainfo;
    struct fixture *f = *state;
    struct net_call call = call_to(f, "/");
    int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), opened = 0;

    assert_true(inotify_add_watch(fd, file, IN_OPEN) >= 0);
    call.ca_file = NULL;
    call.fresh = true;
    for (int i = 0; i < 3; i++) {
        submit(f, &call);
        assert_int_equal(next_end(f), ERR_NET_NOT_SENT); /* the server's is none of them */
        opened += events(fd);
        assert_int_equal(opened, 1);
    }
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_session_before_the_next_ticket, setup, teardown),
        cmocka_unit_test_setup_teardown(test_idle_connection_beside_many, setup, teardown),
        cmocka_unit_test_setup_teardown(test_certificates_are_kept, setup, teardown),
    };

    net_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
