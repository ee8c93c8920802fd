#include "base/mapping.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIZE ((size_t)64 << 10)
#define HEAD STR("a test's counts 1\n")
#define HEAD_TEXT_BYTES 18

static char dir[] = "/tmp/mcli-unit-mapping-XXXXXX", path[64], other[64];

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(dir));
    (void)snprintf(path, sizeof path, "%s/counts", dir);
    (void)snprintf(other, sizeof other, "%s/other", dir);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(dir);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "we");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static struct mapping opened(enum mapping_state expected)
{
    struct mapping m;

    mapping_init(&m, str_from(path), HEAD, SIZE);
    assert_int_equal(mapping_look(&m), expected);
    return m;
}

/* The last of the bytes, where a file that was cut short is short. */
static atomic_uchar *last_of(const struct mapping *m)
{
    return (atomic_uchar *)m->p + SIZE - 1;
}

static void shared_between_processes(void **state)
{
    int status;

    (void)state;
    write_file(path, "");
    struct mapping m = opened(MAPPING_SHARED);
    assert_int_equal(atomic_load(last_of(&m)), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        mapping_done(&m);
        mapping_init(&m, str_from(path), HEAD, SIZE);
        if (mapping_look(&m) == MAPPING_SHARED)
            atomic_fetch_add(last_of(&m), 7);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(atomic_load(last_of(&m)), 7);
    mapping_done(&m);
    m = opened(MAPPING_SHARED);
    assert_int_equal(atomic_load(last_of(&m)), 7);
    mapping_done(&m);
    assert_int_equal(unlink(path), 0);
}

/* On the disk, for all of it. */
static bool has_room(const char *name)
{
    struct stat st;

    assert_int_equal(stat(name, &st), 0);
    return st.st_blocks * 512 >= st.st_size;
}

static void cut_short_while_it_is_used(void **state)
{
    static const off_t lengths[] = {0, 1, HEAD_TEXT_BYTES, MAPPING_HEAD_BYTES, SIZE / 2};
    struct stat st;

    (void)state;
    write_file(path, "");
    struct mapping m = opened(MAPPING_SHARED);
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        atomic_store(last_of(&m), 1);
        assert_int_equal(truncate(path, lengths[i]), 0);
        atomic_fetch_add(last_of(&m), 1); /* SIGBUS, if nobody takes it */
        assert_int_equal(atomic_load(last_of(&m)), 1);
        assert_int_equal(mapping_look(&m), MAPPING_SHARED);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_size, MAPPING_HEAD_BYTES + SIZE);
        assert_true(has_room(path));
        assert_int_equal(atomic_load(last_of(&m)), 0);
    }
    assert_int_equal(truncate(path, 0), 0);
    atomic_fetch_add(last_of(&m), 1);
    assert_int_equal(truncate(path, MAPPING_HEAD_BYTES + SIZE), 0); /* as long as it must be, with nothing behind it */
    assert_int_equal(mapping_look(&m), MAPPING_SHARED);
    assert_true(has_room(path));
    assert_int_equal(truncate(path, 0), 0); /* and nobody touches it before the next look */
    assert_int_equal(mapping_look(&m), MAPPING_SHARED);
    assert_int_equal(atomic_fetch_add(last_of(&m), 1), 0);
    mapping_done(&m);
    assert_int_equal(unlink(path), 0);
}

static void not_there(void **state)
{
    (void)state;
    struct mapping m = opened(MAPPING_OWN);
    atomic_store(last_of(&m), 5);
    assert_int_equal(mapping_look(&m), MAPPING_OWN);
    assert_int_equal(atomic_load(last_of(&m)), 5);
    write_file(path, "");
    assert_int_equal(mapping_look(&m), MAPPING_SHARED);
    assert_int_equal(atomic_load(last_of(&m)), 0);
    atomic_store(last_of(&m), 6);
    assert_int_equal(unlink(path), 0); /* those that run go on together */
    assert_int_equal(mapping_look(&m), MAPPING_OWN);
    assert_int_equal(atomic_load(last_of(&m)), 6);
    write_file(path, "");
    assert_int_equal(mapping_look(&m), MAPPING_SHARED);
    assert_int_equal(atomic_load(last_of(&m)), 0);
    mapping_done(&m);
    assert_int_equal(unlink(path), 0);
}

static void somebody_elses(void **state)
{
    char text[64];

    (void)state;
    write_file(path, "somebody's letter");
    struct mapping m = opened(MAPPING_OWN);
    atomic_store(last_of(&m), 1);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    assert_int_equal(fread(text, 1, sizeof text, f), strlen("somebody's letter"));
    assert_int_equal(fclose(f), 0);
    write_file(path, "");
    assert_int_equal(mapping_look(&m), MAPPING_SHARED);
    write_file(path, "overwritten while it was ours");
    assert_int_equal(mapping_look(&m), MAPPING_OWN);
    atomic_store(last_of(&m), 1);
    mapping_done(&m);
    assert_int_equal(unlink(path), 0);
}

static void no_file(void **state)
{
    (void)state;
    write_file(other, "");
    assert_int_equal(symlink(other, path), 0);
    struct mapping m = opened(MAPPING_OWN);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(mapping_look(&m), MAPPING_OWN);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(mapping_look(&m), MAPPING_OWN);
    atomic_store(last_of(&m), 1);
    mapping_done(&m);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(other), 0);
    mapping_init(&m, (struct str){0}, HEAD, SIZE);
    assert_int_equal(mapping_look(&m), MAPPING_OWN);
    atomic_store(last_of(&m), 1);
    mapping_done(&m);
}

static void *use_it_all_the_time(void *m)
{
    while (atomic_load_explicit(last_of(m), memory_order_relaxed) != 1)
        (void)sched_yield();
    return NULL;
}

/* ThreadSanitizer, which takes mmap for a write, must not call that a race. */
static void used_while_the_file_is_another(void **state)
{
    pthread_t user;

    (void)state;
    write_file(path, "");
    struct mapping m = opened(MAPPING_SHARED);
    assert_int_equal(pthread_create(&user, NULL, use_it_all_the_time, &m), 0);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(unlink(path), 0);
        write_file(path, "");
        assert_int_equal(mapping_look(&m), MAPPING_SHARED);
    }
    atomic_store_explicit(last_of(&m), 1, memory_order_relaxed);
    assert_int_equal(pthread_join(user, NULL), 0);
    mapping_done(&m);
    assert_int_equal(unlink(path), 0);
}

static void touch_a_file_that_is_too_short(void)
{
    int fd = open(other, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    volatile char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (p != MAP_FAILED)
        *p = 1;
    _exit(0);
}

static void any_other_bus_error_ends_the_process(void **state)
{
    int status;

    (void)state;
    write_file(path, "");
    struct mapping m = opened(MAPPING_SHARED);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        touch_a_file_that_is_too_short();
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGBUS);
    mapping_done(&m);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(unlink(other), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shared_between_processes),
        cmocka_unit_test(cut_short_while_it_is_used),
        cmocka_unit_test(not_there),
        cmocka_unit_test(somebody_elses),
        cmocka_unit_test(no_file),
        cmocka_unit_test(used_while_the_file_is_another),
        cmocka_unit_test(any_other_bus_error_ends_the_process),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
