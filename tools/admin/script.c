#include "script.h"

#include <stdbool.h>

/* What a place in the text is inside of. */
enum inside { PLAIN, STRING, NAME, LINE_COMMENT, COMMENT };

struct scan {
    const char *p, *end;
    int line;
};

static char script_at(const struct scan *sc, size_t i)
{
    return (size_t)(sc->end - sc->p) > i ? sc->p[i] : '\0';
}

static bool script_is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void script_step(struct scan *sc)
{
    sc->line += *sc->p == '\n';
    sc->p++;
}

/* What begins here. "--" is a comment only before a blank or the end, as MariaDB has it. */
static enum inside script_opens(const struct scan *sc)
{
    char c = script_at(sc, 0), d = script_at(sc, 1), f = script_at(sc, 2);

    if (c == '\'' || c == '"')
        return STRING;
    if (c == '`')
        return NAME;
    if (c == '#' || (c == '-' && d == '-' && (f == '\0' || script_is_blank(f))))
        return LINE_COMMENT;
    if (c == '/' && d == '*')
        return COMMENT;
    return PLAIN;
}

/* Moves behind what begins here; false when the text ends first. A doubled quote is two strings side by side. */
static bool script_skip(struct scan *sc, enum inside what)
{
    char quote = *sc->p;

    script_step(sc);
    if (what == COMMENT)
        script_step(sc);
    for (; sc->p < sc->end; script_step(sc)) {
        if (what == LINE_COMMENT && *sc->p == '\n')
            return true;
        if (what == STRING && *sc->p == '\\' && sc->p + 1 < sc->end) {
            script_step(sc);
            continue;
        }
        if ((what == STRING || what == NAME) && *sc->p == quote) {
            script_step(sc);
            return true;
        }
        if (what == COMMENT && *sc->p == '*' && script_at(sc, 1) == '/') {
            script_step(sc);
            script_step(sc);
            return true;
        }
    }
    return what == LINE_COMMENT;
}

enum err script_next(struct script *s, struct str *ret_statement)
{
    struct scan sc = {.p = s->rest.p, .end = s->rest.p + s->rest.n, .line = s->next_line};
    const char *begin = NULL; /* the statement's first character that is no blank and no comment */

    while (sc.p < sc.end) {
        enum inside what = script_opens(&sc);
        if (begin == NULL) {
            s->line = sc.line;
            if (what != LINE_COMMENT && what != COMMENT && !script_is_blank(*sc.p) && *sc.p != ';')
                begin = sc.p;
        }
        if (what != PLAIN) {
            if (!script_skip(&sc, what))
                return ERR_VALIDATION;
            continue;
        }
        if (*sc.p == ';' && begin != NULL) {
            *ret_statement = str_of(begin, (size_t)(sc.p - begin));
            script_step(&sc);
            s->rest = str_of(sc.p, (size_t)(sc.end - sc.p));
            s->next_line = sc.line;
            return OK;
        }
        script_step(&sc);
    }
    if (begin != NULL)
        return ERR_VALIDATION;
    s->rest = str_of(sc.p, 0);
    *ret_statement = (struct str){0};
    return OK;
}
