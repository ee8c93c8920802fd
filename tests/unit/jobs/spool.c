#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "jobs/spool.h"

#define KEY "1 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
#define OTHER_KEY "1 ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"

struct fixture {
    struct spool spool;
    struct keyring *ring;
    struct arena arena;
    struct uuid job, fence, next;
    struct spooled what;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    (void)snprintf(f->spool.dir, sizeof f->spool.dir, "/tmp/spool-XXXXXX");
    if (mkdtemp(f->spool.dir) == NULL || keyring_parse(STR(KEY), &f->ring) != OK)
        return -1;
    f->spool.ring = f->ring;
    arena_init(&f->arena, 1 << 20);
    f->job = uuid_new();
    f->fence = uuid_new();
    f->next = uuid_new();
    f->what = (struct spooled){.kind = STR("turn"),
                               .about = uuid_new(),
                               .request_id = STR("r1"),
                               .memo = STR("a\0b"),
                               .runs = 2,
                               .result = {.err = OK,
                                          .status = 200,
                                          .body = STR("{\"access_token\":\"secret.1\"}"),
                                          .headers = {STR("x"), {0}, STR("")},
                                          .body_bytes = 27,
                                          .detail = "a word",
                                          .of_recipient = true}};
    *state = f;
    return 0;
}

static int spool_test_remove(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    (void)nftw(f->spool.dir, spool_test_remove, 8, FTW_DEPTH | FTW_PHYS);
    keyring_free(f->ring);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static void write_it(struct fixture *f)
{
    assert_int_equal(spool_write(&f->spool, &f->arena, &f->job, &f->fence, &f->what), OK);
    assert_int_equal(spool_sync(&f->spool), OK);
}

static void assert_str(struct str a, struct str b)
{
    assert_true((a.p == NULL) == (b.p == NULL) && str_eq(a, b));
}

static void assert_there(struct fixture *f, const struct uuid *fence)
{
    struct spooled s;

    assert_int_equal(spool_read(&f->spool, &f->arena, &f->job, fence, &s), OK);
    assert_str(s.kind, f->what.kind);
    assert_true(uuid_eq(&s.about, &f->what.about));
    assert_str(s.request_id, f->what.request_id);
    assert_str(s.note, f->what.note);
    assert_str(s.memo, f->what.memo);
    assert_int_equal(s.runs, f->what.runs);
    assert_int_equal(s.result.err, f->what.result.err);
    assert_int_equal(s.result.status, f->what.result.status);
    assert_int_equal(s.result.body_bytes, f->what.result.body_bytes);
    assert_int_equal(s.result.of_recipient, f->what.result.of_recipient);
    assert_int_equal(s.result.unasked, f->what.result.unasked);
    assert_string_equal(s.result.detail, f->what.result.detail);
    assert_str(s.result.body, f->what.result.body);
    for (size_t i = 0; i < NET_WANTED_MAX; i++)
        assert_str(s.result.headers[i], f->what.result.headers[i]);
}

static enum err read_it(struct fixture *f, const struct uuid *fence)
{
    struct spooled s;

    return spool_read(&f->spool, &f->arena, &f->job, fence, &s);
}

static void path_of(const struct fixture *f, const struct uuid *fence, char ret[static 512])
{
    (void)snprintf(ret, 512, "%s/%s.%s.kept", f->spool.dir, uuid_text(&f->job).s, uuid_text(fence).s);
}

static void it_is_there_as_it_was(void **state)
{
    struct fixture *f = *state;
    static const enum err errs[] = {OK, ERR_NET_NOT_SENT, ERR_NET_UNKNOWN, ERR_NET_FORBIDDEN};

    assert_int_equal(read_it(f, &f->fence), ERR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_LEN(errs); i++)
        for (int clear = 0; clear < 2; clear++) {
            f->what.result.err = errs[i];
            f->what.note = i % 2 == 0 ? STR("a note") : (struct str){0};
            f->spool.ring = clear ? NULL : f->ring;
            write_it(f);
            assert_there(f, &f->fence);
        }
    spool_delete(&f->spool, &f->job, &f->fence);
    assert_int_equal(read_it(f, &f->fence), ERR_NOT_FOUND);
}

static void nobody_else_can_read_it(void **state)
{
    struct fixture *f = *state;
    char path[512], bytes[SPOOL_FILE_MAX_BYTES];
    struct stat st;

    (void)umask(0);
    write_it(f);
    path_of(f, &f->fence, path);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    int fd = open(path, O_RDONLY);
    ssize_t n = read(fd, bytes, sizeof bytes);
    assert_int_equal(n, st.st_size);
    assert_null(memmem(bytes, (size_t)n, "secret.1", 8));
    assert_null(memmem(bytes, (size_t)n, "turn", 4));
    (void)close(fd);
}

/* A process may die before or after each of these, and before or after the COMMIT between them. */
static void it_has_the_name_that_counts(void **state)
{
    struct fixture *f = *state;

    write_it(f);
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->next), OK);
    assert_there(f, &f->fence);
    assert_there(f, &f->next);
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->next), OK);
    assert_true(spool_passed(&f->spool, &f->job, &f->fence, &f->next));
    assert_int_equal(read_it(f, &f->fence), ERR_NOT_FOUND);
    assert_there(f, &f->next);
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->job), ERR_NOT_FOUND);
    assert_false(spool_passed(&f->spool, &f->job, &f->fence, &f->job));
}

