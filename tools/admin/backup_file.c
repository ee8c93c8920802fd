#include "backup_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"

#define DER_MAX_BYTES \
    (BACKUP_PART_BYTES + (64u << 10)) /* a message is longer than its text by a kB, and some for large keys */
#define PIECE_BYTES (1u << 20)
#define ZIP_LEVEL 3
#define ZIP_GZIP 31 /* zlib.h, deflateInit2: 15 bits of window, and gzip's frame */
#define ZIP_MEMORY 8

static void backup_begin_part(struct backup_writer *w)
{
    buf_clear(&w->part);
    buf_puts(&w->part, BACKUP_MAGIC);
    buf_put(&w->part, w->head.backup.b, sizeof w->head.backup.b);
    for (int i = 56; i >= 0; i -= 8)
        buf_putc(&w->part, (char)(uint8_t)(w->head.number >> i));
    buf_putc(&w->part, 0);
}

static enum err backup_end_part(struct backup_writer *w, bool is_last)
{
    w->part.p[BACKUP_HEAD_BYTES - 1] = (char)is_last;
    buf_clear(&w->der);
    enum err e = envelope_seal(w->to, buf_str(&w->part), &w->der);
    if (e != OK || w->der.overflow)
        return ERR_CONFLICT;
    if (!fd_write_all(w->fd, w->der.p, w->der.n))
        return err_of_store();
    sha256_stream_add(w->digest, w->der.p, w->der.n);
    w->bytes += w->der.n;
    w->head.number++;
    backup_begin_part(w);
    return OK;
}

enum err backup_file_make(struct backup_writer *w, const char *path, const struct envelope_to *to,
                          const struct backup_about *about)
{
    *w = (struct backup_writer){.to = to,
                                .head.backup = uuid_new(),
                                .part = BUF_MAX(BACKUP_PART_BYTES),
                                .der = BUF_MAX(DER_MAX_BYTES),
                                .digest = sha256_stream_new()};
    w->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    ASSERT(deflateInit2(&w->zip, ZIP_LEVEL, Z_DEFLATED, ZIP_GZIP, ZIP_MEMORY, Z_DEFAULT_STRATEGY) == Z_OK);
    if (w->fd < 0)
        return err_of_store();
    backup_begin_part(w);
    backup_about_write(&w->part, about);
    return w->part.overflow ? ERR_CONFLICT : backup_end_part(w, false);
}

static enum err backup_deflate(struct backup_writer *w, struct str piece, int flush)
{
    uint8_t out[64 << 10];
    enum err e = OK;
    int z = Z_OK;

    w->zip.next_in = (Bytef *)(uintptr_t)piece.p; /* zlib only reads it, whatever its type says */
    w->zip.avail_in = (uInt)piece.n;
    do {
        size_t room = MIN(sizeof out, BACKUP_PART_BYTES - w->part.n);
        w->zip.next_out = out;
        w->zip.avail_out = (uInt)room;
        z = deflate(&w->zip, flush);
        buf_put(&w->part, out, room - w->zip.avail_out);
        if (w->part.n == BACKUP_PART_BYTES)
            e = backup_end_part(w, false);
    } while (e == OK && (w->zip.avail_out == 0 || (flush == Z_FINISH && z == Z_OK)));
    return e;
}

enum err backup_file_dump(struct backup_writer *w, struct str piece)
{
    return backup_deflate(w, piece, Z_NO_FLUSH);
}

enum err backup_file_finish(struct backup_writer *w, struct sha256 *ret_digest)
{
    enum err e = backup_deflate(w, STR(""), Z_FINISH);

    if (e == OK)
        e = backup_end_part(w, true);
    if (e == OK && !fd_sync(w->fd, "fsync a backup"))
        e = err_of_store();
    if (e == OK) {
        *ret_digest = sha256_stream_end(w->digest);
        w->digest = NULL;
    }
    return e;
}

void backup_file_done(struct backup_writer *w)
{
    if (w->digest != NULL)
        (void)sha256_stream_end(w->digest);
    w->digest = NULL;
    (void)deflateEnd(&w->zip);
    buf_done(&w->part);
    buf_done(&w->der);
    fd_closep(&w->fd);
}

/* ERR_NOT_FOUND: the file ends before it. */
static enum err backup_fill(struct backup_reader *r, size_t n)
{
    char bytes[64 << 10];

