/*
 * A mail that came back. Invariants: what is said of it is one line of UTF-8 that begins with a status of class 5; what may be
 * an address has an @ and no blank; memory stays small; and a mail that is a report says the same when a server has put a line
 * "From " before it.
 */
#include "fuzz.h"

#include "base/text.h"
#include "net/bounce.h"

static void check(const struct bounce *b)
{
    ASSERT(b->is_permanent == (b->why.p != NULL));
    if (b->is_permanent)
        ASSERT(str_starts(b->why, STR("5.")) && text_is_utf8(b->why) && text_is_printable(b->why, false));
    for (size_t i = 0; i < b->recipients.n; i++) {
        struct str word = b->recipients.v[i];
        ASSERT(memchr(word.p, '@', word.n) != NULL && memchr(word.p, ' ', word.n) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena;

    arena_init(&arena, FUZZ_ARENA_BYTES);
    struct str message = str_of(data, size);
    const struct bounce once = bounce_read(&arena, message);
    check(&once);
    ASSERT(once.is_permanent || !once.is_of_address);
    if (!str_starts(message, STR("From "))) {
        const struct bounce again =
            bounce_read(&arena, arena_printf(&arena, "From MAILER-DAEMON now\n%.*s", STR_FMT(message)));
        bool cut = size > 0 && memchr(data, '\0', size) != NULL; /* arena_printf ends there */
        ASSERT(cut || again.is_permanent == once.is_permanent);
        ASSERT(cut || again.is_of_address == once.is_of_address);
    }
    return 0;
}
