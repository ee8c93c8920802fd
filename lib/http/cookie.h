/* The Cookie header (RFC 6265 4.2.1). */
#pragma once

#include "base/err.h"
#include "base/str.h"

/*
 * The value of the cookie name. Absent when there is none. ERR_BAD_COOKIE when the name is there more than once: one of
 * the two was planted by somebody else.
 */
MUST_CHECK enum err cookie_get(struct str header, struct str name, struct str *ret_value);
