#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/call.h"
#include "calling.h"

static void test_request_and_answer(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    call.bearer = STR("act.123");
    call.wanted[0] = "Content-Type";
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, 200);
    assert_true(str_eqc(r.body, "{}"));
    assert_true(str_eqc(r.headers[0], "application/json"));
    assert_int_equal(strncmp(s->request, "POST /path/?q=1 HTTP/1.1\r\n", 26), 0);
    assert_non_null(strstr(s->request, "\r\nAuthorization: Bearer act.123\r\n"));
    assert_non_null(strstr(s->request, "\r\nUser-Agent: marketingcli\r\n"));
    assert_non_null(strstr(s->request, "\r\nContent-Type: application/x-www-form-urlencoded\r\n"));
    assert_null(strstr(s->request, "Accept"));
    assert_null(strstr(s->request, "Cookie"));
}

/* libcurl would ask for 100 Continue before a body over 1 MiB. */
static void test_no_expect(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    char *body = xcalloc(1, 2 << 20);

    memset(body, 'x', 2 << 20);
    call.body = str_of(body, 2 << 20);
    (void)run(s, &call);
    free(body);
    assert_non_null(strstr(s->request, "\r\nContent-Length: 2097152\r\n"));
    assert_null(strstr(s->request, "Expect"));
}

static void test_other_statuses_are_answers(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    server_reply(s, "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(run(s, &call).status, 500);
    server_reply(s, "HTTP/1.1 302 Found\r\nLocation: https://localhost/elsewhere\r\nContent-Length: 0\r\n\r\n");
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.status, 302); /* not followed */
}

