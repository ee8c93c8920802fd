#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static bool io_is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void test_closep(void **state)
{
    int fd = dup(STDERR_FILENO), none = -1, closed = -1;

    (void)state;
    assert_true(io_is_open(fd));
    errno = ENOSPC;
    fd_closep(&fd);
    assert_int_equal(errno, ENOSPC);
    assert_false(io_is_open(fd));

    errno = ENOSPC;
    fd_closep(&none);
    assert_int_equal(errno, ENOSPC);
    closed = fd; /* close fails with EBADF, which must not hide the reason before it */
    fd_closep(&closed);
    assert_int_equal(errno, ENOSPC);
}

/* A pipe takes a large piece bit by bit when somebody reads it slowly. */
static void test_write_all(void **state)
{
    enum { BYTES = 1 << 20 };
    char *sent = malloc(BYTES), *got = malloc(BYTES);
    int p[2], status;
    size_t n = 0;

    (void)state;
    for (size_t i = 0; i < BYTES; i++)
        sent[i] = (char)(i * 7 + i / 251);
    assert_int_equal(pipe(p), 0);
    pid_t writer = fork();
    if (writer == 0)
        _exit(fd_write_all(p[1], sent, BYTES) ? 0 : 1);
    (void)close(p[1]);
    for (ssize_t r; (r = read(p[0], got + n, n + 1000 < BYTES ? 1000 : BYTES - n)) > 0;)
        n += (size_t)r;
    assert_int_equal(waitpid(writer, &status, 0), writer);
    assert_int_equal(status, 0);
    assert_int_equal(n, BYTES);
    assert_memory_equal(sent, got, BYTES);
    (void)close(p[0]);
    free(sent);
    free(got);
}

static void test_write_fails(void **state)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

    (void)state;
    assert_true(fd >= 0);
    assert_true(fd_write_all(fd, "", 0));
    assert_false(fd_write_all(fd, "abc", 3));
    assert_int_equal(errno, ENOSPC);
    assert_int_equal(err_of_store(), ERR_STORE_FULL);
    (void)close(fd);
    assert_false(fd_write_all(fd, "abc", 3));
    assert_int_equal(errno, EBADF);
    assert_int_equal(err_of_store(), ERR_STORE);
}

static void test_sync(void **state)
{
    FILE *file = tmpfile();

    (void)state;
    assert_non_null(file);
    assert_true(fd_sync(fileno(file), "sync a file"));
    (void)fclose(file);
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    assert_false(fd_sync(fd, "sync a file"));
    assert_int_equal(errno, EINVAL);
    assert_int_equal(err_of_store(), ERR_STORE);
    (void)close(fd);
}

/* How many pages of the file the kernel has in memory. */
static size_t pages_held(int fd, size_t n)
{
    unsigned char held[64];
    size_t pages = n / (size_t)sysconf(_SC_PAGESIZE), in = 0;
    void *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);

    assert_true(p != MAP_FAILED && pages <= sizeof held);
    assert_int_equal(mincore(p, n, held), 0);
    for (size_t i = 0; i < pages; i++)
        in += held[i] & 1;
    (void)munmap(p, n);
    return in;
}

static void test_forget(void **state)
{
    static const char bytes[256 << 10];
    char path[] = "fd-forget-XXXXXX"; /* in the build's folder: /tmp may be in memory */
    struct statfs fs;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0 && unlink(path) == 0 && fstatfs(fd, &fs) == 0);
    if (fs.f_type != TMPFS_MAGIC) {
        assert_true(fd_write_all(fd, bytes, sizeof bytes) && fd_sync(fd, "sync a file"));
        assert_true(pages_held(fd, sizeof bytes) > 0);
        fd_forget(fd);
        assert_int_equal(pages_held(fd, sizeof bytes), 0);
    }
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_closep), cmocka_unit_test(test_write_all),
                                       cmocka_unit_test(test_write_fails), cmocka_unit_test(test_sync),
                                       cmocka_unit_test(test_forget)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
