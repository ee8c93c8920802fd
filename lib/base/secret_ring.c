#include "base/secret_ring.h"

#include <string.h>

/* As the form has it; absent: the line does not count. */
static struct str secret_ring_line(struct str line, enum secret_ring_form form)
{
    struct str trimmed;

    if (str_ends(line, STR("\r")))
        line.n--;
    trimmed = str_trim(line);
    if (trimmed.n == 0)
        return (struct str){0};
    return form == SECRET_RING_WORDS ? trimmed : line;
}

/* Why the line cannot be taken, or NULL. */
static const char *secret_ring_fault(const struct secret_ring *ring, struct str line)
{
    if (line.n > SECRET_RING_LINE_MAX)
        return "has a line of more than 1024 bytes";
    if (memchr(line.p, '\0', line.n) != NULL)
        return "has a NUL byte in a line";
    return ring->n == SECRET_RING_MAX ? "has more than 4 lines" : NULL;
}

bool secret_ring_parse(struct str text, enum secret_ring_form form, struct secret_ring *ret, const char **ret_why)
{
    struct secret_ring ring = {.n = 0};
    struct str line;

    *ret_why = NULL;
    while (*ret_why == NULL && str_next(&text, '\n', &line)) {
        line = secret_ring_line(line, form);
        if (line.n == 0 || secret_ring_has(&ring, line))
            continue;
        *ret_why = secret_ring_fault(&ring, line);
        if (*ret_why == NULL)
            ring.v[ring.n++] = secret_copy(line);
    }
    if (*ret_why != NULL) {
        secret_ring_done(&ring);
        return false;
    }
    ret->n = ring.n;
    memcpy(ret->v, ring.v, sizeof ret->v);
    atomic_store(&ret->current, 0);
    return true;
}

enum err secret_ring_read(const char *name, enum secret_ring_form form, struct secret_ring *ret, struct buf *why)
{
    _cleanup_(secret_done) struct secret text = {0};
    const char *fault;

    *ret = (struct secret_ring){.name = name};
    enum err e = credential_read(name, &text);
    if (e != OK) {
        buf_printf(why, "the credential %s is missing or cannot be read", name);
        return e;
    }
    if (!secret_ring_parse(secret_str(&text), form, ret, &fault)) {
        buf_printf(why, "the credential %s %s", name, fault);
        return ERR_VALIDATION;
    }
    return OK;
}

void secret_ring_done(struct secret_ring *ring)
{
    for (size_t i = 0; i < ring->n; i++)
        secret_done(&ring->v[i]);
    ring->n = 0;
}

bool secret_ring_has(const struct secret_ring *ring, struct str secret)
{
    bool has = false;

    for (size_t i = 0; i < ring->n; i++)
        has |= str_eq_secret(secret_str(&ring->v[i]), secret);
    return has;
}

size_t secret_ring_texts(const struct secret_ring *ring, struct str ret[static SECRET_RING_MAX])
{
    for (size_t i = 0; i < ring->n; i++)
        ret[i] = secret_str(&ring->v[i]);
    return ring->n;
}

struct secret_try secret_try_begin(struct secret_ring *ring)
{
    return (struct secret_try){.ring = ring, .at = atomic_load(&ring->current), .tried = 1};
}

const struct secret *secret_try_now(const struct secret_try *t)
{
    return &t->ring->v[t->at];
}

bool secret_try_next(struct secret_try *t)
{
    if (t->tried >= t->ring->n)
        return false;
    t->tried++;
    t->at = (t->at + 1) % t->ring->n;
    return true;
}

/* Of many calls that find the same at the same time, one tells. */
void secret_try_taken(const struct secret_try *t)
{
    struct secret_ring *ring = t->ring;

    if (t->tried > 1 && atomic_exchange(&ring->current, t->at) != t->at && ring->tell != NULL)
        ring->tell(ring->name, t->at + 1);
}
