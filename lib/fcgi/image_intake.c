#include "fcgi/image_intake.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/log.h"
#include "image/image.h"
#include "model/upload/upload_folder.h"
#include "net/call.h"
#include "store/store.h"

#define CHUNK_BYTES (64u << 10)

/* A folder that is missing or closed is a mistake of the installation; better to say so now than with each upload. */
enum err image_intake_start(const struct conf *conf, void **ret_state, struct buf *why)
{
    const char *const dirs[] = {conf->store_spool_dir.p,
                                conf->store_kind == STORE_DIRECTORY ? conf->store_dir.p : NULL};
    struct store *store = xcalloc(1, sizeof *store);

    enum err e = store_init(store, conf, why);
    for (size_t i = 0; i < ARRAY_LEN(dirs) && e == OK; i++)
        if (dirs[i] != NULL && access(dirs[i], R_OK | W_OK | X_OK) != 0) {
            buf_printf(why, "the folder %s is missing or this user may not write to it", dirs[i]);
            e = ERR_STORE;
        }
    store->secrets.tell = log_other_secret;
    net_init();
    if (e == OK)
        *ret_state = store;
    else
        image_intake_stop(store);
    return e;
}

enum err image_intake_fit(struct db *db, void *state, struct buf *why)
{
    struct arena arena;
    const char *sentence = "";

    arena_init(&arena, 64u << 10);
    enum err e = upload_folder_start(db, &arena, state, &sentence);
    if (e == ERR_CONFLICT)
        buf_puts(why, sentence);
    arena_done(&arena);
    return e;
}

void image_intake_stop(void *state)
{
    store_done(state);
    free(state);
}

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

/* No time is left: was it used up by this request's images or by those that they had to wait for? */
static enum err image_intake_late(const struct image_time *t)
{
    return t->waited_us > (clock_mono_us() - t->since_us) / 2 ? ERR_BUSY : ERR_IMAGES_SLOW;
}

/* It was looked at when the program started, unless the database was away. */
static enum err image_intake_look_at_folder(struct ctx *c)
{
    struct store *store = c->state;
    enum err e = store->kind == STORE_DIRECTORY ? upload_folder_check(c->db, c->arena, store, &c->log_why) : OK;

    return e == ERR_CONFLICT ? ERR_STORE : e;
}

static enum err image_intake_begin(const struct conf *conf, struct image_time *t)
{
    int64_t now_us = clock_mono_us();

    if (t->since_us == 0)
        *t = (struct image_time){.since_us = now_us, .until_us = now_us + conf->store_request_images_sec * US_PER_SEC};
    return now_us < t->until_us ? OK : image_intake_late(t);
}

static enum err image_intake_repair(struct ctx *c, struct image_time *t, int spool_fd, int store_fd,
                                    uint64_t need_bytes, uint32_t background, struct image_report *ret_report)
{
    int64_t left_us = MAX(t->until_us - clock_mono_us(), 0);
    int64_t left_sec = left_us / US_PER_SEC + 1, most_sec = c->conf->store_image_timeout_sec;
    const struct image_order order = {
        .in_fd = spool_fd,
        .out_fd = store_fd,
        .user_id = c->caller.user_id,
        .need_bytes = need_bytes,
        .timeout_sec = (int)MIN(left_sec, most_sec),
        .queue_us = MIN(left_us, c->conf->service_queue_sec * US_PER_SEC),
        .background = background,
    };

    enum err e = image_repair(c->conf->store_image_socket.p, &order, ret_report);
    if (e == OK)
        t->waited_us += ret_report->waited_us;
    return e == ERR_IMAGE_TIMEOUT && left_sec < most_sec ? image_intake_late(t) : e;
}

/* What a bucket says of a failure is for the log alone. */
static enum err image_intake_commit(struct ctx *c, const struct store *store, struct store_file *file)
{
    struct store_said said = {.error = ""};
    enum err e = store_commit(store, file, &said);

