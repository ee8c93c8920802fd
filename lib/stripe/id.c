#include "stripe/id.h"

static bool stripe_id_follows(struct str id, struct str prefix)
{
    if (!str_starts(id, prefix) || id.n == prefix.n || id.n > STRIPE_ID_MAX_BYTES)
        return false;
    for (size_t i = prefix.n; i < id.n; i++)
        if (!char_is_alnum(id.p[i]) && id.p[i] != '_')
            return false;
    return true;
}

bool stripe_id_is(struct str id, const char *prefix)
{
    struct str prefixes = str_from(prefix), one;

    while (str_next(&prefixes, '|', &one))
        if (stripe_id_follows(id, one))
            return true;
    return false;
}

struct str stripe_id_or_none(struct str id, const char *prefix)
{
    return stripe_id_is(id, prefix) ? id : (struct str){0};
}
