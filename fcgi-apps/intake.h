/*
 * How an image gets in, for the apps uploads and posts: from the request's stream into a nameless spool file, through
 * the image service, into the store. The upload row is written before the file; upload_ready in the caller's own
 * transaction makes it count.
 */
#pragma once

#include "app.h"
#include "model/upload.h"

/* read is body_read or multipart_read over the stream; it is read to its end. */
struct intake_source {
    enum err (*read)(void *stream, void *p, size_t n, size_t *ret_n);
    void *stream;
};

/*
 * OK: the image is repaired and lies durable in the store, its row is still "storing".
 * intake_is_image_fault: the stream was read to its end, so the next part can follow.
 * Others (stream, store, database, image service): the request is over.
 * After an error nothing of the image is left but perhaps its row, which the purge takes away within the hour.
 */
MUST_CHECK enum err intake_image(struct ctx *c, const struct intake_source *source, struct upload_report *ret_report);

/* The image itself is at fault, not the request or the server. */
bool intake_is_image_fault(enum err e);
