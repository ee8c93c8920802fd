/* marketingcli-admin store check|move|adopt: is each image where its row says, is there nothing else, and how it gets elsewhere. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin.h"
#include "base/clock.h"
#include "base/io.h"
#include "model/upload/upload_folder.h"
#include "model/upload/upload_move.h"
#include "net/call.h"
#include "store/store.h"

#define PAGE 100
/* Whoever asked where an image is before it was moved still reads it there: media answers and nginx opens within moments. */
#define LEFT_SEC 2
#define LOCK_NAME "marketingcli_store"
#define SECRET_OF "worker_media"

struct store_desk {
    struct desk desk;
    struct store store;
    const struct given *given;
    uint64_t looked, missing, damaged, stray, foreign, deleted, moved, failed;
};

enum { STORE_LOCK_TAKE, STORE_LOCK_HELD };
static const struct sql store_sqls[] = {
    [STORE_LOCK_TAKE] = {.text = "SELECT GET_LOCK(?, 0)", .in = "s", .cols = db_number_cols},
    [STORE_LOCK_HELD] = {.text = "SELECT IS_USED_LOCK(?) = CONNECTION_ID()", .in = "s", .cols = db_number_cols},
};

static bool store_desk_open(struct store_desk *d, const struct given *given)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    *d = (struct store_desk){.given = given};
    if (!desk_open(&d->desk, given))
        return false;
    net_init();
    if (setenv("CREDENTIALS_DIRECTORY", arena_printf(&d->desk.arena, "%s/" SECRET_OF, given->dir).p, 1) == 0 &&
        store_init(&d->store, &d->desk.conf, &why) == OK)
        return true;
    complain("%.*s", STR_FMT(buf_str(&why)));
    desk_close(&d->desk);
    return false;
}

/* On another machine all would be missing, and what is moved would be moved to where nobody looks. */
static bool store_desk_folder(struct store_desk *d, bool fills)
{
    const char *why = NULL;
    enum err e = fills ? upload_folder_check(d->desk.db, &d->desk.arena, &d->store, &why)
                       : upload_folder_start(d->desk.db, &d->desk.arena, &d->store, &why);

    if (e == OK)
        return true;
    if (e == ERR_CONFLICT)
        complain("%s", why);
    else
        desk_complain(&d->desk, e);
    return false;
}

static void store_desk_close(struct store_desk *d)
{
    store_done(&d->store);
    desk_close(&d->desk);
}

static bool store_is_set_up(const struct store_desk *d, int kind)
{
    return kind == STORE_DIRECTORY || d->store.s3.endpoint != NULL;
}

/* By id, and none of what is in a table of people. */
static void store_put(const char *what, const struct uuid *id, int kind)
{
    printf("%s %s in %s\n", what, uuid_text(id).s, store_kind_names[kind]);
}

static int store_complain(const struct store_desk *d, enum err e, const struct store_said *said)
{
    return said->error[0] != '\0'
               ? complain("%s The bucket says: %s %s", err_sentence(e), said->error, said->request_id)
               : desk_complain(&d->desk, e);
}

/* check: rows without files */

static enum err store_check_digest(struct store_desk *d, const struct upload_kept *k, struct store_said *said)
{
    _cleanup_(fd_closep) int fd = -1;
    struct sha256 found;
    uint64_t bytes;

    enum err e = store_open(&d->store, (enum store_kind)k->store, &k->id, &fd, said);
    if (e != OK)
        return e;
    if (!sha256_of_file(fd, &found, &bytes))
        return ERR_STORE;
    return memcmp(found.b, k->sha256, sizeof found.b) == 0 ? OK : ERR_CONFLICT;
}

static enum err store_look_at(struct store_desk *d, const struct upload_kept *k, struct store_said *said)
{
    return d->given->digests != NULL ? store_check_digest(d, k, said)
                                     : store_look(&d->store, (enum store_kind)k->store, &k->id, said);
}

/* What was purged or moved since the row was read is no fault. */
static enum err store_check_row(struct store_desk *d, struct upload_kept *k, struct store_said *said)
{
    enum err e = store_look_at(d, k, said);

    if (e == ERR_NOT_FOUND) {
        e = upload_kept_get(d->desk.db, &d->desk.arena, &k->id, k);
        if (e != OK || k->state != UPLOAD_READY)
            return e == ERR_NOT_FOUND ? OK : e;
        e = store_look_at(d, k, said);
    }
    d->missing += e == ERR_NOT_FOUND;
    d->damaged += e == ERR_CONFLICT;
    if (e == ERR_NOT_FOUND || e == ERR_CONFLICT) {
        store_put(e == ERR_CONFLICT ? "damaged" : "missing", &k->id, k->store);
        return OK;
    }
    return e;
}

static enum err store_check_rows(struct store_desk *d, struct store_said *said)
{
    struct upload_kept *v = NULL;
    struct uuid after = UUID_NONE;
    size_t n = 0;
    enum err e;

