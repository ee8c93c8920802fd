/*
 * SQL files, cut into statements. A statement ends with ';' outside of strings, quoted names and comments; stored
 * programs, whose bodies hold semicolons, are not for migrations.
 *
 *    struct script s = script_of(text);
 *    while ((e = script_next(&s, &statement)) == OK && statement.p != NULL)
 *        run(statement);    // s.line is where it starts
 */
#pragma once

#include "base/err.h"
#include "base/str.h"

struct script {
    struct str rest;
    int line, next_line; /* of the statement returned last, and of rest; from 1 */
};

static inline struct script script_of(struct str text)
{
    return (struct script){.rest = text, .next_line = 1};
}

/* The next statement without its ';' and the comments before it; absent behind the last one. ERR_VALIDATION when the
 * text ends within a statement, a string or a comment: line is where that began. */
MUST_CHECK enum err script_next(struct script *s, struct str *ret_statement);
