#include "with_arena.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/folder.h"

#define AT_ONCE 8

static char dir[] = "/tmp/folder-XXXXXX", path[sizeof dir + sizeof FOLDER_MARK];

static int make(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "%s/%s", mkdtemp(dir), FOLDER_MARK);
    return 0;
}

static int remove_it(void **state)
{
    (void)state;
    (void)unlink(path);
    return rmdir(dir); /* and nothing else is left there */
}

static void *mark(void *arg)
{
    assert_int_equal(folder_mark(dir, arg), OK);
    return NULL;
}

/* Whoever comes first, all know the same folder. */
static void marked_at_once(void **state)
{
    struct uuid ids[AT_ONCE], found;
    pthread_t threads[AT_ONCE];
    struct stat st;
    (void)state;

    assert_int_equal(folder_marked(dir, &found), ERR_NOT_FOUND);
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, mark, &ids[i]), 0);
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(folder_marked(dir, &found), OK);
    for (size_t i = 0; i < AT_ONCE; i++)
        assert_true(uuid_eq(&ids[i], &found));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    assert_int_equal(folder_unmark(dir), OK);
    assert_int_equal(folder_unmark(dir), OK);
    assert_int_equal(folder_marked(dir, &found), ERR_NOT_FOUND);
}

/* A mark that nobody can read is not replaced: it may be the right one. */
static void what_is_no_mark(void **state)
{
    static const char *const texts[] = {"", "x\n", "018f0000-0000-7000-8000-00000000000\n",
                                        "018f0000-0000-7000-8000-00000000000g\n"};
    struct uuid id;
    (void)state;

    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        FILE *f = fopen(path, "w");
        assert_non_null(f);
        assert_true(fputs(texts[i], f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(folder_marked(dir, &id), ERR_STORE);
        assert_int_equal(folder_mark(dir, &id), ERR_STORE);
    }
    assert_int_equal(folder_mark("/nonexistent", &id), ERR_STORE);
}

static void this_machine(void **state)
{
    (void)state;
    assert_true(folder_machine() >= 0 && folder_machine() == folder_machine());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marked_at_once),
        cmocka_unit_test(what_is_no_mark),
        cmocka_unit_test(this_machine),
    };

    return cmocka_run_group_tests_name("folder", tests, make, remove_it);
}
