/*
 * multipart/form-data (RFC 7578, RFC 2046 5.1) read as a stream: memory is one window of 64 KiB however large the parts
 * are.
 *
 *    struct multipart mp;
 *    e = multipart_init(&mp, arena, content_type, body);
 *    while ((e = multipart_next(&mp, &part)) == OK && part.name.p != NULL)
 *        while ((e = multipart_read(&mp, p, n, &got)) == OK && got > 0) ...
 *
 * Limits: boundary of 1 to 70 characters (RFC 2046), 200 parts, 8 KiB of headers in a part, name and filename of 255
 * bytes. A part need not be read to its end: multipart_next skips the rest. Text before the first boundary and after
 * the last is ignored. Lines end in CR LF. After an error nothing more can be read.
 *
 * Errors: ERR_UNSUPPORTED_TYPE (not multipart/form-data), ERR_MULTIPART_NO_BOUNDARY, ERR_BAD_MULTIPART,
 * ERR_MULTIPART_TRUNCATED (ends before the closing boundary), ERR_BAD_UTF8 (names), and those of the body.
 */
#pragma once

#include "http/body.h"

#define MULTIPART_WINDOW (64u << 10)
#define MULTIPART_PARTS_MAX 200

struct multipart_part {
    struct str name;     /* absent: there is no further part */
    struct str filename; /* absent without one; never used as a path */
    struct str content_type;
};

struct multipart {
    struct body *body;
    struct arena *arena;
    char *window;
    size_t start, end;  /* the part of the window that has not been handed out yet */
    size_t clean;       /* there is no delimiter in the window before this */
    char delimiter[80]; /* CR LF -- boundary */
    size_t delimiter_n;
    int parts;
    bool in_part, at_delimiter, last, body_ended; /* at_delimiter: one is at clean */
};

MUST_CHECK enum err multipart_init(struct multipart *mp, struct arena *arena, struct str content_type,
                                   struct body *body);
MUST_CHECK enum err multipart_next(struct multipart *mp, struct multipart_part *ret_part);
MUST_CHECK enum err multipart_read(struct multipart *mp, void *p, size_t n, size_t *ret_n);

/* Several files in one part, with a form of their own inside, as curl makes it of -F images=@a,b (RFC 2388; RFC 7578 4.3 ended that). */
bool multipart_part_is_nested(const struct multipart_part *part);

/* A whole part of text, valid UTF-8, at most max bytes (else ERR_FIELD_TOO_LONG; the rest is skipped). */
MUST_CHECK enum err multipart_read_text(struct multipart *mp, size_t max, struct str *ret_text);
