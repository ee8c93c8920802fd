/*
 * Writes a ZIP as a stream, in flat memory. The only place that knows libarchive.
 *
 *    struct zip *z = zip_new(write, arg, clock_now_us());
 *    e = zip_begin(z, "posts.json", ZIP_PACKED, ZIP_BYTES_UNKNOWN);
 *    if (e == OK)
 *        e = zip_put(z, STR("{}\n"));
 *    if (e == OK)
 *        e = zip_finish(z);    // the directory at the end, without which it is no ZIP
 *    zip_free(z);
 *
 * Names are ours: ASCII, relative, without "..". Entries whose size is not known have it after their bytes (APPNOTE 4.3.9), with 64
 * bits where that takes them. What it costs of memory is the directory: a hundred bytes an entry.
 *
 * Errors: those of write, the first of which stays; ERR_INTERNAL when libarchive refuses something.
 */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

struct zip;

enum zip_how {
    ZIP_PACKED, /* deflated */
    ZIP_STORED, /* for what is packed already */
};

#define ZIP_BYTES_UNKNOWN (-1)

/* at_us: when all entries were made. */
struct zip *zip_new(enum err (*write)(void *arg, struct str bytes), void *arg, int64_t at_us);

/* Ends the entry before. bytes: how many are to come; what is missing at the end makes it fail (ERR_INTERNAL). */
MUST_CHECK enum err zip_begin(struct zip *z, const char *name, enum zip_how how, int64_t bytes);
MUST_CHECK enum err zip_put(struct zip *z, struct str bytes);
MUST_CHECK enum err zip_finish(struct zip *z);

void zip_free(struct zip *z); /* NULL is fine. Without zip_finish nothing more is written */
DEFINE_FREEP(struct zip, zip_free)