    while (r->der.n < n) {
        ssize_t got = read(r->fd, bytes, MIN(sizeof bytes, n - r->der.n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got == 0 ? ERR_NOT_FOUND : ERR_STORE;
        buf_put(&r->der, bytes, (size_t)got);
    }
    return OK;
}

/* The next part, without what stands before it, is then r->part from BACKUP_HEAD_BYTES on. */
static enum err backup_next_part(struct backup_reader *r)
{
    struct backup_head head;

    buf_clear(&r->der);
    enum err e = backup_fill(r, ENVELOPE_HEAD_BYTES);
    size_t n = e == OK ? envelope_length(buf_str(&r->der), DER_MAX_BYTES) : 0;
    if (e == OK)
        e = n < ENVELOPE_HEAD_BYTES ? ERR_CONFLICT : backup_fill(r, n);
    if (e == ERR_NOT_FOUND)
        return ERR_CONFLICT;
    if (e != OK)
        return e;
    buf_clear(&r->part);
    e = envelope_open(r->key, buf_str(&r->der), &r->part);
    if (e != OK)
        return e;
    if (r->part.overflow || !backup_head_read(buf_str(&r->part), &head) || head.number != r->head.number ||
        (head.number > 0 && !uuid_eq(&head.backup, &r->head.backup)))
        return ERR_CONFLICT;
    r->head = head;
    r->head.number++;
    return OK;
}

static struct str backup_part(const struct backup_reader *r)
{
    return str_skip(buf_str(&r->part), BACKUP_HEAD_BYTES);
}

enum err backup_file_open(struct backup_reader *r, const char *path, const struct envelope_key *key,
                          struct arena *arena, struct backup_about *ret_about)
{
    *r = (struct backup_reader){
        .key = key, .der = BUF_MAX(DER_MAX_BYTES), .part = BUF_MAX(BACKUP_PART_BYTES), .piece = BUF_MAX(PIECE_BYTES)};
    r->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0)
        return ERR_STORE;
    enum err e = backup_next_part(r);
    if (e != OK)
        return e;
    if (r->head.is_last || !backup_about_read(arena_str(arena, backup_part(r)), ret_about))
        return ERR_CONFLICT;
    r->unzipping = inflateInit2(&r->zip, ZIP_GZIP) == Z_OK;
    ASSERT(r->unzipping);
    r->zip.avail_out = 1;
    return OK;
}

/* No byte follows the last part, and the dump ends with it. */
static enum err backup_end(struct backup_reader *r)
{
    char byte;

    if (!r->ended || r->zip.avail_in > 0)
        return ERR_CONFLICT;
    ssize_t n = read(r->fd, &byte, 1);
    return n == 0 ? ERR_NOT_FOUND : n < 0 ? ERR_STORE : ERR_CONFLICT;
}

enum err backup_file_read(struct backup_reader *r, struct str *ret_piece)
{
    uint8_t out[64 << 10];

    buf_clear(&r->piece);
    while (r->piece.n + sizeof out <= PIECE_BYTES) {
        bool is_drained = r->zip.avail_in == 0 && (r->zip.avail_out > 0 || r->ended); /* zlib holds nothing back */
        if (is_drained && r->head.is_last)
            break;
        if (is_drained) {
            enum err e = backup_next_part(r);
            if (e != OK)
                return e;
            struct str part = backup_part(r);
            r->zip.next_in = (Bytef *)(uintptr_t)part.p;
            r->zip.avail_in = (uInt)part.n;
        }
        r->zip.next_out = out;
        r->zip.avail_out = sizeof out;
        int z = r->ended ? Z_DATA_ERROR : inflate(&r->zip, Z_NO_FLUSH);
        if (z != Z_OK && z != Z_STREAM_END && z != Z_BUF_ERROR)
            return ERR_CONFLICT;
        r->ended = z == Z_STREAM_END;
        buf_put(&r->piece, out, sizeof out - r->zip.avail_out);
    }
    if (r->piece.n == 0)
        return backup_end(r);
    *ret_piece = buf_str(&r->piece);
    return OK;
}

void backup_reader_done(struct backup_reader *r)
{
    if (r->unzipping)
        (void)inflateEnd(&r->zip);
    buf_done(&r->der);
    buf_done(&r->part);
    buf_done(&r->piece);
    fd_closep(&r->fd);
}
