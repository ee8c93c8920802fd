#include "http/param.h"

static bool param_is_token_char(char c)
{
    return c > ' ' && c < 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* Clients leave values unquoted that RFC 2045 wants quoted; only characters that would end the value are refused. */
static bool param_is_bare_char(char c)
{
    return c != ' ' && c != '\t' && c != ';' && c != '"';
}

static struct str param_take(struct str *s, bool (*wanted)(char c))
{
    size_t n = 0;

    while (n < s->n && wanted(s->p[n]))
        n++;
    struct str taken = str_head(*s, n);
    *s = str_skip(*s, n);
    return taken;
}

static bool param_take_char(struct str *s, char c)
{
    if (s->n == 0 || s->p[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

static bool param_is_escape(struct str s, size_t i)
{
    return s.p[i] == '\\' && i + 1 < s.n && (s.p[i + 1] == '"' || s.p[i + 1] == '\\');
}

/* Moves s from after the opening quote to after the closing one. */
static bool param_take_quoted(struct str *s, struct str *ret_raw)
{
    for (size_t i = 0; i < s->n; i++) {
        if (param_is_escape(*s, i)) {
            i++;
        } else if (s->p[i] == '"') {
            *ret_raw = str_head(*s, i);
            *s = str_skip(*s, i + 1);
            return true;
        }
    }
    return false;
}

enum err param_next(struct str *rest, struct param *ret_param)
{
    struct str s = str_trim(*rest);
    struct param param = {0};

    *ret_param = param;
    if (s.n == 0)
        return OK;
    if (!param_take_char(&s, ';'))
        return ERR_BAD_REQUEST;
    s = str_trim(s);
    if (s.n == 0)
        return OK;
    param.name = param_take(&s, param_is_token_char);
    if (param.name.n == 0 || !param_take_char(&s, '='))
        return ERR_BAD_REQUEST;
    param.quoted = param_take_char(&s, '"');
    if (!param.quoted)
        param.raw = param_take(&s, param_is_bare_char);
    else if (!param_take_quoted(&s, &param.raw))
        return ERR_BAD_REQUEST;
    *rest = s;
    *ret_param = param;
    return OK;
}

struct str param_value(struct arena *arena, const struct param *param)
{
    char *p = arena_alloc(arena, param->raw.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < param->raw.n; i++) {
        if (param->quoted && param_is_escape(param->raw, i))
            i++;
        p[n++] = param->raw.p[i];
    }
    return str_of(p, n);
}