/* linkat(2), as on a disk that has no room for a name more: of the library's calls, too. */
static bool disk_is_full;

int linkat(int old_dir, const char *from, int new_dir, const char *to, int flags)
{
    if (disk_is_full) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_linkat, old_dir, from, new_dir, to, flags);
}

/* Nobody may take its lease then. */
static void what_cannot_be_handed_on_is_as_it_was(void **state)
{
    struct fixture *f = *state;
    const struct timespec then = {.tv_sec = 1000};
    struct spool_name name;
    char path[512];

    write_it(f);
    path_of(f, &f->fence, path);
    assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){then, then}, 0), 0);
    disk_is_full = true;
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->next), ERR_STORE_FULL);
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->next, &f->fence), ERR_NOT_FOUND);
    disk_is_full = false;
    assert_int_equal(spool_list(&f->spool, 1, &name), 1);
    assert_int_equal(name.touched_at_us, 1000 * US_PER_SEC); /* it grows old: nobody waits for it for ever */
    assert_there(f, &f->fence);
    assert_int_equal(read_it(f, &f->next), ERR_NOT_FOUND);
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->next), OK);
}

static void put(const char *path, const void *p, size_t n)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, n), (ssize_t)n);
    (void)close(fd);
}

static void what_is_damaged_is_as_good_as_none(void **state)
{
    struct fixture *f = *state;
    char path[512], bytes[SPOOL_FILE_MAX_BYTES * 2] = {0}, elsewhere[512];
    _cleanup_(keyring_freep) struct keyring *other = NULL;

    path_of(f, &f->fence, path);
    for (int clear = 0; clear < 2; clear++) {
        f->spool.ring = clear ? NULL : f->ring;
        write_it(f);
        int fd = open(path, O_RDONLY);
        ssize_t n = read(fd, bytes, sizeof bytes);
        (void)close(fd);
        assert_true(n > 0);
        for (ssize_t cut = 0; cut < n; cut++) {
            put(path, bytes, (size_t)cut);
            assert_int_equal(read_it(f, &f->fence), ERR_STORE);
        }
        put(path, bytes, (size_t)n + 1);
        assert_int_equal(read_it(f, &f->fence), ERR_STORE);
        put(path, bytes, sizeof bytes);
        assert_int_equal(read_it(f, &f->fence), ERR_STORE);
        put(path, bytes, (size_t)n);
        assert_there(f, &f->fence);
    }
    f->spool.ring = f->ring; /* what is in the clear is nobody's of ours */
    assert_int_equal(read_it(f, &f->fence), ERR_STORE);

    write_it(f);
    assert_int_equal(keyring_parse(STR(OTHER_KEY), &other), OK);
    f->spool.ring = other;
    assert_int_equal(read_it(f, &f->fence), ERR_STORE);
    f->spool.ring = f->ring;
    f->job = uuid_new(); /* of another job */
    path_of(f, &f->fence, elsewhere);
    assert_int_equal(rename(path, elsewhere), 0);
    assert_int_equal(read_it(f, &f->fence), ERR_STORE);
}

static void what_does_not_fit_is_not_written(void **state)
{
    struct fixture *f = *state;
    char *large = arena_alloc(&f->arena, SPOOL_BODY_MAX_BYTES + 1);

    f->what.result.body = str_of(large, SPOOL_BODY_MAX_BYTES);
    write_it(f);
    assert_there(f, &f->fence);
    f->what.result.body.n++;
    assert_int_equal(spool_write(&f->spool, &f->arena, &f->job, &f->next, &f->what), ERR_STORE);
    assert_int_equal(read_it(f, &f->next), ERR_NOT_FOUND);
}

