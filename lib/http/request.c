#include "http/request.h"

static const struct {
    const char *name;
    size_t offset, times_offset; /* 0: it does not matter how often it was sent */
} request_headers[] = {
#define HEADER(field, name_) {.name = (name_), .offset = offsetof(struct request, field)},
#define HEADER_AS_SENT(field, name_) \
    {.name = (name_), \
     .offset = offsetof(struct request, field), \
     .times_offset = offsetof(struct request, field##_times)},
#include "http/header.def"
#undef HEADER
#undef HEADER_AS_SENT
};

/* What follows "NAME=" in param, the parameter that CGI makes of the header; NULL when it is another's. */
static const char *request_value_of(const char *param, const char *header)
{
    for (; *header != '\0'; header++, param++) {
        bool is_lower = *header >= 'a' && *header <= 'z';
        char c = *header == '-' ? '_' : is_lower ? (char)(*header - 'a' + 'A') : *header;
        if (*param != c)
            return NULL;
    }
    return *param == '=' ? param + 1 : NULL;
}

void request_take_header(struct request *r, const char *param)
{
    bool is_sent = strncmp(param, "HTTP_", 5) == 0;
    const char *rest = is_sent ? param + 5 : strncmp(param, "CONTENT_", 8) == 0 ? param : NULL;

    if (rest == NULL)
        return;
    for (size_t i = 0; i < ARRAY_LEN(request_headers); i++) {
        struct str *field = (struct str *)((char *)r + request_headers[i].offset);
        const char *value = request_value_of(rest, request_headers[i].name);
        if (value == NULL)
            continue;
        if (field->p == NULL)
            *field = str_from(value);
        if (is_sent && request_headers[i].times_offset != 0)
            ++*(int *)((char *)r + request_headers[i].times_offset);
        return;
    }
}

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
