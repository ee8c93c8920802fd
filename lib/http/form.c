#include "http/form.h"

#include "base/text.h"

/* A '%' without two hex digits is refused, where a browser would take it as it is: it is a sign of text that was not
 * encoded at all. */
static bool form_decode(struct arena *arena, struct str s, struct str *ret_text)
{
    char *p = arena_alloc(arena, s.n + 1);
    size_t n = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i] == '+' ? ' ' : s.p[i];
        if (c == '%') {
            int hi = i + 2 < s.n ? str_hex_value(s.p[i + 1]) : -1, lo = i + 2 < s.n ? str_hex_value(s.p[i + 2]) : -1;
            if (hi < 0 || lo < 0)
                return false;
            c = (char)(hi << 4 | lo);
            i += 2;
        }
        if (c == '\0')
            return false;
        p[n++] = c;
    }
    *ret_text = str_of(p, n);
    return text_is_utf8(*ret_text);
}

enum err form_parse(struct arena *arena, struct str text, struct form *ret_form)
{
    struct str piece, name, value;
    size_t n = 0;

    while (str_next(&text, '&', &piece)) {
        if (piece.n == 0)
            continue;
        if (n == FORM_PAIRS_MAX)
            return ERR_BAD_QUERY;
        if (str_cut(&piece, '=', &name))
            value = piece;
        else
            name = piece, value = STR("");
        if (!form_decode(arena, name, &ret_form->v[n].name) || !form_decode(arena, value, &ret_form->v[n].value))
            return ERR_BAD_QUERY;
        n++;
    }
    ret_form->n = n;
    return OK;
}

struct str form_get(const struct form *f, const char *name)
{
    for (size_t i = 0; i < f->n; i++)
        if (str_eqc(f->v[i].name, name))
            return f->v[i].value;
    return (struct str){0};
}

size_t form_count(const struct form *f, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++)
        n += str_eqc(f->v[i].name, name);
    return n;
}

/* A blank becomes %20, which is right both in a query and in a form. */
void form_put(struct buf *b, const char *name, struct str value)
{
    if (b->n > 0 && b->p[b->n - 1] != '?')
        buf_putc(b, '&');
    buf_putescaped(b, str_from(name));
    buf_putc(b, '=');
    buf_putescaped(b, value);
}
