/*
 * The parameters after the value of a header: ; name=token ; name="quoted string". Read as browsers and curl write
 * them: in a quoted string, \" and \\ are escapes, and any other backslash is just a backslash.
 *
 *    while ((e = param_next(&rest, &param)) == OK && param.name.p != NULL) ...
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

struct param {
    struct str name; /* absent: there is no further one */
    struct str raw;  /* the value as sent, without its quotes */
    bool quoted;
};

/* rest is what follows the value, beginning with the ';'. ERR_BAD_REQUEST when it is malformed. */
MUST_CHECK enum err param_next(struct str *rest, struct param *ret_param);

/* The value with its escapes undone. Takes raw.n bytes of the arena: check that length first. */
struct str param_value(struct arena *arena, const struct param *param);
