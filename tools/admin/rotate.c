/* marketingcli-admin credentials rotate NAME. */
#include "rotate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/point.h"

const char *rotation_file(struct arena *arena, const char *dir, const char *name)
{
    return arena_printf(arena, "%s/" ROTATION_FOLDER "/%s", dir, name).p;
}

/* Somebody may have edited the file. */
static bool rotation_has_step(const struct credential *f, const struct rotation_state *s)
{
    const struct rotation_step *steps = s->course < ROTATION_COURSES ? f->way->courses[s->course] : NULL;
    int64_t n = 0;

    while (steps != NULL && steps[n].said != NULL)
        n++;
    return steps != NULL && s->step <= n;
}

int rotation_load(struct arena *arena, const char *dir, const struct credential *f, struct rotation_state *ret)
{
    const char *path = rotation_file(arena, dir, f->name);
    struct str text;

    *ret = (struct rotation_state){.begun_us = 0};
    if (access(path, F_OK) != 0)
        return errno == ENOENT ? EXIT_DONE : complain("%s: %s", path, strerror(errno));
    if (!file_read(arena, path, &text))
        return EXIT_FAILED;
    if (rotation_state_parse(text, ret) && rotation_has_step(f, ret))
        return EXIT_DONE;
    return complain("%s is not what a rotation has written", path);
}

static int rotation_note(struct rotation *r)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(ROTATION_FILE_BYTES);
    const char *path = rotation_file(r->arena, r->dir, r->what->name);
    const char *folder = arena_printf(r->arena, "%s/" ROTATION_FOLDER, r->dir).p;

    rotation_state_put(&r->state, &b);
    ASSERT(!b.overflow);
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return complain("%s: %s", folder, strerror(errno));
    return credentials_write(r->arena, path, buf_str(&b));
}

static int rotation_forget(struct rotation *r)
{
    int code = credentials_remove(r->arena, rotation_file(r->arena, r->dir, r->what->name));

    (void)rmdir(arena_printf(r->arena, "%s/" ROTATION_FOLDER, r->dir).p); /* if nothing else is under way */
    return code;
}

static bool rotation_is_under_way(const struct rotation *r)
{
    return r->state.begun_us != 0;
}

static const struct rotation_step *rotation_at(const struct rotation *r)
{
    return &r->what->way->courses[r->state.course][r->state.step];
}

/* All steps of ROTATE are done, and the admin must say that the issuer knows. */
static bool rotation_waits(const struct rotation *r)
{
    return r->state.course == ROTATE && r->what->way->courses[FINISH] != NULL && rotation_at(r)->said == NULL;
}

static int64_t rotation_finish_after_us(const struct rotation *r)
{
    return r->what->way->finish_after_us != NULL ? r->what->way->finish_after_us(r) : 0;
}

static int rotation_say_waits(const struct rotation *r)
{
    char until[TIME_TEXT_SIZE];

    printf("%s: both are good now. %s. Then: marketingcli-admin credentials rotate %s --finish", r->what->name,
           r->what->elsewhere, r->what->name);
    if (r->what->way->courses[ABORT] != NULL)
        printf(" (or --abort, if the new one is wrong)");
    putchar('\n');
    if (rotation_finish_after_us(r) > 0) {
        time_format(rotation_finish_after_us(r), until);
        printf("%s: not before %s\n", r->what->name, until);
    }
    return EXIT_DONE;
}

/* Where the file was empty there is no old one. */
static int rotation_has_old(struct rotation *r, bool *ret_has)
{
    struct str text;
    int code = rotation_read(r, &text);

    *ret_has = code != EXIT_DONE || lines_count(text) > 1;
    return code;
}

static int rotation_end(struct rotation *r)
{
    bool has_old = false;
    int code = EXIT_DONE;

    if (rotation_waits(r))
        code = rotation_has_old(r, &has_old);
    if (code != EXIT_DONE)
        return code;
    if (has_old)
        return rotation_say_waits(r);
    code = rotation_forget(r);
    if (code == EXIT_DONE)
        printf("%s: done\n", r->what->name);
    return code;
}

static int rotation_go(struct rotation *r)
{
    while (rotation_at(r)->said != NULL) {
        const struct rotation_step *step = rotation_at(r);
        int code = step->run(r);
        point("rotate.step_done");
        if (code == EXIT_DONE) {
            r->state.step++;
            code = rotation_note(r);
            point("rotate.step_noted");
        }
        if (code != EXIT_DONE)
            return complain("the rotation of %s is not at its end; nothing is lost, and no service is without what it "
                            "needs: run it "
                            "again%s",
                            r->what->name,
                            r->state.course == ROTATE && r->what->way->courses[ABORT] != NULL
                                ? ", or give it up with --abort"
                                : "");
        printf("%s: %s\n", r->what->name, step->said);
        (void)fflush(stdout);
    }
    return rotation_end(r);
}

