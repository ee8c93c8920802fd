/*
 * The secrets that the machine can make by itself: what is missing below DIR/NAME/ is made, what is there stays. One
 * that somebody else issues is made as an empty file, for the admin to fill.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "base/io.h"
#include "base/rand.h"
#include "crypto/digest.h"
#include "service/service.h"

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

static struct str credentials_nothing(struct arena *arena)
{
    (void)arena;
    return STR("");
}

struct credential {
    const char *name;
    struct str (*make)(struct arena *arena);
    const char *to_fill; /* of an empty file: what the admin puts into it */
};

static const struct credential credentials_password_file, credentials_shared[];

/* Writes it whole or not at all; what is there stays. */
static int credentials_put(struct arena *arena, const char *dir, const char *service, const struct credential *f,
                           struct str text)
{
    const char *folder = arena_printf(arena, "%s/%s", dir, service).p;
    const char *path = arena_printf(arena, "%s/%s", folder, f->name).p;
    const char *part = arena_printf(arena, "%s.part", path).p;

    if (access(path, F_OK) == 0)
        return EXIT_DONE;
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return complain("%s: %s", folder, strerror(errno));
    _cleanup_(fd_closep) int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || !fd_write_all(fd, text.p, text.n) || fsync(fd) != 0 || rename(part, path) != 0)
        return complain("%s: %s", path, strerror(errno));
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
        const char *path = arena_printf(arena, "%s/%s/%s", dir, service_database(arena, s).p, f->name).p;
        if (service_has_credential(s, f->name) && access(path, F_OK) == 0)
            return file_read(arena, path, ret_text) ? EXIT_DONE : EXIT_FAILED;
    }
    *ret_text = f->make(arena);
    return EXIT_DONE;
}

static int credentials_put_shared(struct arena *arena, const char *dir, const struct credential *f)
{
    struct str text;
    int code = credentials_shared_text(arena, dir, f, &text);

    for (const struct service *s = services; s->name != NULL && code == EXIT_DONE; s++)
        if (service_has_credential(s, f->name))
            code = credentials_put(arena, dir, service_database(arena, s).p, f, text);
    return code;
}

static const struct credential *credentials_find(const char *name)
{
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
        if (service_has_database(s))
            code = credentials_put(arena, dir, service_database(arena, s).p, &credentials_password_file,
                                   credentials_password(arena));
    for (const struct credential *f = credentials_shared; f->name != NULL && code == EXIT_DONE; f++)
        code = credentials_put_shared(arena, dir, f);
    return code;
}

int verb_credentials(const struct given *given)
{
    struct arena arena;

    arena_init(&arena, 8 << 20);
    int code = credentials_make_all(&arena, given->dir);
    arena_clear(&arena);
    arena_done(&arena);
    return code;
}

static const struct credential credentials_password_file = {"db-password", credentials_password, NULL};

/* Files that several services may have are the same in each folder. service.def says which service has which. */
static const struct credential credentials_shared[] = {
    {"token-keys", credentials_ring, NULL},
    {"totp-keys", credentials_ring, NULL},
    {"journal-key", credentials_key, NULL},
    {"tiktok-client-secret", credentials_nothing, "the client secret of your TikTok app"},
    {"s3-secret-key", credentials_nothing, "the secret of s3.key_id, if images are kept in a bucket"},
    {"smtp-password", credentials_nothing, "the password of smtp.user, if your mail relay wants one"},
    {"stripe-api-key", credentials_nothing, "Stripe's restricted key, if you bill"},
    {"stripe-webhook-secrets", credentials_nothing,
     "the signing secrets of your webhook endpoint at Stripe, if you bill"},
    {"stripe-simulator-key", credentials_nothing, "the same as stripe-api-key, if that is the simulator's"},
    {"stripe-simulator-secrets", credentials_nothing,
     "the same as stripe-webhook-secrets, if those are the simulator's"},
    {"tiktok-simulator-secret", credentials_nothing,
     "the same as tiktok-client-secret, if the simulator stands in for TikTok and sends its webhooks"},
    {NULL, NULL, NULL},
};
