#include "crypto/password.h"

#include <crypt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/rand.h"
#include "base/text.h"

#define SALT_BYTES 16

static bool password_is_usable(struct str password)
{
    return password.n <= PASSWORD_MAX_BYTES && memchr(password.p, '\0', password.n) == NULL;
}

static size_t password_count_chars(struct str utf8)
{
    size_t n = 0;

    for (size_t i = 0; i < utf8.n; i++)
        n += ((unsigned char)utf8.p[i] & 0xc0) != 0x80;
    return n;
}

enum err password_check(struct str password)
{
    if (!text_is_utf8(password))
        return ERR_BAD_UTF8;
    if (password.n > 0 && memchr(password.p, '\0', password.n) != NULL)
        return ERR_PASSWORD_NUL;
    if (password_count_chars(password) < PASSWORD_MIN_CHARS)
        return ERR_PASSWORD_TOO_SHORT;
    return password.n > PASSWORD_MAX_BYTES ? ERR_PASSWORD_TOO_LONG : OK;
}

/* The bcrypt hash of password under setting; false when libxcrypt does not take the setting. */
static bool password_run_bcrypt(const char *password, const char *setting, char ret_hash[static PASSWORD_HASH_SIZE])
{
    struct crypt_data *d = xcalloc(1, sizeof *d); /* 32 KiB: too much for a stack */
    const char *h = crypt_rn(password, setting, d, sizeof *d);
    bool ok = h != NULL && strlen(h) == 60;

    if (ok)
        memcpy(ret_hash, h, 61);
    explicit_bzero(d, sizeof *d);
    free(d);
    return ok;
}

enum err password_hash(const struct secret *password, int cost, char ret_hash[static PASSWORD_HASH_SIZE])
{
    char salt[SALT_BYTES], setting[CRYPT_GENSALT_OUTPUT_SIZE];

    ASSERT(password->p != NULL && password_is_usable(secret_str(password)) && cost >= 4 && cost <= 31);
    rand_bytes(salt, sizeof salt);
    if (crypt_gensalt_rn("$2b$", (unsigned long)cost, salt, sizeof salt, setting, sizeof setting) == NULL)
        return ERR_INTERNAL;
    return password_run_bcrypt(password->p, setting, ret_hash) ? OK : ERR_INTERNAL;
}

bool password_verify(const struct secret *password, const char *hash, int cost)
{
    char nothing[PASSWORD_HASH_SIZE], got[PASSWORD_HASH_SIZE];
    /* What bcrypt would cut short must not match what it was cut to. */
    bool usable = password->p != NULL && password_is_usable(secret_str(password));
    bool real = hash != NULL && usable;

    ASSERT(cost >= 4 && cost <= 31);
    (void)snprintf(nothing, sizeof nothing, "$2b$%02d$......................", cost);
    if (!password_run_bcrypt(usable ? password->p : "", real ? hash : nothing, got))
        return false;
    return real && str_eq_secret(str_from(got), str_from(hash));
}
