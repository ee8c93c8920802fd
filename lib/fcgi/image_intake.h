/*
 * How an image gets in, for the apps uploads and posts: from the request's stream into a nameless spool file, through
 * the image service, into the store. The upload row is written before the file; upload_keep, or upload_ready in the
 * caller's own transaction, makes it count. A caller that fails after the intake calls upload_drop.
 */
#pragma once

#include "fcgi/app.h"
#include "model/upload/upload.h"

/* For the start and stop of an app that takes images in: its state is the store (store/store.h). */
MUST_CHECK enum err image_intake_start(const struct conf *conf, void **ret_state, struct buf *why);
MUST_CHECK enum err image_intake_fit(struct db *db, void *state, struct buf *why);
void image_intake_stop(void *state);

/* read is body_read or multipart_read over the stream; it is read to its end. */
struct image_source {
    enum err (*read)(void *stream, void *p, size_t n, size_t *ret_n);
    void *stream;
    uint32_t background; /* IMAGE_BACKGROUND_WHITE, or what the request says before the image */
};

/* What the form's field "background" says, as HTML writes a colour: #rrggbb. What is wrong with it is added to problems; images_n: the
 * images that came before it, which it cannot be for. */
#define IMAGE_BACKGROUND_FIELD "background"
#define IMAGE_BACKGROUND_TEXT_MAX 64 /* read of it */
void image_intake_background(struct problems *problems, struct str text, size_t images_n, uint32_t *background);

/*
 * The time that the images of one request may take together (conf.store_request_images_sec), so that many slow ones do
 * not hold a thread for as many times as long. One per request, zeroed; it runs from the first image on.
 */
struct image_time {
    int64_t since_us, until_us, waited_us; /* 0: not begun; waited: of it, for a process */
};

/*
 * OK: the image is repaired and lies durable in the store, its row is still "storing".
 * image_intake_blames_image: the next part can follow.
 * ERR_IMAGES_SLOW: likewise, but there is no time left for further images.
 * ERR_BUSY: the images that this one had to wait for took too long; the request is over.
 * Others (stream, store, database, image service): the request is over.
 * After an error nothing of the image is left but its row, which counts no more once the purge has run: in a moment, or
 * within the hour if the database is away.
 */
MUST_CHECK enum err image_intake(struct ctx *c, struct image_time *time, const struct image_source *source,
                                 struct upload_report *ret_report);

/* The image itself is at fault, not the request or the server. */
bool image_intake_blames_image(enum err e);
