#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/defs.h"
#include "image/image.h"
#include "image/wire.h"

/* A service that takes one request and answers with the given bytes (none: it hangs up, as one that died). */
struct fake {
    char dir[32], path[64];
    int listener;
    const void *answer;
    size_t answer_n;
    struct image_request request; /* what came */
    size_t takes;                 /* so much of it */
    struct stat in, out;
    pthread_t thread;
};

static void *serve(void *arg)
{
    struct fake *f = arg;
    int fd = accept(f->listener, NULL, NULL), fds[IMAGE_WIRE_FDS];
    union {
        char space[CMSG_SPACE(sizeof fds)];
        struct cmsghdr align;
    } control;
    struct iovec iov = {.iov_base = &f->request, .iov_len = f->takes};
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};

    if (fd >= 0 && recvmsg(fd, &m, 0) == (ssize_t)f->takes && CMSG_FIRSTHDR(&m) != NULL) {
        memcpy(fds, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fds);
        (void)fstat(fds[0], &f->in);
        (void)fstat(fds[1], &f->out);
        (void)close(fds[0]);
        (void)close(fds[1]);
        if (f->answer_n > 0)
            (void)send(fd, f->answer, f->answer_n, MSG_NOSIGNAL);
    }
    (void)close(fd);
    return NULL;
}

static void start_knowing(struct fake *f, size_t takes, const void *answer, size_t n)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    *f = (struct fake){.dir = "/tmp/image-client-XXXXXX", .answer = answer, .answer_n = n, .takes = takes};
    assert_non_null(mkdtemp(f->dir));
    (void)snprintf(f->path, sizeof f->path, "%s/sock", f->dir);
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", f->path);
    f->listener = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    assert_int_equal(bind(f->listener, (void *)&a, sizeof a), 0);
    assert_int_equal(listen(f->listener, 1), 0);
    assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void start(struct fake *f, const void *answer, size_t n)
{
    start_knowing(f, sizeof f->request, answer, n);
}

static void stop(struct fake *f)
{
    (void)pthread_join(f->thread, NULL);
    (void)close(f->listener);
    (void)unlink(f->path);
    (void)rmdir(f->dir);
}

/* in_fd and out_fd of standard input: any file will do. */
static const struct image_order order = {.need_bytes = 4711, .timeout_sec = 1, .background = IMAGE_BACKGROUND_WHITE};

static void passes_files_and_report(void **state)
{
    const struct uuid user = uuid_new();
    struct image_report sent = {.err = OK,
                                .type = IMAGE_PNG,
                                .width = 3,
                                .height = 4,
                                .changes = IMAGE_RESIZED,
                                .waited_us = 5,
                                .kept = IMAGE_WEBP};
    struct image_report got;
    struct stat in, out;
    struct fake f;
    FILE *a = tmpfile(), *b = tmpfile();

    (void)state;
    start(&f, &sent, sizeof sent);
    const struct image_order o = {.in_fd = fileno(a),
                                  .out_fd = fileno(b),
                                  .user_id = user,
                                  .need_bytes = 4711,
                                  .timeout_sec = 17,
                                  .queue_us = 2000000,
                                  .background = 0x102030};
    assert_int_equal(image_repair(f.path, &o, &got), OK);
    stop(&f);
    assert_memory_equal(&got, &sent, sizeof got);
    assert_int_equal(f.request.version, IMAGE_WIRE_VERSION);
    assert_int_equal(f.request.timeout_sec, 17);
    assert_int_equal(f.request.need_bytes, 4711);
    assert_int_equal(f.request.queue_us, 2000000);
    assert_int_equal(f.request.background, 0x102030);
    assert_memory_equal(f.request.user, user.b, sizeof user.b);
    assert_int_equal(f.request.report_bytes, sizeof sent);
    assert_int_equal(f.request.errors, image_wire_errors());
    assert_true(fstat(fileno(a), &in) == 0 && fstat(fileno(b), &out) == 0);
    assert_int_equal(f.in.st_ino, in.st_ino);
    assert_int_equal(f.out.st_ino, out.st_ino);
    (void)fclose(a);
    (void)fclose(b);
}

static void passes_the_error(void **state)
{
    static const enum err errors[] = {ERR_IMAGE_CORRUPT, ERR_IMAGE_WHOLE,   ERR_IMAGE_UNDECODABLE,
                                      ERR_BUSY,          ERR_IMAGE_SERVICE, ERR_STORE_FULL};
    struct image_report sent = {0}, got;
    struct fake f;

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(errors); i++) {
        sent.err = image_wire_number(errors[i]);
        start(&f, &sent, sizeof sent);
        assert_int_equal(image_repair(f.path, &order, &got), errors[i]);
        stop(&f);
    }
}

