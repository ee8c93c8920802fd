/* A new post locks in the one order of docs/architecture.md, whatever order its client names the images in. */
#include "rows.h"

#include <pthread.h>

#include "base/clock.h"
#include "model/post/post.h"

static const struct conf conf = {
    .store_keep_days = 7, .caps_uploads = 100, .caps_upload_mb = 100, .caps_queued_posts = 1000, .caps_posts = 10000};

enum { LOCK_ACCOUNT, LOCK_UPLOAD };
static const struct sql sqls[] = {
    [LOCK_ACCOUNT] = {.text = "SELECT 1 FROM accounts WHERE id = ? FOR UPDATE", .in = "u", .cols = db_number_cols},
    [LOCK_UPLOAD] = {.text = "SELECT 1 FROM uploads WHERE id = ? FOR UPDATE", .in = "u", .cols = db_number_cols},
};

struct fixture {
    struct db *creator, *other, *watcher;
    struct db_counts counts;
    struct arena arena;
    struct account account;
    struct uuid uploads[2]; /* in the order of their ids */
    pthread_t thread;
    enum err created;
};

static int setup(void **state)
{
    struct fixture *f = xcalloc(1, sizeof *f);

    f->creator = rows_connect(&f->counts);
    f->other = rows_connect(&f->counts);
    f->watcher = rows_connect(&f->counts);
    arena_init(&f->arena, 8 << 20);
    f->account = (struct account){.id = uuid_new(), .user_id = uuid_new(), .state = ACCOUNT_ACTIVE};
    rows_add_user(f->other, &f->account.user_id);
    rows_add_account(f->other, &f->account.id, &f->account.user_id);
    for (size_t i = 0; i < 2; i++)
        f->uploads[i] = uuid_new();
    if (uuid_cmp(&f->uploads[0], &f->uploads[1]) > 0) {
        struct uuid first = f->uploads[0];
        f->uploads[0] = f->uploads[1];
        f->uploads[1] = first;
    }
    for (size_t i = 0; i < 2; i++)
        rows_add_upload(f->other, &f->uploads[i], &f->account.user_id);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    db_free(f->creator);
    db_free(f->other);
    db_free(f->watcher);
    arena_done(&f->arena);
    free(f);
    return 0;
}

static enum err nothing_last(const void *made, void *arg)
{
    (void)made;
    (void)arg;
    return OK;
}

static void *create(void *arg)
{
    struct fixture *f = arg;
    struct uuid ids[] = {f->uploads[1], f->uploads[0]};
    struct problems problems = {0};
    const struct post_draft draft = {
        .options = {.post_mode = STR("MEDIA_UPLOAD")}, .upload_ids = ids, .upload_ids_n = 2, .by_upload_ids = true};
    const struct last_step last = {.fn = nothing_last};
    struct post_receipt made;

    f->created = post_create(f->creator, &f->arena, &conf, &f->account, &draft, &problems, &last, &made);
    if (f->created == OK) /* the carousel stays as the client has it */
        for (size_t i = 0; i < 2; i++)
            assert_true(made.images[i].position == (int64_t)i && uuid_eq(&made.images[i].upload_id, &ids[i]));
    return NULL;
}

static void lock_row(struct db *db, int which, const struct uuid *id)
{
    int64_t one;

    assert_int_equal(db_number(db, &sqls[which], DB_ARGS(db_uuid(id)), &one), OK);
}

/* Once the creator waits for our first row, we take another one that it needs. */
static enum err lock_two(struct db *db, void *arg)
{
    struct fixture *f = arg;

    lock_row(db, LOCK_UPLOAD, &f->uploads[0]);
    assert_int_equal(pthread_create(&f->thread, NULL, create, f), 0);
    while (rows_waits(f->watcher) == 0)
        ;
    lock_row(db, LOCK_UPLOAD, &f->uploads[1]);
    return OK;
}

/* As the end of a post does with its images. */
static void images_in_the_order_of_their_ids(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_tx(f->other, lock_two, f), OK);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    assert_int_equal(f->created, OK);
    assert_int_equal(atomic_load(&f->counts.reruns), 0);
}

static enum err create_beside(struct db *db, void *arg)
{
    struct fixture *f = arg;

    lock_row(db, LOCK_ACCOUNT, &f->account.id);
    (void)create(f);
    return OK;
}

/* A worker that notes a call of the account, say, holds up nobody: of what a post refers to, nothing changes. */
static void not_the_account(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(db_tx(f->other, create_beside, f), OK);
    assert_int_equal(f->created, OK);
    assert_int_equal(atomic_load(&f->counts.reruns), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(images_in_the_order_of_their_ids, setup, teardown),
        cmocka_unit_test_setup_teardown(not_the_account, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
