/*
 * The Authorization header: how it is cut, and the base64 of Basic. Invariants: the same as a plain search, byte by byte; what is decoded and
 * encoded again is what was there, but for the last bits and the padding; what was encoded here is decoded.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "http/authorization.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(struct buf *b, struct str text)
{
    for (size_t i = 0; i < text.n * 8; i += 6) {
        unsigned six = 0;
        for (size_t bit = i; bit < i + 6; bit++)
            six = six << 1 | (bit / 8 < text.n && ((unsigned char)text.p[bit / 8] >> (7 - bit % 8) & 1));
        buf_putc(b, digits[six]);
    }
}

/* Where what belongs to the scheme begins; 0: it is another one. */
static size_t search(const char *p, size_t n, const char *scheme)
{
    size_t i = 0;

    for (; scheme[i] != '\0'; i++)
        if (i == n || (p[i] != scheme[i] && p[i] != (scheme[i] ^ 0x20)))
            return 0;
    if (i == n || p[i] != ' ')
        return 0;
    while (i < n && p[i] == ' ')
        i++;
    return i;
}

static void check_cut(struct str header, const char *scheme)
{
    struct str rest = STR("untouched");
    size_t at = search(header.p, header.n, scheme);
    bool is_it = authorization_cut(header, str_from(scheme), &rest);

    ASSERT(is_it == (at > 0));
    ASSERT(str_eq(rest, is_it ? str_skip(header, at) : STR("untouched")));
}

static void check_basic(struct arena *arena, struct str header)
{
    _cleanup_(buf_done) struct buf again = BUF_MAX(1u << 20);
    struct str text;
    size_t at = search(header.p, header.n, "Basic");

    if (!authorization_basic(arena, header, &text))
        return;
    struct str code = str_skip(header, at);
    while (str_ends(code, STR("=")))
        code.n--;
    ASSERT(at > 0 && text.n == code.n * 6 / 8);
    encode(&again, text);
    size_t same = text.n * 8 / 6; /* of whose bits all are in the text */
    ASSERT(str_eq(str_head(buf_str(&again), same), str_head(code, same)));
}

static void check_encoded(struct arena *arena, struct str text)
{
    _cleanup_(buf_done) struct buf header = BUF_MAX(1u << 20);
    struct str got;

    buf_puts(&header, "bAsic  ");
    encode(&header, text);
    buf_puts(&header, "==");
    bool is_basic = authorization_basic(arena, buf_str(&header), &got);
    ASSERT(is_basic && str_eq(got, text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena;
    struct str header = str_of(data, size);

    arena_init(&arena, FUZZ_ARENA_BYTES);
    check_cut(header, "Bearer");
    check_cut(header, "Basic");
    check_basic(&arena, header);
    check_encoded(&arena, header);
    return 0;
}
