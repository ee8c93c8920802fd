#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "crypto/digest.h"
#include "json/json.h"
#include "model/privacy/export_private.h"
#include "store/folder.h"
#include "zip/zip.h"

#define EXPORT_LINE_BYTES (16u << 20) /* of JSON or CSV: a row in which every byte is escaped, with room */
#define EXPORT_SUMS_BYTES (32u << 20) /* of the list of digests: 100 000 images have 12 MB */
#define EXPORT_README_BYTES (256u << 10)
#define EXPORT_COPY_BYTES (64u << 10)
#define EXPORT_SUMS "SHA256SUMS"
#define EXPORT_NAME_SIZE 80
/* After so many images one after another that a bucket does not give, or after so long for them, it is the bucket that is away: the
 * others are named as not read, and nobody waits for them. A later export has them. */
#define EXPORT_BUCKET_FAILS 3
#define EXPORT_BUCKET_WAIT_US (5 * US_PER_SEC)

struct export
{
    const struct store *store;
    const struct conf *conf;
    struct uuid user_id;
    struct export_told told;
    struct export_rows rows;

    /* While it is written. */
    struct zip *zip;
    struct sha256_stream *digest; /* of the entry that is open; NULL: none */
    char name[EXPORT_NAME_SIZE];  /* its name */
    struct buf line, sums;
    int bucket_fails;       /* since the last image that it gave */
    int64_t bucket_wait_us; /* for these */
};

static const struct sql export_images_sql;

/* Reading */

static enum err export_read_list(struct db *db, struct export *x, const struct sql *q, size_t list)
{
    export_rows_open(&x->rows, list);
    enum err e = db_walk(db, q, DB_ARGS(db_uuid(&x->user_id)), export_rows_add, &x->rows);
    export_rows_close(&x->rows, list);
    return e;
}

static enum err export_read_tx(struct db *db, void *arg)
{
    struct export *x = arg;

    enum err e = export_rows_begin(&x->rows);
    for (size_t t = 0; t < export_tables_n && e == OK; t++)
        e = export_read_list(db, x, &export_tables[t].sql, t);
    if (e == OK)
        e = export_read_list(db, x, &export_images_sql, EXPORT_IMAGES);
    return e == OK ? export_rows_end(&x->rows) : e;
}

static enum err export_count(struct export *x)
{
    struct export_cursor c;

    for (size_t t = 0; t < export_tables_n; t++)
        x->told.rows += x->rows.lists[t].n;
    x->told.images = x->rows.lists[EXPORT_IMAGES].n;
    enum err e = export_cursor_open(&c, &x->rows, EXPORT_IMAGES);
    for (; e == OK && !c.ended; e = export_cursor_next(&c))
        x->told.image_bytes += c.v[EXPORT_IMAGE_BYTES].i;
    export_cursor_done(&c);
    return e;
}

enum err export_read(struct db *db, const struct export_from *from, struct export **ret_export)
{
    _cleanup_(export_freep) struct export *x = xcalloc(1, sizeof *x);

    x->store = from->store;
    x->conf = from->conf;
    x->user_id = from->user_id;
    x->rows.fd = -1;
    x->line = BUF_MAX(EXPORT_LINE_BYTES);
    x->sums = BUF_MAX(EXPORT_SUMS_BYTES);
    enum err e = spool_open(from->conf->privacy_spool_dir.p, &x->rows.fd);
    x->told.taken_at_us = clock_now_us();
    if (e == OK)
        e = db_tx_snapshot(db, export_read_tx, x);
    if (e == ERR_OUTCOME_UNKNOWN) /* of a COMMIT that has nothing to commit */
        e = ERR_DB_UNAVAILABLE;
    if (e == OK && x->rows.lists[0].n == 0)
        e = ERR_NOT_FOUND;
    if (e == OK)
        e = export_count(x);
    if (e == OK)
        *ret_export = TAKE_PTR(x);
    return e;
}

const struct export_told *export_told(const struct export *x)
{
    return &x->told;
}

void export_free(struct export *x)
{
    if (x == NULL)
        return;
    zip_free(x->zip);
    if (x->digest != NULL)
        (void)sha256_stream_end(x->digest);
    fd_closep(&x->rows.fd);
    buf_done(&x->line);
    buf_done(&x->sums);
    free(x);
}

/* Entries of the ZIP, each with its digest */

static enum err export_begin(struct export *x, const char *name, enum zip_how how, int64_t bytes)
{
    ASSERT(x->digest == NULL);
    x->digest = sha256_stream_new();
    (void)snprintf(x->name, sizeof x->name, "%s", name);
    return zip_begin(x->zip, name, how, bytes);
}