    if (e != OK && said.error[0] != '\0')
        c->provider_said = (struct provider_said){
            .error = arena_str(c->arena, str_from(said.error)),
            .request_id =
                said.request_id[0] == '\0' ? (struct str){NULL, 0} : arena_str(c->arena, str_from(said.request_id)),
        };
    return e;
}

static enum err image_intake_repair_into_store(struct ctx *c, struct image_time *t, int spool_fd, uint64_t need_bytes,
                                               uint32_t background, struct upload_report *r)
{
    const struct store *store = c->state;
    _cleanup_(store_discard) struct store_file file = STORE_FILE_NONE;

    enum err e = store_create(store, &r->id, &file);
    if (e == OK)
        e = image_intake_repair(c, t, spool_fd, file.fd, need_bytes, background, &r->image);
    if (e == OK)
        e = image_intake_digest_file(file.fd, r->image.size_bytes, &r->sha256);
    return e == OK ? image_intake_commit(c, store, &file) : e;
}

enum err image_intake(struct ctx *c, struct image_time *time, const struct image_source *source,
                      struct upload_report *ret_report)
{
    _cleanup_(fd_closep) int fd = -1;
    struct upload_report r = {0};
    const struct upload_sender sender = {c->caller.user_id, c->caller.key_id, c->caller.mode};
    struct image_header header;

    enum err e = image_intake_begin(c->conf, time);
    if (e == OK)
        e = idempotent_renew(c);
    if (e == OK)
        e = image_intake_look_at_folder(c);
    if (e == OK)
        e = spool_open(c->conf->store_spool_dir.p, &fd);
    if (e == OK)
        e = image_intake_spool(source, fd, &r.original_bytes, &r.original_sha256);
    if (e == OK)
        e = image_sniff_file(fd, &header); /* what is no image gets neither a row nor the image service */
    if (e == OK)
        e = upload_begin(c->db, c->arena, c->conf, &sender, c->req.id, &r.id, &r.created_at_us);
    c->problems.left_something |= !uuid_is_none(&r.id); /* its row counts until it is dropped */
    if (e == OK)
        e = image_intake_repair_into_store(c, time, fd, header.need_bytes, source->background, &r);
    if (e == OK)
        *ret_report = r;
    else if (!uuid_is_none(&r.id))
        upload_drop(c->db, &r, 1, c->req.id);
    return e;
}

void image_intake_background(struct problems *problems, struct str text, size_t images_n, uint32_t *background)
{
    uint32_t colour = 0;
    bool well = text.n == 7 && text.p[0] == '#';

    for (size_t i = 1; i < text.n && well; i++) {
        int digit = str_hex_value(text.p[i]);
        well = digit >= 0;
        colour = colour << 4 | (uint32_t)(digit & 15);
    }
    if (!well)
        problem_add_text(problems, ERR_FIELD_VALUE, STR(IMAGE_BACKGROUND_FIELD),
                         STR("Write the colour as #rrggbb, each two digits of red, green and blue in hexadecimal: "
                             "#ffffff is white."));
    else if (images_n > 0)
        problem_add_text(problems, ERR_FIELD_VALUE, STR(IMAGE_BACKGROUND_FIELD),
                         STR("Images are decoded as they come, so send this field before them."));
    else
        *background = colour;
}

bool image_intake_blames_image(enum err e)
{
    switch (e) {
    case ERR_IMAGE_EMPTY:
    case ERR_IMAGE_TYPE:
    case ERR_IMAGE_ANIMATED:
    case ERR_IMAGE_TOO_LARGE:
    case ERR_IMAGE_TOO_MANY_PIXELS:
    case ERR_IMAGE_WHOLE:
    case ERR_IMAGE_CORRUPT:
    case ERR_IMAGE_UNDECODABLE:
    case ERR_IMAGE_TIMEOUT:
    case ERR_IMAGES_SLOW:
        return true;
    default:
        return false;
    }
}
