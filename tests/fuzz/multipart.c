/*
 * The multipart reader. The first byte seeds the sizes of the pieces in which the body arrives and is read; the rest is
 * the body, with the boundary "b".
 *
 * Invariants: names are what they must be; what is read, and its digest, does not depend on the pieces; the parts are those of a simple
 * split of the whole body; memory stays small.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/text.h"
#include "http/body_digest.h"
#include "http/multipart.h"

#define DELIMITER STR("\r\n--b")

struct pieces {
    struct str text;
    uint32_t seed;
    size_t max; /* 0: all at once */
};

/* The size of the next piece, at most n. */
static size_t piece(struct pieces *s, size_t n)
{
    size_t size = s->max == 0 ? n : 1 + fuzz_next(&s->seed) % s->max;

    return MIN(n, size);
}

static size_t read_pieces(void *arg, void *p, size_t n)
{
    struct pieces *s = arg;

    n = piece(s, MIN(n, s->text.n));
    if (n > 0)
        memcpy(p, s->text.p, n);
    s->text = str_skip(s->text, n);
    return n;
}

/* Everything that came of a body, as one text: names and bytes with their lengths. bodies holds the bytes alone. */
struct outcome {
    struct buf all, bodies;
    size_t ends[256], parts;
    enum err err;
    struct sha256 digest;
};

static void outcome_done(struct outcome *o)
{
    buf_done(&o->all);
    buf_done(&o->bodies);
}

static void check_part(const struct multipart_part *part)
{
    ASSERT(part->name.n > 0 && part->name.n <= 255 && text_is_utf8(part->name));
    ASSERT(part->filename.n <= 255 && text_is_utf8(part->filename));
    ASSERT(part->content_type.n <= 255 && text_is_utf8(part->content_type));
}

static enum err read_part(struct multipart *mp, struct pieces *sizes, struct outcome *o)
{
    char chunk[4096];
    size_t got;
    enum err e;

    do {
        size_t n = piece(sizes, sizeof chunk);
        e = multipart_read(mp, chunk, n, &got);
        if (e != OK)
            return e;
        ASSERT(got <= n);
        buf_put(&o->bodies, chunk, got);
    } while (got > 0);
    o->ends[o->parts++] = o->bodies.n;
    return OK;
}

static void run(struct str text, uint32_t seed, size_t max, struct outcome *o)
{
    _cleanup_(arena_done) struct arena arena;
    struct pieces source = {text, seed, max}, sizes = source;
    struct body body = {
        .source = read_pieces, .arg = &source, .content_length = (int64_t)text.n, .max_bytes = UINT64_MAX};
    struct multipart mp;
    struct multipart_part part;
    struct body_digest digest;

    *o = (struct outcome){.all = BUF_MAX(64u << 20), .bodies = BUF_MAX(64u << 20)};
    arena_init(&arena, FUZZ_ARENA_BYTES);
    body_digest_init(&digest, &arena);
    body.digest = &digest;
    o->err = multipart_init(&mp, &arena, STR("multipart/form-data; boundary=b"), &body);
    ASSERT(o->err == OK);
    while ((o->err = multipart_next(&mp, &part)) == OK && part.name.p != NULL) {
        check_part(&part);
        buf_printf(&o->all, "%zu:%zu:%zu:", part.name.n, part.filename.n, part.content_type.n);
        buf_putstr(&o->all, part.name);
        buf_putstr(&o->all, part.filename);
        buf_putstr(&o->all, part.content_type);
        o->err = read_part(&mp, &sizes, o);
        if (o->err != OK)
            break;
    }
    ASSERT(o->err == OK || o->err == ERR_BAD_MULTIPART || o->err == ERR_MULTIPART_TRUNCATED || o->err == ERR_BAD_UTF8);
    if (o->err == OK)
        o->digest = body_digest_end(&digest);
    body_digest_done(&digest);
}

static size_t find(struct str s, size_t from, struct str what)
{
    const char *at = from > s.n ? NULL : memmem(s.p + from, s.n - from, what.p, what.n);

    return at == NULL ? SIZE_MAX : (size_t)(at - s.p);
}

static size_t skip_blanks(struct str s, size_t at)
{
    while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t'))
        at++;
    return at;
}

/* The whole body split by searching it: the parts of o must be its first ones, and all of them when o ended well. */
static void compare(struct str text, const struct outcome *o)
{
    _cleanup_(buf_done) struct buf whole = BUF_MAX(64u << 20);
    size_t done = 0, from = 0;

    buf_puts(&whole, "\r\n");
    buf_putstr(&whole, text);
    struct str s = buf_str(&whole);
    size_t at = find(s, 0, DELIMITER);
    for (size_t i = 0;; i++) {
        if (at == SIZE_MAX)
            break;
        at += DELIMITER.n;
        if (str_starts(str_skip(s, at), STR("--"))) {
            done = 1;
            ASSERT(o->err != OK || o->parts == i);
            break;
        }
        at = skip_blanks(s, at);
        if (!str_starts(str_skip(s, at), STR("\r\n")))
            break;
        size_t headers_end = find(s, at, STR("\r\n\r\n"));
        if (headers_end == SIZE_MAX)
            break;
        size_t start = headers_end + 4;
        bool none = str_starts(str_skip(s, headers_end + 2), DELIMITER);
        at = none ? headers_end + 2 : find(s, start, DELIMITER);
        if (i >= o->parts || at == SIZE_MAX)
            continue;
        struct str want = none ? STR("") : str_of(s.p + start, at - start);
        ASSERT(str_eq(want, str_of(o->bodies.p == NULL ? "" : o->bodies.p + from, o->ends[i] - from)));
        from = o->ends[i];
    }
    ASSERT(done || o->err != OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(outcome_done) struct outcome whole = {0}, pieces = {0};

    if (size == 0)
        return 0;
    struct str text = str_of(data + 1, size - 1);
    run(text, 0, 0, &whole);
    run(text, data[0], 1 + data[0] % 64, &pieces);
    ASSERT(whole.err == pieces.err);
    ASSERT(str_eq(buf_str(&whole.all), buf_str(&pieces.all)));
    ASSERT(whole.parts == pieces.parts);
    if (whole.err == OK)
        ASSERT(str_eq(buf_str(&whole.bodies), buf_str(&pieces.bodies)) &&
               memcmp(&whole.digest, &pieces.digest, sizeof whole.digest) == 0);
    compare(text, &whole);
    return 0;
}
