/*
 * Cleans text of TikTok's answers for our columns; unusable text becomes absent. For lib/tiktok only.
 */
#pragma once

#include "json/json.h"

/* Printable ASCII without blanks, at most max_bytes: ids, tokens, codes. */
struct str clean_word(struct str s, size_t max_bytes);

/* Printable text of one line, cut to max_units UTF-16 units. */
struct str clean_line(struct str s, size_t max_units);

/* Names like SELF_ONLY, separated by commas, at most 300 bytes. Anything else is left out. */
struct str clean_levels(struct arena *arena, const struct strs *levels);

/*
 * The numbers in JSON text such as [7412345678901234567, "7412345678901234568"], separated by commas, at most 500
 * bytes. They are taken from the text, so that numbers beyond 2^53 keep every digit.
 */
struct str clean_ids(struct arena *arena, struct str json);
