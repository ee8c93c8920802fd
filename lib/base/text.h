/* UTF-8 text from outside: validity and lengths. By libutf8proc. */
#pragma once

#include <stdbool.h>

#include "base/str.h"

/* Valid UTF-8 (no surrogates, no overlong forms, nothing over U+10FFFF). */
bool text_is_utf8(struct str s);

/* Writes a code point, which must not be a surrogate, as UTF-8: 1 to 4 bytes, without a NUL. Returns how many. */
size_t text_encode(uint32_t code_point, char *ret);

/* Length in UTF-16 code units, which is how TikTok counts titles and descriptions (an emoji is 2). s is valid UTF-8. */
size_t text_utf16_units(struct str s);

/* The longest start of s that has at most max_units and does not split a code point. s is valid UTF-8. */
struct str text_utf16_head(struct str s, size_t max_units);

/* No control characters other than, when multiline, newline and tab. s is valid UTF-8. */
bool text_is_printable(struct str s, bool multiline);
