/*
 * JSON text to a tree of json-c, in one walk that refuses what json-c's own parser takes or loses: control characters,
 * NaN, numbers such as 01 or 1., lone surrogates, a NUL in a key (json-c would end the key there), a key that is there
 * twice, and nesting and a number of containers that would cost far more memory than their text (an empty array of two
 * bytes costs json-c some 400).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define JSON_DEPTH_MAX 8
#define JSON_CONTAINERS_MAX 4096 /* objects and arrays in a text */

/* The same of a lenient one: an invoice within an event of Stripe's is nested 11 deep, a page of ten such events may have
 * some 2000 containers, and one of 20 subscriptions with many items 5000. */
#define JSON_REPLY_DEPTH_MAX 32
#define JSON_REPLY_CONTAINERS_MAX 8192

struct json_object;

void parse_freep(struct json_object **tree);

/*
 * lenient lets a lone surrogate through, as U+FFFD, and has the higher limits. Of a number the tree holds the text alone,
 * in its userdata, and json_type_int for a whole one: 64 bits or a double would lose some of it.
 * Strings are wiped when the tree is freed; the text that json-c writes of a value (JSON_TYPE_RAW) is not.
 * The tree is the caller's and must go before the arena, which holds its keys and numbers. ERR_BAD_UTF8 when the text
 * is not UTF-8 at all, else the text's first fault: ERR_BAD_JSON, ERR_JSON_TOO_DEEP, or ERR_BAD_UTF8 (a surrogate).
 */
MUST_CHECK enum err parse_object(struct arena *arena, struct str text, bool lenient, struct json_object **ret_tree);
