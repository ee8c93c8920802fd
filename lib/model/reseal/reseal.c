#include "model/reseal/reseal.h"

#include <string.h>

struct resealing {
    struct db *db;
    const struct reseal *what;
    const struct keyring *ring;
    resealed_told *told;
    void *arg;
    struct arena arena; /* of what waits */
    struct db_many many;
    struct resealed done;
};

static enum err reseal_tx(struct db *db, void *arg)
{
    const struct resealing *x = arg;

    return db_change_many(db, x->what->put, &x->many);
}

/* One that holds something else by now, or nothing, was sealed under the current key, or needs it no more. */
static enum err reseal_one_by_one(struct resealing *x, const struct db_many *many)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < many->rows; i++) {
        x->many = (struct db_many){.n = 0};
        db_many_add(&x->many, &many->args[i * many->n], many->n);
        e = db_tx(x->db, reseal_tx, x);
        x->done.sealed += e == OK;
        e = e == ERR_CONFLICT ? OK : e;
    }
    return e;
}

/* A commit for each row would keep the disk busy for hours, and a commit for all of them would lock them all. */
static enum err reseal_put(struct resealing *x)
{
    const struct db_many many = x->many;

    enum err e = many.rows == 0 ? OK : db_tx(x->db, reseal_tx, x);
    if (e == OK)
        x->done.sealed += many.rows;
    else if (e == ERR_CONFLICT)
        e = reseal_one_by_one(x, &many);
    x->many = (struct db_many){.n = 0};
    arena_clear(&x->arena);
    return e;
}

static enum err reseal_row(const void *row, void *arg)
{
    struct resealing *x = arg;
    struct arena_mark mark = arena_mark(&x->arena);
    size_t waits = x->many.rows;

    x->done.looked++;
    enum err e = x->what->row(x->ring, &x->arena, row, &x->many);
    if (x->many.rows == waits)
        arena_back(&x->arena, &mark);
    if (e == ERR_SEALED) {
        x->done.unopened++;
        e = OK;
    }
    if (e == OK && x->many.rows == DB_MANY_MAX)
        e = reseal_put(x);
    if (e == OK)
        x->told(&x->done, x->arg);
    return e;
}

enum err reseal_all(struct db *db, const struct reseal *what, const struct keyring *ring, resealed_told *told,
                    void *arg, struct resealed *ret)
{
    struct resealing x = {.db = db, .what = what, .ring = ring, .told = told, .arg = arg};

    arena_init(&x.arena, 1u << 20);
    enum err e = db_each(db, what->each, DB_NO_ARGS, what->row_bytes, reseal_row, &x);
    if (e == OK)
        e = reseal_put(&x);
    arena_done(&x.arena);
    *ret = x.done;
    return e;
}