    do {
        struct arena_mark mark = arena_mark(&d->desk.arena);
        e = upload_kept_list(d->desk.db, &d->desk.arena, &after, PAGE, &v, &n);
        for (size_t i = 0; e == OK && i < n; i++) {
            after = v[i].id;
            if (v[i].state != UPLOAD_READY)
                continue;
            d->looked++;
            e = store_check_row(d, &v[i], said);
        }
        arena_back(&d->desk.arena, &mark);
    } while (e == OK && n == PAGE);
    return e;
}

/* check: files without rows */

struct store_walk {
    struct store_desk *d;
    enum store_kind kind;
    struct store_said *said;
    enum err err;
};

/* A file is there after its row, so one without a row is nobody's. */
static enum err store_check_object(struct store_walk *w, const struct uuid *id, struct str name)
{
    struct store_desk *d = w->d;
    struct upload_kept k;

    enum err e = upload_kept_get(d->desk.db, &d->desk.arena, id, &k);
    if (e == OK && (k.store == (int)w->kind || k.store_other == (int)w->kind))
        return OK;
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    e = str_ends(name, STR(".part")) ? OK : store_look(&d->store, w->kind, id, w->said);
    if (e != OK)
        return e == ERR_NOT_FOUND ? OK : e; /* it has been purged since */
    d->stray++;
    store_put("stray", id, (int)w->kind);
    if (d->given->delete == NULL)
        return OK;
    e = store_delete(&d->store, w->kind, id, w->said);
    d->deleted += e == OK;
    return e;
}

static bool store_check_each(void *arg, struct str name, const struct uuid *id)
{
    struct store_walk *w = arg;
    struct arena_mark mark = arena_mark(&w->d->desk.arena);

    if (uuid_is_none(id)) {
        w->d->foreign++;
        printf("foreign ");
        put_foreign(name);
        printf(" in %s\n", store_kind_names[w->kind]);
    } else {
        w->err = store_check_object(w, id, name);
    }
    arena_back(&w->d->desk.arena, &mark);
    return w->err == OK;
}

static enum err store_check_objects(struct store_desk *d, struct store_said *said)
{
    for (int kind = 0; store_kind_names[kind] != NULL; kind++) {
        struct store_walk w = {.d = d, .kind = (enum store_kind)kind, .said = said, .err = OK};
        enum err e = store_is_set_up(d, kind) ? store_each(&d->store, w.kind, store_check_each, &w, said) : OK;
        if (w.err != OK || e != OK)
            return w.err != OK ? w.err : e;
    }
    return OK;
}

int verb_store_check(const struct given *given)
{
    struct store_said said = {.error = ""};
    struct store_desk d;

    if (!store_desk_open(&d, given))
        return EXIT_FAILED;
    if (!store_desk_folder(&d, false)) {
        store_desk_close(&d);
        return EXIT_FAILED;
    }
    enum err e = store_check_rows(&d, &said);
    if (e == OK)
        e = store_check_objects(&d, &said);
    int code = e == OK ? EXIT_DONE : store_complain(&d, e, &said);
    printf("%" PRIu64 " images: %" PRIu64 " missing, %" PRIu64 " damaged; %" PRIu64
           " files without an image, of which %" PRIu64 " were deleted; %" PRIu64 " foreign files\n",
           d.looked, d.missing, d.damaged, d.stray, d.deleted, d.foreign);
    if (d.missing + d.damaged + d.foreign + (d.stray - d.deleted) > 0)
        code = EXIT_FAILED;
    store_desk_close(&d);
    return code;
}

/* move */

struct store_left { /* moved, and still to be deleted where it was */
    struct uuid v[PAGE];
    size_t n;
    int64_t since_us; /* clock_mono_us of the last one */
};

static bool store_holds_lock(const struct store_desk *d)
{
    int64_t held = 0;

    return db_number(d->desk.db, &store_sqls[STORE_LOCK_HELD], DB_ARGS(db_cstr(LOCK_NAME)), &held) == OK && held == 1;
}

/* A purge or somebody's deletion came between: nothing may stay of the copy, unless the row says that it is the image by now. */
static enum err store_move_undo(struct store_desk *d, const struct uuid *id, int from, int to, struct store_said *said)
{
    struct upload_kept k;

    enum err e = upload_kept_get(d->desk.db, &d->desk.arena, id, &k);
    if (e == OK && k.store == to)
        return OK;
    if (e != OK && e != ERR_NOT_FOUND)
        return e;
    e = store_delete(&d->store, (enum store_kind)to, id, said);
    if (e == OK)
        e = upload_move_end(d->desk.db, id, to, from);
    return e == ERR_CONFLICT ? OK : e;
}

/* A fault of one image is told and passed over; what is no image's own ends the run. */
static enum err store_move_one(struct store_desk *d, const struct upload_kept *k, int to, struct store_left *left,
                               struct store_said *said)
{
    struct sha256 digest;

