#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/private.h"

struct fixture {
    char dir[32];
    struct store store;
    struct uuid id;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    (void)snprintf(f->dir, sizeof f->dir, "/tmp/store-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    f->store.dir = f->dir;
    f->id = uuid_new();
    *state = f;
    return 0;
}

static int take_away(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    (void)nftw(f->dir, take_away, 8, FTW_DEPTH | FTW_PHYS);
    free(f);
    return 0;
}

static int files; /* nftw has no argument for it */

static int count(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)path;
    (void)st;
    (void)ftw;
    files += flag == FTW_F;
    return 0;
}

static int count_files(const struct fixture *f)
{
    files = 0;
    assert_int_equal(nftw(f->dir, count, 8, FTW_PHYS), 0);
    return files;
}

static void put(struct fixture *f, const char *text)
{
    struct store_file file;

    assert_int_equal(store_create(&f->store, &f->id, &file), OK);
    assert_int_equal(write(file.fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(store_commit(&f->store, &file, NULL), OK);
    assert_int_equal(file.fd, -1);
    store_discard(&file); /* nothing */
}

static void kept(void **state)
{
    struct fixture *f = *state;
    char text[16] = "", path[STORE_PATH_SIZE], full[128];
    struct stat st;
    int fd;

    mode_t old = umask(077); /* the modes do not depend on it */
    put(f, "picture");
    (void)umask(old);
    assert_int_equal(store_open(&f->store, STORE_DIRECTORY, &f->id, &fd, NULL), OK);
    assert_int_equal(read(fd, text, sizeof text), 7);
    assert_string_equal(text, "picture");
    (void)close(fd);
    store_path(&f->id, path);
    (void)snprintf(full, sizeof full, "%s/%s", f->dir, path);
    assert_int_equal(stat(full, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0644);
    for (int level = 0; level < 2; level++) {
        *strrchr(full, '/') = '\0';
        assert_int_equal(stat(full, &st), 0);
        assert_int_equal(st.st_mode & 07777, 02775);
    }
    assert_int_equal(count_files(f), 1);
}

static void path_is_of_the_id_alone(void **state)
{
    struct uuid id;
    char path[STORE_PATH_SIZE];

    (void)state;
    assert_true(uuid_parse(STR("01890a5d-ac96-774b-bcce-b302099aABCD"), &id));
    store_path(&id, path);
    assert_string_equal(path, "ab/cd/01890a5d-ac96-774b-bcce-b302099aabcd.jpg");
}

static void not_there_before_commit(void **state)
{
    struct fixture *f = *state;
    struct store_file file;
    int fd;

    assert_int_equal(store_open(&f->store, STORE_DIRECTORY, &f->id, &fd, NULL), ERR_NOT_FOUND);
    assert_int_equal(store_create(&f->store, &f->id, &file), OK);
    assert_int_equal(store_open(&f->store, STORE_DIRECTORY, &f->id, &fd, NULL), ERR_NOT_FOUND);
    assert_int_equal(count_files(f), 1);
    store_discard(&file);
    assert_int_equal(count_files(f), 0);
    store_discard(&file); /* a second time: nothing */
}

static void deletes(void **state)
{
    struct fixture *f = *state;
    struct store_file file;

    assert_int_equal(store_delete(&f->store, STORE_DIRECTORY, &f->id, NULL), OK); /* never was there, nor its folders */
    put(f, "picture");
    assert_int_equal(store_delete(&f->store, STORE_DIRECTORY, &f->id, NULL), OK);
    assert_int_equal(count_files(f), 0);
    assert_int_equal(store_delete(&f->store, STORE_DIRECTORY, &f->id, NULL), OK);
    /* What a process leaves that dies before its commit. */
    assert_int_equal(store_create(&f->store, &f->id, &file), OK);
    (void)close(file.fd);
    assert_int_equal(count_files(f), 1);
    assert_int_equal(store_delete(&f->store, STORE_DIRECTORY, &f->id, NULL), OK);
    assert_int_equal(count_files(f), 0);
}

static void one_writer(void **state)
{
    struct fixture *f = *state;
    struct store_file a, b;

    assert_int_equal(store_create(&f->store, &f->id, &a), OK);
    assert_int_equal(store_create(&f->store, &f->id, &b), ERR_STORE);
    assert_int_equal(store_commit(&f->store, &a, NULL), OK);
}

/* A crash came between the making of a folder and the fsync of the one above: the name may be gone after the next. */
static void a_folder_that_a_crash_left_is_made_anew(void **state)
{
    struct fixture *f = *state;
    char below[STORE_PATH_SIZE], outer[64], inner[64];
    struct stat st;

    store_path(&f->id, below);
    (void)snprintf(outer, sizeof outer, "%s/%.2s", f->dir, below);
    (void)snprintf(inner, sizeof inner, "%s/%.5s", f->dir, below);
    assert_int_equal(mkdir(outer, 0700), 0);
    assert_int_equal(mkdir(inner, 0700), 0);
    put(f, "image");
    assert_int_equal(stat(outer, &st), 0);
    assert_int_equal(st.st_mode & 07777, 02775);
    assert_int_equal(stat(inner, &st), 0);
    assert_int_equal(st.st_mode & 07777, 02775);
}

/* Of another user of the group, who cannot give it its mode, it would stay so: TikTok could not fetch what is in it. */
static void a_folder_that_a_crash_left_can_be_entered(void **state)
{
    struct fixture *f = *state;
    struct store_file file = STORE_FILE_NONE;
    char below[STORE_PATH_SIZE], outer[64];
    struct stat st;
    bool is_root = geteuid() == 0;

    store_path(&f->id, below);
    (void)snprintf(outer, sizeof outer, "%s/%.2s", f->dir, below);
    assert_int_equal(chmod(f->dir, 0300), 0); /* so it cannot be synced: a crash came then */
    mode_t old = umask(007);
    if (is_root)
        assert_true(chown(f->dir, 65534, (gid_t)-1) == 0 && seteuid(65534) == 0);
    assert_int_equal(store_create(&f->store, &f->id, &file), ERR_STORE);
    assert_int_equal(stat(outer, &st), 0);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    (void)umask(old);
    assert_int_equal(chmod(f->dir, 0700), 0);
    assert_int_equal(st.st_mode & 0777, 0771);
}

static void no_folder(void **state)
{
    struct fixture *f = *state;
    struct store gone = {.dir = "/nonexistent/store"};
    struct store_file file = STORE_FILE_NONE;
    char deep[600];
    int fd;

    assert_int_equal(store_create(&gone, &f->id, &file), ERR_STORE);
    assert_int_equal(store_open(&gone, STORE_DIRECTORY, &f->id, &fd, NULL), ERR_NOT_FOUND);
    memset(deep, 'x', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    gone.dir = deep;
    assert_int_equal(store_create(&gone, &f->id, &file), ERR_STORE);
    assert_int_equal(store_delete(&gone, STORE_DIRECTORY, &f->id, NULL), ERR_STORE);
}

static void commit_without_temporary(void **state)
{
    struct fixture *f = *state;
    struct store_file file;
    int fd;

    assert_int_equal(store_create(&f->store, &f->id, &file), OK);
    assert_int_equal(unlink(file.temporary), 0); /* a purge came first */
    assert_int_equal(store_commit(&f->store, &file, NULL), ERR_STORE);
    assert_int_equal(file.fd, -1);
    assert_int_equal(store_open(&f->store, STORE_DIRECTORY, &f->id, &fd, NULL), ERR_NOT_FOUND);
}

static void full_disk(void **state)
{
    struct store_file file = {.fd = open("/dev/full", O_WRONLY)};

    (void)state;
    /* /dev/full takes no fsync, which stands for any failure of the disk at commit. */
    assert_true(file.fd >= 0);
    assert_int_equal(store_commit(&(struct store){.dir = "/tmp"}, &file, NULL), ERR_STORE);
}

static void spool(void **state)
{
    struct fixture *f = *state;
    struct stat st;
    int fd;

    assert_int_equal(spool_open(f->dir, &fd), OK);
    assert_int_equal(write(fd, "x", 1), 1);
    assert_int_equal(count_files(f), 0); /* it has no name */
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    (void)close(fd);
    assert_int_equal(spool_open("/nonexistent", &fd), ERR_STORE);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, set_up, tear_down)

/* What is said of a bucket must fit together; without one nothing need be said. */
static void a_bucket_that_is_set_wrongly(void **state)
{
    struct fixture *f = *state;
    const struct conf right = {.store_dir = str_from(f->dir),
                               .store_spool_dir = str_from(f->dir),
                               .store_kind = STORE_S3,
                               .s3_endpoint = STR("https://store.example"),
                               .s3_bucket = STR("images"),
                               .s3_region = STR("auto"),
                               .s3_key_id = STR("id"),
                               .s3_ca_file = STR(""),
                               .s3_timeout_sec = 1};
    static const char *const sentences[] = {
        "store.kind is s3, and s3.endpoint is not set",
        "s3.endpoint is set, and s3.bucket is not the name of a bucket",
        "s3.endpoint is set, and s3.bucket is not the name of a bucket",
        "s3.endpoint is set, and s3.key_id is not",
    };
    struct conf wrong[ARRAY_LEN(sentences)] = {right, right, right, right};
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);
    char path[64];
    struct store store;

    wrong[0].s3_endpoint = STR("");
    wrong[1].s3_bucket = STR("");
    wrong[2].s3_bucket = STR("images/inner");
    wrong[3].s3_key_id = STR("");
    (void)snprintf(path, sizeof path, "%s/" STORE_SECRET_CREDENTIAL, f->dir);
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", f->dir, 1), 0);
    assert_int_equal(store_init(&store, &right, &why), ERR_IO);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    buf_clear(&why);
    assert_int_equal(store_init(&store, &right, &why), ERR_STORE);
    assert_string_equal(why.p, "s3.endpoint is set, and the credential s3-secret-key is empty");
    assert_true(fputs("secret\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        buf_clear(&why);
        assert_int_equal(store_init(&store, &wrong[i], &why), ERR_STORE);
        assert_string_equal(why.p, sentences[i]);
    }
    assert_int_equal(store_init(&store, &right, &why), OK);
    assert_true(secret_ring_has(&store.secrets, STR("secret")));
    store_done(&store);

    /* While it is replaced each line has its id, or that of the configuration. */
    static const struct {
        const char *text, *fault;
        bool without_id;
    } rings[] = {
        {"new-id new\nid old\n", NULL, true},
        {"new-id new\nold\n", NULL, false},
        {"new-id new\nold\n", "s3.endpoint is set, and s3.key_id is not", true},
        {"a b c\n", "the credential s3-secret-key has a line that is neither SECRET nor ID SECRET", false},
        {"1\n2\n3\n4\n5\n", "the credential s3-secret-key has more than 4 lines", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(rings); i++) {
        struct conf conf = right;
        if (rings[i].without_id)
            conf.s3_key_id = STR("");
        buf_clear(&why);
        file = fopen(path, "w");
        assert_true(file != NULL && fputs(rings[i].text, file) >= 0 && fclose(file) == 0);
        assert_int_equal(store_init(&store, &conf, &why) == OK, rings[i].fault == NULL);
        if (rings[i].fault != NULL)
            assert_string_equal(why.p, rings[i].fault);
        store_done(&store);
    }
}

/* Who has no bucket any more is told so, and nothing counts as deleted. */
static void a_bucket_that_is_not_set(void **state)
{
    struct fixture *f = *state;
    struct store_said said;
    int fd;

    assert_int_equal(store_delete(&f->store, STORE_S3, &f->id, &said), ERR_STORE);
    assert_string_equal(said.error, "s3.endpoint is not set");
    assert_int_equal(store_look(&f->store, STORE_S3, &f->id, NULL), ERR_STORE);
    assert_int_equal(store_open(&f->store, STORE_S3, &f->id, &fd, NULL), ERR_STORE);
}

struct walked {
    int ours, foreign;
};

static bool walk(void *arg, struct str name, const struct uuid *id)
{
    struct walked *w = arg;

    assert_true(name.n > 0);
    w->ours += !uuid_is_none(id);
    w->foreign += uuid_is_none(id);
    return true;
}

/* Also what a crash has left half written; what lies elsewhere than its name says is none of ours. */
static void all_that_is_there(void **state)
{
    struct fixture *f = *state;
    struct walked w = {.ours = 0};
    struct store_file file = STORE_FILE_NONE, half = STORE_FILE_NONE;
    struct uuid other = uuid_new();
    char path[128];

    assert_int_equal(store_create(&f->store, &f->id, &file), OK);
    assert_int_equal(store_commit(&f->store, &file, NULL), OK);
    assert_int_equal(store_create(&f->store, &other, &half), OK);
    struct uuid_text elsewhere = uuid_text(&f->id);
    const char *const foreign[] = {elsewhere.s, "a", "ab.jpg"};
    for (size_t i = 0; i < ARRAY_LEN(foreign); i++) {
        (void)snprintf(path, sizeof path, "%s/%s.jpg", f->dir, foreign[i]);
        int fd = open(path, O_CREAT | O_WRONLY, 0600);
        assert_true(fd >= 0);
        close(fd);
    }
    assert_int_equal(store_each(&f->store, STORE_DIRECTORY, walk, &w, NULL), OK);
    assert_int_equal(w.ours, 2);
    assert_int_equal(w.foreign, 3);
    store_discard(&half);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bucket_that_is_set_wrongly),
        TEST(a_bucket_that_is_not_set),
        TEST(all_that_is_there),
        TEST(kept),
        TEST(path_is_of_the_id_alone),
        TEST(not_there_before_commit),
        TEST(deletes),
        TEST(one_writer),
        TEST(a_folder_that_a_crash_left_is_made_anew),
        TEST(a_folder_that_a_crash_left_can_be_entered),
        TEST(no_folder),
        TEST(commit_without_temporary),
        TEST(full_disk),
        TEST(spool),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