static void without_a_folder_nothing_is_kept(void **state)
{
    struct fixture *f = *state;
    struct spool_name names[4];

    (void)snprintf(f->spool.dir, sizeof f->spool.dir, "/nonexistent/spool");
    assert_int_equal(spool_write(&f->spool, &f->arena, &f->job, &f->fence, &f->what), ERR_STORE);
    assert_int_equal(spool_sync(&f->spool), ERR_STORE);
    assert_int_equal(read_it(f, &f->fence), ERR_NOT_FOUND);
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->next), ERR_NOT_FOUND);
    assert_int_equal(spool_list(&f->spool, 4, names), 0);
}

#define NOBODY 65534 /* root may enter any */

static void a_folder_that_may_not_be_entered_is_not_taken_for_empty(void **state)
{
    struct fixture *f = *state;

    write_it(f);
    assert_false(spool_is_barred(&f->spool));
    assert_int_equal(chmod(f->spool.dir, 0), 0);
    bool is_root = geteuid() == 0;
    assert_true(!is_root || seteuid(NOBODY) == 0);
    bool is_barred = spool_is_barred(&f->spool);
    enum err passed = spool_pass(&f->spool, &f->job, &f->fence, &f->next);
    assert_true(!is_root || seteuid(0) == 0);
    assert_int_equal(chmod(f->spool.dir, 0700), 0);
    assert_true(is_barred);
    assert_int_equal(passed, ERR_STORE);
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->next), OK);
}

static void one_that_is_missing_bars_nobody(void **state)
{
    struct fixture *f = *state;

    (void)snprintf(f->spool.dir, sizeof f->spool.dir, "/nonexistent/spool");
    assert_false(spool_is_barred(&f->spool));
}

static void the_list_has_ours_alone(void **state)
{
    struct fixture *f = *state;
    char path[512];
    struct spool_name names[4];

    write_it(f);
    (void)snprintf(path, sizeof path, "%s/notes.kept", f->spool.dir);
    put(path, "x", 1);
    (void)snprintf(path, sizeof path, "%s/%s.%s.kept.part", f->spool.dir, uuid_text(&f->job).s, uuid_text(&f->next).s);
    put(path, "x", 1);
    assert_int_equal(spool_list(&f->spool, 4, names), 1);
    assert_true(uuid_eq(&names[0].job, &f->job) && uuid_eq(&names[0].fence, &f->fence) && !names[0].has_other);
    assert_true(clock_now_us() - names[0].touched_at_us < 60 * US_PER_SEC);
    assert_int_equal(access(path, F_OK), 0); /* somebody may be writing it */
    assert_int_equal(spool_pass(&f->spool, &f->job, &f->fence, &f->next), OK);
    assert_int_equal(spool_list(&f->spool, 4, names), 2);
    assert_true(names[0].has_other && names[1].has_other);
    assert_int_equal(spool_list(&f->spool, 1, names), 1);
}

/* By more than anybody writes; also of a time to come, when the clock was set back since. */
static void what_is_unfinished_is_not_kept_for_long(void **state)
{
    struct fixture *f = *state;
    char path[512];
    struct spool_name names[4];

    (void)snprintf(path, sizeof path, "%s/%s.%s.kept.part", f->spool.dir, uuid_text(&f->job).s, uuid_text(&f->next).s);
    for (int ahead = -1; ahead <= 1; ahead += 2) {
        const struct timespec at = {.tv_sec = clock_now_us() / US_PER_SEC + ahead * 3600};
        put(path, "x", 1);
        assert_int_equal(utimensat(AT_FDCWD, path, (const struct timespec[]){at, at}, 0), 0);
        assert_int_equal(spool_list(&f->spool, 4, names), 0);
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(it_is_there_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_else_can_read_it, setup, teardown),
        cmocka_unit_test_setup_teardown(it_has_the_name_that_counts, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_handed_on_is_as_it_was, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_as_good_as_none, setup, teardown),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_not_written, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_folder_nothing_is_kept, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_may_not_be_entered_is_not_taken_for_empty, setup, teardown),
        cmocka_unit_test_setup_teardown(one_that_is_missing_bars_nobody, setup, teardown),
        cmocka_unit_test_setup_teardown(the_list_has_ours_alone, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_unfinished_is_not_kept_for_long, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
