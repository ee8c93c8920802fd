#include "http/multipart.h"

#include "base/buf.h"
#include "base/text.h"
#include "http/body_digest.h"
#include "http/param.h"
#include "http/part.h"

#define BOUNDARY_MAX 70
#define HEADERS_MAX (8u << 10)
#define LINE_REST_MAX 1024 /* blanks that may follow a boundary */

/* The window is looked at in three steps: [start, clean) is data of the part, [clean, end) may hold a delimiter. */

static bool multipart_is_boundary(struct str s)
{
    if (s.n == 0 || s.n > BOUNDARY_MAX || s.p[s.n - 1] == ' ')
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!char_is_alnum(c) && (c == '\0' || strchr("'()+_,-./:=? ", c) == NULL))
            return false;
    }
    return true;
}

enum err multipart_init(struct multipart *mp, struct arena *arena, struct str content_type, struct body *body)
{
    struct str boundary = {0}, rest = content_type;
    struct param param;
    size_t n = 0;
    enum err e;

    while (n < rest.n && rest.p[n] != ';')
        n++;
    if (!str_ieq(str_trim(str_head(rest, n)), STR("multipart/form-data")))
        return ERR_UNSUPPORTED_TYPE;
    rest = str_skip(rest, n);
    while ((e = param_next(&rest, &param)) == OK && param.name.p != NULL) {
        if (!str_ieq(param.name, STR("boundary")))
            continue;
        if (boundary.p != NULL)
            return ERR_MULTIPART_NO_BOUNDARY;
        boundary = param.raw; /* with its escapes: a boundary cannot contain a backslash anyway */
    }
    if (e != OK || !multipart_is_boundary(boundary))
        return ERR_MULTIPART_NO_BOUNDARY;

    *mp = (struct multipart){.body = body, .arena = arena, .window = arena_alloc(arena, MULTIPART_WINDOW)};
    memcpy(mp->delimiter, "\r\n--", 4);
    memcpy(mp->delimiter + 4, boundary.p, boundary.n);
    mp->delimiter_n = 4 + boundary.n;
    if (body->digest != NULL)
        body_digest_by_parts(body->digest);
    /* The first delimiter may begin the body: with a CR LF put before it, it is like the others. */
    memcpy(mp->window, "\r\n", 2);
    mp->end = 2;
    return OK;
}

static struct str multipart_window(const struct multipart *mp)
{
    return str_of(mp->window + mp->start, mp->end - mp->start);
}

/* Drops n bytes from the front, none of which may hold unseen delimiters. */
static void multipart_drop(struct multipart *mp, size_t n)
{
    mp->start += n;
    mp->clean = MAX(mp->clean, mp->start);
}

/* Appends more of the body to the window, which must not be full. */
static enum err multipart_fill(struct multipart *mp)
{
    size_t got;

    ASSERT(mp->end - mp->start < MULTIPART_WINDOW);
    if (mp->end == MULTIPART_WINDOW) {
        memmove(mp->window, mp->window + mp->start, mp->end - mp->start);
        mp->clean -= mp->start;
        mp->end -= mp->start;
        mp->start = 0;
    }
    enum err e = body_read(mp->body, mp->window + mp->end, MULTIPART_WINDOW - mp->end, &got);
    if (e != OK)
        return e;
    mp->body_ended = got == 0;
    mp->end += got;
    return OK;
}

/* At least n bytes in the window, or the rest of the body. */
static enum err multipart_want(struct multipart *mp, size_t n)
{
    enum err e = OK;

    while (e == OK && mp->end - mp->start < n && !mp->body_ended)
        e = multipart_fill(mp);
    return e;
}

/* Makes data available in [start, clean), or puts start on the delimiter: then clean == start. */
static enum err multipart_look(struct multipart *mp)
{
    enum err e = OK;

    while (e == OK && mp->clean == mp->start && !mp->at_delimiter) {
        const char *from = mp->window + mp->start;
        size_t n = mp->end - mp->start;
        const char *at = memmem(from, n, mp->delimiter, mp->delimiter_n);
        if (at != NULL) {
            mp->clean = (size_t)(at - mp->window);
            mp->at_delimiter = true;
        } else if (n >= mp->delimiter_n) {
            mp->clean = mp->end - (mp->delimiter_n - 1); /* the rest may be the start of one */
        } else {
            e = mp->body_ended ? ERR_MULTIPART_TRUNCATED : multipart_fill(mp);
        }
    }
    return e;
}

/* Of the part, n bytes that are about to leave the window. */
static void multipart_digest(const struct multipart *mp, size_t n)
{
    if (mp->in_part && mp->body->digest != NULL)
        body_digest_add_to_part(mp->body->digest, mp->window + mp->start, n);
}

