#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "store/private.h"

#define OBJECT_MAX_BYTES (64u << 20) /* an image has 20 MB at most */
#define CALL_ARENA_BYTES (1u << 20)  /* some headers and an error a try */
#define COPY_BYTES (64u << 10)
#define BUCKET_CHARS \
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_" /* which no part of the way rewrites */

const char *store_keys_fault(const struct secret_ring *secrets, const struct conf *conf)
{
    for (size_t i = 0; i < secrets->n; i++) {
        struct str secret = secret_str(&secrets->v[i]), id = conf->s3_key_id;
        bool has_id = str_cut(&secret, ' ', &id);
        if (id.n == 0 || !str_is_visible(id))
            return "s3.endpoint is set, and s3.key_id is not";
        if (has_id && !str_is_visible(str_trim(secret)))
            return "the credential " STORE_SECRET_CREDENTIAL " has a line that is neither SECRET nor ID SECRET";
    }
    return NULL;
}

/* Why what the configuration says of the bucket does not do, or NULL. */
static const char *store_bucket_fault(const struct store *s, const struct conf *conf)
{
    if (conf->s3_endpoint.n == 0)
        return s->kind == STORE_S3 ? "store.kind is s3, and s3.endpoint is not set" : NULL;
    if (conf->s3_bucket.n == 0 || strspn(conf->s3_bucket.p, BUCKET_CHARS) != conf->s3_bucket.n)
        return "s3.endpoint is set, and s3.bucket is not the name of a bucket";
    if (s->secrets.n == 0)
        return "s3.endpoint is set, and the credential " STORE_SECRET_CREDENTIAL " is empty";
    return store_keys_fault(&s->secrets, conf);
}

enum err store_init(struct store *s, const struct conf *conf, struct buf *why)
{
    *s = (struct store){.dir = conf->store_dir.p, .spool_dir = conf->store_spool_dir.p, .kind = conf->store_kind};
    if (secret_ring_read(STORE_SECRET_CREDENTIAL, SECRET_RING_WORDS, &s->secrets, why) != OK)
        return ERR_IO;
    const char *fault = store_bucket_fault(s, conf);
    if (fault != NULL) {
        buf_puts(why, fault);
        store_done(s);
        return ERR_STORE;
    }
    if (conf->s3_endpoint.n > 0)
        s->s3 = (struct s3){.endpoint = conf->s3_endpoint.p,
                            .bucket = conf->s3_bucket,
                            .region = conf->s3_region,
                            .key_id = conf->s3_key_id,
                            .secrets = &s->secrets,
                            .ca_file = conf->s3_ca_file.p,
                            .allow_private = conf->s3_allow_private_addresses,
                            .timeout_sec = (int)conf->s3_timeout_sec};
    return OK;
}

void store_done(struct store *s)
{
    secret_ring_done(&s->secrets);
}

/* A call to the bucket */

struct store_bucket {
    struct arena arena;
    struct str key;
    struct s3_said said;
};

/* False: there is none, or not any more. */
static bool store_bucket_begin(struct store_bucket *b, const struct store *s, const struct uuid *id,
                               struct store_said *said)
{
    char path[STORE_PATH_SIZE];

    if (said != NULL)
        *said = (struct store_said){.error = ""};
    if (s->s3.endpoint == NULL) {
        if (said != NULL)
            (void)snprintf(said->error, sizeof said->error, "s3.endpoint is not set");
        return false;
    }
    *b = (struct store_bucket){.said.tries = 0};
    arena_init(&b->arena, CALL_ARENA_BYTES);
    store_path(id, path);
    b->key = str_from(arena_strdup(&b->arena, str_from(path)));
    return true;
}

void store_tell(const struct s3_said *from, struct store_said *said)
{
    (void)snprintf(said->error, sizeof said->error, "%.*s", STR_FMT(from->error));
    (void)snprintf(said->request_id, sizeof said->request_id, "%.*s", STR_FMT(from->request_id));
}

static enum err store_bucket_end(struct store_bucket *b, enum err e, struct store_said *said)
{
    if (said != NULL)
        store_tell(&b->said, said);
    arena_done(&b->arena);
    return e;
}

/* Whoever gets it from the bucket is told so. */
static const char *store_media_type(int fd)
{
    char head[12] = {0};

    return pread(fd, head, sizeof head, 0) == sizeof head && memcmp(head, "RIFF", 4) == 0 ? "image/webp" : "image/jpeg";
}

MUST_CHECK static enum err store_bucket_put(const struct store *s, const struct uuid *id, int fd,
                                            struct store_said *said)
{
    struct s3_body body = {.fd = fd, .content_type = store_media_type(fd)};
    uint64_t bytes;
    struct store_bucket b;

    if (!store_bucket_begin(&b, s, id, said))
        return ERR_STORE;
    if (!sha256_of_file(fd, &body.sha256, &bytes))
        return store_bucket_end(&b, err_of_store(), said);
    body.bytes = (int64_t)bytes;
    return store_bucket_end(&b, s3_put(&b.arena, &s->s3, b.key, &body, &b.said), said);
}

MUST_CHECK static enum err store_bucket_get(const struct store *s, const struct uuid *id, int *ret_fd,
                                            struct store_said *said)
{
    _cleanup_(fd_closep) int fd = -1;
    struct store_bucket b;
    int64_t bytes;

