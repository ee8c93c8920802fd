/* UTF-8 text from outside: validity and lengths. By libutf8proc. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

/* Valid UTF-8 (no surrogates, no overlong forms, nothing over U+10FFFF). */
bool text_is_utf8(struct str s);

/* Writes a code point, which must not be a surrogate, as UTF-8: 1 to 4 bytes, without a NUL. Returns how many. */
size_t text_encode(uint32_t code_point, char *ret);

/* Length in UTF-16 code units, which is how TikTok counts titles and descriptions (an emoji is 2). s is valid UTF-8. */
size_t text_utf16_units(struct str s);

/*
 * The longest start of s that has at most max_units and does not split what a reader takes for one character (Unicode's
 * extended grapheme clusters, UAX 29); where the first of them alone is longer, it is split between code points. s is
 * valid UTF-8.
 */
struct str text_utf16_head(struct str s, size_t max_units);

/*
 * Writes s, which is valid UTF-8, in normalization form C (UAX 15) over work, as UTF-8 with a NUL after it, and returns
 * its bytes. work has TEXT_NFC_WORK(s.n) elements. Nothing else holds a copy, so that secrets can be wiped.
 */
#define TEXT_NFC_WORK(bytes) (4 * (bytes) + 1) /* a character decomposes into at most four */
size_t text_nfc(struct str s, int32_t *work);

/* No control characters other than, when multiline, newline and tab. s is valid UTF-8. */
bool text_is_printable(struct str s, bool multiline);
