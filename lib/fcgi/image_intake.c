#include "fcgi/image_intake.h"

#include "base/io.h"
#include "image/image.h"
#include "store/store.h"

#define CHUNK_BYTES (64u << 10)

/* Reads the stream to its end. What is beyond the limit is counted and dropped. */
static enum err image_intake_spool(const struct image_source *source, int fd, uint64_t *ret_bytes,
                                   struct sha256 *ret_digest)
{
    uint8_t chunk[CHUNK_BYTES];
    struct sha256_stream *digest = sha256_stream_new();
    uint64_t bytes = 0;
    size_t n;
    enum err e;

    while ((e = source->read(source->stream, chunk, sizeof chunk, &n)) == OK && n > 0) {
        bytes += n;
        if (bytes > IMAGE_MAX_BYTES)
            continue;
        sha256_stream_add(digest, chunk, n);
        if (!fd_write_all(fd, chunk, n)) {
            e = err_of_store();
            break;
        }
    }
    *ret_digest = sha256_stream_end(digest);
    *ret_bytes = bytes;
    if (e != OK)
        return e;
    return bytes == 0 ? ERR_IMAGE_EMPTY : bytes > IMAGE_MAX_BYTES ? ERR_IMAGE_TOO_LARGE : OK;
}

/* What lies in the store, read back; also a check that it has the size that the image service says. */
static enum err image_intake_digest_file(int fd, uint64_t size_bytes, struct sha256 *ret_digest)
{
    uint64_t bytes;

    return sha256_of_file(fd, ret_digest, &bytes) && bytes == size_bytes ? OK : ERR_STORE;
}

static enum err image_intake_repair_into_store(struct ctx *c, int spool_fd, struct upload_report *r)
{
    const struct store store = {.dir = c->conf->store_dir.p};
    _cleanup_(store_discard) struct store_file file = STORE_FILE_NONE;

    enum err e = store_create(&store, &r->id, &file);
    if (e == OK)
        e = image_repair(c->conf->store_image_socket.p, spool_fd, file.fd, (int)c->conf->store_image_timeout_sec,
                         &r->image);
    if (e == OK)
        e = image_intake_digest_file(file.fd, r->image.size_bytes, &r->sha256);
    return e == OK ? store_commit(&store, &file) : e;
}

enum err image_intake(struct ctx *c, const struct image_source *source, struct upload_report *ret_report)
{
    _cleanup_(fd_closep) int fd = -1;
    struct upload_report r = {0};
    struct image_header header;

    enum err e = spool_open(c->conf->store_spool_dir.p, &fd);
    if (e == OK)
        e = image_intake_spool(source, fd, &r.original_bytes, &r.original_sha256);
    if (e == OK)
        e = image_sniff_file(fd, &header); /* what is no image gets neither a row nor the image service */
    if (e == OK)
        e = upload_begin(c->db, c->arena, c->conf, &c->caller.user_id, c->req.id, &r.id, &r.created_at_us);
    if (e == OK)
        e = image_intake_repair_into_store(c, fd, &r);
    if (e == OK)
        *ret_report = r;
    else if (!uuid_is_none(&r.id))
        upload_drop(c->db, &r, 1, c->req.id);
    return e;
}

bool image_intake_blames_image(enum err e)
{
    switch (e) {
    case ERR_IMAGE_EMPTY:
    case ERR_IMAGE_TYPE:
    case ERR_IMAGE_TOO_LARGE:
    case ERR_IMAGE_TOO_MANY_PIXELS:
    case ERR_IMAGE_CORRUPT:
    case ERR_IMAGE_TIMEOUT:
        return true;
    default:
        return false;
    }
}
