#include "http/body_digest.h"

#include "http/multipart.h"

void body_digest_init(struct body_digest *d, struct arena *arena)
{
    *d = (struct body_digest){.arena = arena, .stream = sha256_stream_new()};
}

void body_digest_done(struct body_digest *d)
{
    if (d->stream != NULL)
        (void)sha256_stream_end(d->stream);
    d->stream = NULL;
}

void body_digest_add(struct body_digest *d, const void *p, size_t n)
{
    if (!d->by_parts)
        sha256_stream_add(d->stream, p, n);
}

void body_digest_by_parts(struct body_digest *d)
{
    body_digest_done(d);
    d->by_parts = true;
    d->parts = arena_array(d->arena, MULTIPART_PARTS_MAX, sizeof *d->parts);
}

static void body_digest_end_part(struct body_digest *d)
{
    if (d->stream != NULL)
        d->parts[d->parts_n - 1].content = sha256_stream_end(d->stream);
    d->stream = NULL;
}

void body_digest_begin_part(struct body_digest *d, struct str name)
{
    body_digest_end_part(d);
    ASSERT(d->parts_n < MULTIPART_PARTS_MAX);
    d->parts[d->parts_n++].name = name;
    d->stream = sha256_stream_new();
}

void body_digest_add_to_part(struct body_digest *d, const void *p, size_t n)
{
    sha256_stream_add(d->stream, p, n);
}

/* "images[1]" and "images[]" are of the list "images", whose order is that of its parts. */
static struct str body_digest_list(struct str name)
{
    struct str list;

    return str_cut(&name, '[', &list) ? list : name;
}

static int body_digest_cmp(struct str a, struct str b)
{
    int order = memcmp(a.p, b.p, MIN(a.n, b.n));

    return order != 0 ? order : (a.n > b.n) - (a.n < b.n);
}

/* By the name of the list; those of one list keep their order. */
static void body_digest_sort(struct body_digest_part *v, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct body_digest_part part = v[i];
        size_t at = i;
        for (; at > 0 && body_digest_cmp(body_digest_list(v[at - 1].name), body_digest_list(part.name)) > 0; at--)
            v[at] = v[at - 1];
        v[at] = part;
    }
}

static void body_digest_add_name(struct sha256_stream *all, struct str name)
{
    uint8_t n[] = {(uint8_t)(name.n >> 8), (uint8_t)name.n}; /* part.c takes no longer ones */

    ASSERT(name.n <= UINT16_MAX);
    sha256_stream_add(all, n, sizeof n);
    sha256_stream_add(all, name.p, name.n);
}

struct sha256 body_digest_end(struct body_digest *d)
{
    struct sha256_stream *all = sha256_stream_new();

    if (!d->by_parts) {
        struct sha256 body = sha256_stream_end(d->stream);
        d->stream = NULL;
        sha256_stream_add(all, "body", 4);
        sha256_stream_add(all, body.b, sizeof body.b);
        return sha256_stream_end(all);
    }
    body_digest_end_part(d);
    body_digest_sort(d->parts, d->parts_n);
    sha256_stream_add(all, "form", 4);
    for (size_t i = 0; i < d->parts_n; i++) {
        body_digest_add_name(all, d->parts[i].name);
        sha256_stream_add(all, d->parts[i].content.b, SHA256_BYTES);
    }
    return sha256_stream_end(all);
}
