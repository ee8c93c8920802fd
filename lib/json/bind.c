#include <errno.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "base/clock.h"
#include "base/text.h"
#include "json/json.h"
#include "json/parse.h"
#include "json/sentence.h"

#define ARRAY_MAX 1000    /* elements where the field names no maximum */
#define KEY_SHOWN_MAX 100 /* bytes of a stranger's key that a problem repeats */

/* What time_format can write: the years 0 to 9999. */
#define TIME_MIN_US (-62167219200 * US_PER_SEC)
#define TIME_MAX_US (253402300800 * US_PER_SEC - 1)

/* Where a value is, from the inside to the outside. Made into text only for a problem. */
struct json_bind_path {
    const struct json_bind_path *up;
    struct str name; /* absent: an element, index says which */
    size_t index;
};

struct binding {
    struct arena *arena;
    struct problems *problems; /* NULL: a provider's reply, read as far as it goes */
    size_t refused_n;
    bool mistyped; /* without problems: a typed field holds something else */
};

static enum err json_bind_object(struct binding *bd, struct json_object *o, const struct json_field *fields, void *ret,
                                 const struct json_bind_path *path);

/* Problems */

static void json_bind_path_write(struct buf *b, const struct json_bind_path *path)
{
    if (path == NULL)
        return;
    json_bind_path_write(b, path->up);
    if (path->name.p == NULL) {
        buf_printf(b, "[%zu]", path->index);
        return;
    }
    if (b->n > 0)
        buf_putc(b, '.');
    buf_putstr(b, path->name);
}

/* f: what was asked for; of an unknown key the table. Its sentence is made for those alone that are listed. */
static enum err json_bind_refuse(struct binding *bd, enum err code, const struct json_bind_path *path,
                                 const struct json_field *f)
{
    _cleanup_(buf_done) struct buf b = BUF_MAX(1024);

    bd->refused_n++;
    bd->mistyped = bd->mistyped || f->typed;
    if (bd->problems == NULL || bd->problems->n == PROBLEMS_MAX)
        return code;
    json_bind_path_write(&b, path);
    problem_add_text(bd->problems, code, arena_str(bd->arena, buf_str(&b)), sentence_of(bd->arena, code, f));
    return code;
}

/* Values: each stores v into ret or answers the error of the field */

static struct str json_bind_text_of(struct json_object *v)
{
    return str_of(json_object_get_string(v), (size_t)json_object_get_string_len(v));
}

static const char *json_bind_number_of(struct json_object *v)
{
    return json_object_get_userdata(v);
}

static enum err json_bind_str(struct binding *bd, struct json_object *v, const struct json_field *f, void *ret)
{
    struct str s;

    if (f->expands && bd->problems == NULL && json_object_is_type(v, json_type_object) &&
        !json_object_object_get_ex(v, "id", &v))
        return ERR_FIELD_TYPE;
    if (json_object_is_type(v, json_type_string))
        s = json_bind_text_of(v);
    else if (bd->problems == NULL && !f->typed &&
             (json_object_is_type(v, json_type_int) || json_object_is_type(v, json_type_double)))
        s = str_from(json_bind_number_of(v));
    else
        return ERR_FIELD_TYPE;
    if (f->min > 0 && s.n < (size_t)f->min)
        return ERR_FIELD_TOO_SHORT;
    if (f->max > 0 && s.n > (size_t)f->max)
        return ERR_FIELD_TOO_LONG;
    *(struct str *)ret = arena_str(bd->arena, s);
    return OK;
}

static enum err json_bind_i64(struct json_object *v, const struct json_field *f, int64_t *ret)
{
    if (!json_object_is_type(v, json_type_int))
        return ERR_FIELD_TYPE;
    errno = 0;
    long long n = strtoll(json_bind_number_of(v), NULL, 10);
    if (errno != 0 || ((f->min != 0 || f->max != 0) && (n < f->min || n > f->max)))
        return ERR_FIELD_RANGE;
    *ret = n;
    return OK;
}

static enum err json_bind_uuid(struct json_object *v, struct uuid *ret)
{
    if (!json_object_is_type(v, json_type_string))
        return ERR_FIELD_TYPE;
    return uuid_parse(json_bind_text_of(v), ret) ? OK : ERR_FIELD_VALUE;
}

static enum err json_bind_time(struct json_object *v, int64_t *ret)
{
    int64_t at_us;

    if (!json_object_is_type(v, json_type_string))
        return ERR_FIELD_TYPE;
    if (!time_parse(json_bind_text_of(v), &at_us) || at_us < TIME_MIN_US || at_us > TIME_MAX_US)
        return ERR_FIELD_VALUE;
    *ret = at_us;
    return OK;
}

