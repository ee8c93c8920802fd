#include "http/request.h"

struct str request_media_type(const struct request *r, struct arena *arena)
{
    struct str text = r->content_type, type;

    if (!str_next(&text, ';', &type))
        return (struct str){0};
    type = str_trim(type);
    char *p = arena_strdup(arena, type);
    for (size_t i = 0; i < type.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] |= 0x20;
    return str_of(p, type.n);
}

enum err request_param_uuid(const struct request *r, size_t i, struct uuid *ret_id)
{
    struct uuid id;

    ASSERT(i < ROUTE_PARAMS_MAX);
    if (!uuid_parse(r->param[i], &id) || uuid_is_none(&id))
        return ERR_NOT_FOUND;
    *ret_id = id;
    return OK;
}
