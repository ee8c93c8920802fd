/*
 * Scopes: what an API key may do, one table (scope.def). A set of them is a number with a bit for each.
 *
 *    if (!scope_in(key.scopes, route->scope))
 *        return ERR_SCOPE_MISSING;
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum key_scope {
    SCOPE_UNSET, /* of a route: keys may not call it */
    SCOPE_NONE,  /* of a route: any key may call it, whatever its scopes */
#define SCOPE(name, text) SCOPE_##name,
#include "base/scope.def"
#undef SCOPE
    SCOPE__MAX
};

#define SCOPES_ALL ((INT64_C(1) << (SCOPE__MAX - SCOPE_NONE - 1)) - 1)

/* In the order of their bits; ends with NULL. */
extern const char *const scope_names[];

/* "posts:write"; "none" and "-" for the first two. */
const char *scope_name(enum key_scope scope);

/* True for SCOPE_NONE, never for SCOPE_UNSET. */
bool scope_in(int64_t scopes, enum key_scope scope);