static enum err json_bind_enum(struct json_object *v, const struct json_field *f, int *ret)
{
    if (!json_object_is_type(v, json_type_string))
        return ERR_FIELD_TYPE;
    for (int i = 0; f->names[i] != NULL; i++)
        if (str_eqc(json_bind_text_of(v), f->names[i])) {
            *ret = i;
            return OK;
        }
    return ERR_FIELD_VALUE;
}

/* How many elements an array has, if that is a number that the field takes. */
static enum err json_bind_count(struct json_object *v, const struct json_field *f, size_t *ret_n)
{
    size_t n, max = f->max > 0 ? (size_t)f->max : ARRAY_MAX;

    if (!json_object_is_type(v, json_type_array))
        return ERR_FIELD_TYPE;
    n = json_object_array_length(v);
    if (n < (size_t)f->min)
        return ERR_FIELD_TOO_SHORT;
    if (n > max)
        return ERR_FIELD_TOO_LONG;
    *ret_n = n;
    return OK;
}

static enum err json_bind_member(struct json_object *v, const struct json_field *f, int64_t *set)
{
    int i;
    enum err e = json_bind_enum(v, f, &i);

    if (e != OK)
        return e;
    if ((*set >> i & 1) != 0)
        return ERR_FIELD_REPEATED;
    *set |= INT64_C(1) << i;
    return OK;
}

static enum err json_bind_set(struct binding *bd, struct json_object *v, const struct json_field *f, int64_t *ret,
                              const struct json_bind_path *path)
{
    const struct json_field of_element = {.type = JSON_TYPE_ENUM, .names = f->names};
    int64_t set = 0;
    size_t n;

    enum err e = json_bind_count(v, f, &n);
    if (e != OK)
        return e;
    for (size_t i = 0; i < n; i++) {
        struct json_bind_path here = {.up = path, .index = i};
        e = json_bind_member(json_object_array_get_idx(v, i), &of_element, &set);
        if (e != OK && bd->problems == NULL)
            return e;
        if (e != OK)
            (void)json_bind_refuse(bd, e, &here, &of_element);
    }
    *ret = set;
    return OK;
}

static enum err json_bind_elements(struct binding *bd, struct json_object *v, const struct json_field *f, void *ret,
                                   const struct json_bind_path *path)
{
    const struct json_field of_element = {.type = f->type == JSON_TYPE_ARRAY  ? JSON_TYPE_OBJECT
                                                  : f->type == JSON_TYPE_STRS ? JSON_TYPE_STR
                                                                              : JSON_TYPE_UUID};
    size_t n;
    size_t size = f->type == JSON_TYPE_ARRAY  ? f->size
                  : f->type == JSON_TYPE_STRS ? sizeof(struct str)
                                              : sizeof(struct uuid);

    enum err counted = json_bind_count(v, f, &n);
    if (counted != OK)
        return counted;
    char *elements = arena_array(bd->arena, n, size);
    for (size_t i = 0; i < n; i++) {
        struct json_object *element = json_object_array_get_idx(v, i);
        struct json_bind_path here = {.up = path, .index = i};
        void *p = elements + i * size;
        enum err e;
        if (f->type == JSON_TYPE_ARRAY)
            e = json_bind_object(bd, element, f->fields, p, &here);
        else
            e = f->type == JSON_TYPE_STRS ? json_bind_str(bd, element, &of_element, p) : json_bind_uuid(element, p);
        if (e != OK && bd->problems == NULL)
            return e;
        if (e != OK)
            (void)json_bind_refuse(bd, e, &here, &of_element);
    }
    /* struct strs, uuids and json_array are alike: a pointer and a count */
    *(struct json_array *)ret = (struct json_array){.v = elements, .n = n};
    return OK;
}

static enum err json_bind_raw(struct binding *bd, struct json_object *v, struct str *ret)
{
    size_t n;
    const char *p = json_object_to_json_string_length(v, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &n);

    *ret = arena_str(bd->arena, str_of(p, n));
    return OK;
}

