#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/defs.h"
#include "net/probe.h"

/* A folder with a socket per kind of peer. */
static char folder[] = "/tmp/probe-XXXXXX";

static const char *path_of(const char *name)
{
    static char paths[8][64];
    static size_t n;
    char *p = paths[n++ % 8];

    (void)snprintf(p, sizeof paths[0], "%s/%s", folder, name);
    return p;
}

static int listener(const char *name, int backlog)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s/%s", folder, name);
    assert_int_equal(bind(fd, (const struct sockaddr *)&a, sizeof a), 0);
    if (backlog >= 0)
        assert_int_equal(listen(fd, backlog), 0);
    return fd;
}

static char asked[256];

/* Reads the question and sends one byte. */
static void *answer(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);

    assert_true(recv(fd, asked, sizeof asked, 0) > 0);
    assert_int_equal(send(fd, "y", 1, MSG_NOSIGNAL), 1);
    (void)close(fd);
    return NULL;
}

static void *hang_up(void *arg)
{
    int fd = accept(*(int *)arg, NULL, NULL);

    (void)close(fd);
    return NULL;
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void tells_each_from_the_others(void **state)
{
    int answers = listener("answers", 5), hangs_up = listener("hangs-up", 5), silent = listener("silent", 5);
    int bound = listener("bound", -1);
    char long_path[200];
    pthread_t threads[2];
    struct probe v[] = {{.path = path_of("answers"), .question = STR("are you there?")},
                        {.path = path_of("hangs-up"), .question = STR("?")},
                        {.path = path_of("silent"), .question = STR("?")},
                        {.path = path_of("bound"), .question = STR("?")},
                        {.path = path_of("none"), .question = STR("?")},
                        {.path = long_path, .question = STR("?")}};

    (void)state;
    memset(long_path, 'x', sizeof long_path - 1);
    long_path[sizeof long_path - 1] = '\0';
    assert_int_equal(pthread_create(&threads[0], NULL, answer, &answers), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, hang_up, &hangs_up), 0);
    probe_all(v, ARRAY_LEN(v), 500);
    assert_int_equal(v[0].state, PROBE_ANSWERS);
    for (size_t i = 1; i < ARRAY_LEN(v); i++)
        assert_int_equal(v[i].state, i == 2 ? PROBE_SILENT : PROBE_GONE);
    assert_memory_equal(asked, "are you there?", 14);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < 4; i++)
        (void)unlink(v[i].path);
    (void)close(answers);
    (void)close(hangs_up);
    (void)close(silent);
    (void)close(bound);
}

static void a_full_queue_is_no_answer(void **state)
{
    int full = listener("full", 0), waiting = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct probe v[] = {{.path = path_of("full"), .question = STR("?")}};

    (void)state;
    (void)snprintf(a.sun_path, sizeof a.sun_path, "%s", v[0].path);
    assert_int_equal(connect(waiting, (const struct sockaddr *)&a, sizeof a), 0);
    probe_all(v, 1, 60000);
    assert_int_equal(v[0].state, PROBE_SILENT);
    (void)unlink(v[0].path);
    (void)close(waiting);
    (void)close(full);
}

static void what_we_may_not_ask_is_not_known(void **state)
{
    int fd = listener("closed", 5);
    struct probe v[] = {{.path = path_of("closed"), .question = STR("?")}};

    (void)state;
    assert_int_equal(chmod(v[0].path, 0), 0);
    if (getuid() == 0) /* who may ask everybody */
        assert_int_equal(chmod(folder, 0755) | seteuid(65534), 0);
    probe_all(v, 1, 60000);
    if (getuid() == 0)
        assert_int_equal(seteuid(0), 0);
    assert_int_equal(v[0].state, PROBE_REFUSED);
    (void)unlink(v[0].path);
    (void)close(fd);
}

/* What is asked of FastCGI programs is well formed: each record's length leads to the next record. */
static void the_question_is_fastcgi(void **state)
{
    static const uint8_t types[] = {1, 4, 4, 5};
    struct str q = probe_fcgi_question();
    const uint8_t *p = (const uint8_t *)q.p;
    size_t at = 0, n = 0;

    (void)state;
    for (; at < q.n; n++) {
        assert_true(n < ARRAY_LEN(types) && q.n - at >= 8);
        assert_int_equal(p[at], 1);
        assert_int_equal(p[at + 1], types[n]);
        at += 8 + (size_t)(p[at + 4] << 8 | p[at + 5]) + p[at + 6];
    }
    assert_int_equal(at, q.n);
    assert_int_equal(n, ARRAY_LEN(types));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tells_each_from_the_others),
        cmocka_unit_test(a_full_queue_is_no_answer),
        cmocka_unit_test(what_we_may_not_ask_is_not_known),
        cmocka_unit_test(the_question_is_fastcgi),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
