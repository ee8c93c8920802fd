/*
 * Once a day both stores are compared with the rows (lib/model/upload/upload_check.h): an image that is not where its row says is an
 * alarm, and an object that is nobody's is deleted. One comes about when a bucket takes an image of whose PUT nobody heard after it was
 * deleted. A run looks at a part, well within its lease, and the next one goes on where it ended; marketingcli-admin store check is the
 * same look, at once and image by image.
 *
 * Of an object that a row knows as deleted nobody can want anything. One that no row knows is of rows that are long gone; or this is
 * not its database, but a copy, a restored one or one that was set up anew with the same bucket. So these are deleted only if the look
 * before this one has found few of them; else it is an alarm, too.
 */
#include <stdio.h>

#include "media/kinds.h"
#include "media/places.h"
#include "metrics/metrics.h"
#include "model/upload/upload_check.h"
#include "model/upload/upload_move.h"
#include "store/calls.h"

#define CHECK_EVERY_US US_PER_DAY
#define CHECK_RUN_US (20 * US_PER_SEC) /* of one run, which then comes again at once */
#define CHECK_AGE_US \
    US_PER_DAY          /* of an object that may go: whatever wrote it has ended, and who restores a database is done */
#define CHECK_BATCH 100 /* rows; the place is noted after them */
#define STRAYS_FEW 100  /* more do not come about by themselves */

struct check_run {
    int store; /* enum store_kind */
    struct upload_check state;
    int64_t until_us;
    struct arena_mark mark; /* a page is given back when it was looked at */
    enum { ASKED_NOTHING, ASKED_LOOK, ASKED_FIND, ASKED_LIST, ASKED_DELETE } asked;
    struct upload_due *rows;
    struct s3_listing objects;
    size_t n, at; /* of rows or objects */
    char place[CHECK_PLACE_MAX_BYTES + 1];
    int64_t missing, strays, deleted, foreign; /* of this run, for the log */
};

enum check_verdict { OBJECT_KEEP, OBJECT_DELETE };

static enum err check_note(struct job_run *run, struct check_run *c, struct str place)
{
    ASSERT(place.n < sizeof c->place);
    if (place.p != NULL && place.p != c->place) /* the arena is given back */
        memcpy(c->place, place.p, place.n);
    c->state.place = place.p == NULL ? place : str_of(c->place, place.n);
    enum err e = upload_check_put(run->db, c->store, &c->state);
    arena_back(run->arena, &c->mark);
    c->n = c->at = 0;
    return e;
}

static void check_tell(struct job_run *run, const struct check_run *c)
{
    struct metrics *m = run->worker->metrics->set;
    const char *store = store_kind_names[c->store];

    if (c->state.missing > 0)
        alarm_raise(m, ALARM_IMAGES_MISSING, LOG_CSTR("store", store), LOG_INT("images", c->state.missing), LOG_END);
    if (c->state.strays > STRAYS_FEW)
        alarm_raise(m, ALARM_IMAGES_STRAY, LOG_CSTR("store", store), LOG_INT("objects", c->state.strays), LOG_END);
}

static enum err check_next_part(struct job_run *run, struct check_run *c)
{
    struct upload_check *s = &c->state;

    if (s->part == CHECK_ROWS) {
        s->part = CHECK_OBJECTS;
        return check_note(run, c, (struct str){NULL, 0});
    }
    check_tell(run, c);
    *s = (struct upload_check){.strays_before = s->strays, .looked_at_us = clock_now_us()};
    return check_note(run, c, (struct str){NULL, 0});
}

/* Rows */

/* It was not there. What was marked or moved since the row was read is no fault: that comes before the file goes. */
static enum err check_row_missing(struct job_run *run, struct check_run *c, bool *ret_missing)
{
    struct upload_kept kept;

    enum err e = upload_kept_get(run->db, run->arena, &c->rows[c->at].id, &kept);
    *ret_missing = e == OK && kept.state == UPLOAD_READY && kept.store == c->store;
    return e == ERR_NOT_FOUND ? OK : e;
}

static void check_row_end(struct check_run *c, bool missing)
{
    c->state.missing += missing;
    c->missing += missing;
    c->asked = ASKED_NOTHING;
    c->at++;
}

static enum job_step check_row_in_folder(struct job_run *run, struct check_run *c)
{
    enum err e = store_look(run->worker->store, STORE_DIRECTORY, &c->rows[c->at].id, NULL);
    bool missing = false;

    if (e == ERR_NOT_FOUND)
        e = check_row_missing(run, c, &missing);
    if (e != OK)
        return job_run_failed(run, e);
    check_row_end(c, missing);
    return JOB_DONE;
}