static void a_service_that_fails(void **state)
{
    struct image_report absurd = {.err = 1000}, odd = {.type = IMAGE_PNG, .kept = IMAGE_PNG}, got;
    struct fake f;

    (void)state;
    start(&f, NULL, 0); /* hangs up */
    assert_int_equal(image_repair(f.path, &order, &got), ERR_IMAGE_SERVICE);
    stop(&f);
    start(&f, "short", 5);
    assert_int_equal(image_repair(f.path, &order, &got), ERR_IMAGE_SERVICE);
    stop(&f);
    start(&f, &absurd, sizeof absurd);
    assert_int_equal(image_repair(f.path, &order, &got), ERR_IMAGE_SERVICE);
    stop(&f);
    start(&f, &odd, sizeof odd);
    assert_int_equal(image_repair(f.path, &order, &got), ERR_IMAGE_SERVICE);
    stop(&f);
    assert_int_equal(image_repair("/nonexistent/image.sock", &order, &got), ERR_IMAGE_SERVICE);
}

/* It takes the part of the request that it knows, and answers with the report that it knows. It has not looked for marks of AI. */
static void a_service_of_before(void **state)
{
    struct image_report sent = {.err = OK, .type = IMAGE_WEBP, .width = 3, .size_bytes = 99, .waited_us = 5}, got;
    struct fake f;

    (void)state;
    start_knowing(&f, IMAGE_WIRE_BEFORE_REQUEST_BYTES, &sent, IMAGE_WIRE_BEFORE_REPORT_BYTES);
    assert_int_equal(image_repair(f.path, &order, &got), OK);
    stop(&f);
    assert_int_equal(f.request.version, UINT32_C(0x4d495632)); /* it takes no other */
    assert_memory_equal(&got, &sent, IMAGE_WIRE_BEFORE_REPORT_BYTES);
    assert_int_equal(got.provenance, IMAGE_NOT_LOOKED);
    assert_int_equal(got.kept, IMAGE_JPEG);
    sent.err = image_wire_number(ERR_IMAGE_UNDECODABLE);
    start_knowing(&f, IMAGE_WIRE_BEFORE_REQUEST_BYTES, &sent, IMAGE_WIRE_BEFORE_REPORT_BYTES);
    assert_int_equal(image_repair(f.path, &order, &got), ERR_IMAGE_UNDECODABLE);
    stop(&f);
}

/* The sizes and the numbers that those of before know never change. */
static void speaks_as_before(void **state)
{
    static const struct {
        enum err e;
        int number;
    } rows[] = {
        {OK, 0},
        {ERR_INTERNAL, 1},
        {ERR_IMAGE_CORRUPT, 6},
        {ERR_IMAGE_TIMEOUT, 7},
        {ERR_STORE, 10},
        {ERR_IMAGE_UNDECODABLE, 13},
        {ERR_IMAGE_ANIMATED, IMAGE_WIRE_BEFORE_ERRORS}, /* new */
        {ERR_NOT_FOUND, 1},                             /* none of the service's */
    };

    (void)state;
    assert_int_equal(IMAGE_WIRE_BEFORE_REPORT_BYTES, 48);
    assert_int_equal(IMAGE_WIRE_BEFORE_REQUEST_BYTES, 40);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_int_equal(image_wire_number(rows[i].e), rows[i].number);
}

static void numbers_come_back(void **state)
{
    enum err e;

    (void)state;
    for (int32_t i = 0; i < image_wire_errors(); i++) {
        assert_true(image_wire_error(i, &e));
        assert_int_equal(image_wire_number(e), i);
    }
    assert_false(image_wire_error(image_wire_errors(), &e));
    assert_false(image_wire_error(-1, &e));
    assert_false(image_wire_error(INT32_MAX, &e));
    assert_true(image_wire_error(image_wire_number(ERR_NOT_FOUND), &e));
    assert_int_equal(e, ERR_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_files_and_report), cmocka_unit_test(passes_the_error),
        cmocka_unit_test(a_service_that_fails),    cmocka_unit_test(a_service_of_before),
        cmocka_unit_test(speaks_as_before),        cmocka_unit_test(numbers_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
