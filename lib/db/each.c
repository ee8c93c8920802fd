#include "db/private.h"

#define DB_EACH_BYTES (1u << 20)      /* of a chunk's strings, and then its last row's */
#define DB_EACH_ARENA_MAX (32u << 20) /* a row is far smaller: what users send is capped */

/* The key of a row, as the parameter after which the next chunk begins. */
static struct db_arg db_each_key_of(const struct sql *q, const char *row)
{
    return q->cols[0].type == DB_UUID ? db_uuid((const void *)(row + q->cols[0].offset))
                                      : db_i64(*(const int64_t *)(const void *)(row + q->cols[0].offset));
}

static struct db_arg db_each_first_key(const struct sql *q)
{
    return q->cols[0].type == DB_UUID ? db_uuid(&(struct uuid){0}) : db_i64(-1);
}

static bool db_each_ascends(const struct db_arg *from, const struct db_arg *to)
{
    return from->type == DB_UUID ? memcmp(&from->u, &to->u, sizeof from->u) < 0 : from->i < to->i;
}

static enum err db_each_pass(const struct db_target *t, enum err (*fn)(const void *row, void *arg), void *arg)
{
    enum err e = OK;

    for (size_t i = 0; e == OK && i < t->n; i++)
        e = fn(t->rows + i * t->size, arg);
    return e;
}

enum err db_each(struct db *db, const struct sql *q, const struct db_arg *args, size_t n, size_t size,
                 enum err (*fn)(const void *row, void *arg), void *arg)
{
    struct db_arg all[DB_ARGS_MAX];
    struct db_arg *key = &all[n], *limit = &all[n + 1];
    struct arena arena;
    struct db_target t;
    bool more = false;
    enum err e;

    ASSERT(q->cols != NULL && (q->cols[0].type == DB_UUID || q->cols[0].type == DB_I64) && n + 2 <= DB_ARGS_MAX);
    if (n > 0)
        memcpy(all, args, n * sizeof *args);
    *key = db_each_first_key(q);
    *limit = db_i64(DB_EACH_ROWS);
    arena_init(&arena, DB_EACH_ARENA_MAX);
    do {
        arena_clear(&arena);
        t = (struct db_target){.arena = &arena, .size = size, .max = (size_t)limit->i, .bytes_max = DB_EACH_BYTES};
        e = db_run(db, q, all, n + 2, &t, NULL);
        if (e != OK || t.n == 0)
            break;
        struct db_arg last = db_each_key_of(q, t.rows + (t.n - 1) * size);
        if (!db_each_ascends(key, &last)) { /* else it would never end */
            e = db_note(db, 1, "the rows of the statement do not ascend by its first column");
            break;
        }
        more = t.cut || t.n == (size_t)limit->i;
        *key = last;
        *limit = db_i64(t.cut ? (int64_t)t.n : MIN(limit->i * 2, DB_EACH_ROWS)); /* what is read in vain stays little */
        e = db_each_pass(&t, fn, arg);
    } while (e == OK && more);
    arena_done(&arena);
    return e;
}
