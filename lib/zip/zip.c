#include "zip/zip.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"

#define ZIP_BLOCK_BYTES (64 << 10) /* what one write gets */
#define ZIP_MODE 0644

struct zip {
    struct archive *archive;
    struct archive_entry *entry;
    enum err (*write)(void *arg, struct str bytes);
    void *arg;
    int64_t at_us, missing; /* missing: of an entry whose size was said, the bytes that have not come yet */
    enum err e;
    bool finished;
};

/* After an error it swallows the rest: libarchive would leak its buffer if it were told. */
static la_ssize_t zip_write(struct archive *archive, void *arg, const void *bytes, size_t n)
{
    struct zip *z = arg;

    (void)archive;
    if (z->e == OK)
        z->e = z->write(z->arg, str_of(bytes, n));
    return (la_ssize_t)n;
}

/* What libarchive says of itself; the writer's own error came first and stays. */
static enum err zip_note(struct zip *z, la_ssize_t r)
{
    if (r < ARCHIVE_WARN && z->e == OK)
        z->e = ERR_INTERNAL;
    return z->e;
}

struct zip *zip_new(enum err (*write)(void *arg, struct str bytes), void *arg, int64_t at_us)
{
    struct zip *z = xcalloc(1, sizeof *z);

    *z = (struct zip){.write = write, .arg = arg, .at_us = at_us};
    z->archive = archive_write_new();
    z->entry = archive_entry_new();
    ASSERT(z->archive != NULL && z->entry != NULL);
    (void)zip_note(z, archive_write_set_format_zip(z->archive));
    (void)zip_note(z, archive_write_set_bytes_per_block(z->archive, ZIP_BLOCK_BYTES));
    (void)zip_note(z, archive_write_set_bytes_in_last_block(z->archive, 1)); /* no zeroes after the end */
    (void)zip_note(z, archive_write_open(z->archive, z, NULL, zip_write, NULL));
    return z;
}

/* The entry before must be whole. */
static enum err zip_end_entry(struct zip *z)
{
    if (z->e == OK && z->missing > 0)
        z->e = ERR_INTERNAL;
    return z->e;
}

enum err zip_begin(struct zip *z, const char *name, enum zip_how how, int64_t bytes)
{
    if (zip_end_entry(z) != OK)
        return z->e;
    int r = how == ZIP_PACKED ? archive_write_zip_set_compression_deflate(z->archive)
                              : archive_write_zip_set_compression_store(z->archive);
    if (zip_note(z, r) != OK)
        return z->e;
    archive_entry_clear(z->entry);
    archive_entry_set_pathname(z->entry, name);
    archive_entry_set_filetype(z->entry, AE_IFREG);
    archive_entry_set_perm(z->entry, ZIP_MODE);
    archive_entry_set_mtime(z->entry, (time_t)(z->at_us / US_PER_SEC), 0);
    if (bytes != ZIP_BYTES_UNKNOWN)
        archive_entry_set_size(z->entry, bytes);
    z->missing = MAX(bytes, 0);
    return zip_note(z, archive_write_header(z->archive, z->entry));
}

enum err zip_put(struct zip *z, struct str bytes)
{
    while (z->e == OK && bytes.n > 0) {
        la_ssize_t n = archive_write_data(z->archive, bytes.p, bytes.n);
        if (n <= 0) /* also when more comes than was said */
            return zip_note(z, ARCHIVE_FATAL);
        z->missing = MAX(z->missing - n, 0);
        bytes = str_skip(bytes, (size_t)n);
    }
    return z->e;
}

enum err zip_finish(struct zip *z)
{
    if (zip_end_entry(z) != OK)
        return z->e;
    z->finished = true;
    return zip_note(z, archive_write_close(z->archive));
}

void zip_free(struct zip *z)
{
    if (z == NULL)
        return;
    if (!z->finished && z->e == OK)
        z->e = ERR_INTERNAL; /* libarchive ends it as if all were well: nobody gets that */
    archive_entry_free(z->entry);
    (void)archive_write_free(z->archive);
    free(z);
}