static enum err export_put(struct export *x, struct str bytes)
{
    sha256_stream_add(x->digest, bytes.p, bytes.n);
    return zip_put(x->zip, bytes);
}

static enum err export_put_line(struct export *x)
{
    enum err e = x->line.overflow ? ERR_INTERNAL : export_put(x, buf_str(&x->line));

    buf_clear(&x->line);
    return e;
}

/* As sha256sum writes them, and checks them with -c. */
static void export_end(struct export *x)
{
    struct sha256 sum = sha256_stream_end(TAKE_PTR(x->digest));

    for (size_t i = 0; i < sizeof sum.b; i++)
        buf_printf(&x->sums, "%02x", sum.b[i]);
    buf_printf(&x->sums, "  %s\n", x->name);
}

/* JSON: a file of lists, and in the rows of some the rows that belong to them */

static enum err export_put_lists(struct export *x, struct export_cursor *cursors, int parent, bool *first);

static enum err export_put_row(struct export *x, struct export_cursor *cursors, int t)
{
    const struct export_table *table = &export_tables[t];
    bool first = false;

    buf_puts(&x->line, "{");
    for (size_t i = table->inherited; i < table->columns_n; i++) {
        buf_puts(&x->line, i == table->inherited ? "" : ",");
        json_write_str(&x->line, str_from(table->columns[i].name));
        buf_puts(&x->line, ":");
        export_put_json(&x->line, &cursors[t].v[i], table->columns[i].form);
    }
    enum err e = export_put_line(x);
    if (e == OK)
        e = export_put_lists(x, cursors, t, &first);
    buf_puts(&x->line, "}");
    return e == OK ? export_put_line(x) : e;
}

/* A list: of all rows, or of those that belong to the row at which the parent's cursor stands. */
static enum err export_put_list(struct export *x, struct export_cursor *cursors, int t)
{
    const struct export_table *table = &export_tables[t];
    struct export_cursor *c = &cursors[t];
    bool first = true;
    enum err e = OK;

    while (e == OK && !c->ended &&
           (table->parent < 0 || export_is_of(c->v, cursors[table->parent].v, table->inherited))) {
        buf_puts(&x->line, first ? "\n" : ",\n");
        first = false;
        e = export_put_row(x, cursors, t);
        if (e == OK)
            e = export_cursor_next(c);
    }
    return e;
}

static bool export_is_in(const struct export_table *table, const char *file, int parent)
{
    return table->parent == parent && (parent >= 0 || strcmp(table->file, file) == 0);
}

static enum err export_put_lists_of(struct export *x, struct export_cursor *cursors, const char *file, int parent,
                                    bool *first)
{
    enum err e = OK;

    for (int t = 0; t < (int)export_tables_n && e == OK; t++) {
        if (!export_is_in(&export_tables[t], file, parent))
            continue;
        buf_puts(&x->line, *first ? "" : ",");
        *first = false;
        json_write_str(&x->line, str_from(export_tables[t].name));
        buf_puts(&x->line, ":[");
        e = export_put_list(x, cursors, t);
        buf_puts(&x->line, "]");
    }
    return e;
}

static enum err export_put_lists(struct export *x, struct export_cursor *cursors, int parent, bool *first)
{
    return export_put_lists_of(x, cursors, NULL, parent, first);
}

static enum err export_put_json_file(struct export *x, struct export_cursor *cursors, const char *file)
{
    bool first = true;

    buf_puts(&x->line, "{");
    enum err e = export_put_lists_of(x, cursors, file, -1, &first);
    buf_puts(&x->line, "}\n");
    if (e == OK)
        e = export_put_line(x);
    for (size_t t = 0; t < export_tables_n && e == OK; t++)
        if (strcmp(export_tables[t].file, file) == 0 && !cursors[t].ended)
            e = ERR_INTERNAL; /* a row that belongs to none */
    return e;
}

static enum err export_json(struct export *x, const char *file)
{
    struct export_cursor *cursors = xcalloc(export_tables_n, sizeof *cursors);
    char name[EXPORT_NAME_SIZE];
    enum err e = OK;

    (void)snprintf(name, sizeof name, "%s.json", file);
    for (size_t t = 0; t < export_tables_n && e == OK; t++)
        if (strcmp(export_tables[t].file, file) == 0)
            e = export_cursor_open(&cursors[t], &x->rows, t);
    if (e == OK)
        e = export_begin(x, name, ZIP_PACKED, ZIP_BYTES_UNKNOWN);
    if (e == OK)
        e = export_put_json_file(x, cursors, file);
    if (e == OK)
        export_end(x);
    for (size_t t = 0; t < export_tables_n; t++)
        export_cursor_done(&cursors[t]);
    free(cursors);
    return e;
}

