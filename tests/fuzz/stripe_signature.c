/*
 * The Stripe-Signature header. The first byte chooses the body, the rest is the header. Invariants: nothing that was
 * not signed is good; what is good has one t, of the tolerance, and a v1 that somebody who knows a secret made of
 * exactly that t and body.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/digest.h"
#include "stripe/signature.h"

#define NOW_SEC INT64_C(1789000000)

static const struct stripe_secrets secrets = {.v = {{"whsec_newer", 11}, {"whsec_older", 11}}, .n = 2};

/* Found apart from the checker: the only text between "t=" at an item's beginning and a comma. */
static size_t times_in(struct str header, struct str *ret_time)
{
    size_t n = 0;
    struct str item;

    while (str_next(&header, ',', &item))
        if (str_starts(item, STR("t="))) {
            *ret_time = str_skip(item, 2);
            n++;
        }
    return n;
}

static bool is_signed(struct arena *arena, struct str header, struct str time, struct str body)
{
    struct str message = arena_printf(arena, "%.*s.%.*s", STR_FMT(time), STR_FMT(body)), item;

    for (size_t i = 0; i < secrets.n; i++) {
        struct sha256 mac = hmac_sha256(secrets.v[i], message);
        struct str want = arena_printf(arena, "v1=%.*s", STR_FMT(hex_encode(arena, mac.b, sizeof mac.b))),
                   rest = header;
        while (str_next(&rest, ',', &item))
            if (str_eq(item, want))
                return true;
    }
    return false;
}

/* A header that is good, with one byte of it changed to what the input says. */
static void check_altered(struct arena *arena, struct str body, const uint8_t *data, size_t size)
{
    struct str message = arena_printf(arena, "%lld.%.*s", (long long)NOW_SEC, STR_FMT(body));
    struct sha256 mac = hmac_sha256(secrets.v[data[0] & 1], message);
    struct str good =
        arena_printf(arena, "t=%lld,v1=%.*s", (long long)NOW_SEC, STR_FMT(hex_encode(arena, mac.b, sizeof mac.b)));
    char *altered = arena_strdup(arena, good);

    ASSERT(stripe_signature_check(good, body, &secrets, NOW_SEC * US_PER_SEC) == TIMED_SIGNATURE_GOOD);
    altered[data[0] % good.n] = (char)data[size - 1];
    ASSERT((stripe_signature_check(str_of(altered, good.n), body, &secrets, NOW_SEC * US_PER_SEC) ==
            TIMED_SIGNATURE_GOOD) == (memcmp(altered, good.p, good.n) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena = {0};
    _cleanup_(secret_ring_done) struct secret_ring ring = {.n = 0};
    struct stripe_secrets parsed;
    struct str time = {0};
    const char *why;
    int64_t at_sec;

    if (size == 0)
        return 0;
    arena_init(&arena, FUZZ_ARENA_BYTES);
    struct str header = str_of(data + 1, size - 1), body = data[0] & 1 ? STR("{\"id\":\"evt_1\"}") : STR("");
    enum timed_signature s = stripe_signature_check(header, body, &secrets, NOW_SEC * US_PER_SEC);

    ASSERT(timed_signature_word(s)[0] != '\0');
    if (s == TIMED_SIGNATURE_GOOD) {
        ASSERT(times_in(header, &time) == 1 && str_to_i64(time, &at_sec) && is_signed(&arena, header, time, body));
        ASSERT(at_sec >= NOW_SEC - 300 && at_sec <= NOW_SEC + 300);
    }
    check_altered(&arena, body, data, size);
    if (secret_ring_parse(header, SECRET_RING_WORDS, &ring, &why) && stripe_secrets_of(&ring, &parsed, &why)) {
        ASSERT(parsed.n > 0 && parsed.n <= SECRET_RING_MAX && why == NULL);
        for (size_t i = 0; i < parsed.n; i++)
            ASSERT(str_starts(parsed.v[i], STR("whsec_")) && str_is_visible(parsed.v[i]));
    } else {
        ASSERT(why != NULL);
    }
    return 0;
}
