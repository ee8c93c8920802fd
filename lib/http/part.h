/* The header block of a part of multipart/form-data (RFC 7578 4.2 to 4.8). */
#pragma once

#include "http/multipart.h"

/*
 * Reads block, the header lines with their CR LF and without the empty line, and fills in the part's name, filename and
 * content type. ERR_BAD_MULTIPART, ERR_BAD_UTF8.
 */
MUST_CHECK enum err part_headers(struct arena *arena, struct str block, struct multipart_part *ret_part);
