#include "json/parse.h"

#include <limits.h>

#include <json-c/json.h>

#include "json/scan.h"

DEFINE_FREEP(struct json_tokener, json_tokener_free)

void parse_freep(struct json_object **tree)
{
    (void)json_object_put(*tree);
}

static size_t json_parse_count_members(struct json_object *o)
{
    size_t n = 0;

    if (json_object_is_type(o, json_type_array))
        for (size_t i = 0; i < json_object_array_length(o); i++)
            n += json_parse_count_members(json_object_array_get_idx(o, i));
    if (!json_object_is_type(o, json_type_object))
        return n;
    json_object_object_foreach(o, key, value)
    {
        (void)key;
        n += 1 + json_parse_count_members(value);
    }
    return n;
}

/*
 * json-c keeps numbers as 64 bits or double. Here each gets its own text back, by which it is bound and written: the
 * tree is walked in the order of the text. The text is a copy, so that a number can be ended by a NUL.
 */
static void json_parse_restore_numbers(struct json_object *o, struct str text, size_t *at)
{
    if (json_object_is_type(o, json_type_int) || json_object_is_type(o, json_type_double)) {
        struct str number = scan_next_number(text, at);
        ASSERT(number.p != NULL);
        ((char *)number.p)[number.n] = '\0';
        ++*at;
        json_object_set_serializer(o, json_object_userdata_to_json_string, (char *)number.p, NULL);
    }
    if (json_object_is_type(o, json_type_array))
        for (size_t i = 0; i < json_object_array_length(o); i++)
            json_parse_restore_numbers(json_object_array_get_idx(o, i), text, at);
    if (!json_object_is_type(o, json_type_object))
        return;
    json_object_object_foreach(o, key, value)
    {
        (void)key;
        json_parse_restore_numbers(value, text, at);
    }
}

enum err parse_object(struct arena *arena, struct str text, bool lenient, struct json_object **ret_tree)
{
    _cleanup_(json_tokener_freep) struct json_tokener *tok = json_tokener_new_ex(JSON_DEPTH_MAX + 2);
    struct scan scan = {.lenient = lenient};
    size_t at = 0;

    ASSERT(tok != NULL);
    if (text.n >= INT_MAX)
        return ERR_BAD_JSON;
    enum err e = scan_text(text, &scan);
    if (e != OK)
        return e;
    text = str_of(arena_strdup(arena, text), text.n);
    json_tokener_set_flags(tok, JSON_TOKENER_STRICT);
    /* With the NUL behind it, by which json-c knows the end. */
    _cleanup_(parse_freep) struct json_object *tree = json_tokener_parse_ex(tok, text.p, (int)text.n + 1);
    if (json_tokener_get_error(tok) != json_tokener_success || json_tokener_get_parse_end(tok) < text.n ||
        !json_object_is_type(tree, json_type_object))
        return ERR_BAD_JSON;
    if (json_parse_count_members(tree) != scan.members_n) /* json-c keeps the last of two equal keys */
        return ERR_BAD_JSON;
    json_parse_restore_numbers(tree, text, &at);
    *ret_tree = TAKE_PTR(tree);
    return OK;
}
