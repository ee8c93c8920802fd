#include "stripe/signature.h"

#include "base/buf.h"
#include "base/clock.h"
#include "crypto/digest.h"

#define TIME_MAX_DIGITS 12 /* seconds: enough until the year 33658 */
#define SECRET_MAX_BYTES 255

#define SECRET_PREFIX "whsec_"

static const char *const stripe_signature_words[STRIPE_SIGNATURE__MAX] = {
    [STRIPE_SIGNATURE_GOOD] = "good",
    [STRIPE_SIGNATURE_MISSING] = "missing",
    [STRIPE_SIGNATURE_TOO_LONG] = "too_long",
    [STRIPE_SIGNATURE_MALFORMED] = "malformed",
    [STRIPE_SIGNATURE_TIME_REPEATED] = "time_repeated",
    [STRIPE_SIGNATURE_TIME_MISSING] = "time_missing",
    [STRIPE_SIGNATURE_TIME_INVALID] = "time_invalid",
    [STRIPE_SIGNATURE_NO_V1] = "no_v1",
    [STRIPE_SIGNATURE_WRONG] = "wrong",
    [STRIPE_SIGNATURE_TOO_OLD] = "too_old",
    [STRIPE_SIGNATURE_TOO_NEW] = "too_new",
};

const char *stripe_signature_word(enum stripe_signature s)
{
    ASSERT((unsigned)s < STRIPE_SIGNATURE__MAX);
    return stripe_signature_words[s];
}

bool stripe_secrets_parse(struct str text, struct stripe_secrets *ret_secrets, const char **ret_why)
{
    struct stripe_secrets secrets = {.n = 0};
    struct str line;

    while (str_next(&text, '\n', &line)) {
        if (str_ends(line, STR("\r")))
            line.n--;
        line = str_trim(line);
        if (line.n == 0)
            continue;
        *ret_why = "a webhook secret must begin with whsec_ and have no blanks";
        if (!str_starts(line, STR(SECRET_PREFIX)) || line.n == strlen(SECRET_PREFIX) || line.n > SECRET_MAX_BYTES ||
            !str_is_visible(line))
            return false;
        *ret_why = "there are more than 4 webhook secrets";
        if (secrets.n == STRIPE_SECRETS_MAX)
            return false;
        secrets.v[secrets.n++] = line;
    }
    *ret_why = "there is no webhook secret";
    if (secrets.n == 0)
        return false;
    *ret_why = NULL;
    *ret_secrets = secrets;
    return true;
}

/* The number exactly as Stripe writes it, because its text is what is signed. */
static bool stripe_signature_time(struct str text, int64_t *ret_at_sec)
{
    return text.n <= TIME_MAX_DIGITS && (text.n < 2 || text.p[0] != '0') && str_to_i64(text, ret_at_sec);
}

/* Is the header of the right form? Finds its t. */
static enum stripe_signature stripe_signature_parse(struct str header, struct str *ret_time)
{
    struct str item, key;
    bool has_v1 = false;

    *ret_time = (struct str){0};
    while (str_next(&header, ',', &item)) {
        if (!str_cut(&item, '=', &key))
            return STRIPE_SIGNATURE_MALFORMED;
        if (str_eqc(key, "t") && ret_time->p != NULL)
            return STRIPE_SIGNATURE_TIME_REPEATED;
        if (str_eqc(key, "t"))
            *ret_time = item;
        has_v1 |= str_eqc(key, "v1");
    }
    if (ret_time->p == NULL)
        return STRIPE_SIGNATURE_TIME_MISSING;
    return has_v1 ? STRIPE_SIGNATURE_GOOD : STRIPE_SIGNATURE_NO_V1;
}

static bool stripe_signature_fits(struct str header, const struct sha256 *want)
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
        if (str_cut(&item, '=', &key) && str_eqc(key, "v1"))
            fits |= str_eq_secret(item, str_of(hex, sizeof hex));
    explicit_bzero(hex, sizeof hex); /* whoever reads it can have this body taken */
    return fits;
}

static bool stripe_signature_is_right(struct str header, struct str time, struct str body,
                                      const struct stripe_secrets *secrets)
{
    _cleanup_(buf_done) struct buf message = BUF_MAX(time.n + 1 + body.n);
    bool right = false;

    buf_putstr(&message, time);
    buf_putc(&message, '.');
    buf_putstr(&message, body);
    ASSERT(!message.overflow);
    for (size_t i = 0; i < secrets->n; i++) {
        struct sha256 want = hmac_sha256(secrets->v[i], buf_str(&message));
        right |= stripe_signature_fits(header, &want);
        explicit_bzero(&want, sizeof want);
    }
    return right;
}

enum stripe_signature stripe_signature_check(struct str header, struct str body, const struct stripe_secrets *secrets,
                                             int64_t now_us)
{
    int64_t at_sec, now_sec = now_us / US_PER_SEC;
    struct str time;

    ASSERT(secrets->n > 0 && secrets->n <= STRIPE_SECRETS_MAX);
    if (header.n == 0)
        return STRIPE_SIGNATURE_MISSING;
    if (header.n > STRIPE_SIGNATURE_HEADER_MAX_BYTES)
        return STRIPE_SIGNATURE_TOO_LONG;
    enum stripe_signature s = stripe_signature_parse(header, &time);
    if (s != STRIPE_SIGNATURE_GOOD)
        return s;
    if (!stripe_signature_time(time, &at_sec))
        return STRIPE_SIGNATURE_TIME_INVALID;
    if (!stripe_signature_is_right(header, time, body, secrets))
        return STRIPE_SIGNATURE_WRONG;
    if (now_sec - at_sec > STRIPE_SIGNATURE_AGE_SEC)
        return STRIPE_SIGNATURE_TOO_OLD;
    return at_sec - now_sec > STRIPE_SIGNATURE_AGE_SEC ? STRIPE_SIGNATURE_TOO_NEW : STRIPE_SIGNATURE_GOOD;
}
