#include "crypto/timed_signature.h"

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/digest.h"

#define TIME_MAX_DIGITS 12 /* seconds: enough until the year 33658 */

static const char *const timed_signature_words[TIMED_SIGNATURE__MAX] = {
    [TIMED_SIGNATURE_GOOD] = "good",
    [TIMED_SIGNATURE_MISSING] = "missing",
    [TIMED_SIGNATURE_TOO_LONG] = "too_long",
    [TIMED_SIGNATURE_MALFORMED] = "malformed",
    [TIMED_SIGNATURE_TIME_REPEATED] = "time_repeated",
    [TIMED_SIGNATURE_TIME_MISSING] = "time_missing",
    [TIMED_SIGNATURE_TIME_INVALID] = "time_invalid",
    [TIMED_SIGNATURE_NONE] = "no_signature",
    [TIMED_SIGNATURE_WRONG] = "wrong",
    [TIMED_SIGNATURE_TOO_OLD] = "too_old",
    [TIMED_SIGNATURE_TOO_NEW] = "too_new",
};

const char *timed_signature_word(enum timed_signature s)
{
    ASSERT((unsigned)s < TIMED_SIGNATURE__MAX);
    return timed_signature_words[s];
}

/* The number exactly as providers write it, because its text is what is signed. */
static bool timed_signature_time(struct str text, int64_t *ret_at_sec)
{
    return text.n <= TIME_MAX_DIGITS && (text.n < 2 || text.p[0] != '0') && str_to_i64(text, ret_at_sec);
}

/* Is the header of the right form? Finds its t. */
static enum timed_signature timed_signature_parse(const char *name, struct str header, struct str *ret_time)
{
    struct str item, key;
    bool has_one = false;

    *ret_time = (struct str){0};
    while (str_next(&header, ',', &item)) {
        if (!str_cut(&item, '=', &key))
            return TIMED_SIGNATURE_MALFORMED;
        if (str_eqc(key, "t") && ret_time->p != NULL)
            return TIMED_SIGNATURE_TIME_REPEATED;
        if (str_eqc(key, "t"))
            *ret_time = item;
        has_one |= str_eqc(key, name);
    }
    if (ret_time->p == NULL)
        return TIMED_SIGNATURE_TIME_MISSING;
    return has_one ? TIMED_SIGNATURE_GOOD : TIMED_SIGNATURE_NONE;
}

static bool timed_signature_fits(const char *name, struct str header, const struct sha256 *want)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * SHA256_BYTES];
    struct str item, key;
    bool fits = false;

    for (size_t i = 0; i < SHA256_BYTES; i++) {
        hex[2 * i] = digits[want->b[i] >> 4];
        hex[2 * i + 1] = digits[want->b[i] & 0xf];
    }
    while (str_next(&header, ',', &item))
        if (str_cut(&item, '=', &key) && str_eqc(key, name))
            fits |= str_eq_secret(item, str_of(hex, sizeof hex));
    explicit_bzero(hex, sizeof hex); /* whoever reads it can have this body taken */
    return fits;
}

static bool timed_signature_is_right(const char *name, struct str header, struct str time, struct str body,
                                     const struct str *secrets, size_t n)
{
    _cleanup_(buf_done) struct buf message = BUF_MAX(time.n + 1 + body.n);
    bool right = false;

    buf_putstr(&message, time);
    buf_putc(&message, '.');
    buf_putstr(&message, body);
    ASSERT(!message.overflow);
    for (size_t i = 0; i < n; i++) {
        struct sha256 want = hmac_sha256(secrets[i], buf_str(&message));
        right |= timed_signature_fits(name, header, &want);
        explicit_bzero(&want, sizeof want);
    }
    return right;
}

enum timed_signature timed_signature_check(const struct timed_signature_form *form, struct str header, struct str body,
                                           const struct str *secrets, size_t n, int64_t now_us)
{
    int64_t at_sec, now_sec = now_us / US_PER_SEC;
    struct str time;

    ASSERT(n > 0);
    if (header.n == 0)
        return TIMED_SIGNATURE_MISSING;
    if (header.n > TIMED_SIGNATURE_HEADER_MAX_BYTES)
        return TIMED_SIGNATURE_TOO_LONG;
    enum timed_signature s = timed_signature_parse(form->name, header, &time);
    if (s != TIMED_SIGNATURE_GOOD)
        return s;
    if (!timed_signature_time(time, &at_sec))
        return TIMED_SIGNATURE_TIME_INVALID;
    if (!timed_signature_is_right(form->name, header, time, body, secrets, n))
        return TIMED_SIGNATURE_WRONG;
    if (now_sec - at_sec > form->age_sec)
        return TIMED_SIGNATURE_TOO_OLD;
    return at_sec - now_sec > form->ahead_sec ? TIMED_SIGNATURE_TOO_NEW : TIMED_SIGNATURE_GOOD;
}

struct str timed_signature_make(struct arena *arena, const char *name, const struct str *secrets, size_t n,
                                struct str body, int64_t now_us)
{
    _cleanup_(buf_done) struct buf message = BUF_MAX(32 + body.n);
    _cleanup_(buf_done) struct buf header = BUF_MAX(TIMED_SIGNATURE_HEADER_MAX_BYTES);

    buf_printf(&message, "%lld.", (long long)(now_us / US_PER_SEC));
    buf_putstr(&message, body);
    ASSERT(!message.overflow);
    buf_printf(&header, "t=%lld", (long long)(now_us / US_PER_SEC));
    for (size_t i = 0; i < n; i++) {
        struct sha256 mac = hmac_sha256(secrets[i], buf_str(&message));
        buf_printf(&header, ",%s=%.*s", name, STR_FMT(hex_encode(arena, mac.b, sizeof mac.b)));
    }
    ASSERT(!header.overflow);
    return arena_str(arena, buf_str(&header));
}
