/* The Cookie header (RFC 6265 4.2.1). */
#pragma once

#include "base/err.h"
#include "base/str.h"

/*
 * The value of the cookie with that name; absent without one. ERR_BAD_COOKIE when there are two of that name: somebody
 * else may have planted one of them.
 */
MUST_CHECK enum err cookie_get(struct str header, struct str name, struct str *ret_value);
