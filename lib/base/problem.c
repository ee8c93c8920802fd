#include "base/problem.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

void problem_add_text(struct problems *p, enum err code, struct str param, struct str message)
{
    if (p->n < PROBLEMS_MAX)
        p->v[p->n++] = (struct problem){.code = code, .param = param, .message = message};
}

void problem_add(struct problems *p, enum err code, struct arena *arena, const char *param_fmt, ...)
{
    char text[200];
    va_list ap;

    if (param_fmt == NULL) {
        problem_add_text(p, code, (struct str){0}, (struct str){0});
        return;
    }
    va_start(ap, param_fmt);
    int n = vsnprintf(text, sizeof text, param_fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    struct str param = str_of(text, MIN((size_t)n, sizeof text - 1));
    while (!text_is_utf8(param)) /* cut within a character, the whole would not be shown */
        param.n--;
    problem_add_text(p, code, arena_str(arena, param), (struct str){0});
}

void problem_set_limit(struct problems *p, const struct problem_limit *limit)
{
    ASSERT(p->n > 0);
    p->v[p->n - 1].limit = *limit;
    p->v[p->n - 1].has_limit = true;
}

enum err problems_err(const struct problems *p)
{
    if (p->n == 0)
        return OK;
    for (size_t i = 1; i < p->n; i++)
        if (p->v[i].code != p->v[0].code)
            return ERR_VALIDATION;
    return p->v[0].code;
}
