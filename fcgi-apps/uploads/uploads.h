/* The resources of the app uploads. */
#pragma once

#include "fcgi/app.h"

extern const struct route uploads_routes[]; /* uploads.c */

/* receive.c: the image of the request's body, raw or as a part of a form, ready in the store. */
struct upload;
MUST_CHECK enum err receive_upload(struct ctx *c, struct upload *ret_upload);
