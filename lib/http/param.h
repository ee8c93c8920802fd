/*
 * The parameters behind a header's value: ; name=token ; name="quoted string". As browsers and curl send them: in a
 * quoted string \" and \\ are escapes, any other backslash is itself.
 *
 *    while ((e = param_next(&rest, &param)) == OK && param.name.p != NULL) ...
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct param {
    struct str name; /* absent: no more */
    struct str raw;  /* the value as it stands there, without its quotes */
    bool quoted;
};

/* rest is what follows the value, from its ';' on. ERR_BAD_REQUEST when it is malformed. */
MUST_CHECK enum err param_next(struct str *rest, struct param *ret_param);

/* The value with its escapes undone. Takes raw.n bytes of the arena: check that length first. */
struct str param_value(struct arena *arena, const struct param *param);