static enum err json_bind_value(struct binding *bd, struct json_object *v, const struct json_field *f, void *ret,
                                const struct json_bind_path *path)
{
    switch (f->type) {
    case JSON_TYPE_STR:
        return json_bind_str(bd, v, f, ret);
    case JSON_TYPE_I64:
        return json_bind_i64(v, f, ret);
    case JSON_TYPE_BOOL:
        if (!json_object_is_type(v, json_type_boolean))
            return ERR_FIELD_TYPE;
        *(bool *)ret = json_object_get_boolean(v);
        return OK;
    case JSON_TYPE_UUID:
        return json_bind_uuid(v, ret);
    case JSON_TYPE_TIME:
        return json_bind_time(v, ret);
    case JSON_TYPE_ENUM:
        return json_bind_enum(v, f, ret);
    case JSON_TYPE_SET:
        return json_bind_set(bd, v, f, ret, path);
    case JSON_TYPE_OBJECT:
        return json_bind_object(bd, v, f->fields, ret, path);
    case JSON_TYPE_ARRAY:
    case JSON_TYPE_STRS:
    case JSON_TYPE_UUIDS:
        return json_bind_elements(bd, v, f, ret, path);
    case JSON_TYPE_RAW:
        return json_bind_raw(bd, v, ret);
    }
    ASSERT(!"a field without a type");
    return ERR_INTERNAL;
}

/* Objects */

static void json_bind_field(struct binding *bd, struct json_object *o, const struct json_field *f, char *object,
                            const struct json_bind_path *up)
{
    struct json_bind_path path = {.up = up, .name = str_from(f->name)};
    struct json_object *v = NULL;
    bool there = json_object_object_get_ex(o, f->name, &v);
    bool null_is_value = f->type == JSON_TYPE_RAW && !f->nullable && !f->required;

    if (there && v == NULL && f->clears) {
        *(bool *)(object + f->given_offset) = true;
        return;
    }
    if (there && v == NULL && !null_is_value) {
        if (!f->nullable && !f->required)
            (void)json_bind_refuse(bd, ERR_FIELD_TYPE, &path, f);
        there = false;
    }
    if (!there) {
        if (f->required)
            (void)json_bind_refuse(bd, ERR_FIELD_REQUIRED, &path, f);
        return;
    }
    size_t refused_n = bd->refused_n;
    enum err e = json_bind_value(bd, v, f, object + f->offset, &path);
    if (e == OK && f->check != NULL && bd->refused_n == refused_n)
        e = f->check(object + f->offset);
    if (e != OK)
        (void)json_bind_refuse(bd, e, &path, f);
    else if (f->given_offset != 0)
        *(bool *)(object + f->given_offset) = true;
}

static bool json_bind_is_known(const struct json_field *fields, const char *key)
{
    for (const struct json_field *f = fields; f->name != NULL; f++)
        if (strcmp(f->name, key) == 0)
            return true;
    return false;
}

/* A key for a problem's path: cut where it is long, between code points. */
static struct str json_bind_key_shown(const char *key)
{
    struct str s = str_head(str_from(key), KEY_SHOWN_MAX);

    while (!text_is_utf8(s))
        s.n--;
    return s;
}

static enum err json_bind_object(struct binding *bd, struct json_object *o, const struct json_field *fields, void *ret,
                                 const struct json_bind_path *path)
{
    if (!json_object_is_type(o, json_type_object))
        return ERR_FIELD_TYPE;
    for (const struct json_field *f = fields; f->name != NULL; f++)
        json_bind_field(bd, o, f, ret, path);
    if (bd->problems == NULL)
        return OK;
    json_object_object_foreach(o, key, value)
    {
        struct json_bind_path here = {.up = path, .name = json_bind_key_shown(key)};
        (void)value;
        if (!json_bind_is_known(fields, key))
            (void)json_bind_refuse(bd, ERR_FIELD_UNKNOWN, &here, fields);
    }
    return OK;
}

enum err json_bind(struct arena *arena, struct str text, const struct json_field *fields, void *ret, const char *prefix,
                   struct problems *problems)
{
    _cleanup_(parse_freep) struct json_object *tree = NULL;
    struct binding bd = {.arena = arena, .problems = problems};
    struct json_bind_path top = {.name = str_from(prefix)};

    ASSERT(problems != NULL);
    enum err e = parse_object(arena, text, false, &tree);
    if (e != OK)
        return e;
    e = json_bind_object(&bd, tree, fields, ret, prefix == NULL ? NULL : &top);
    ASSERT(e == OK); /* parse_object gives nothing else */
    return bd.refused_n > 0 ? ERR_VALIDATION : OK;
}

enum err json_read(struct arena *arena, struct str text, const struct json_field *fields, void *ret)
{
    _cleanup_(parse_freep) struct json_object *tree = NULL;
    struct binding bd = {.arena = arena};

    enum err e = parse_object(arena, text, true, &tree);
    if (e == OK)
        e = json_bind_object(&bd, tree, fields, ret, NULL);
    return e == OK && bd.mistyped ? ERR_VALIDATION : e;
}
