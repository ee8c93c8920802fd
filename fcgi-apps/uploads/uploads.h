/* The resources of the app uploads. */
#pragma once

#include "fcgi/app.h"

extern const struct route uploads_routes[]; /* uploads.c */
extern const struct route image_routes[];   /* image.c */

/* receive.c: before the body comes: its type, and whether there is room. */
MUST_CHECK enum err receive_look(struct ctx *c);

/* receive.c: the image of the request's body, raw or as a part of a form, becomes a ready upload; last is upload_keep's. */
MUST_CHECK enum err receive_upload(struct ctx *c, const struct last_step *last);
