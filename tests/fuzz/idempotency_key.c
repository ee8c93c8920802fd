/*
 * The header Idempotency-Key. Invariants: taken exactly when a reading of its own, character by character, takes it, and with
 * the same key; every key of printable ASCII, put in quotes, reads as itself.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "http/idempotency_key.h"

/* Where the reader is: each character leads from one place to the next. */
enum place { BEFORE, BARE, QUOTED, ESCAPED, AFTER, NOWHERE };

static enum place step(enum place at, char c, struct buf *key)
{
    bool blank = c == ' ' || c == '\t', printable = c >= ' ' && c <= '~';

    if (at == BEFORE && blank)
        return BEFORE;
    if (at == BEFORE && c == '"')
        return QUOTED;
    if (at == QUOTED && c == '"')
        return AFTER;
    if (at == QUOTED && c == '\\')
        return ESCAPED;
    if (blank && (at == AFTER || at == BARE))
        return AFTER;
    bool taken = at == QUOTED    ? printable
                 : at == ESCAPED ? c == '"' || c == '\\'
                                 : printable && c != '"' && c != ',' && !blank;
    if (!taken || at == AFTER)
        return NOWHERE;
    buf_putc(key, c);
    return at == ESCAPED ? QUOTED : at == BEFORE ? BARE : at;
}

static void check_header(struct arena *arena, struct str header)
{
    _cleanup_(buf_done) struct buf want = BUF_MAX(1u << 20);
    struct str key = STR("untouched");
    enum place at = BEFORE;

    for (size_t i = 0; i < header.n && at != NOWHERE; i++)
        at = step(at, header.p[i], &want);
    bool is_key = (at == BARE || at == AFTER) && want.n > 0 && want.n <= IDEMPOTENCY_KEY_MAX;
    enum err e = idempotency_key_parse(arena, header, &key);
    ASSERT(e == (is_key ? OK : ERR_IDEMPOTENCY_KEY));
    ASSERT(str_eq(key, is_key ? buf_str(&want) : STR("untouched")));
}

static void check_quoted(struct arena *arena, struct str bytes)
{
    _cleanup_(buf_done) struct buf quoted = BUF_MAX(1024), want = BUF_MAX(1024);
    struct str key;

    buf_putc(&quoted, '"');
    for (size_t i = 0; i < MIN(bytes.n, (size_t)IDEMPOTENCY_KEY_MAX); i++) {
        char c = (char)(' ' + (unsigned char)bytes.p[i] % ('~' - ' ' + 1));
        if (c == '"' || c == '\\')
            buf_putc(&quoted, '\\');
        buf_putc(&quoted, c);
        buf_putc(&want, c);
    }
    buf_putc(&quoted, '"');
    enum err e = idempotency_key_parse(arena, buf_str(&quoted), &key);
    ASSERT(e == (want.n > 0 ? OK : ERR_IDEMPOTENCY_KEY));
    ASSERT(e != OK || str_eq(key, buf_str(&want)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena;

    arena_init(&arena, FUZZ_ARENA_BYTES);
    check_header(&arena, str_of(data, size));
    check_quoted(&arena, str_of(data, size));
    return 0;
}
