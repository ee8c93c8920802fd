/*
 * Text of TikTok's answers, made fit for our columns: what is not what it should be is absent. Inside lib/tiktok.
 */
#pragma once

#include "json/json.h"

/* Printable ASCII without blanks, as ids, tokens and codes are, of at most max_bytes. */
struct str clean_word(struct str s, size_t max_bytes);

/* Printable text of one line, cut to max_units UTF-16 units. */
struct str clean_line(struct str s, size_t max_units);

/* Names like SELF_ONLY with comma between them, 300 bytes at most; others are left out. */
struct str clean_levels(struct arena *arena, const struct strs *levels);

/*
 * The runs of digits in JSON text such as [7412345678901234567, "7412345678901234568"], comma between them, 500 bytes
 * at most: numbers beyond 2^53 keep every digit that way.
 */
struct str clean_ids(struct arena *arena, struct str json);
