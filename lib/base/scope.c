#include "base/scope.h"

#include "base/defs.h"

bool scope_in(int64_t scopes, enum key_scope scope)
{
    if (scope <= SCOPE_NONE)
        return scope == SCOPE_NONE;
    return (scopes >> (scope - SCOPE_NONE - 1) & 1) != 0;
}

const char *scope_name(enum key_scope scope)
{
    if (scope <= SCOPE_NONE)
        return scope == SCOPE_NONE ? "none" : "-";
    ASSERT(scope < SCOPE__MAX);
    return scope_names[scope - SCOPE_NONE - 1];
}

const char *const scope_names[] = {
#define SCOPE(name, text) text,
#include "base/scope.def"
#undef SCOPE
    NULL,
};
