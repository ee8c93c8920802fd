#include "crypto/totp.h"

#include <liboath/oath.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/clock.h"

#define URI_MAX_BYTES 4096 /* an address of 254 bytes, each written as three, a host name, and the rest */

static pthread_once_t totp_once = PTHREAD_ONCE_INIT;

static void totp_init(void)
{
    ASSERT(oath_init() == OATH_OK);
}

int64_t totp_step(int64_t now_us)
{
    return now_us / US_PER_SEC / TOTP_STEP_SEC;
}

/* The code of a step. liboath fails only for what we never ask. */
static void totp_code(struct str secret, int64_t step, char ret_code[static TOTP_DIGITS + 1])
{
    ASSERT(pthread_once(&totp_once, totp_init) == 0);
    ASSERT(oath_totp_generate(secret.p, secret.n, (time_t)(step * TOTP_STEP_SEC), TOTP_STEP_SEC, 0, TOTP_DIGITS,
                              ret_code) == OATH_OK);
}

bool totp_find(struct str secret, struct str digits, int64_t now_us, int64_t *ret_step)
{
    char code[TOTP_DIGITS + 1];
    int64_t now = totp_step(now_us), found = 0;

    ASSERT(digits.n == TOTP_DIGITS);
    for (int64_t step = MAX(0, now - TOTP_SKEW_STEPS); step <= now + TOTP_SKEW_STEPS; step++) {
        totp_code(secret, step, code);
        if (str_eq_secret(str_from(code), digits) && found == 0)
            found = step;
    }
    explicit_bzero(code, sizeof code);
    if (found != 0)
        *ret_step = found;
    return found != 0;
}

struct str totp_base32(struct arena *arena, struct str secret)
{
    char *text = NULL;
    size_t n = 0;

    ASSERT(pthread_once(&totp_once, totp_init) == 0);
    ASSERT(oath_base32_encode(secret.p, secret.n, &text, &n) == OATH_OK);
    struct str out = arena_str(arena, str_of(text, n));
    explicit_bzero(text, n);
    free(text);
    while (out.n > 0 && out.p[out.n - 1] == '=')
        out.n--;
    return out;
}

struct str totp_uri(struct arena *arena, struct str issuer, struct str account, struct str secret)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(URI_MAX_BYTES);

    buf_puts(&b, "otpauth://totp/");
    buf_putescaped(&b, issuer);
    buf_putc(&b, ':');
    buf_putescaped(&b, account);
    buf_puts(&b, "?secret=");
    buf_putstr(&b, totp_base32(arena, secret));
    buf_puts(&b, "&issuer=");
    buf_putescaped(&b, issuer);
    buf_printf(&b, "&algorithm=SHA1&digits=%d&period=%d", TOTP_DIGITS, TOTP_STEP_SEC);
    ASSERT(!b.overflow);
    return arena_str(arena, buf_str(&b));
}
