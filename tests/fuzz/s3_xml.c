/*
 * The XML of S3's answers. Invariants: a code and an id are visible ASCII of bounded length, a message has no control characters; a
 * listing has as many objects as it may, each with a key and a size, and says how to go on only with a token.
 */
#include "fuzz.h"

#include "store/s3_xml.h"

static void check_word(struct str s)
{
    ASSERT(s.p == NULL || (s.n > 0 && s.n <= S3_WORD_MAX_BYTES && str_is_visible(s)));
}

static void check_error(struct arena *arena, struct str body)
{
    struct s3_error e;

    s3_read_error(arena, body, &e);
    check_word(e.code);
    check_word(e.request_id);
    ASSERT(e.message.n <= S3_MESSAGE_MAX_BYTES);
    for (size_t i = 0; i < e.message.n; i++)
        ASSERT((unsigned char)e.message.p[i] >= 0x20);
}

static void check_listing(struct arena *arena, struct str body)
{
    struct s3_listing l;

    if (s3_read_listing(arena, body, &l) != OK)
        return;
    ASSERT(l.n <= S3_LIST_MAX && (l.next.p == NULL || (l.next.n > 0 && l.next.n <= S3_TOKEN_MAX_BYTES)));
    for (size_t i = 0; i < l.n; i++)
        ASSERT(l.v[i].key.n > 0 && l.v[i].key.n <= S3_KEY_MAX_BYTES && l.v[i].size_bytes >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena = {0};

    arena_init(&arena, FUZZ_ARENA_BYTES);
    check_error(&arena, str_of(data, size));
    check_listing(&arena, str_of(data, size));
    return 0;
}
