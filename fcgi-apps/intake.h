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
 * ERR_IMAGE_*: the image is at fault (the stream was read to its end, so the next part can follow).
 * Others (stream, store, database): the request is over.
 */
MUST_CHECK enum err intake_image(struct ctx *c, const struct intake_source *source, struct upload_report *ret_report);
