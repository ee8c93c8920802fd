/*
 * A rotation: a new secret in place of an old one, while the services go on. Old and new are good for a while, side by side; all who hold
 * it are restarted in between, which fails no request; then only the new one is good.
 *
 * It is a course of steps, and what is under way stands in a file alone, DIR/rotation/NAME (crypto/rotation.h): it says which step is next,
 * and is written whole when a step is done. Each step gives the same when it is done again. So a rotation can be killed anywhere and is
 * just run again; of two admins the second is told that the first is at work (credentials_lock).
 *
 *    course ROTATE   to where both are good; of what nobody else must be asked about, to its end
 *    course FINISH   --finish, once its issuer knows the new one alone: only that is good
 *    course ABORT    --abort: the new one was wrong, and only the old one is good
 */
#pragma once

#include "credentials.h"
#include "crypto/rotation.h"

struct rotation {
    const struct given *given;
    const struct credential *what;
    struct desk *desk; /* its db is NULL unless the way wants one */
    struct arena *arena;
    const char *dir;
    struct rotation_state state;
};

/* Complains if it returns EXIT_FAILED, and is then done again by the next run. */
struct rotation_step {
    const char *said; /* once it is done; NULL ends the course */
    int (*run)(struct rotation *r);
};

enum { ROTATE, FINISH, ABORT, ROTATION_COURSES };
struct rotation_way {
    int (*begin)(struct rotation *r); /* looks at what is there, and puts the new secret into the state */
    const struct rotation_step
        *courses[ROTATION_COURSES]; /* NULL: there is no such course; without FINISH, ROTATE is all */
    int64_t (*finish_after_us)(const struct rotation *r); /* NULL: at once */
    int (*may_finish)(
        struct rotation
            *r); /* and then by what there is: complains if the old one is needed still; NULL: it never is */
    bool with_database;
};

extern const struct rotation_way rotate_password, rotate_tokens, rotate_second_factors, rotate_issued, rotate_journal;

/* Who holds it: after NULL the first, NULL after the last. */
const struct service *rotation_next(const struct rotation *r, const struct service *s);
const char *rotation_path(const struct rotation *r, const struct service *s,
                          const char *ending); /* of a holder's file */

/* A step: all holders are restarted, and the processes of before have ended. */
int rotation_restart(struct rotation *r);

/* The file of all holders, which must be the same. */
MUST_CHECK int rotation_read(struct rotation *r, struct str *ret_text);

/* Of the holder that has the most lines, where a step may have changed some of them. */
MUST_CHECK int rotation_read_most(struct rotation *r, struct str *ret_text);

/* Puts into each holder's file what edit makes of it. */
typedef void rotation_edit(struct str text, struct str line, struct buf *b);
MUST_CHECK int rotation_edit_all(struct rotation *r, rotation_edit *edit);

/* Steps that do so. */
int rotation_put_first(struct rotation *r);
int rotation_put_last(struct rotation *r);
int rotation_keep_new(struct rotation *r);
int rotation_keep_old(struct rotation *r);

/* Of a secret of lines: the new one is made, or asked for; and what is left to do by --finish. */
MUST_CHECK int rotation_begin_line(struct rotation *r);
extern const struct rotation_step rotation_finish_line[];

/* The folder of what is under way; the file of a credential. */
#define ROTATION_FOLDER "rotation"
const char *rotation_file(struct arena *arena, const char *dir, const char *name);
/* EXIT_DONE without one: then ret->begun_us is 0. */
MUST_CHECK int rotation_load(struct arena *arena, const char *dir, const struct credential *f,
                             struct rotation_state *ret);
