/*
 * Errors: one enum for the whole project, one table (err.def) for what the user sees of each.
 *
 *    enum err e = upload_get(...);
 *    if (e != OK)
 *        return e;
 *
 * Functions that can fail return enum err and are marked MUST_CHECK. The HTTP status of an error is in err.def and
 * nowhere else; the only status that a handler writes itself is that of a success: reply_data(rep, 201, ...). (The
 * TikTok simulator answers with TikTok's own errors, which have a table of their own.)
 */
#pragma once

#include <stdbool.h>

#include "base/defs.h"

enum err {
#define ERR(name, status, slug, retryable, sentence) ERR_##name,
#include "base/err.def"
#undef ERR
    ERR__MAX
};

#define OK ERR_OK

int err_status(enum err e);           /* HTTP status, 200 to 599 */
const char *err_slug(enum err e);     /* "image_corrupt": the API's error.code */
const char *err_sentence(enum err e); /* one or two sentences for the user */
bool err_is_shown(enum err e);        /* does the API answer it as such? Else as ERR_INTERNAL */
bool err_retryable(enum err e);       /* can the same request succeed later? */
const char *err_type(enum err e);     /* "validation", "authentication", ...: the API's error.type, from the status */
const char *err_type_of_status(int status);
