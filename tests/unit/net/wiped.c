/*
 * What is left in memory of the secrets of a call. The server is a process of its own, because it knows them, too.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include "leftovers.h"
#include "server.h"
#include "tiktok/tiktok.h"

enum { CLIENT_SECRET = 1, OLD_REFRESH, ACCESS, REFRESH };

struct there {
    int port;
    char ca[64];
};

static void serve(int to)
{
    static struct server server;
    struct there there = {0};
    struct buf body = BUF_MAX(4096), reply = BUF_MAX(4096);

    buf_puts(&body, "{\"open_id\":\"o\",\"scope\":\"video.publish\",\"expires_in\":7200,\"access_token\":\"");
    leftovers_put(&body, ACCESS);
    buf_puts(&body, "\",\"refresh_token\":\"");
    leftovers_put(&body, REFRESH);
    buf_puts(&body, "\",\"refresh_expires_in\":15552000}");
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* also when a test fails */
    server_start(&server);
    buf_printf(&reply, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", body.n, body.p);
    server_reply(&server, reply.p);
    there.port = server.port;
    memcpy(there.ca, server.ca, sizeof there.ca);
    ASSERT(write(to, &there, sizeof there) == sizeof there);
    for (;;)
        pause();
}

static struct secret secret_of(int secret)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(100);

    leftovers_put(&b, secret);
    return secret_copy(buf_str(&b));
}

static void refresh(const struct there *there)
{
    _cleanup_(arena_done) struct arena arena;
    _cleanup_(secret_done) struct secret old = secret_of(OLD_REFRESH);
    _cleanup_(secret_ring_done) struct secret_ring client_secrets = {.v = {secret_of(CLIENT_SECRET)}, .n = 1};
    struct conf conf = {.tiktok_client_key = STR("key"),
                        .tiktok_ca_file = str_from(there->ca),
                        .tiktok_allow_private_addresses = true,
                        .tiktok_timeout_sec = 20};
    struct tiktok t = {.conf = &conf, .client_secrets = &client_secrets};
    struct tiktok_tokens tokens;
    struct tiktok_error error;
    struct net_result result;
    struct net_call call;

    arena_init(&arena, 1 << 20);
    conf.tiktok_api_url = arena_printf(&arena, "https://127.0.0.1:%d", there->port);
    tiktok_refresh(&t, &arena, secret_str(&old), &call);
    net_call_run(&arena, &call, &result);
    assert_int_equal(tiktok_read_tokens(&result, &arena, &tokens, &error), OK);
    assert_int_equal(tokens.access_token.n, LEFTOVERS_BYTES);
    for (int secret = CLIENT_SECRET; secret <= REFRESH; secret++)
        assert_true(leftovers_of(secret) > 0); /* they are found while they are there */

    /* The new access token is used in a header, too. */
    _cleanup_(secret_done) struct secret access = secret_copy(tokens.access_token);
    tiktok_status(&t, &arena, secret_str(&access), STR("p"), &call);
    net_call_run(&arena, &call, &result);
    assert_int_equal(result.err, OK);
}

static void test_nothing_is_left_of_tokens(void **state)
{
    struct there there;
    int pipes[2];

    (void)state;
    assert_int_equal(pipe(pipes), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0)
        serve(pipes[1]);
    assert_int_equal(read(pipes[0], &there, sizeof there), sizeof there);
    net_init();
    refresh(&there);
    for (int secret = CLIENT_SECRET; secret <= REFRESH; secret++)
        assert_int_equal(leftovers_of(secret), 0);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    (void)unlink(there.ca);
    close(pipes[0]);
    close(pipes[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_is_left_of_tokens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