/* CSV: a file a table */

static enum err export_put_csv_rows(struct export *x, struct export_cursor *c, const struct export_table *table)
{
    enum err e = OK;

    for (size_t i = 0; i < table->columns_n; i++)
        buf_printf(&x->line, "%s%s", i == 0 ? "" : ",", table->columns[i].name);
    buf_puts(&x->line, "\r\n");
    for (; e == OK && !c->ended; e = e == OK ? export_cursor_next(c) : e) {
        e = export_put_line(x);
        for (size_t i = 0; i < table->columns_n; i++) {
            buf_puts(&x->line, i == 0 ? "" : ",");
            export_put_csv(&x->line, &c->v[i], table->columns[i].form);
        }
        buf_puts(&x->line, "\r\n");
    }
    return e == OK ? export_put_line(x) : e;
}

static enum err export_csv(struct export *x, size_t t)
{
    char name[EXPORT_NAME_SIZE];
    struct export_cursor c;

    (void)snprintf(name, sizeof name, "csv/%s.csv", export_tables[t].name);
    enum err e = export_cursor_open(&c, &x->rows, t);
    if (e == OK)
        e = export_begin(x, name, ZIP_PACKED, ZIP_BYTES_UNKNOWN);
    if (e == OK)
        e = export_put_csv_rows(x, &c, &export_tables[t]);
    if (e == OK)
        export_end(x);
    export_cursor_done(&c);
    return e;
}

/* Images */

static bool export_bucket_is_away(const struct export *x)
{
    return x->bucket_fails >= EXPORT_BUCKET_FAILS || x->bucket_wait_us >= EXPORT_BUCKET_WAIT_US;
}

static enum err export_open_in_bucket(struct export *x, const struct uuid *id, int *ret_fd)
{
    int64_t began_us = clock_mono_us();

    if (export_bucket_is_away(x))
        return ERR_STORE;
    enum err e = store_open(x->store, STORE_S3, id, ret_fd, NULL);
    x->bucket_fails = e == ERR_STORE ? x->bucket_fails + 1 : 0;
    x->bucket_wait_us = e == ERR_STORE ? x->bucket_wait_us + clock_mono_us() - began_us : 0;
    return e;
}

/* What is not in a folder was deleted; unless the folder itself is not there, because its disk is not mounted. */
static enum err export_open_in_folder(const struct export *x, const struct uuid *id, int *ret_fd)
{
    struct uuid mark;

    enum err e = store_open(x->store, STORE_DIRECTORY, id, ret_fd, NULL);
    return e == ERR_NOT_FOUND && folder_marked(x->store->dir, &mark) != OK ? ERR_STORE : e;
}

static enum err export_open_in(struct export *x, const struct uuid *id, enum store_kind kind, int *ret_fd)
{
    return kind == STORE_S3 ? export_open_in_bucket(x, id, ret_fd) : export_open_in_folder(x, id, ret_fd);
}

/* Where its row said that it is, or where it was moved to since. In the folder of a machine that has only a bucket it never was. */
static enum err export_open_image(struct export *x, const struct uuid *id, enum store_kind kind, int *ret_fd)
{
    enum err e = export_open_in(x, id, kind, ret_fd);

    if (e != ERR_NOT_FOUND)
        return e;
    if (kind == STORE_S3)
        return store_open(x->store, STORE_DIRECTORY, id, ret_fd, NULL);
    return store_has(x->store, STORE_S3) ? export_open_in(x, id, STORE_S3, ret_fd) : e;
}

/* All of it is read once before its entry begins: that says how long it is, and cannot be taken back. */
static bool export_can_be_read(int fd, int64_t *ret_bytes)
{
    char chunk[EXPORT_COPY_BYTES];
    struct stat st;
    ssize_t n;
    off_t at = 0;

    while ((n = pread(fd, chunk, sizeof chunk, at)) > 0)
        at += n;
    *ret_bytes = at;
    return n == 0 && fstat(fd, &st) == 0 && at == st.st_size;
}

static enum err export_copy_image(struct export *x, const char *name, int fd, int64_t bytes)
{
    char chunk[EXPORT_COPY_BYTES];
    ssize_t n = 0;
    off_t at = 0;

    enum err e = export_begin(x, name, ZIP_STORED, bytes);
    while (e == OK && (n = pread(fd, chunk, sizeof chunk, at)) > 0) {
        e = export_put(x, str_of(chunk, (size_t)n));
        at += n;
    }
    if (e == OK && (n < 0 || at != bytes))
        e = ERR_STORE;
    if (e == OK)
        export_end(x);
    return e;
}

