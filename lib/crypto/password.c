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

struct secret password_nfc(struct str password)
{
    size_t n = TEXT_NFC_WORK(password.n);
    int32_t *work = xcalloc(n, sizeof *work);
    size_t bytes = text_nfc(password, work);
    struct secret nfc = secret_copy(str_of(work, bytes));

    explicit_bzero(work, n * sizeof *work);
    free(work);
    return nfc;
}

enum err password_check(struct str password)
{
    if (!text_is_utf8(password))
        return ERR_BAD_UTF8;
    if (password.n > 0 && memchr(password.p, '\0', password.n) != NULL)
        return ERR_PASSWORD_NUL;
    _cleanup_(secret_done) struct secret nfc = password_nfc(password);
    if (password_count_chars(secret_str(&nfc)) < PASSWORD_MIN_CHARS)
        return ERR_PASSWORD_TOO_SHORT;
    return nfc.n > PASSWORD_MAX_BYTES ? ERR_PASSWORD_TOO_LONG : OK;
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
    _cleanup_(secret_done) struct secret nfc = password_nfc(secret_str(password));
    char salt[SALT_BYTES], setting[CRYPT_GENSALT_OUTPUT_SIZE];

    ASSERT(nfc.p != NULL && password_is_usable(secret_str(&nfc)) && cost >= 4 && cost <= 31);
    rand_bytes(salt, sizeof salt);
    if (crypt_gensalt_rn("$2b$", (unsigned long)cost, salt, sizeof salt, setting, sizeof setting) == NULL)
        return ERR_INTERNAL;
    return password_run_bcrypt(nfc.p, setting, ret_hash) ? OK : ERR_INTERNAL;
}

/* What a hash costs that nobody has. */
static void password_work(int cost)
{
    char nothing[PASSWORD_HASH_SIZE], got[PASSWORD_HASH_SIZE];

    (void)snprintf(nothing, sizeof nothing, "$2b$%02d$......................", cost);
    (void)password_run_bcrypt("", nothing, got);
}

/* The cost that a bcrypt hash says; cost, if it says none. */
static int password_cost_of(const char *hash, int cost)
{
    int64_t said;

    return strlen(hash) > 6 && str_to_i64(str_of(hash + 4, 2), &said) && said >= 4 ? (int)said : cost;
}

/* 2^c and all of 2^c, 2^(c+1) ... 2^(cost-1) are 2^cost. */
static void password_work_up_to(const char *hash, int cost)
{
    for (int c = password_cost_of(hash, cost); c < cost; c++)
        password_work(c);
}

static bool password_verify_bytes(const struct secret *password, const char *hash, int cost)
{
    char got[PASSWORD_HASH_SIZE];

    /* What bcrypt would cut short must not match what it was cut to. */
    bool usable = password->p != NULL && password_is_usable(secret_str(password));
    if (hash == NULL || !usable || !password_run_bcrypt(password->p, hash, got)) {
        password_work(cost);
        return false;
    }
    if (str_eq_secret(str_from(got), str_from(hash)))
        return true;
    password_work_up_to(hash, cost);
    return false;
}

enum password_match password_match(const struct secret *password, const char *hash, int cost)
{
    struct str sent = secret_str(password);

    ASSERT(cost >= 4 && cost <= 31);
    bool is_text = sent.p != NULL && text_is_utf8(sent);
    _cleanup_(secret_done) struct secret nfc = is_text ? password_nfc(sent) : (struct secret){0};
    if (is_text && password_verify_bytes(&nfc, hash, cost))
        return password_cost_of(hash, cost) < cost ? PASSWORD_OUTDATED : PASSWORD_RIGHT;
    if (is_text && str_eq_secret(secret_str(&nfc), sent))
        return PASSWORD_WRONG;
    return password_verify_bytes(password, hash, cost) ? PASSWORD_OUTDATED : PASSWORD_WRONG;
}
