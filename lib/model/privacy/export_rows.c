#include <unistd.h>

#include "base/io.h"
#include "model/privacy/export_private.h"

/*
 * A row: its bytes, its values; a value: its type, and its number, or its bytes and they themselves. Read by the process that wrote it,
 * so numbers are as they are in memory.
 */
#define ROWS_LENGTH sizeof(uint32_t)

static enum err rows_flush(struct export_rows *r)
{
    if (!fd_write_all(r->fd, r->held, r->held_n))
        return err_of_store();
    r->held_n = 0;
    return OK;
}

static enum err rows_put(struct export_rows *r, const void *p, size_t n)
{
    r->at += (int64_t)n;
    while (n > 0) {
        size_t some = MIN(n, sizeof r->held - r->held_n);
        memcpy(r->held + r->held_n, p, some);
        r->held_n += some;
        p = (const char *)p + some;
        n -= some;
        enum err e = r->held_n == sizeof r->held ? rows_flush(r) : OK;
        if (e != OK)
            return e;
    }
    return OK;
}

enum err export_rows_begin(struct export_rows *r)
{
    if (ftruncate(r->fd, 0) != 0 || lseek(r->fd, 0, SEEK_SET) != 0)
        return err_of_store();
    r->at = 0;
    r->held_n = 0;
    memset(r->lists, 0, sizeof r->lists);
    return OK;
}

/* The list that is open is the one whose end is not known yet. */
void export_rows_open(struct export_rows *r, size_t list)
{
    r->lists[list] = (struct export_list){.begin = r->at, .end = -1};
}

void export_rows_close(struct export_rows *r, size_t list)
{
    r->lists[list].end = r->at;
}

enum err export_rows_end(struct export_rows *r)
{
    return rows_flush(r);
}

static size_t rows_size(const struct db_value *v)
{
    switch (v->type) {
    case DB_VALUE_NULL:
        return 1;
    case DB_VALUE_NUMBER:
        return 1 + sizeof v->i;
    case DB_VALUE_TEXT:
    case DB_VALUE_BYTES:
        break;
    }
    return 1 + ROWS_LENGTH + v->s.n;
}

static enum err rows_put_value(struct export_rows *r, const struct db_value *v)
{
    uint32_t length = (uint32_t)v->s.n;

    enum err e = rows_put(r, &(const char){(char)v->type}, 1);
    if (e != OK || v->type == DB_VALUE_NULL)
        return e;
    if (v->type == DB_VALUE_NUMBER)
        return rows_put(r, &v->i, sizeof v->i);
    e = rows_put(r, &length, sizeof length);
    return e == OK ? rows_put(r, v->s.p, v->s.n) : e;
}

enum err export_rows_add(const struct db_value *v, size_t n, void *rows)
{
    struct export_rows *r = rows;
    size_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += rows_size(&v[i]);
    if (bytes > EXPORT_ROW_BYTES)
        return ERR_INTERNAL;
    rest_take(&r->rest);
    uint32_t length = (uint32_t)bytes;
    enum err e = rows_put(r, &length, sizeof length);
    for (size_t i = 0; i < n && e == OK; i++)
        e = rows_put_value(r, &v[i]);
    for (size_t list = 0; list < EXPORT_LISTS_N; list++)
        r->lists[list].n += r->lists[list].end < 0;
    return e;
}

/* So that n bytes from used on are in the window. The file is ours and whole: fewer mean that the disk has failed. */
static enum err rows_need(struct export_cursor *c, size_t n)
{
    char chunk[EXPORT_ROWS_BUFFER];

    if (c->used > 0 && c->window.n - c->used < n) {
        size_t left = c->window.n - c->used;
        memmove(c->window.p, c->window.p + c->used, left);
        c->window.n = left;
        c->used = 0;
    }
    while (c->window.n - c->used < n) {
        size_t some = (size_t)MIN((int64_t)sizeof chunk, c->end - c->at);
        ssize_t got = some > 0 ? pread(c->rows->fd, chunk, some, c->at) : 0;
        if (got <= 0)
            return got == 0 ? ERR_STORE : err_of_store();
        c->at += got;
        buf_put(&c->window, chunk, (size_t)got);
        ASSERT(!c->window.overflow);
    }
    return OK;
}

enum err export_cursor_open(struct export_cursor *c, const struct export_rows *r, size_t list)
{
    *c = (struct export_cursor){.rows = r,
                                .at = r->lists[list].begin,
                                .end = r->lists[list].end,
                                .window = BUF_MAX(EXPORT_ROW_BYTES + 2 * EXPORT_ROWS_BUFFER)};
    return export_cursor_next(c);
}

static void rows_take(struct export_cursor *c, void *to, size_t n)
{
    memcpy(to, c->window.p + c->used, n);
    c->used += n;
}

static void rows_take_value(struct export_cursor *c, struct db_value *v)
{
    uint32_t length;
    char type;

    rows_take(c, &type, 1);
    *v = (struct db_value){.type = (enum db_value_type)type};
    if (v->type == DB_VALUE_NUMBER)
        rows_take(c, &v->i, sizeof v->i);
    if (v->type != DB_VALUE_TEXT && v->type != DB_VALUE_BYTES)
        return;
    rows_take(c, &length, sizeof length);
    v->s = str_of(c->window.p + c->used, length);
    c->used += length;
}

enum err export_cursor_next(struct export_cursor *c)
{
    uint32_t length;

    c->n = 0;
    c->ended = c->at == c->end && c->used == c->window.n;
    if (c->ended)
        return OK;
    enum err e = rows_need(c, sizeof length);
    if (e != OK)
        return e;
    rows_take(c, &length, sizeof length);
    e = rows_need(c, length);
    if (e != OK)
        return e;
    for (size_t end = c->used + length; c->used < end; c->n++) {
        ASSERT(c->n < ARRAY_LEN(c->v));
        rows_take_value(c, &c->v[c->n]);
    }
    return OK;
}

void export_cursor_done(struct export_cursor *c)
{
    buf_done(&c->window);
}
