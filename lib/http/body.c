#include "http/body.h"

#include "base/buf.h"
#include "http/body_digest.h"

#define CHUNK_BYTES (16u << 10)

static size_t body_read_memory(void *arg, void *p, size_t n)
{
    struct str *text = arg;

    n = MIN(n, text->n);
    if (n > 0)
        memcpy(p, text->p, n);
    *text = str_skip(*text, n);
    return n;
}

struct body body_of_memory(struct str *text)
{
    return (struct body){
        .source = body_read_memory, .arg = text, .content_length = (int64_t)text->n, .max_bytes = UINT64_MAX};
}

enum err body_read(struct body *b, void *p, size_t n, size_t *ret_n)
{
    bool known = b->content_length >= 0;

    ASSERT(n > 0);
    if (b->read_bytes > b->max_bytes || (known && (uint64_t)b->content_length > b->max_bytes))
        return ERR_BODY_TOO_LARGE;
    if (known)
        n = MIN(n, (uint64_t)b->content_length - b->read_bytes);
    else if (b->max_bytes - b->read_bytes < n)
        n = b->max_bytes - b->read_bytes + 1; /* one byte more than allowed, to see whether there is one */
    if (b->ended || n == 0) {
        *ret_n = 0;
        return OK;
    }
    size_t got = b->source(b->arg, p, n);
    ASSERT(got <= n);
    b->read_bytes += got;
    if (b->read_bytes > b->max_bytes)
        return ERR_BODY_TOO_LARGE;
    if (got == 0 && (known || (b->broken != NULL && b->broken(b->arg))))
        return ERR_BODY_TRUNCATED;
    b->ended = got == 0;
    if (b->digest != NULL)
        body_digest_add(b->digest, p, got);
    *ret_n = got;
    return OK;
}

static enum err body_read_known(struct body *b, struct arena *arena, size_t n, struct str *ret_text)
{
    char *p = arena_alloc(arena, n + 1);
    size_t at = 0, got;

    while (at < n) {
        enum err e = body_read(b, p + at, n - at, &got);
        if (e != OK)
            return e;
        if (got == 0)
            break;
        at += got;
    }
    *ret_text = str_of(p, at);
    return OK;
}

static enum err body_read_unknown(struct body *b, struct arena *arena, size_t max, struct str *ret_text)
{
    _cleanup_(buf_done) struct buf all = BUF_MAX(max);
    char chunk[CHUNK_BYTES];
    size_t got;

    do {
        enum err e = body_read(b, chunk, sizeof chunk, &got);
        if (e != OK)
            return e;
        buf_put(&all, chunk, got);
    } while (got > 0 && !all.overflow);
    if (all.overflow)
        return ERR_BODY_TOO_LARGE;
    *ret_text = arena_str(arena, buf_str(&all));
    return OK;
}

enum err body_read_all(struct body *b, struct arena *arena, size_t max, struct str *ret_text)
{
    if (b->content_length < 0)
        return body_read_unknown(b, arena, max, ret_text);
    uint64_t n = (uint64_t)b->content_length - b->read_bytes;
    return n > max || (uint64_t)b->content_length > b->max_bytes ? ERR_BODY_TOO_LARGE
                                                                 : body_read_known(b, arena, n, ret_text);
}

void body_drain(struct body *b)
{
    char chunk[CHUNK_BYTES];

    while (b->source(b->arg, chunk, sizeof chunk) > 0)
        ;
    b->ended = true;
}
