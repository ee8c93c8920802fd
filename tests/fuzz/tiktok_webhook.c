/*
 * TikTok's webhooks. The input is the header, a newline, and the body. Invariants: nothing that was not signed is good, and what is good
 * is of the tolerance; what is taken from an event fits its column; who has lost a grant is always named.
 */
#include "fuzz.h"

#include "base/clock.h"
#include "tiktok/webhook.h"

#define NOW_SEC INT64_C(1789000000)

static void check_word(struct str s, size_t max_bytes)
{
    ASSERT(s.p == NULL || (s.n > 0 && s.n <= max_bytes));
    for (size_t i = 0; i < s.n; i++)
        ASSERT(s.p[i] > ' ' && s.p[i] <= '~');
}

static const struct secret_ring known = {.v = {{(char *)"newer", 5}, {(char *)"secret", 6}}, .n = 2},
                                other = {.v = {{(char *)"other", 5}}, .n = 1};

/* Somebody who knows another secret has made it: no header is good for both. */
static void check_signature(struct arena *arena, struct str header, struct str body)
{
    int64_t now_us = NOW_SEC * US_PER_SEC;
    struct str made = timed_signature_make(arena, "s", &(struct str){"secret", 6}, 1, body, now_us);

    enum timed_signature s = tiktok_signature_check(header, body, &known, now_us);
    ASSERT(timed_signature_word(s)[0] != '\0');
    if (s == TIMED_SIGNATURE_GOOD)
        ASSERT(tiktok_signature_check(header, body, &other, now_us) == TIMED_SIGNATURE_WRONG);
    ASSERT(tiktok_signature_check(made, body, &known, now_us) == TIMED_SIGNATURE_GOOD);
    ASSERT(tiktok_signature_check(made, body, &other, now_us) == TIMED_SIGNATURE_WRONG);
    ASSERT(tiktok_signature_check(made, body, &known, now_us + (TIKTOK_SIGNATURE_AGE_SEC + 1) * US_PER_SEC) ==
           TIMED_SIGNATURE_TOO_OLD);
}

static void check_event(struct arena *arena, struct str body)
{
    struct tiktok_event event;
    const char *why = NULL;

    if (tiktok_read_event(arena, body, &event, &why) != OK) {
        ASSERT(why != NULL);
        return;
    }
    ASSERT(event.name.n > 0 && event.client_key.n > 0 && event.created_us > 0);
    ASSERT(event.use != TIKTOK_USE_REMOVED || event.open_id.n > 0);
    check_word(event.name, TIKTOK_EVENT_NAME_MAX_BYTES);
    check_word(event.open_id, TIKTOK_OPEN_ID_MAX_BYTES);
    check_word(event.publish_id, TIKTOK_PUBLISH_ID_MAX_BYTES);
    check_word(event.post_id, TIKTOK_PUBLISH_ID_MAX_BYTES);
    check_word(event.reason, 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena = {0};
    struct str body = str_of(data, size), header;

    if (size == 0)
        return 0;
    arena_init(&arena, FUZZ_ARENA_BYTES);
    if (!str_cut(&body, '\n', &header))
        return 0;
    check_signature(&arena, header, body);
    check_event(&arena, body);
    return 0;
}
