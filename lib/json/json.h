/*
 * JSON by tables of fields: one table validates an input, names every problem at once, writes an output, and documents
 * both. json-c is included by parse.c and bind.c alone.
 *
 *    struct create {
 *        struct str name;
 *        int64_t days;
 *    };
 *    static const struct json_field create_fields[] = {
 *        {.name = "name", JSON_STR(struct create, name), .required = true, .min = 1, .max = 100, .help = "..."},
 *        {.name = "days", JSON_I64(struct create, days), .min = 0, .max = 365},
 *        JSON_END};
 *
 *    struct create create = {.days = 30};    // what it keeps when the body does not say
 *    struct problems problems = {0};
 *    enum err e = json_bind(arena, body, create_fields, &create, NULL, &problems);
 *
 * Limits: nesting 8 levels, 4096 objects and arrays (json_read: 32 and 8192); size is the caller's. Duplicate keys,
 * unknown keys, trailing bytes, NaN, invalid UTF-8 and numbers out of int64_t are refused. Strings are UTF-8; NUL inside
 * is kept (str has a length).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/problem.h"
#include "base/uuid.h"

enum json_field_type {
    JSON_TYPE_STR = 1, /* struct str; null or missing: absent */
    JSON_TYPE_I64,     /* int64_t */
    JSON_TYPE_BOOL,    /* bool */
    JSON_TYPE_UUID,    /* struct uuid; none is written as null */
    JSON_TYPE_TIME,    /* int64_t microseconds, as RFC 3339; 0 is written as null */
    JSON_TYPE_ENUM,    /* int; its name from .names */
    JSON_TYPE_OBJECT,  /* an embedded struct, .fields */
    JSON_TYPE_ARRAY,   /* struct json_array of structs described by .fields */
    JSON_TYPE_STRS,    /* struct strs: array of strings */
    JSON_TYPE_SET,     /* int64_t, a bit for each of .names: array of those, none of them twice */
    JSON_TYPE_UUIDS,   /* struct uuids: array of ids */
    JSON_TYPE_RAW,     /* struct str that holds JSON text: written as it is; when bound, the value's text */
};

struct uuids {
    struct uuid *v;
    size_t n;
};

struct json_array {
    void *v; /* n elements of .size bytes */
    size_t n;
};

struct json_field {
    const char *name;
    enum json_field_type type;
    size_t offset;
    size_t size;                     /* of an element (ARRAY) */
    const struct json_field *fields; /* of OBJECT and ARRAY */
    const char *const *names;        /* of ENUM and SET, NULL-ended */
    /* 0: none; else the offset of a bool. Reading sets it when the key was there; writing asks it: if not, null. */
    size_t given_offset;
    bool required; /* reading: must be there and not null */
    bool nullable; /* reading: null is taken as missing */
    bool clears;   /* reading: null is a value, the absent one: it was given */
    bool typed;    /* json_read: a value of another type or out of range makes the whole answer unusable */
    bool expands;  /* json_read, STR: an object in its place stands for its "id", as providers send it when asked to */
    bool omit_empty;  /* writing: leave the key out when absent, none, 0 time or not given */
    int64_t min, max; /* STR: bytes; I64: value; arrays: elements. 0,0: no bound (arrays: at most 1000) */
    /* Reading: one more check of the value; OK or the error of the field. */
    enum err (*check)(const void *value);
    const char *help;
    const char *policy; /* item of the privacy policy for personal data: "account.email" */
};

#define JSON_STR(T, f) .type = JSON_TYPE_STR, .offset = offsetof(T, f)
#define JSON_I64(T, f) .type = JSON_TYPE_I64, .offset = offsetof(T, f)
#define JSON_BOOL(T, f) .type = JSON_TYPE_BOOL, .offset = offsetof(T, f)
#define JSON_UUID(T, f) .type = JSON_TYPE_UUID, .offset = offsetof(T, f)
#define JSON_TIME(T, f) .type = JSON_TYPE_TIME, .offset = offsetof(T, f)
#define JSON_ENUM(T, f, names_) .type = JSON_TYPE_ENUM, .offset = offsetof(T, f), .names = (names_)
#define JSON_OBJECT(T, f, fields_) .type = JSON_TYPE_OBJECT, .offset = offsetof(T, f), .fields = (fields_)
#define JSON_ARRAY(T, f, E, fields_) \
    .type = JSON_TYPE_ARRAY, .offset = offsetof(T, f), .size = sizeof(E), .fields = (fields_)
#define JSON_SET(T, f, names_) .type = JSON_TYPE_SET, .offset = offsetof(T, f), .names = (names_)
#define JSON_STRS(T, f) .type = JSON_TYPE_STRS, .offset = offsetof(T, f)
#define JSON_UUIDS(T, f) .type = JSON_TYPE_UUIDS, .offset = offsetof(T, f)
#define JSON_RAW(T, f) .type = JSON_TYPE_RAW, .offset = offsetof(T, f)
#define JSON_GIVEN(T, f) .given_offset = offsetof(T, f)
#define JSON_END \
    { \
        .name = NULL \
    }

/*
 * Parses text as one object into ret (zeroed by the caller; fields not given keep what they hold, so set defaults
 * before). ERR_BAD_JSON, ERR_BAD_UTF8, ERR_JSON_TOO_DEEP for what is not JSON at all. Otherwise every problem of every
 * field is added to problems, with its path as param ("platform_options.title", "upload_ids[3]") after prefix and a
 * dot (NULL: neither), and ERR_VALIDATION is returned if there was one. Everything bound lives in the arena. Unknown
 * keys are problems (ERR_FIELD_UNKNOWN).
 */
MUST_CHECK enum err json_bind(struct arena *arena, struct str text, const struct json_field *fields, void *ret,
                              const char *prefix, struct problems *problems);

/*
 * The same for replies of providers: unknown keys are ignored, values that json_bind would refuse are treated as
 * missing (an array with such an element as a whole), a lone surrogate becomes U+FFFD, and big integers are kept: a STR
 * field takes a JSON number as its text, without loss. ERR_VALIDATION when a field that is typed holds something else, or
 * null without being nullable; there a number is no text. The same errors as json_bind when it is not an object at all.
 */
MUST_CHECK enum err json_read(struct arena *arena, struct str text, const struct json_field *fields, void *ret);

/* Writes the object with its braces. What the struct holds must be valid UTF-8; else it is written as "". */
void json_write(struct buf *b, const struct json_field *fields, const void *value);

/* One string with its quotes. */
void json_write_str(struct buf *b, struct str s);
