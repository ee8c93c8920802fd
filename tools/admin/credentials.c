/*
 * The secrets that the machine can make by itself: what is missing below DIR/NAME/ is made, what is there stays. One
 * that somebody else issues is made as an empty file, for the admin to fill.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/rand.h"
#include "crypto/digest.h"
#include "crypto/keyring.h"
#include "model/privacy/journal.h"
#include "passwords.h"
#include "rotate.h"
#include "store/store.h"
#include "stripe/calls.h"
#include "stripe/signature.h"

static struct str credentials_password(struct arena *arena)
{
    return token_new(arena, 32);
}

/* One key of the ring, as crypto/keyring.h reads it. */
static struct str credentials_ring(struct arena *arena)
{
    uint8_t key[32];

    rand_bytes(key, sizeof key);
    return arena_printf(arena, "1 %.*s\n", STR_FMT(hex_encode(arena, key, sizeof key)));
}

static struct str credentials_key(struct arena *arena)
{
    uint8_t key[32];

    rand_bytes(key, sizeof key);
    return arena_printf(arena, "%.*s\n", STR_FMT(hex_encode(arena, key, sizeof key)));
}

static const char *credentials_ring_fault(struct str text)
{
    _cleanup_(keyring_freep) struct keyring *ring = NULL;

    return keyring_parse(text, &ring) == OK ? NULL : "is no key ring: lines of ID HEX64";
}

/* As a program reads it when it starts: base/secret_ring.h. */
static const char *credentials_lines_fault(struct str text)
{
    _cleanup_(secret_ring_done) struct secret_ring ring = {.n = 0};
    const char *why;

    return secret_ring_parse(text, SECRET_RING_LINES, &ring, &why) ? NULL : why;
}

static const char *credentials_key_fault(struct str text)
{
    _cleanup_(secret_ring_done) struct secret_ring ring = {.n = 0};
    const char *why;

    if (!secret_ring_parse(text, SECRET_RING_LINES, &ring, &why))
        return why;
    return journal_keys_fit(&ring) ? NULL : "is too short: 64 hexadecimal digits";
}

static const char *credentials_api_keys_unfit(const struct conf *conf, const struct secret_ring *ring)
{
    const char *why = NULL;

    return stripe_keys_fit(conf, ring, &why) ? NULL : why;
}

static const char *credentials_webhook_secrets_unfit(const struct conf *conf, const struct secret_ring *ring)
{
    struct stripe_secrets secrets;
    const char *why = NULL;
    (void)conf;

    return stripe_secrets_of(ring, &secrets, &why) ? NULL : why;
}

static const char *credentials_bucket_keys_unfit(const struct conf *conf, const struct secret_ring *ring)
{
    return conf->s3_endpoint.n > 0 ? store_keys_fault(ring, conf) : NULL;
}

bool credentials_has(const struct service *s, const struct credential *f)
{
    return f == &credentials_password_file ? service_has_database(s) : service_has_credential(s, f->name);
}

const char *credentials_path(struct arena *arena, const char *dir, const struct service *s, const struct credential *f)
{
    return arena_printf(arena, "%s/%.*s/%s", dir, STR_FMT(service_database(arena, s)), f->name).p;
}

/* What is there stays. */
static int credentials_put(struct arena *arena, const char *dir, const struct service *s, const struct credential *f,
                           struct str text)
{
    const char *folder = arena_printf(arena, "%s/%.*s", dir, STR_FMT(service_database(arena, s))).p;
    const char *path = credentials_path(arena, dir, s, f);

    if (access(path, F_OK) == 0)
        return EXIT_DONE;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return complain("%s: %s", folder, strerror(errno));
    int code = credentials_write(arena, path, text);
    if (code != EXIT_DONE)
        return code;
    if (text.n > 0)
        printf("made %s\n", path);
    else
        printf("made %s (empty: put %s into it)\n", path, f->to_fill);
    return EXIT_DONE;
}

/* What the other folders get: the file of the first service that has it, else a new one. */
static int credentials_shared_text(struct arena *arena, const char *dir, const struct credential *f,
                                   struct str *ret_text)
{
    for (const struct service *s = services; s->name != NULL; s++) {
        const char *path = credentials_path(arena, dir, s, f);
        if (credentials_has(s, f) && access(path, F_OK) == 0)
            return file_read(arena, path, ret_text) ? EXIT_DONE : EXIT_FAILED;
    }
    *ret_text = f->make != NULL ? f->make(arena) : STR("");
    return EXIT_DONE;
}

static int credentials_put_shared(struct arena *arena, const char *dir, const struct credential *f)
{
    struct str text;
    int code = credentials_shared_text(arena, dir, f, &text);

    for (const struct service *s = services; s->name != NULL && code == EXIT_DONE; s++)
        if (credentials_has(s, f))
            code = credentials_put(arena, dir, s, f, text);
    return code;
}

