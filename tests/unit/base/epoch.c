#include "base/epoch.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"

#define WRITERS 4
#define ENDS 2000

struct file {
    char path[64];
};

static int make_file(void **state)
{
    struct file *f = xcalloc(1, sizeof *f);

    strncpy(f->path, "/tmp/epoch-XXXXXX", sizeof f->path - 1);
    int fd = mkstemp(f->path);
    if (fd < 0)
        return -1;
    (void)close(fd);
    *state = f;
    return 0;
}

static int remove_file(void **state)
{
    struct file *f = *state;

    (void)unlink(f->path);
    free(f);
    return 0;
}

static bool same(const struct epoch_mark *a, const struct epoch_mark *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}

static void test_those_who_look_see_the_end(void **state)
{
    struct file *f = *state;
    struct epoch ends, looks;
    struct epoch_mark before, still, after;

    assert_int_equal(epoch_open(str_from(f->path), true, &ends), OK);
    assert_int_equal(epoch_open(str_from(f->path), false, &looks), OK);
    assert_int_equal(epoch_end(&ends), OK);
    assert_true(epoch_now(&looks, &before));
    assert_true(epoch_now(&ends, &still));
    assert_true(same(&before, &still));
    assert_int_equal(epoch_end(&ends), OK);
    assert_true(epoch_now(&looks, &after));
    assert_false(same(&before, &after));
    epoch_close(&ends);
    epoch_close(&looks);
}

static void test_nobody_knows_a_file_cut_short(void **state)
{
    struct file *f = *state;
    struct epoch e;
    struct epoch_mark mark;

    assert_int_equal(epoch_open(str_from(f->path), true, &e), OK);
    assert_false(epoch_now(&e, &mark)); /* as it is made: empty */
    assert_int_equal(epoch_end(&e), OK);
    assert_true(epoch_now(&e, &mark));
    assert_int_equal(truncate(f->path, sizeof mark.b - 1), 0);
    assert_false(epoch_now(&e, &mark));
    assert_int_equal(epoch_end(&e), OK);
    assert_true(epoch_now(&e, &mark));
    epoch_close(&e);
}

static void test_without_a_file(void **state)
{
    struct file *f = *state;
    struct epoch e = EPOCH_NONE;
    struct epoch_mark mark;
    char long_path[400];

    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(epoch_open(str_from(f->path), false, &e), ERR_UNAVAILABLE);
    assert_int_equal(errno, ENOENT);
    memset(long_path, 'a', sizeof long_path);
    assert_int_equal(epoch_open(str_of(long_path, sizeof long_path), false, &e), ERR_UNAVAILABLE);
    assert_int_equal(errno, ENAMETOOLONG);
    assert_false(epoch_now(&e, &mark));
    assert_int_equal(epoch_end(&e), OK);
    epoch_close(&e);
}

static void test_one_who_only_looks_cannot_end_it(void **state)
{
    struct file *f = *state;
    struct epoch e;

    assert_int_equal(epoch_open(str_from(f->path), false, &e), OK);
    assert_int_equal(epoch_end(&e), ERR_UNAVAILABLE);
    epoch_close(&e);
}

/* The child of a test with several writers: ends the epoch and checks that no mark of before is seen again. */
static int end_it_often(const char *path)
{
    struct epoch e;
    struct epoch_mark before, after;

    if (epoch_open(str_from(path), true, &e) != OK)
        return 1;
    for (int i = 0; i < ENDS; i++) {
        if (!epoch_now(&e, &before) || epoch_end(&e) != OK || !epoch_now(&e, &after) || same(&before, &after))
            return 1;
    }
    epoch_close(&e);
    return 0;
}

static void test_several_end_it_at_once(void **state)
{
    struct file *f = *state;
    struct epoch e;
    struct epoch_mark first, mark;
    pid_t children[WRITERS];
    struct stat st;
    int status;

    assert_int_equal(epoch_open(str_from(f->path), true, &e), OK);
    assert_int_equal(epoch_end(&e), OK);
    assert_true(epoch_now(&e, &first));
    for (int i = 0; i < WRITERS; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0)
            _exit(end_it_often(f->path));
    }
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_true(epoch_now(&e, &mark));
    assert_false(same(&first, &mark));
    assert_int_equal(fstat(e.fd, &st), 0);
    assert_int_equal(st.st_size, sizeof mark.b);
    epoch_close(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_those_who_look_see_the_end, make_file, remove_file),
        cmocka_unit_test_setup_teardown(test_nobody_knows_a_file_cut_short, make_file, remove_file),
        cmocka_unit_test_setup_teardown(test_several_end_it_at_once, make_file, remove_file),
        cmocka_unit_test_setup_teardown(test_without_a_file, make_file, remove_file),
        cmocka_unit_test_setup_teardown(test_one_who_only_looks_cannot_end_it, make_file, remove_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