    memcpy(digest.b, k->sha256, sizeof digest.b);
    enum err e = upload_move_begin(d->desk.db, &k->id, k->store, to);
    if (e == ERR_CONFLICT)
        return OK; /* gone since it was listed */
    if (e == OK)
        e = store_copy(&d->store, &k->id, (enum store_kind)k->store, (enum store_kind)to, &digest, said);
    if (e == ERR_NOT_FOUND || e == ERR_CONFLICT) {
        store_put(e == ERR_CONFLICT ? "damaged" : "missing", &k->id, k->store);
        d->failed++;
        return store_move_undo(d, &k->id, k->store, to, said);
    }
    if (e == OK)
        e = upload_move_switch(d->desk.db, &k->id, k->store, to);
    if (e == ERR_CONFLICT)
        return store_move_undo(d, &k->id, k->store, to, said);
    if (e == OK) {
        left->v[left->n++] = k->id;
        left->since_us = clock_mono_us();
    }
    return e;
}

static enum err store_move_leave(struct store_desk *d, int from, int to, struct store_left *left,
                                 struct store_said *said)
{
    int64_t wait_us = left->since_us + LEFT_SEC * US_PER_SEC - clock_mono_us();
    enum err e = OK;

    if (left->n > 0 && wait_us > 0)
        (void)nanosleep(&(struct timespec){wait_us / US_PER_SEC, wait_us % US_PER_SEC * 1000}, NULL);
    if (left->n > 0 && !store_holds_lock(d))
        return ERR_DB_UNAVAILABLE;
    for (size_t i = 0; e == OK && i < left->n; i++) {
        e = store_delete(&d->store, (enum store_kind)from, &left->v[i], said);
        if (e == OK)
            e = upload_move_end(d->desk.db, &left->v[i], from, to);
        e = e == ERR_CONFLICT ? OK : e; /* purged meanwhile */
        d->moved += e == OK;
    }
    left->n = 0;
    return e;
}

static enum err store_move_page(struct store_desk *d, const struct upload_kept *v, size_t n, int to,
                                struct store_said *said)
{
    int from = to == STORE_S3 ? STORE_DIRECTORY : STORE_S3;
    struct store_left left = {.n = 0};
    enum err e = OK;

    for (size_t i = 0; e == OK && i < n; i++) {
        if (v[i].state != UPLOAD_READY)
            continue;
        if (v[i].store != to)
            e = store_move_one(d, &v[i], to, &left, said);
        else if (v[i].store_other != to)
            left.v[left.n++] = v[i].id; /* of a run before this one */
    }
    enum err last = store_move_leave(d, from, to, &left, said);
    return e != OK ? e : last;
}

static enum err store_move_all(struct store_desk *d, int to, struct store_said *said)
{
    struct upload_kept *v = NULL;
    struct uuid after = UUID_NONE;
    size_t n = 0;
    enum err e;

    do {
        struct arena_mark mark = arena_mark(&d->desk.arena);
        e = upload_kept_list(d->desk.db, &d->desk.arena, &after, PAGE, &v, &n);
        if (e == OK && n > 0) {
            after = v[n - 1].id;
            e = store_move_page(d, v, n, to, said);
        }
        arena_back(&d->desk.arena, &mark);
    } while (e == OK && n == PAGE);
    return e;
}

static int store_move_checked(struct store_desk *d, int to)
{
    struct store_said said = {.error = ""};
    int64_t taken = 0;

    if (!store_is_set_up(d, STORE_S3))
        return complain("s3.endpoint is not set");
    if (!store_desk_folder(d, to == STORE_DIRECTORY))
        return EXIT_FAILED;
    enum err e = db_number(d->desk.db, &store_sqls[STORE_LOCK_TAKE], DB_ARGS(db_cstr(LOCK_NAME)), &taken);
    if (e == OK && taken != 1)
        return complain("another store move is running");
    if (e == OK)
        e = store_move_all(d, to, &said);
    if (e == OK && to == STORE_S3 && d->store.kind == STORE_S3)
        e = upload_folder_release(d->desk.db);
    int code = e == OK ? EXIT_DONE : store_complain(d, e, &said);
    printf("%" PRIu64 " images moved to %s, %" PRIu64 " not\n", d->moved, store_kind_names[to], d->failed);
    return d->failed > 0 ? EXIT_FAILED : code;
}

int verb_store_move(const struct given *given)
{
    struct store_desk d;
    int to = 0;

    while (store_kind_names[to] != NULL && strcmp(store_kind_names[to], given->argument) != 0)
        to++;
    if (store_kind_names[to] == NULL) {
        complain("%s is no store: say directory or s3", given->argument);
        return EXIT_USAGE;
    }
    if (!store_desk_open(&d, given))
        return EXIT_FAILED;
    int code = store_move_checked(&d, to);
    store_desk_close(&d);
    return code;
}

int verb_store_adopt(const struct given *given)
{
    struct store_desk d;

    if (!store_desk_open(&d, given))
        return EXIT_FAILED;
    enum err e = upload_folder_adopt(d.desk.db, &d.desk.arena, &d.store);
    int code = e == OK ? EXIT_DONE : desk_complain(&d.desk, e);
    if (e == OK)
        printf("%s of this machine has the images\n", d.store.dir);
    store_desk_close(&d);
    return code;
}
