/* Query strings. Invariants: names and values are UTF-8 without NUL; what is written from them reads as the same. */
#include "fuzz.h"

#include "base/text.h"
#include "http/form.h"

static void check_text(struct str s)
{
    ASSERT(s.p != NULL && text_is_utf8(s) && memchr(s.p, '\0', s.n) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena;
    _cleanup_(buf_done) struct buf b = BUF_MAX(64u << 20);
    struct form form, back;
    size_t pieces = 1;

    for (size_t i = 0; i < size; i++)
        pieces += data[i] == '&';
    arena_init(&arena, FUZZ_ARENA_BYTES);
    enum err e = form_parse(&arena, str_of(data, size), &form);
    ASSERT(e == OK || e == ERR_BAD_QUERY);
    if (e != OK)
        return 0;
    ASSERT(form.n <= FORM_PAIRS_MAX && form.n <= pieces);
    for (size_t i = 0; i < form.n; i++) {
        check_text(form.v[i].name);
        check_text(form.v[i].value);
        char *name = arena_strdup(&arena, form.v[i].name);
        ASSERT(form_count(&form, name) >= 1 && form_get(&form, name).p != NULL);
        form_put(&b, name, form.v[i].value);
    }
    ASSERT(form_parse(&arena, buf_str(&b), &back) == OK);
    ASSERT(back.n == form.n);
    for (size_t i = 0; i < form.n; i++)
        ASSERT(str_eq(form.v[i].name, back.v[i].name) && str_eq(form.v[i].value, back.v[i].value));
    return 0;
}