static void test_not_sent(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    s->mode = SERVER_DROP_ACCEPTED;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    s->mode = SERVER_REPLY;
    call.ca_file = s->other_ca; /* a certificate that is not trusted */
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    assert_int_equal(s->requests, 0);
    call = server_call(s, &arena);
    call.url = arena_printf(&arena, "https://127.0.0.1.example.invalid:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    call.url = arena_printf(&arena, "http://127.0.0.1:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    call.url = "https://127.0.0.1:1/";
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
}

static void test_wrong_name(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    call.url = arena_printf(&arena, "https://127.0.0.2:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    /* Names below localhost are loopback without a resolver; the certificate has localhost itself only. */
    call.url = arena_printf(&arena, "https://localhost:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, OK);
    call.url = arena_printf(&arena, "https://sandbox.localhost:%d/", s->port).p;
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, ERR_NET_NOT_SENT);
    assert_string_equal(r.detail, "SSL peer certificate or SSH remote key was not OK");
}

static void test_too_late(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    call.start_by_us = clock_boot_us() - 1;
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    assert_int_equal(s->requests, 0);
    call.start_by_us = 0;
    call.start_before_us = clock_now_us() - 1; /* the lease that others see is over */
    assert_int_equal(run(s, &call).err, ERR_NET_NOT_SENT);
    assert_int_equal(s->requests, 0);
    call.start_before_us = clock_now_us() + 60 * US_PER_SEC;
    call.start_by_us = clock_boot_us() + 60 * US_PER_SEC;
    assert_int_equal(run(s, &call).err, OK);
}

static void test_private_addresses(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    call.allow_private = false;
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
    call.url = arena_printf(&arena, "https://localhost:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
    call.url = arena_printf(&arena, "https://[::ffff:127.0.0.1]:%d/", s->port).p;
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
    call.url = arena_printf(&arena, "https://2130706433:%d/", s->port).p; /* 127.0.0.1 as one number */
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
}

static void test_unknown(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    s->mode = SERVER_DROP_REQUEST;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    s->mode = SERVER_REPLY;
    server_reply(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}");
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    server_reply(s, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}");
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    server_reply(s, "SSH-2.0-something\r\n\r\n");
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    s->mode = SERVER_HANG;
    call.timeout_sec = 1;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
}

static void test_reply_limit(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    server_reply(s, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n0123456789");
    call.reply_max_bytes = 10;
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.body_bytes, 10);
    call.reply_max_bytes = 9;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    server_reply(s, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789"); /* announced */
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
}

static void test_header_limit(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    _cleanup_(buf_done) struct buf reply = BUF_MAX(1 << 20);

    buf_puts(&reply, "HTTP/1.1 200 OK\r\n");
    while (reply.n < 70000)
        buf_puts(&reply, "X-Long: 0123456789012345678901234567890123456789\r\n");
    buf_puts(&reply, "Content-Length: 0\r\n\r\n");
    server_reply(s, reply.p);
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
}

static void test_methods(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    for (const char **m = (const char *[]){"PUT", "PATCH", "POST", NULL}; *m != NULL; m++) {
        call.method = *m;
        assert_int_equal(run(s, &call).err, OK);
        assert_int_equal(strncmp(s->request, *m, strlen(*m)), 0);
        assert_non_null(strstr(s->request, "\r\nContent-Length: 3\r\n"));
        assert_true(str_eqc(buf_str(&s->body), "a=b"));
    }
    call.body = STR("");
    call.content_type = NULL;
    assert_int_equal(run(s, &call).err, OK);
    assert_non_null(strstr(s->request, "\r\nContent-Length: 0\r\n"));
    assert_null(strstr(s->request, "Content-Type"));
    for (const char **m = (const char *[]){"GET", "DELETE", NULL}; *m != NULL; m++) {
        call.method = *m;
        assert_true(str_eqc(run(s, &call).body, "{}"));
        assert_int_equal(strncmp(s->request, *m, strlen(*m)), 0);
        assert_null(strstr(s->request, "Content-Length"));
    }
}

/* The length is that of the body that GET would bring: more than this call would take. */
static void test_head(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    call.method = "HEAD";
    call.body = STR("");
    call.wanted[0] = "Content-Length";
    server_reply(s, "HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n");
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(strncmp(s->request, "HEAD /path/?q=1 HTTP/1.1\r\n", 26), 0);
    assert_true(str_eqc(r.headers[0], "20000000"));
    assert_int_equal(r.body_bytes, 0);
}

static void test_request_headers(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    const struct net_header headers[] = {
        {"X-Amz-Content-Sha256", STR("UNSIGNED-PAYLOAD")},
        {"If-None-Match", STR("*")},
        {"X-Empty", STR("")},
    };

    call.headers = headers;
    call.n_headers = ARRAY_LEN(headers);
    assert_int_equal(run(s, &call).err, OK);
    assert_non_null(strstr(s->request, "\r\nX-Amz-Content-Sha256: UNSIGNED-PAYLOAD\r\n"));
    assert_non_null(strstr(s->request, "\r\nIf-None-Match: *\r\n"));
    assert_non_null(strstr(s->request, "\r\nX-Empty:\r\n"));
}

static void test_injected_headers(void **state)
{
    static const struct str values[] = {STR("a\r\nX-Other: b"), STR("a\nb"), STR("a\rb"), STR("a\0b"), STR("a\x7f")};
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    struct net_header header = {.name = "X-Name"};

    for (size_t i = 0; i < ARRAY_LEN(values); i++) {
        header.value = values[i];
        call.headers = &header;
        call.n_headers = 1;
        assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
        call.n_headers = 0;
        call.bearer = values[i];
        assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
        call.bearer = (struct str){0};
    }
    header.value = arena_str(&arena, str_of(arena_alloc(&arena, 20000), 20000));
    memset((char *)header.value.p, 'x', 20000);
    call.n_headers = 1;
    assert_int_equal(run(s, &call).err, ERR_NET_FORBIDDEN);
    assert_int_equal(s->requests, 0);
}

static void test_wanted_headers(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    call.wanted[0] = "etag";
    call.wanted[1] = "Location";
    call.wanted[2] = "Retry-After";
    server_reply(
        s, "HTTP/1.1 100 Continue\r\nRetry-After: 1\r\n\r\n"
           "HTTP/1.1 503 No\r\nETag:  \"abc\" \r\nRetry-After: 17\r\nRetry-After: 18\r\nContent-Length: 0\r\n\r\n");
    struct net_result r = run(s, &call);
    assert_int_equal(r.status, 503);
    assert_true(str_eqc(r.headers[0], "\"abc\""));
    assert_null(r.headers[1].p);
    assert_true(str_eqc(r.headers[2], "17"));
}

static void test_reply_to_a_file(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    FILE *f = tmpfile();
    char text[8] = "";

    call.method = "GET";
    call.body = STR("");
    call.reply_fd = fileno(f);
    struct net_result r = run(s, &call);
    assert_int_equal(r.err, OK);
    assert_int_equal(r.body_bytes, 2);
    assert_int_equal(r.body.n, 0);
    assert_int_equal(pread(call.reply_fd, text, sizeof text, 0), 2);
    assert_string_equal(text, "{}");
    assert_int_equal(strncmp(s->request, "GET ", 4), 0);
    fclose(f);
}

#define FILE_BYTES (3u << 20)

/* Bytes that say where they stand. */
static FILE *make_file(void)
{
    FILE *f = tmpfile();

    for (uint32_t i = 0; i < FILE_BYTES / sizeof i; i++)
        assert_int_equal(fwrite(&i, sizeof i, 1, f), 1);
    assert_int_equal(fflush(f), 0);
    return f;
}

static void assert_numbers(const struct buf *body, uint32_t first)
{
    for (uint32_t i = 0, at; i < body->n / sizeof at; i++) {
        memcpy(&at, body->p + i * sizeof at, sizeof at);
        assert_int_equal(at, first + i);
    }
}

static void test_body_from_a_file(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    FILE *f = make_file();

    call.method = "PUT";
    call.body = (struct str){0};
    call.body_fd = fileno(f);
    call.body_offset = 4096;
    call.body_bytes = 2 << 20;
    for (int fresh = 0; fresh < 2; fresh++) {
        call.fresh = fresh;
        assert_int_equal(run(s, &call).err, OK);
        assert_int_equal(strncmp(s->request, "PUT ", 4), 0);
        assert_non_null(strstr(s->request, "\r\nContent-Length: 2097152\r\n"));
        assert_null(strstr(s->request, "Expect"));
        assert_null(strstr(s->request, "Transfer-Encoding"));
        assert_int_equal(s->body.n, 2 << 20);
        assert_numbers(&s->body, 1024);
    }
    call.method = "POST";
    call.body_bytes = 0;
    assert_int_equal(run(s, &call).err, OK);
    assert_int_equal(strncmp(s->request, "POST ", 5), 0);
    assert_non_null(strstr(s->request, "\r\nContent-Length: 0\r\n"));
    fclose(f);
}

/* The file is shorter than was said: the server cannot take what it got for the whole, and the call ends at once. */
static void test_body_ends_too_soon(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);
    FILE *f = make_file();

    call.method = "PUT";
    call.body = (struct str){0};
    call.body_fd = fileno(f);
    call.body_bytes = FILE_BYTES + 1;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    assert_int_equal(s->body.n, FILE_BYTES);
    fclose(f);
    call.body_fd = 1000; /* no file at all */
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
}

struct rows {
    int n, max;
    enum err end;
};

static enum err read_row(void *arg, char *p, size_t n, size_t *ret_n)
{
    struct rows *rows = arg;
    char row[32];

    *ret_n = 0;
    if (rows->n == rows->max)
        return rows->end;
    (void)snprintf(row, sizeof row, "row %d\n", rows->n++);
    *ret_n = MIN(n, strlen(row));
    memcpy(p, row, *ret_n);
    return OK;
}

static void test_body_from_a_function(void **state)
{
    struct server *s = *state;
    struct rows rows = {.max = 3};
    struct net_call call = server_call(s, &arena);

    call.method = "PUT";
    call.body = (struct str){0};
    call.body_read = read_row;
    call.body_arg = &rows;
    call.body_bytes = NET_BYTES_UNKNOWN;
    assert_int_equal(run(s, &call).err, OK);
    assert_non_null(strstr(s->request, "\r\nTransfer-Encoding: chunked\r\n"));
    assert_true(str_eqc(buf_str(&s->body), "6\r\nrow 0\n\r\n6\r\nrow 1\n\r\n6\r\nrow 2\n\r\n0\r\n\r\n"));
    rows.n = 0;
    call.body_bytes = 18;
    assert_int_equal(run(s, &call).err, OK);
    assert_non_null(strstr(s->request, "\r\nContent-Length: 18\r\n"));
    assert_true(str_eqc(buf_str(&s->body), "row 0\nrow 1\nrow 2\n"));
    rows = (struct rows){.max = 2, .end = ERR_IO};
    call.body_bytes = NET_BYTES_UNKNOWN;
    assert_int_equal(run(s, &call).err, ERR_NET_UNKNOWN);
    assert_false(str_ends(buf_str(&s->body), STR("0\r\n\r\n")));
}

/* A refusal that comes before the body is read is an answer. */
static void test_early_answer(void **state)
{
    struct server *s = *state;
    struct net_call call = server_call(s, &arena);

    s->mode = SERVER_REPLY_HEAD;
    server_reply(s, "HTTP/1.1 413 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    call.method = "PUT";
    assert_int_equal(run(s, &call).status, 413);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_request_and_answer, clear),
        cmocka_unit_test_setup(test_no_expect, clear),
        cmocka_unit_test_setup(test_other_statuses_are_answers, clear),
        cmocka_unit_test_setup(test_not_sent, clear),
        cmocka_unit_test_setup(test_wrong_name, clear),
        cmocka_unit_test_setup(test_too_late, clear),
        cmocka_unit_test_setup(test_private_addresses, clear),
        cmocka_unit_test_setup(test_unknown, clear),
        cmocka_unit_test_setup(test_reply_limit, clear),
        cmocka_unit_test_setup(test_header_limit, clear),
        cmocka_unit_test_setup(test_methods, clear),
        cmocka_unit_test_setup(test_head, clear),
        cmocka_unit_test_setup(test_request_headers, clear),
        cmocka_unit_test_setup(test_injected_headers, clear),
        cmocka_unit_test_setup(test_wanted_headers, clear),
        cmocka_unit_test_setup(test_reply_to_a_file, clear),
        cmocka_unit_test_setup(test_body_from_a_file, clear),
        cmocka_unit_test_setup(test_body_ends_too_soon, clear),
        cmocka_unit_test_setup(test_body_from_a_function, clear),
        cmocka_unit_test_setup(test_early_answer, clear),
    };

    net_init();
    server_start(&server);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    server_stop(&server);
    arena_done(&arena);
    return failed;
}
