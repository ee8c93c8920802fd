#include "with_arena.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/call.h"
#include "server.h"
#include "store/calls.h"

/* Against a server that says what it is told; tests/api/test_s3.py has one that verifies what is signed. */

static struct server server;
static char secret_text[] = "secret";
static struct secret_ring secrets = {.v = {{secret_text, sizeof secret_text - 1}}, .n = 1};

static struct s3 s3_here(void)
{
    return (struct s3){.endpoint = arena_printf(&arena, "https://127.0.0.1:%d", server.port).p,
                       .bucket = STR("images"),
                       .region = STR("auto"),
                       .key_id = STR("id"),
                       .secrets = &secrets,
                       .ca_file = server.ca,
                       .allow_private = true,
                       .timeout_sec = 1};
}

static int clear(void **state)
{
    server.mode = SERVER_REPLY;
    server.requests = 0;
    return arena_set_up(state);
}

static int file_of(const char *text)
{
    int fd = memfd_create("body", MFD_CLOEXEC);

    assert_true(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
    return fd;
}

static enum err put(struct s3_said *said)
{
    struct s3 s3 = s3_here();
    int fd = file_of("body");
    const struct s3_body body = {.fd = fd, .bytes = 4, .sha256 = sha256_of(STR("body")), .content_type = "image/jpeg"};

    enum err e = s3_put(&arena, &s3, STR("a b/+\303\244~"), &body, said);
    close(fd);
    server_wait_idle(&server);
    return e;
}

static void put_as_it_is_sent(void **state)
{
    struct s3_said said;
    struct sha256 digest = sha256_of(STR("body"));
    (void)state;

    server_reply(&server, "HTTP/1.1 200 OK\r\nx-amz-request-id: tx1\r\nContent-Length: 0\r\n\r\n");
    assert_int_equal(put(&said), OK);
    assert_int_equal(said.tries, 1);
    assert_null(said.error.p);
    assert_str(said.request_id, "tx1");
    assert_int_equal(strncmp(server.request, "PUT /images/a%20b/%2B%C3%A4~ HTTP/1.1\r\n", 39), 0);
    assert_non_null(strstr(server.request, "\r\nContent-Length: 4\r\n"));
    assert_non_null(strstr(server.request, "\r\nContent-Type: image/jpeg\r\n"));
    assert_non_null(strstr(server.request, "\r\nCache-Control: no-store\r\n"));
    assert_non_null(strstr(server.request, "\r\nAuthorization: AWS4-HMAC-SHA256 Credential=id/"));
    assert_non_null(strstr(server.request, arena_printf(&arena, "\r\nx-amz-content-sha256: %.*s\r\n",
                                                        STR_FMT(hex_encode(&arena, digest.b, sizeof digest.b)))
                                               .p));
    assert_null(strstr(server.request, "Expect"));
    assert_str(buf_str(&server.body), "body");
}

static void reply_error(const char *status, const char *code)
{
    struct str body = arena_printf(&arena, "<Error><Code>%s</Code><RequestId>tx2</RequestId></Error>", code);

    server_reply(&server,
                 arena_printf(&arena, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s", status, body.n, body.p).p);
}

static void what_does_not_pass_is_asked_once(void **state)
{
    static const struct {
        const char *status, *code;
        enum err err;
        const char *said;
    } rows[] = {
        {"403 Forbidden", "SignatureDoesNotMatch", ERR_STORE, "403 SignatureDoesNotMatch"},
        {"403 Forbidden", "RequestTimeTooSkewed", ERR_STORE, "403 RequestTimeTooSkewed"},
        {"404 Not Found", "NoSuchBucket", ERR_STORE, "404 NoSuchBucket"},
        {"404 Not Found", "NoSuchKey", ERR_NOT_FOUND, "404 NoSuchKey"},
        {"409 Conflict", "BucketNotEmpty", ERR_STORE, "409 BucketNotEmpty"},
        {"507 Insufficient Storage", "InternalError", ERR_STORE_FULL, "507 InternalError"},
        {"413 Too Large", "EntityTooLarge", ERR_STORE_FULL, "413 EntityTooLarge"},
        {"403 Forbidden", "QuotaExceeded", ERR_STORE_FULL, "403 QuotaExceeded"},
        {"301 Moved", "PermanentRedirect", ERR_STORE, "301 PermanentRedirect"},
    };
    struct s3_said said;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        server.requests = 0;
        reply_error(rows[i].status, rows[i].code);
        assert_int_equal(put(&said), rows[i].err);
        assert_int_equal(server.requests, 1);
        assert_str(said.error, rows[i].said);
        assert_str(said.request_id, "tx2");
    }
}

static void what_passes_is_asked_again(void **state)
{
    static const char *const rows[][2] = {{"503 Busy", "ServiceUnavailable"}, {"400 Bad", "IncompleteBody"}};
    struct s3_said said;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        server.requests = 0;
        reply_error(rows[i][0], rows[i][1]);
        assert_int_equal(put(&said), ERR_STORE);
        assert_true(server.requests > 1);
        assert_int_equal(said.tries, server.requests);
        assert_str(buf_str(&server.body), "body"); /* from its beginning each time */
    }
}

static void no_answer(void **state)
{
    struct s3_said said;
    (void)state;

    server.mode = SERVER_DROP_REQUEST;
    assert_int_equal(put(&said), ERR_STORE);
    assert_true(server.requests > 1);
    assert_int_equal(said.status, 0);
    assert_non_null(said.error.p);
}

static enum err get(int fd, int64_t *ret_bytes)
{
    struct s3 s3 = s3_here();
    enum err e = s3_get(&arena, &s3, STR("a"), fd, 10, ret_bytes, NULL);

    server_wait_idle(&server);
    return e;
}

/* What is there stays, and of what is not an object nothing. */
static void get_into_a_file(void **state)
{
    int64_t bytes = 0;
    char text[16] = "";
    int fd = file_of("was:");
    (void)state;

    reply_error("404 Not Found", "NoSuchKey");
    assert_int_equal(get(fd, &bytes), ERR_NOT_FOUND);
    server_reply(&server, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut"); /* and then it closes */
    assert_int_equal(get(fd, &bytes), ERR_STORE);
    server_reply(&server, "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n12345678901");
    assert_int_equal(get(fd, &bytes), ERR_STORE);
    assert_int_equal(lseek(fd, 0, SEEK_END), 4);
    server_reply(&server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nthere");
    assert_int_equal(get(fd, &bytes), OK);
    assert_int_equal(bytes, 5);
    server_reply(&server, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nnew");
    assert_int_equal(lseek(fd, 6, SEEK_SET), 6);
    assert_int_equal(get(fd, &bytes), OK);
    assert_int_equal(pread(fd, text, sizeof text, 0), 9);
    assert_string_equal(text, "was:thnew");
    close(fd);
}

static void delete_what_is_gone(void **state)
{
    struct s3 s3 = s3_here();
    (void)state;

    server_reply(&server, "HTTP/1.1 204 No Content\r\n\r\n");
    assert_int_equal(s3_delete(&arena, &s3, STR("a"), NULL), OK);
    server_wait_idle(&server);
    reply_error("404 Not Found", "NoSuchKey");
    assert_int_equal(s3_delete(&arena, &s3, STR("a"), NULL), OK);
    server_wait_idle(&server);
    reply_error("404 Not Found", "NoSuchBucket"); /* nobody knows what became of it */
    assert_int_equal(s3_delete(&arena, &s3, STR("a"), NULL), ERR_STORE);
    server_wait_idle(&server);
}

/* What a worker's call has come to: HEAD, DELETE and a listing, each asked once. */
static void calls_that_others_make(void **state)
{
    static const struct {
        const char *status, *code;
        enum err look, delete, list;
    } rows[] = {
        {"403 Forbidden", "AccessDenied", ERR_STORE, ERR_STORE, ERR_STORE},
        {"404 Not Found", "NoSuchKey", ERR_NOT_FOUND, OK, ERR_STORE},
        {"404 Not Found", "NoSuchBucket", ERR_NOT_FOUND, ERR_STORE, ERR_STORE},
        {"409 Conflict", "Conflict", ERR_STORE, ERR_STORE, ERR_STORE},
        {"500 Error", "InternalError", ERR_STORE, ERR_STORE, ERR_STORE},
        {"503 Slow Down", "SlowDown", ERR_STORE, ERR_STORE, ERR_STORE},
        {"507 Insufficient Storage", "InternalError", ERR_STORE_FULL, ERR_STORE_FULL, ERR_STORE_FULL},
    };
    const struct store store = {.s3 = s3_here()};
    const struct uuid id = uuid_new();
    struct store_said said;
    struct s3_listing listing;
    struct net_call call;
    struct net_result r;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        server.requests = 0;
        reply_error(rows[i].status, rows[i].code);
        store_call_look(&store, &arena, &id, &call);
        net_call_run(&arena, &call, &r);
        assert_int_equal(store_called_look(&arena, &r, &said), rows[i].look);
        store_call_delete(&store, &arena, &id, &call);
        net_call_run(&arena, &call, &r);
        assert_int_equal(store_called_delete(&arena, &r, &said), rows[i].delete);
        assert_non_null(strstr(said.error, rows[i].code));
        store_call_list(&store, &arena, STR("a"), 3, &call);
        net_call_run(&arena, &call, &r);
        assert_int_equal(store_called_list(&arena, &r, STR("a"), &listing, &said), rows[i].list);
        server_wait_idle(&server);
        assert_int_equal(server.requests, 3);
    }
    server.mode = SERVER_DROP_REQUEST;
    store_call_delete(&store, &arena, &id, &call);
    net_call_run(&arena, &call, &r);
    assert_int_equal(store_called_delete(&arena, &r, &said), ERR_STORE);
    assert_true(said.error[0] != '\0');
    server_wait_idle(&server);
}

static enum err list(struct str after, const char *const *keys, size_t n, struct store_said *said)
{
    _cleanup_(buf_done) struct buf body = BUF_MAX(4096);
    const struct store store = {.s3 = s3_here()};
    struct s3_listing listing = {.n = 0};
    struct net_call call;
    struct net_result r;

    buf_puts(&body, "<ListBucketResult><IsTruncated>false</IsTruncated>");
    for (size_t i = 0; i < n; i++)
        buf_printf(&body, "<Contents><Key>%s</Key><Size>1</Size></Contents>", keys[i]);
    buf_puts(&body, "</ListBucketResult>");
    server_reply(
        &server,
        arena_printf(&arena, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%.*s", body.n, STR_FMT(buf_str(&body))).p);
    store_call_list(&store, &arena, after, 3, &call);
    net_call_run(&arena, &call, &r);
    enum err e = store_called_list(&arena, &r, after, &listing, said);
    server_wait_idle(&server);
    assert_int_equal(listing.n, e == OK ? n : 0);
    return e;
}

/* Some that are said to speak S3 know no start-after: who goes on after the last name would get the same ones for ever. */
static void a_list_goes_on(void **state)
{
    static const char *const keys[] = {"a", "a/b", "b"}, *const odd[] = {"a", "c", "b"}, *const twice[] = {"b", "b"};
    struct store_said said;
    (void)state;

    assert_int_equal(list((struct str){NULL, 0}, keys, 3, &said), OK);
    assert_int_equal(list(STR("B"), keys, 3, &said), OK);
    assert_int_equal(list(STR("a"), keys + 1, 2, &said), OK);
    assert_int_equal(list(STR("b"), keys, 0, &said), OK);
    assert_string_equal(said.error, "");
    assert_int_equal(list(STR("a"), keys, 3, &said), ERR_STORE);
    assert_int_equal(list(STR("b"), keys, 3, &said), ERR_STORE);
    assert_non_null(strstr(said.error, "order"));
    assert_int_equal(list((struct str){NULL, 0}, odd, 3, &said), ERR_STORE);
    assert_int_equal(list((struct str){NULL, 0}, twice, 2, &said), ERR_STORE);
}

/* Who asks whether one is there, keeps no list of all. */
static void a_list_that_is_longer_than_asked_for(void **state)
{
    static char blanks[70 << 10];
    const struct store store = {.s3 = s3_here()};
    const struct uuid id = uuid_new();
    struct s3_listing listing;
    struct net_call call;
    struct net_result r;
    (void)state;

    memset(blanks, ' ', sizeof blanks - 1);
    server_reply(&server,
                 arena_printf(&arena,
                              "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n<ListBucketResult>%s</ListBucketResult>",
                              sizeof blanks - 1 + 37, blanks)
                     .p);
    store_call_find(&store, &arena, &id, &call);
    net_call_run(&arena, &call, &r);
    assert_int_equal(store_called_list(&arena, &r, (struct str){NULL, 0}, &listing, NULL), ERR_STORE);
    store_call_list(&store, &arena, (struct str){NULL, 0}, 9, &call);
    net_call_run(&arena, &call, &r);
    assert_int_equal(store_called_list(&arena, &r, (struct str){NULL, 0}, &listing, NULL), OK);
    server_wait_idle(&server);
}

static bool count(void *arg, struct str name, const struct uuid *id)
{
    (void)name;
    *(int *)arg += uuid_is_none(id);
    return true;
}

/* The whole of a bucket that says again and again how to go on: with the same token it would not. */
static void a_token_that_leads_nowhere(void **state)
{
    static const char body[] =
        "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
        "<Contents><Key>a</Key><Size>1</Size></Contents></ListBucketResult>";
    const struct store store = {.s3 = s3_here()};
    struct store_said said = {.error = ""};
    int n = 0;
    (void)state;

    server_reply(&server,
                 arena_printf(&arena, "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", sizeof body - 1, body).p);
    assert_int_equal(store_each(&store, STORE_S3, count, &n, &said), ERR_STORE);
    server_wait_idle(&server);
    assert_int_equal(n, 1);
    assert_true(said.error[0] != '\0');
}

/* The store refuses a key: the other is tried at once, and remembered once it was taken. Both kinds of calls do so. */
static void the_next_key(void **state)
{
    static const struct {
        const char *reply;
        int requests;
    } rows[] = {
        {"HTTP/1.1 403 No\r\nContent-Length: 57\r\n\r\n<Error><Code>InvalidAccessKeyId</Code><A>12345</A></Error>", 2},
        {"HTTP/1.1 403 No\r\nContent-Length: 52\r\n\r\n<Error><Code>SignatureDoesNotMatch</Code></Error>   ", 2},
        {"HTTP/1.1 401 No\r\nContent-Length: 41\r\n\r\n<Error><Code>Unauthorized</Code></Error>  ", 2},
        {"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", 2},
        {"HTTP/1.1 403 No\r\nContent-Length: 50\r\n\r\n<Error><Code>RequestTimeTooSkewed</Code></Error>  ", 1},
        {"HTTP/1.1 403 No\r\nContent-Length: 43\r\n\r\n<Error><Code>QuotaExceeded</Code></Error>   ", 1},
    };
    struct secret_ring two = {.v = {{(char *)"newid new", 9}, {(char *)"old", 3}}, .n = 2};
    struct s3 s3 = s3_here();
    struct s3_said said;
    struct net_result r;
    struct net_call call;
    (void)state;

    s3.secrets = &two;
    s3.timeout_sec = 5;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        server.requests = 0;
        server_reply(&server, rows[i].reply);
        assert_int_not_equal(s3_delete(&arena, &s3, STR("k"), &said), OK);
        server_wait_idle(&server);
        assert_int_equal(said.tries, rows[i].requests);
        if (server.requests != rows[i].requests)
            fail_msg("%s: %d", rows[i].reply, server.requests);
        assert_non_null(strstr(server.request, rows[i].requests == 2 ? "Credential=id/" : "Credential=newid/"));
        server.requests = 0;
        s3_call_object(&arena, &s3, "DELETE", STR("k"), &call);
        call.fresh = true; /* the server has one connection for each */
        net_call_run(&arena, &call, &r);
        server_wait_idle(&server);
        assert_int_equal(server.requests, rows[i].requests);
        assert_non_null(strstr(server.request, rows[i].requests == 2 ? "Credential=id/" : "Credential=newid/"));
        assert_int_equal(two.current, 0);
    }
    server_reply(&server, "HTTP/1.1 204 Gone\r\nContent-Length: 0\r\n\r\n");
    two.current = 1;
    assert_int_equal(s3_delete(&arena, &s3, STR("k"), &said), OK);
    assert_int_equal(said.tries, 1);
    server_wait_idle(&server);
    assert_non_null(strstr(server.request, "Credential=id/"));
    assert_true(memmem(s3_presigned(&arena, &s3, STR("k"), clock_now_us(), 60).p, 200, "Credential=id%2F", 16) != NULL);
}

static void hosts(void **state)
{
    struct s3 s3 = {.endpoint = "https://a.example"};
    (void)state;

    assert_str(s3_host(&s3), "a.example");
    s3.endpoint = "https://a.example:443";
    assert_str(s3_host(&s3), "a.example");
    s3.endpoint = "https://a.example:8443";
    assert_str(s3_host(&s3), "a.example:8443");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(put_as_it_is_sent, clear),
        cmocka_unit_test_setup(what_does_not_pass_is_asked_once, clear),
        cmocka_unit_test_setup(what_passes_is_asked_again, clear),
        cmocka_unit_test_setup(no_answer, clear),
        cmocka_unit_test_setup(get_into_a_file, clear),
        cmocka_unit_test_setup(delete_what_is_gone, clear),
        cmocka_unit_test_setup(calls_that_others_make, clear),
        cmocka_unit_test_setup(a_list_goes_on, clear),
        cmocka_unit_test_setup(a_list_that_is_longer_than_asked_for, clear),
        cmocka_unit_test_setup(a_token_that_leads_nowhere, clear),
        cmocka_unit_test_setup(the_next_key, clear),
        cmocka_unit_test(hosts),
    };

    net_init();
    server_start(&server);
    int failed = cmocka_run_group_tests_name("s3", tests, NULL, NULL);
    server_stop(&server);
    arena_done(&arena);
    return failed;
}