static int rotation_turn(struct rotation *r, int64_t course)
{
    r->state.course = course;
    r->state.step = 0;
    return rotation_note(r);
}

static int rotation_finish(struct rotation *r)
{
    char until[TIME_TEXT_SIZE];

    if (!rotation_is_under_way(r) || r->what->way->courses[FINISH] == NULL)
        return complain("no rotation of %s waits for that", r->what->name);
    if (r->state.course == FINISH)
        return rotation_go(r);
    if (!rotation_waits(r))
        return complain("the rotation of %s has not come so far: run it without --finish first", r->what->name);
    if (rotation_finish_after_us(r) > clock_now_us()) {
        time_format(rotation_finish_after_us(r), until);
        return complain("the old %s is needed until %s", r->what->name, until);
    }
    int code = r->what->way->may_finish != NULL ? r->what->way->may_finish(r) : EXIT_DONE;
    if (code == EXIT_DONE)
        code = rotation_turn(r, FINISH);
    return code == EXIT_DONE ? rotation_go(r) : code;
}

static int rotation_abort(struct rotation *r)
{
    if (!rotation_is_under_way(r) || r->what->way->courses[ABORT] == NULL || r->state.course == FINISH)
        return complain("no rotation of %s can be given up now", r->what->name);
    int code = r->state.course == ABORT ? EXIT_DONE : rotation_turn(r, ABORT);
    return code == EXIT_DONE ? rotation_go(r) : code;
}

static int rotation_begin(struct rotation *r)
{
    const struct service *first;

    r->state = (struct rotation_state){.begun_us = clock_now_us(), .of = str_from(r->given->service)};
    if (r->given->service != NULL && r->what != &credentials_password_file)
        return complain("--service is for "
                        "db-password alone: all that have %s have the same",
                        r->what->name);
    if (r->given->file != NULL && r->what->make != NULL)
        return complain("%s is made here: run it without --file", r->what->name);
    first = rotation_next(r, NULL);
    if (first == NULL)
        return complain("no service %s has %s", r->given->service, r->what->name);
    int code = r->what->way->begin(r);
    return code == EXIT_DONE ? rotation_note(r) : code;
}

static int rotation_run(struct rotation *r)
{
    int code = rotation_load(r->arena, r->dir, r->what, &r->state);

    if (code != EXIT_DONE)
        return code;
    if (r->given->finish != NULL)
        return rotation_finish(r);
    if (r->given->abort != NULL)
        return rotation_abort(r);
    if (rotation_is_under_way(r) && r->given->file != NULL)
        return complain("a rotation of %s is under way: run it without --file, or with --finish or --abort",
                        r->what->name);
    if (rotation_is_under_way(r) && r->given->service != NULL && !str_eqc(r->state.of, r->given->service))
        return complain("a rotation of %s of other services is under way: run it without --service", r->what->name);
    if (rotation_is_under_way(r))
        printf("%s: going on with what was begun%s%.*s\n", r->what->name, r->state.of.n > 0 ? ", of these alone: " : "",
               STR_FMT(r->state.of));
    else
        code = rotation_begin(r);
    return code == EXIT_DONE ? rotation_go(r) : code;
}

static bool rotation_open(struct rotation *r)
{
    _cleanup_(buf_done) struct buf why = BUF_MAX(1024);

    if (r->what->way->with_database)
        return desk_open(r->desk, r->given);
    if (conf_load(&r->desk->conf, conf_path(), &why) != OK) {
        complain("%.*s", STR_FMT(buf_str(&why)));
        return false;
    }
    arena_init(&r->desk->arena, 64u << 20);
    return true;
}

int verb_credentials_rotate(const struct given *given)
{
    struct desk desk = {.db = NULL};
    struct rotation r = {.given = given, .what = credentials_find(given->argument), .desk = &desk, .dir = given->dir};

    if (r.what == NULL)
        return complain("there is no credential %s", given->argument);
    if (given->finish != NULL && given->abort != NULL)
        return complain("--finish or --abort, not both");
    _cleanup_(fd_closep) int lock = credentials_lock(given->dir, false);
    if (lock < 0)
        return errno == EWOULDBLOCK
                   ? complain("another marketingcli-admin works with %s; try again when it has ended", given->dir)
                   : complain("%s: %s", given->dir, strerror(errno));
    if (!rotation_open(&r))
        return EXIT_FAILED;
    r.arena = &desk.arena;
    int code = credentials_left(r.arena, r.dir, true);
    if (code == EXIT_DONE)
        code = rotation_run(&r);
    arena_clear(&desk.arena);
    desk_close(&desk);
    return code;
}
