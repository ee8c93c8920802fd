/*
 * The shape of API keys, and finding them in other text. Invariants: accepted exactly when prefix, length, alphabet and checksum are right, by a
 * computation of its own; a key made from the input is accepted, and is not with any one character changed.
 */
#include "fuzz.h"

#include "base/buf.h"
#include "crypto/digest.h"
#include "model/key/key.h"

#define BODY_CHARS 43
#define SUM_CHARS 6
#define LIVE "mk_live_"
#define TEST "mk_test_"

static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* The first 64 bits of the SHA-256 modulo 62^6, digit by digit from the right. */
static void put_checksum(char key[static KEY_CHARS])
{
    struct sha256 h = sha256_of(str_of(key, KEY_CHARS - SUM_CHARS));

    for (size_t i = KEY_CHARS; i-- > KEY_CHARS - SUM_CHARS;) {
        unsigned rest = 0;
        for (size_t k = 0; k < 8; k++) { /* the 64 bits divided by 62, as on paper */
            unsigned v = rest * 256 + h.b[k];
            h.b[k] = (uint8_t)(v / 62);
            rest = v % 62;
        }
        key[i] = digits[rest];
    }
}

static bool is_key(struct str s)
{
    char want[KEY_CHARS];

    if (s.n != KEY_CHARS || (memcmp(s.p, LIVE, KEY_PREFIX_BYTES) != 0 && memcmp(s.p, TEST, KEY_PREFIX_BYTES) != 0))
        return false;
    for (size_t i = KEY_PREFIX_BYTES; i < s.n; i++)
        if (s.p[i] == '\0' || strchr(digits, s.p[i]) == NULL)
            return false;
    memcpy(want, s.p, KEY_CHARS);
    put_checksum(want);
    return memcmp(want, s.p, KEY_CHARS) == 0;
}

/* Finds what is there by looking at each place, and comes to an end. Returns how many there are. */
static size_t find_all(struct str text)
{
    struct str rest = text, found;
    size_t at = 0, n = 0;

    for (; key_find(&rest, &found); n++) {
        ASSERT(is_key(found) && rest.p == found.p + KEY_CHARS && rest.p + rest.n == text.p + text.n);
        for (; text.p + at < found.p; at++)
            ASSERT(!is_key(str_head(str_skip(text, at), KEY_CHARS)));
        at += KEY_CHARS;
    }
    for (; at < text.n; at++)
        ASSERT(!is_key(str_head(str_skip(text, at), KEY_CHARS)));
    return n;
}

/* Between two halves of the input. */
static void find_between(const char key[static KEY_CHARS], const uint8_t *data, size_t size)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1u << 20);

    buf_put(&b, data, size / 2);
    buf_put(&b, key, KEY_CHARS);
    buf_put(&b, data + size / 2, size - size / 2);
    if (!b.overflow)
        ASSERT(find_all(buf_str(&b)) > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char key[KEY_CHARS];

    ASSERT(key_is_wellformed(str_of(data, size)) == is_key(str_of(data, size)));
    (void)find_all(str_of(data, size));
    if (size < BODY_CHARS + 2)
        return 0;
    memcpy(key, data[0] % 2 == 0 ? LIVE : TEST, KEY_PREFIX_BYTES);
    for (size_t i = 0; i < BODY_CHARS; i++)
        key[KEY_PREFIX_BYTES + i] = digits[data[i] % 62];
    put_checksum(key);
    ASSERT(key_is_wellformed(str_of(key, sizeof key)));
    ASSERT(!key_is_wellformed(str_of(key, sizeof key - 1)));
    find_between(key, data, size);
    char *changed = &key[data[BODY_CHARS] % KEY_CHARS];
    if (*changed == (char)data[BODY_CHARS + 1])
        return 0;
    *changed = (char)data[BODY_CHARS + 1];
    ASSERT(!key_is_wellformed(str_of(key, sizeof key)));
    return 0;
}
