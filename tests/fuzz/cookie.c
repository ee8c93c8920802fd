/* The Cookie header. Invariant: the same as a plain search through the header, byte by byte. */
#include "fuzz.h"

#include "http/cookie.h"

/* How often "s=" begins a pair, and the value of the first. */
static size_t search(const char *p, size_t n, struct str *ret_value)
{
    size_t found = 0;

    for (size_t i = 0; i < n; i++) {
        size_t end = i;
        while (i < n && (p[i] == ' ' || p[i] == '\t'))
            i++;
        for (end = i; end < n && p[end] != ';';)
            end++;
        if (end - i >= 2 && p[i] == 's' && p[i + 1] == '=') {
            size_t to = end;
            while (to > i + 2 && (p[to - 1] == ' ' || p[to - 1] == '\t'))
                to--;
            if (found++ == 0)
                *ret_value = str_of(p + i + 2, to - i - 2);
        }
        i = end;
    }
    return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str header = str_of(data, size), value = STR("untouched"), want = {0};
    enum err e = cookie_get(header, STR("s"), &value);
    size_t found = search(header.p, header.n, &want);

    ASSERT(e == (found > 1 ? ERR_BAD_COOKIE : OK));
    if (e != OK)
        ASSERT(str_eqc(value, "untouched"));
    else
        ASSERT((value.p == NULL) == (found == 0) && str_eq(value, want));
    return 0;
}
