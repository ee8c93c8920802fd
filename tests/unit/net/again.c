#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "net/call.h"
#include "calling.h"

/* A server that takes the key which is third, or none; what it was asked with last is in the server's request. */
static struct secret_ring ring = {
    .name = "key", .v = {{(char *)"first", 5}, {(char *)"second", 6}, {(char *)"third", 5}}, .n = 3};
static int refusals_left;

static bool refuses(struct arena *a, const struct net_result *r)
{
    (void)a;
    assert_int_equal(r->err, OK);
    return refusals_left-- > 0;
}

static void put_key(const struct net_sign_in *s, struct arena *a, struct net_call *call)
{
    call->bearer = arena_str(a, secret_str(secret_try_now(&s->with)));
}

static struct net_result sign_in(struct server *s, struct net_call *call, int refusals)
{
    struct net_sign_in *in = arena_alloc(&arena, sizeof *in);

    *in = (struct net_sign_in){.with = secret_try_begin(&ring), .refused = refuses, .put = put_key};
    put_key(in, &arena, call);
    call->sign_in = in;
    refusals_left = refusals;
    s->requests = 0;
    return run(s, call);
}

static void test_next_secret(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    assert_int_equal(sign_in(s, &call, 0).status, 200);
    assert_int_equal(s->requests, 1);
    assert_int_equal(sign_in(s, &call, 2).status, 200);
    assert_int_equal(s->requests, 3);
    assert_non_null(strstr(s->request, "\r\nAuthorization: Bearer third\r\n"));
    assert_string_equal(s->body.p, "a=b");
    assert_int_equal(sign_in(s, &call, 0).status, 200); /* it is remembered */
    assert_int_equal(s->requests, 1);
    assert_non_null(strstr(s->request, "\r\nAuthorization: Bearer third\r\n"));
    assert_int_equal(sign_in(s, &call, 99).status, 200); /* each once, and the last answer is the caller's */
    assert_int_equal(s->requests, 3);
    assert_int_equal(sign_in(s, &call, 1).status, 200);
    assert_int_equal(s->requests, 2);
    assert_non_null(strstr(s->request, "\r\nAuthorization: Bearer first\r\n"));
}

/* Its caller runs the same call once more, because the answer was "not now": it begins with what was taken, and has all tries. */
static void test_run_once_more(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    atomic_store(&ring.current, 0);
    assert_int_equal(sign_in(s, &call, 1).status, 200);
    assert_int_equal(s->requests, 2);
    assert_int_equal(run(s, &call).status, 200);
    assert_int_equal(s->requests, 3);
    assert_non_null(strstr(s->request, "\r\nAuthorization: Bearer second\r\n"));
    assert_int_equal(sign_in(s, &call, 1).status, 200);
    refusals_left = 2;
    s->requests = 0;
    assert_int_equal(run(s, &call).status, 200);
    assert_int_equal(s->requests, 3);
    assert_non_null(strstr(s->request, "\r\nAuthorization: Bearer second\r\n"));
    atomic_store(&ring.current, 0);
}

/* Nobody knows what became of the call, so it is made once. */
static void test_no_next_secret_without_an_answer(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    s->mode = SERVER_DROP_REQUEST;
    assert_int_equal(sign_in(s, &call, 99).err, ERR_NET_UNKNOWN);
    assert_int_equal(s->requests, 1);
}

/* All tries together end when the first would have had to: what a lease covers, or a user waits for, is no longer than before. */
static void test_next_secret_in_time(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    const struct net_result refused = {.status = 401};
    int64_t now_us = clock_mono_us(), boot_us = clock_boot_us(), wall_us = clock_now_us();

    call.timeout_sec = 1;
    assert_int_equal(sign_in(s, &call, 1).status, 200);
    assert_int_equal(s->requests, 1);

    call.timeout_sec = 20;
    refusals_left = 9;
    assert_false(net_call_again(&call, &arena, &refused, now_us - 20 * US_PER_SEC));
    assert_true(net_call_again(&call, &arena, &refused, now_us - 14 * US_PER_SEC - 1));
    assert_int_equal(call.timeout_sec, 5);
    assert_int_equal(call.connect_timeout_sec, 5);
    call.sign_in->with = secret_try_begin(&ring);
    call.timeout_sec = 20; /* it may have waited until it had to start */
    call.start_by_us = boot_us - 14 * US_PER_SEC;
    call.start_before_us = wall_us;
    assert_true(net_call_again(&call, &arena, &refused, now_us - 60 * US_PER_SEC));
    assert_int_equal(call.timeout_sec, 5);
    assert_int_equal(call.start_by_us, boot_us + US_PER_SEC);
    assert_int_equal(call.start_before_us, wall_us + 15 * US_PER_SEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_next_secret, clear),
        cmocka_unit_test_setup(test_run_once_more, clear),
        cmocka_unit_test_setup(test_no_next_secret_without_an_answer, clear),
        cmocka_unit_test_setup(test_next_secret_in_time, clear),
    };

    net_init();
    server_start(&server);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&server);
    arena_done(&arena);
    return failed;
}
