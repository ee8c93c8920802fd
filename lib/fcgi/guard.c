#include "fcgi/guard.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/defs.h"

#define VERSION 1
#define BEGIN_BYTES 8
#define RESPONDER 1

static _Thread_local struct guard *guard_now;

void guard_begin(struct guard *guard)
{
    *guard = (struct guard){.expected = GUARD_BEGIN};
    guard_now = guard;
}

void guard_go_on(struct guard *guard)
{
    guard_now = guard;
}

static uint16_t guard_two(const uint8_t p[2])
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static bool guard_header_is_good(struct guard *r)
{
    const struct guard_header *h = &r->header;
    uint16_t id = guard_two(h->id);

    r->content = guard_two(h->length);
    r->padding = h->padding;
    r->at = 0;
    if (h->version != VERSION || id == 0)
        return false;
    if (r->expected == GUARD_BEGIN) {
        r->id = id;
        return h->type == GUARD_BEGIN && r->content == BEGIN_BYTES && r->padding == 0;
    }
    if (h->type != r->expected || id != r->id)
        return false;
    if (r->content > 0)
        return true;
    r->ended = r->expected == GUARD_STDIN;
    r->expected = GUARD_STDIN;
    /* No padding: libfcgi would take that of an empty record, as that of the first one, for the next header. */
    return r->padding == 0 && r->pairs.left == 0 && r->pairs.wanted == 0 && !r->pairs.is_value;
}

/* The content is the role (two bytes), flags, and five reserved bytes. */
static bool guard_begin_byte_is_good(const struct guard *r, uint8_t c)
{
    return r->at > 1 || c == (r->at == 1 ? RESPONDER : 0);
}

static bool guard_length_is_good(struct guard_pairs *p)
{
    p->left += p->length;
    p->length = 0;
    p->is_value = !p->is_value;
    return p->left <= GUARD_PARAMS_MAX;
}

/* Takes one byte of a length. */
static bool guard_length_byte_is_good(struct guard_pairs *p, uint8_t c)
{
    if (p->wanted > 0) {
        p->length = p->length << 8 | c;
        return --p->wanted > 0 || guard_length_is_good(p);
    }
    if ((c & 0x80) == 0) {
        p->length = c;
        return guard_length_is_good(p);
    }
    p->length = c & 0x7f;
    p->wanted = 3;
    return true;
}

/* Takes what is there of a name and its value, or one byte of a length. Returns how much; 0 refuses it. */
static size_t guard_take_params(struct guard_pairs *pairs, const uint8_t *p, size_t n)
{
    bool is_text = pairs->left > 0 && pairs->wanted == 0 && !pairs->is_value;
    size_t took = is_text ? MIN(n, (size_t)pairs->left) : 1;

    pairs->total += took;
    if (pairs->total > GUARD_PARAMS_MAX)
        return 0;
    if (!is_text)
        return guard_length_byte_is_good(pairs, *p) ? 1 : 0;
    pairs->left -= took;
    return memchr(p, '\0', took) == NULL ? took : 0;
}

static size_t guard_take_content(struct guard *r, const uint8_t *p, size_t n)
{
    return r->expected == GUARD_BEGIN    ? guard_begin_byte_is_good(r, *p)
           : r->expected == GUARD_PARAMS ? guard_take_params(&r->pairs, p, n)
                                         : n;
}

/* Takes some of p. Returns how much; 0 refuses it. */
static size_t guard_take(struct guard *r, const uint8_t *p, size_t n)
{
    if (r->ended)
        return 0;
    if (r->have < GUARD_HEADER_BYTES) {
        r->bytes[r->have++] = *p;
        if (r->have == GUARD_HEADER_BYTES && !guard_header_is_good(r))
            return 0;
        if (r->have == GUARD_HEADER_BYTES && r->content + r->padding == 0)
            r->have = 0;
        return 1;
    }
    size_t *left = r->content > 0 ? &r->content : &r->padding;
    size_t took = MIN(n, *left);
    if (left == &r->content)
        took = guard_take_content(r, p, took);
    if (took == 0)
        return 0;
    r->at += took;
    *left -= took;
    if (r->content + r->padding == 0) {
        r->have = 0;
        r->expected = r->expected == GUARD_BEGIN ? GUARD_PARAMS : r->expected;
    }
    return took;
}

static bool guard_are_good(struct guard *r, const uint8_t *p, size_t n)
{
    while (n > 0) {
        size_t took = guard_take(r, p, n);
        if (took == 0)
            return false;
        p += took;
        n -= took;
    }
    return true;
}

/* Replaces libfcgi's own function, which no installed header declares. */
int OS_Read(int fd, char *p, size_t n);
int OS_Read(int fd, char *p, size_t n)
{
    ssize_t got = read(fd, p, n);

    if (got > 0 && !guard_are_good(guard_now, (const uint8_t *)p, (size_t)got)) {
        (void)shutdown(fd, SHUT_RDWR); /* before libfcgi closes it: then that does not wait for the peer */
        errno = EPROTO;
        return -1;
    }
    return (int)got;
}
