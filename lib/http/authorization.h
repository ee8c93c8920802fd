/*
 * The Authorization header (RFC 9110 11.4): the scheme in any case, then spaces, no tab, then what belongs to the scheme.
 *
 *    if (authorization_cut(header, STR("Bearer"), &token)) ...
 */
#pragma once

#include "base/arena.h"
#include "base/str.h"

/* What comes after that scheme and the spaces, to the end; it may be empty. False: another scheme, or no space after it. */
bool authorization_cut(struct str header, struct str scheme, struct str *ret_rest);

/*
 * The name and the password of Basic (RFC 7617), as name:password, decoded into the arena: at most three quarters of the header.
 * False: another scheme, or no base64; padding may be missing. The text may hold any bytes.
 */
bool authorization_basic(struct arena *arena, struct str header, struct str *ret_text);