static enum job_step check_row_asked(struct job_run *run, struct check_run *c)
{
    struct store_said said = {.error = ""};
    struct s3_listing found = {.n = 0};
    bool missing = false;
    enum err e;

    if (c->asked == ASKED_LOOK) {
        e = store_called_look(run->arena, run->result, &said);
        if (e == ERR_NOT_FOUND) {
            c->asked = ASKED_FIND;
            store_call_find(run->worker->store, run->arena, &c->rows[c->at].id, &run->call);
            return JOB_CALL;
        }
    } else {
        e = store_called_list(run->arena, run->result, (struct str){NULL, 0}, &found, &said);
        if (e == OK && found.n == 0)
            e = check_row_missing(run, c, &missing);
    }
    places_note(run, &said);
    if (e != OK)
        return job_run_failed(run, e);
    check_row_end(c, missing);
    return JOB_DONE;
}

static enum job_step check_row(struct job_run *run, struct check_run *c)
{
    if (c->asked != ASKED_NOTHING)
        return check_row_asked(run, c);
    if (c->store == STORE_DIRECTORY)
        return check_row_in_folder(run, c);
    c->asked = ASKED_LOOK;
    store_call_look(run->worker->store, run->arena, &c->rows[c->at].id, &run->call);
    return JOB_CALL;
}

static enum job_step check_rows(struct job_run *run, struct check_run *c)
{
    enum err e = OK;

    if (c->n == 0) {
        struct upload_due after = upload_check_placed(c->state.place);
        e = upload_check_rows(run->db, run->arena, c->store, &after, CHECK_BATCH, &c->rows, &c->n);
        if (e == OK && c->n == 0)
            e = check_next_part(run, c);
        return e == OK ? JOB_DONE : job_run_failed(run, e);
    }
    while (c->at < c->n) {
        enum job_step step = check_row(run, c);
        if (step != JOB_DONE)
            return step;
    }
    e = check_note(run, c, upload_check_place(run->arena, &c->rows[c->n - 1]));
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

/* Objects */

static enum err check_object(struct job_run *run, struct check_run *c, const struct uuid *id, enum check_verdict *ret)
{
    struct upload_kept kept;

    *ret = OBJECT_KEEP;
    c->foreign += uuid_is_none(id);
    if (uuid_is_none(id) || uuid_made_us(id) > clock_now_us() - CHECK_AGE_US)
        return OK;
    enum err e = upload_kept_get(run->db, run->arena, id, &kept);
    if (e !=
        ERR_NOT_FOUND) /* a copy in the wrong place may be one that a move has just made; it goes when its image has gone */
        return e;
    e = upload_check_known(run->db, id);
    if (e == ERR_NOT_FOUND) {
        c->state.strays++;
        c->strays++;
        if (c->state.strays_before < 0 || c->state.strays_before > STRAYS_FEW)
            return OK;
        e = OK;
    }
    if (e == OK)
        *ret = OBJECT_DELETE;
    return e;
}

struct check_folder {
    struct job_run *run;
    struct check_run *c;
    enum err err;
};

static bool check_file(void *arg, struct str name, const struct uuid *id)
{
    struct check_folder *f = arg;
    struct arena_mark mark = arena_mark(f->run->arena);
    enum check_verdict verdict;

    (void)name;
    f->err = check_object(f->run, f->c, id, &verdict);
    if (f->err == OK && verdict == OBJECT_DELETE) {
        f->err = store_delete(f->run->worker->store, STORE_DIRECTORY, id, NULL);
        f->c->deleted += f->err == OK;
    }
    arena_back(f->run->arena, &mark);
    return f->err == OK;
}

static bool check_may_go_on(const struct job_run *run, const struct check_run *c)
{
    return clock_mono_us() < c->until_us && !job_run_is_stopping(run);
}

static enum job_step check_folders(struct job_run *run, struct check_run *c)
{
    struct check_folder f = {.run = run, .c = c, .err = OK};
    int64_t at = 0;
    enum err e = OK;

    if (c->state.place.p != NULL && !str_to_i64(c->state.place, &at))
        at = 0;
    do {
        e = at < STORE_FOLDERS ? store_each_in(run->worker->store, (unsigned)at, check_file, &f) : OK;
        e = f.err != OK ? f.err : e;
    } while (e == OK && ++at < STORE_FOLDERS && check_may_go_on(run, c));
    if (e == OK)
        e = at < STORE_FOLDERS ? check_note(run, c, arena_printf(run->arena, "%lld", (long long)at))
                               : check_next_part(run, c);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

static enum job_step check_page(struct job_run *run, struct check_run *c)
{
    struct store_said said = {.error = ""};