/* A line that sha256sum -c passes over, in place of the image. */
static enum err export_miss_image(struct export *x, const char *name, enum err why)
{
    buf_printf(&x->sums, "# %s: %s\n", why == ERR_NOT_FOUND ? "deleted while this was made" : "could not be read",
               name);
    x->told.unread += why == ERR_NOT_FOUND ? 0 : 1;
    return OK;
}

/* One that cannot be read is no reason to keep all the rest from its owner. */
static enum err export_put_image(struct export *x, const struct uuid *id, enum store_kind kind, const char *name)
{
    _cleanup_(fd_closep) int fd = -1;
    int64_t bytes;

    enum err e = export_open_image(x, id, kind, &fd);
    if (e == OK && !export_can_be_read(fd, &bytes))
        e = ERR_STORE;
    if (e == ERR_NOT_FOUND || e == ERR_STORE)
        return export_miss_image(x, name, e);
    return e == OK ? export_copy_image(x, name, fd, bytes) : e;
}

static enum err export_image(struct export *x, const struct db_value *v)
{
    bool is_webp = str_eqc(v[EXPORT_IMAGE_TYPE].s, "image/webp");
    bool is_in_bucket = str_eqc(v[EXPORT_IMAGE_STORE].s, store_kind_names[STORE_S3]);
    char name[EXPORT_NAME_SIZE];
    struct uuid id;

    if (v[EXPORT_IMAGE_ID].s.n != sizeof id.b)
        return ERR_INTERNAL;
    memcpy(id.b, v[EXPORT_IMAGE_ID].s.p, sizeof id.b);
    (void)snprintf(name, sizeof name, "images/%s.%s", uuid_text(&id).s, is_webp ? "webp" : "jpg");
    return export_put_image(x, &id, is_in_bucket ? STORE_S3 : STORE_DIRECTORY, name);
}

static enum err export_images(struct export *x)
{
    struct export_cursor c;

    enum err e = export_cursor_open(&c, &x->rows, EXPORT_IMAGES);
    while (e == OK && !c.ended) {
        e = export_image(x, c.v);
        if (e == OK)
            e = export_cursor_next(&c);
    }
    export_cursor_done(&c);
    return e;
}

static enum err export_readme(struct export *x)
{
    _cleanup_(buf_done) struct buf text = BUF_MAX(EXPORT_README_BYTES);

    export_put_readme(&text, x->conf, &x->told, &x->rows);
    enum err e = text.overflow ? ERR_INTERNAL : export_begin(x, "README.txt", ZIP_PACKED, ZIP_BYTES_UNKNOWN);
    if (e == OK)
        e = export_put(x, buf_str(&text));
    if (e == OK)
        export_end(x);
    return e;
}

static enum err export_sums(struct export *x)
{
    if (x->told.unread > 0)
        buf_printf(&x->sums, "# images that could not be read: %lld\n", (long long)x->told.unread);
    enum err e = x->sums.overflow ? ERR_INTERNAL : zip_begin(x->zip, EXPORT_SUMS, ZIP_PACKED, ZIP_BYTES_UNKNOWN);

    return e == OK ? zip_put(x->zip, buf_str(&x->sums)) : e;
}

static bool export_is_first_of_file(size_t t)
{
    for (size_t i = 0; i < t; i++)
        if (strcmp(export_tables[i].file, export_tables[t].file) == 0)
            return false;
    return true;
}

enum err export_write(struct export *x, enum err (*write)(void *arg, struct str bytes), void *arg)
{
    ASSERT(x->zip == NULL);
    x->zip = zip_new(write, arg, x->told.taken_at_us);
    enum err e = export_readme(x);
    for (size_t t = 0; t < export_tables_n && e == OK; t++)
        if (export_is_first_of_file(t))
            e = export_json(x, export_tables[t].file);
    for (size_t t = 0; t < export_tables_n && e == OK; t++)
        e = export_csv(x, t);
    if (e == OK)
        e = export_images(x);
    if (e == OK)
        e = export_sums(x);
    return e == OK ? zip_finish(x->zip) : e;
}

/* Of those that are being stored, nobody knows yet whether they will be images. */
static const struct sql export_images_sql = {
    .text = "SELECT id, store, size_bytes, COALESCE(kept_type, 'image/jpeg') FROM uploads"
            " WHERE user_id = ? AND deleted_at_us IS NULL AND state = 'ready' ORDER BY id",
    .in = "u",
};
