#include "http/cookie.h"

enum err cookie_get(struct str header, struct str name, struct str *ret_value)
{
    struct str pair, pair_name, value = {0};

    while (str_next(&header, ';', &pair)) {
        pair = str_trim(pair);
        if (!str_cut(&pair, '=', &pair_name) || !str_eq(pair_name, name))
            continue;
        if (value.p != NULL)
            return ERR_BAD_COOKIE;
        value = pair;
    }
    *ret_value = value;
    return OK;
}