const struct credential *credentials_find(const char *name)
{
    if (strcmp(credentials_password_file.name, name) == 0)
        return &credentials_password_file;
    for (const struct credential *f = credentials_shared; f->name != NULL; f++)
        if (strcmp(f->name, name) == 0)
            return f;
    return NULL;
}

/* A row of service.def may name a file that the table below does not have: its service would not start. */
static int credentials_check_all(void)
{
    int code = EXIT_DONE;

    for (const struct service *s = services; s->name != NULL; s++)
        for (size_t i = 0; i < SERVICE_CREDENTIALS_MAX && s->credentials[i] != NULL; i++)
            if (credentials_find(s->credentials[i]) == NULL)
                code = complain("%s needs the credential %s, and credentials.c does not say how to make it", s->name,
                                s->credentials[i]);
    return code;
}

static int credentials_make_all(struct arena *arena, const char *dir)
{
    int code = credentials_check_all();

    for (const struct service *s = services; s->name != NULL && code == EXIT_DONE; s++)
        if (credentials_has(s, &credentials_password_file))
            code = credentials_put(arena, dir, s, &credentials_password_file, credentials_password(arena));
    for (const struct credential *f = credentials_shared; f->name != NULL && code == EXIT_DONE; f++)
        code = credentials_put_shared(arena, dir, f);
    return code;
}

int verb_credentials(const struct given *given)
{
    struct arena arena;

    (void)mkdir(given->dir, 0700); /* what cannot be made is complained of by what comes next */
    _cleanup_(fd_closep) int lock = credentials_lock(given->dir, true);
    if (lock < 0)
        return complain("%s: %s", given->dir, strerror(errno));
    arena_init(&arena, 8 << 20);
    int code = credentials_make_all(&arena, given->dir);
    if (code == EXIT_DONE)
        code = credentials_left(&arena, given->dir, true);
    if (code == EXIT_DONE)
        code = credentials_look(&arena, given->dir);
    arena_clear(&arena);
    arena_done(&arena);
    return code;
}

const struct credential credentials_password_file = {
    .name = PASSWORD_FILE, .make = credentials_password, .fault = password_fault, .way = &rotate_password};

/* Files that several services may have are the same in each folder. service.def says which service has which. */
const struct credential credentials_shared[] = {
    {"token-keys", credentials_ring, NULL, credentials_ring_fault, &rotate_tokens, NULL},
    {"totp-keys", credentials_ring, NULL, credentials_ring_fault, &rotate_second_factors, NULL},
    {"journal-key", credentials_key, NULL, credentials_key_fault, &rotate_journal,
     "The old one reads what the journal has from before: it is needed as long as there are backups from before"},
    {"tiktok-client-secret", NULL, "the client secret of your TikTok app", credentials_lines_fault, &rotate_issued,
     "Make the new one the only one at TikTok's developer portal"},
    {"s3-secret-key", NULL, "the secret of s3.key_id, if images are kept in a bucket", credentials_lines_fault,
     &rotate_issued,
     "Delete the old key where the bucket is, five minutes from now at the earliest: addresses that are signed by it "
     "are in use",
     credentials_bucket_keys_unfit},
    {"smtp-password", NULL, "the password of smtp.user, if your mail relay wants one", credentials_lines_fault,
     &rotate_issued, "Make the new one the only one at your mail relay"},
    {"stripe-api-key", NULL, "Stripe's restricted key, if you bill", credentials_lines_fault, &rotate_issued,
     "Let the old one expire at Stripe's dashboard", credentials_api_keys_unfit},
    {"stripe-webhook-secrets", NULL, "the signing secrets of your webhook endpoint at Stripe, if you bill",
     credentials_lines_fault, &rotate_issued, "Wait until the old one has expired at Stripe's dashboard",
     credentials_webhook_secrets_unfit},
    {"stripe-simulator-key", NULL, "the same as stripe-api-key, if that is the simulator's", credentials_lines_fault,
     &rotate_issued, "Rotate stripe-api-key to the same", credentials_api_keys_unfit},
    {"stripe-simulator-secrets", NULL, "the same as stripe-webhook-secrets, if those are the simulator's",
     credentials_lines_fault, &rotate_issued, "Rotate stripe-webhook-secrets to the same",
     credentials_webhook_secrets_unfit},
    {"tiktok-simulator-secret", NULL,
     "the same as tiktok-client-secret, if the simulator stands in for TikTok and sends its webhooks",
     credentials_lines_fault, &rotate_issued, "Rotate tiktok-client-secret to the same"},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};