static enum err multipart_skip_to_delimiter(struct multipart *mp)
{
    enum err e;

    while ((e = multipart_look(mp)) == OK && mp->clean > mp->start) {
        multipart_digest(mp, mp->clean - mp->start);
        mp->start = mp->clean;
    }
    return e;
}

/*
 * start follows a delimiter. Reads "--" (it was the last one) or blanks, and puts start on the CR LF that ends the
 * line.
 */
static enum err multipart_end_of_line(struct multipart *mp)
{
    enum err e = multipart_want(mp, 2);

    if (e != OK)
        return e;
    if (str_starts(multipart_window(mp), STR("--"))) {
        mp->last = true;
        return OK;
    }
    for (size_t n = 0; n < LINE_REST_MAX; n++) {
        e = multipart_want(mp, 2);
        if (e != OK)
            return e;
        struct str w = multipart_window(mp);
        if (str_starts(w, STR("\r\n")))
            return OK;
        if (w.n < 2)
            return ERR_MULTIPART_TRUNCATED;
        if (w.p[0] != ' ' && w.p[0] != '\t')
            break;
        multipart_drop(mp, 1);
    }
    return ERR_BAD_MULTIPART;
}

/* Moves start from the CR LF before the first header line to the CR LF of the empty line. */
static enum err multipart_headers(struct multipart *mp, struct multipart_part *ret_part)
{
    const char *at;
    size_t seen = 0;

    while ((at = memmem(mp->window + mp->start, mp->end - mp->start, "\r\n\r\n", 4)) == NULL) {
        seen = mp->end - mp->start;
        if (seen > HEADERS_MAX)
            return ERR_BAD_MULTIPART;
        if (mp->body_ended)
            return ERR_MULTIPART_TRUNCATED;
        enum err e = multipart_fill(mp);
        if (e != OK)
            return e;
    }
    size_t n = (size_t)(at - (mp->window + mp->start)) + 2;
    if (n > HEADERS_MAX)
        return ERR_BAD_MULTIPART;
    enum err e = part_headers(mp->arena, str_of(mp->window + mp->start + 2, n - 2), ret_part);
    multipart_drop(mp, n);
    return e;
}

enum err multipart_next(struct multipart *mp, struct multipart_part *ret_part)
{
    struct multipart_part part;

    *ret_part = (struct multipart_part){0};
    if (mp->last)
        return OK;
    enum err e = multipart_skip_to_delimiter(mp);
    if (e != OK)
        return e;
    multipart_drop(mp, mp->delimiter_n);
    mp->at_delimiter = false;
    mp->in_part = false;
    e = multipart_end_of_line(mp);
    if (e != OK || mp->last)
        return e;
    if (mp->parts++ == MULTIPART_PARTS_MAX)
        return ERR_BAD_MULTIPART;
    e = multipart_headers(mp, &part);
    if (e == OK)
        e = multipart_want(mp, mp->delimiter_n);
    if (e != OK)
        return e;
    /* Without a body, the CR LF that ends the headers may already be the delimiter's (RFC 2046 5.1.1). */
    if (!str_starts(multipart_window(mp), str_of(mp->delimiter, mp->delimiter_n)))
        multipart_drop(mp, 2);
    mp->in_part = true;
    if (mp->body->digest != NULL)
        body_digest_begin_part(mp->body->digest, part.name);
    *ret_part = part;
    return OK;
}

enum err multipart_read(struct multipart *mp, void *p, size_t n, size_t *ret_n)
{
    ASSERT(n > 0);
    enum err e = mp->in_part ? multipart_look(mp) : OK;
    if (e != OK)
        return e;
    n = mp->in_part ? MIN(n, mp->clean - mp->start) : 0;
    if (n > 0)
        memcpy(p, mp->window + mp->start, n);
    multipart_digest(mp, n);
    mp->start += n;
    *ret_n = n;
    return OK;
}

bool multipart_part_is_nested(const struct multipart_part *part)
{
    const struct str nested = STR("multipart/");

    return part->content_type.n >= nested.n && str_ieq(str_of(part->content_type.p, nested.n), nested);
}

enum err multipart_read_text(struct multipart *mp, size_t max, struct str *ret_text)
{
    _cleanup_(buf_done) struct buf all = BUF_MAX(max);
    char chunk[4096];
    size_t got;

    do {
        enum err e = multipart_read(mp, chunk, sizeof chunk, &got);
        if (e != OK)
            return e;
        buf_put(&all, chunk, got);
    } while (got > 0);
    if (all.overflow)
        return ERR_FIELD_TOO_LONG;
    if (!text_is_utf8(buf_str(&all)))
        return ERR_BAD_UTF8;
    *ret_text = arena_str(mp->arena, buf_str(&all));
    return OK;
}