    if (!store_bucket_begin(&b, s, id, said))
        return ERR_STORE;
    enum err e = spool_open(s->spool_dir, &fd);
    if (e == OK)
        e = s3_get(&b.arena, &s->s3, b.key, fd, OBJECT_MAX_BYTES, &bytes, &b.said);
    if (e == OK && lseek(fd, 0, SEEK_SET) != 0)
        e = err_of_store();
    if (e == OK) {
        *ret_fd = fd;
        fd = -1;
    }
    return store_bucket_end(&b, e, said);
}

/* Of either kind */

enum err store_create(const struct store *s, const struct uuid *id, struct store_file *ret_file)
{
    struct store_file f = {.fd = -1, .kind = s->kind, .id = *id};

    if (s->kind == STORE_DIRECTORY)
        return directory_create(s->dir, id, ret_file);
    enum err e = spool_open(s->spool_dir, &f.fd);
    if (e == OK)
        *ret_file = f;
    return e;
}

enum err store_commit(const struct store *s, struct store_file *f, struct store_said *said)
{
    ASSERT(f->fd >= 0);
    if (f->kind == STORE_DIRECTORY)
        return directory_commit(f);
    enum err e = store_bucket_put(s, &f->id, f->fd, said);
    store_discard(f);
    return e;
}

void store_discard(struct store_file *f)
{
    if (f->fd < 0)
        return;
    if (f->kind == STORE_DIRECTORY) {
        directory_discard(f);
        return;
    }
    (void)close(f->fd);
    *f = STORE_FILE_NONE;
}

enum err store_delete(const struct store *s, enum store_kind kind, const struct uuid *id, struct store_said *said)
{
    struct store_bucket b;

    if (kind == STORE_DIRECTORY)
        return directory_delete(s->dir, id);
    if (!store_bucket_begin(&b, s, id, said))
        return ERR_STORE;
    return store_bucket_end(&b, s3_delete(&b.arena, &s->s3, b.key, &b.said), said);
}

enum err store_look(const struct store *s, enum store_kind kind, const struct uuid *id, struct store_said *said)
{
    _cleanup_(fd_closep) int fd = -1;
    struct store_bucket b;
    int64_t bytes;

    if (kind == STORE_DIRECTORY)
        return directory_open(s->dir, id, &fd);
    if (!store_bucket_begin(&b, s, id, said))
        return ERR_STORE;
    return store_bucket_end(&b, s3_head(&b.arena, &s->s3, b.key, &bytes, &b.said), said);
}

enum err store_open(const struct store *s, enum store_kind kind, const struct uuid *id, int *ret_fd,
                    struct store_said *said)
{
    return kind == STORE_DIRECTORY ? directory_open(s->dir, id, ret_fd) : store_bucket_get(s, id, ret_fd, said);
}

MUST_CHECK static enum err store_copy_bytes(int from, int to)
{
    uint8_t chunk[COPY_BYTES];
    off_t at = 0;
    ssize_t n;

    while ((n = pread(from, chunk, sizeof chunk, at)) > 0) {
        if (!fd_write_all(to, chunk, (size_t)n))
            return err_of_store();
        at += n;
    }
    return n == 0 ? OK : ERR_STORE;
}

/* What a copy before this one has left, half made, goes first: no row says that the image is there. */
MUST_CHECK static enum err store_copy_into_directory(const struct store *s, const struct uuid *id, int from)
{
    _cleanup_(store_discard) struct store_file f = STORE_FILE_NONE;

    enum err e = directory_delete(s->dir, id);
    if (e == OK)
        e = directory_create(s->dir, id, &f);
    if (e == OK)
        e = store_copy_bytes(from, f.fd);
    return e == OK ? directory_commit(&f) : e;
}

enum err store_copy(const struct store *s, const struct uuid *id, enum store_kind from, enum store_kind to,
                    const struct sha256 *digest, struct store_said *said)
{
    _cleanup_(fd_closep) int fd = -1;
    struct sha256 found;
    uint64_t bytes;

    ASSERT(from != to);
    enum err e = store_open(s, from, id, &fd, said);
    if (e != OK)
        return e;
    if (!sha256_of_file(fd, &found, &bytes))
        return err_of_store();
    if (memcmp(found.b, digest->b, sizeof found.b) != 0)
        return ERR_CONFLICT;
    return to == STORE_DIRECTORY ? store_copy_into_directory(s, id, fd) : store_bucket_put(s, id, fd, said);
}

bool store_has(const struct store *s, enum store_kind kind)
{
    return kind == STORE_DIRECTORY || s->s3.endpoint != NULL;
}

struct str store_accel(struct arena *arena, const struct store *s, enum store_kind kind, const struct uuid *id)
{
    char path[STORE_PATH_SIZE];

    store_path(id, path);
    if (kind == STORE_DIRECTORY)
        return arena_printf(arena, "/internal/store/%s", path);
    ASSERT(store_has(s, kind));
    struct str signed_path = s3_presigned(arena, &s->s3, str_from(path), clock_now_us(), STORE_SIGNED_SEC);
    return arena_printf(arena, "/internal/s3%.*s", STR_FMT(signed_path));
}

/* For file systems without O_TMPFILE: a name that lives for a moment. */
static int store_open_unlinked(const char *dir)
{
    char path[512];

    int n = snprintf(path, sizeof path, "%s/spool-XXXXXX", dir);
    if (n < 0 || n >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        (void)unlink(path);
    return fd;
}

enum err spool_open(const char *dir, int *ret_fd)
{
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
        fd = store_open_unlinked(dir);
    if (fd < 0)
        return err_of_store();
    *ret_fd = fd;
    return OK;
}
