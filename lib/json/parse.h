/*
 * JSON text to a tree of json-c, strictly: see scan.h for what is refused beyond json-c. A number's text is what
 * json_object_to_json_string gives, whatever its size.
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct json_object;

void parse_freep(struct json_object **tree);

/* The tree is the caller's and must go before the arena. ERR_BAD_UTF8, ERR_JSON_TOO_DEEP, ERR_BAD_JSON. */
MUST_CHECK enum err parse_object(struct arena *arena, struct str text, bool lenient, struct json_object **ret_tree);