    if (c->asked == ASKED_NOTHING) {
        c->asked = ASKED_LIST;
        store_call_list(run->worker->store, run->arena, c->state.place, S3_LIST_MAX, &run->call);
        return JOB_CALL;
    }
    c->asked = ASKED_NOTHING;
    enum err e = store_called_list(run->arena, run->result, c->state.place, &c->objects, &said);
    c->n = c->objects.n;
    places_note(run, &said);
    if (e == OK && c->n == 0)
        e = check_next_part(run, c);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

static enum err check_deleted(struct job_run *run, struct check_run *c)
{
    struct store_said said = {.error = ""};
    enum err e = store_called_delete(run->arena, run->result, &said);

    c->asked = ASKED_NOTHING;
    c->deleted += e == OK;
    c->at++;
    places_note(run, &said);
    return e;
}

static enum job_step check_objects(struct job_run *run, struct check_run *c)
{
    enum err e = OK;

    if (c->n == 0)
        return check_page(run, c);
    if (c->asked == ASKED_DELETE)
        e = check_deleted(run, c);
    while (e == OK && c->at < c->n) {
        struct uuid id = store_id_of(c->objects.v[c->at].key);
        enum check_verdict verdict;
        e = check_object(run, c, &id, &verdict);
        if (e == OK && verdict == OBJECT_DELETE) {
            c->asked = ASKED_DELETE;
            store_call_delete(run->worker->store, run->arena, &id, &run->call);
            return JOB_CALL;
        }
        c->at++;
    }
    if (e == OK)
        e = check_note(run, c, c->objects.v[c->n - 1].key);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

/* The job */

/* Which store's turn it is. JOB_DONE: c says; JOB_AGAIN: none's. */
static enum job_step check_choose(struct job_run *run, struct check_run *c)
{
    int64_t now_us = clock_now_us();

    run->again_at_us = now_us + CHECK_EVERY_US;
    for (c->store = 0; store_kind_names[c->store] != NULL; c->store++) {
        struct upload_check *s = &c->state;
        if (c->store == STORE_S3 && !store_has_bucket(run->worker->store))
            continue;
        enum err e = upload_check_get(run->db, run->arena, c->store, s);
        if (e != OK)
            return job_run_failed(run, e);
        int64_t due_us = s->looked_at_us > now_us ? now_us : s->looked_at_us + CHECK_EVERY_US;
        if (s->under_way || due_us <= now_us) {
            s->part = s->under_way ? s->part : CHECK_ROWS;
            s->under_way = true;
            return JOB_DONE;
        }
        run->again_at_us = MIN(run->again_at_us, due_us);
    }
    return JOB_AGAIN;
}

static enum job_step check_ends(struct job_run *run, const struct check_run *c)
{
    run->note = c->missing + c->strays + c->deleted + c->foreign == 0
                    ? NULL
                    : arena_printf(run->arena, "%s: %lld missing, %lld of no row, %lld deleted, %lld foreign",
                                   store_kind_names[c->store], (long long)c->missing, (long long)c->strays,
                                   (long long)c->deleted, (long long)c->foreign)
                          .p;
    run->again_at_us = clock_now_us();
    return JOB_AGAIN;
}

static enum job_step check_begin(struct job_run *run, struct check_run **ret_check)
{
    struct check_run *c = run->data = arena_alloc(run->arena, sizeof *c);

    *ret_check = c;
    c->until_us = clock_mono_us() + CHECK_RUN_US;
    enum job_step step = check_choose(run, c);
    if (step != JOB_DONE)
        return step;
    enum err e = c->store == STORE_DIRECTORY ? places_folder(run, false) : OK;
    c->mark = arena_mark(run->arena);
    return e == OK ? JOB_DONE : job_run_failed(run, e);
}

static enum job_step check_step(struct job_run *run)
{
    struct check_run *c = run->data;
    enum job_step step = run->result == NULL ? check_begin(run, &c) : JOB_DONE;

    if (step != JOB_DONE)
        return step;
    do {
        bool rows = c->state.part == CHECK_ROWS;
        step = rows ? check_rows(run, c) : c->store == STORE_S3 ? check_objects(run, c) : check_folders(run, c);
        if (step != JOB_DONE)
            return step;
    } while (c->state.under_way && check_may_go_on(run, c));
    return check_ends(run, c);
}

const struct job_kind check_kind = {.name = "check", .class = JOB_MEDIA, .standing = true, .step = check_step};
