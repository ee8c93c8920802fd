#include "json/parse.h"

#include <limits.h>

#include <json-c/json.h>

#include "base/text.h"

#define CODE_POINT_UNKNOWN 0xfffd /* stands for a lone surrogate */

/*
 * The text is a copy that ends with a NUL. No rule below takes a NUL, so none can run over the end. Strings and numbers
 * are made ready in place: an escape is never shorter than what it stands for.
 */
struct json_parse {
    char *at;
    bool lenient;
    size_t depth, containers_n;
};

static enum err json_parse_value(struct json_parse *ps, struct json_object **ret);

void parse_freep(struct json_object **tree)
{
    (void)json_object_put(*tree);
}

/* json-c has its own copy of each string, which may be a token or a password. Called when it frees the value. */
static void json_parse_wipe(struct json_object *string, void *unused)
{
    (void)unused;
    explicit_bzero((void *)(uintptr_t)json_object_get_string(string), (size_t)json_object_get_string_len(string));
}

static struct json_object *json_parse_new_string(struct str s)
{
    struct json_object *string = json_object_new_string_len(s.p, (int)s.n);

    ASSERT(string != NULL);
    json_object_set_userdata(string, NULL, json_parse_wipe);
    return string;
}

static void json_parse_skip_blanks(struct json_parse *ps)
{
    while (*ps->at == ' ' || *ps->at == '\t' || *ps->at == '\n' || *ps->at == '\r')
        ps->at++;
}

static bool json_parse_takes(struct json_parse *ps, char c)
{
    json_parse_skip_blanks(ps);
    if (*ps->at != c)
        return false;
    ps->at++;
    return true;
}

static bool json_parse_takes_word(struct json_parse *ps, const char *word)
{
    size_t n = strlen(word);

    if (strncmp(ps->at, word, n) != 0)
        return false;
    ps->at += n;
    return true;
}

static bool json_parse_takes_digits(struct json_parse *ps)
{
    const char *begin = ps->at;

    while (*ps->at >= '0' && *ps->at <= '9')
        ps->at++;
    return ps->at > begin;
}

/* RFC 8259 6. Whatever follows that is no part of a number is left to the container, which refuses it. */
static enum err json_parse_number(struct json_parse *ps, struct json_object **ret)
{
    char *begin = ps->at;
    bool whole = true;

    ps->at += *ps->at == '-';
    if (*ps->at == '0')
        ps->at++;
    else if (!json_parse_takes_digits(ps))
        return ERR_BAD_JSON;
    if (*ps->at == '.') {
        ps->at++;
        whole = false;
        if (!json_parse_takes_digits(ps))
            return ERR_BAD_JSON;
    }
    if (*ps->at == 'e' || *ps->at == 'E') {
        ps->at++;
        whole = false;
        ps->at += *ps->at == '+' || *ps->at == '-';
        if (!json_parse_takes_digits(ps))
            return ERR_BAD_JSON;
    }
    /* The byte after it has not been read yet, the one before (a colon, a comma) has: move the number there, so that a
     * NUL fits. */
    size_t n = (size_t)(ps->at - begin);
    char *number = memmove(begin - 1, begin, n);
    number[n] = '\0';
    *ret = whole ? json_object_new_int64(0) : json_object_new_double(0);
    ASSERT(*ret != NULL);
    json_object_set_serializer(*ret, json_object_userdata_to_json_string, number, NULL);
    return OK;
}

/* Four hex digits, or -1. */
static int json_parse_hex4(const char *p)
{
    int v = 0;

    for (size_t i = 0; i < 4; i++) {
        char c = p[i], low = (char)(c | 0x20);
        if (c >= '0' && c <= '9')
            v = v * 16 + (c - '0');
        else if (low >= 'a' && low <= 'f')
            v = v * 16 + (low - 'a' + 10);
        else
            return -1;
    }
    return v;
}

/* What follows "\u", with its second half when it is a surrogate. */
static enum err json_parse_unicode_escape(struct json_parse *ps, char **to)
{
    int unit = json_parse_hex4(ps->at), second = -1;

    if (unit < 0)
        return ERR_BAD_JSON;
    ps->at += 4;
    if (unit >= 0xd800 && unit <= 0xdfff) {
        if (unit < 0xdc00 && ps->at[0] == '\\' && ps->at[1] == 'u')
            second = json_parse_hex4(ps->at + 2);
        if (second >= 0xdc00 && second <= 0xdfff) {
            ps->at += 6;
            unit = 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00);
        } else if (ps->lenient) {
            unit = CODE_POINT_UNKNOWN;
        } else {
            return ERR_BAD_UTF8;
        }
    }
    *to += text_encode((uint32_t)unit, *to);
    return OK;
}

/* What follows a backslash. */
static enum err json_parse_escape(struct json_parse *ps, char **to)
{
    static const char from[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    char c = *ps->at++;
    const char *found = memchr(from, c, sizeof from - 1);

    if (c == 'u')
        return json_parse_unicode_escape(ps, to);
    if (found == NULL)
        return ERR_BAD_JSON;
    *(*to)++ = meant[found - from];
    return OK;
}

/* The rest of a string whose opening quote was taken; a NUL ends it too. */
static enum err json_parse_string(struct json_parse *ps, struct str *ret)
{
    char *begin = ps->at, *to = begin;

    while (*ps->at != '"') {
        unsigned char c = (unsigned char)*ps->at++;
        if (c < 0x20)
            return ERR_BAD_JSON;
        if (c != '\\') {
            *to++ = (char)c;
            continue;
        }
        enum err e = json_parse_escape(ps, &to);
        if (e != OK)
            return e;
    }
    ps->at++;
    *to = '\0';
    *ret = str_of(begin, (size_t)(to - begin));
    return OK;
}

static enum err json_parse_element(struct json_parse *ps, struct json_object *array)
{
    struct json_object *value;

    enum err e = json_parse_value(ps, &value);
    if (e != OK)
        return e;
    int failed = json_object_array_add(array, value);
    ASSERT(!failed);
    return OK;
}

static enum err json_parse_member(struct json_parse *ps, struct json_object *object)
{
    struct json_object *value;
    struct str key;

    if (!json_parse_takes(ps, '"'))
        return ERR_BAD_JSON;
    enum err e = json_parse_string(ps, &key);
    if (e != OK)
        return e;
    if (strlen(key.p) < key.n || json_object_object_get_ex(object, key.p, NULL) || !json_parse_takes(ps, ':'))
        return ERR_BAD_JSON;
    e = json_parse_value(ps, &value);
    if (e != OK)
        return e;
    int failed =
        json_object_object_add_ex(object, key.p, value, JSON_C_OBJECT_ADD_KEY_IS_NEW | JSON_C_OBJECT_ADD_CONSTANT_KEY);
    ASSERT(!failed);
    return OK;
}

/* An object or an array. */
static enum err json_parse_container(struct json_parse *ps, struct json_object **ret)
{
    bool is_object = *ps->at++ == '{';
    char end = is_object ? '}' : ']';
    _cleanup_(parse_freep) struct json_object *made = is_object ? json_object_new_object() : json_object_new_array();

    ASSERT(made != NULL);
    if (++ps->depth > (ps->lenient ? JSON_REPLY_DEPTH_MAX : JSON_DEPTH_MAX))
        return ERR_JSON_TOO_DEEP;
    if (++ps->containers_n > (ps->lenient ? JSON_REPLY_CONTAINERS_MAX : JSON_CONTAINERS_MAX))
        return ERR_BAD_JSON;
    bool ended = json_parse_takes(ps, end);
    while (!ended) {
        enum err e = is_object ? json_parse_member(ps, made) : json_parse_element(ps, made);
        if (e != OK)
            return e;
        ended = json_parse_takes(ps, end);
        if (!ended && !json_parse_takes(ps, ','))
            return ERR_BAD_JSON;
    }
    ps->depth--;
    *ret = TAKE_PTR(made);
    return OK;
}

static enum err json_parse_value(struct json_parse *ps, struct json_object **ret)
{
    struct str s;

    json_parse_skip_blanks(ps);
    if (*ps->at == '{' || *ps->at == '[')
        return json_parse_container(ps, ret);
    if (json_parse_takes(ps, '"')) {
        enum err e = json_parse_string(ps, &s);
        if (e != OK)
            return e;
        *ret = json_parse_new_string(s);
    } else if (json_parse_takes_word(ps, "true")) {
        *ret = json_object_new_boolean(true);
    } else if (json_parse_takes_word(ps, "false")) {
        *ret = json_object_new_boolean(false);
    } else if (json_parse_takes_word(ps, "null")) {
        *ret = NULL; /* as json-c has it */
        return OK;
    } else {
        return json_parse_number(ps, ret);
    }
    ASSERT(*ret != NULL);
    return OK;
}

enum err parse_object(struct arena *arena, struct str text, bool lenient, struct json_object **ret_tree)
{
    _cleanup_(parse_freep) struct json_object *tree = NULL;

    if (text.n >= INT_MAX) /* json-c counts a string's bytes in an int */
        return ERR_BAD_JSON;
    if (!text_is_utf8(text))
        return ERR_BAD_UTF8;
    struct json_parse ps = {.at = arena_strdup(arena, text), .lenient = lenient};
    const char *end = ps.at + text.n;
    enum err e = json_parse_value(&ps, &tree); /* what is no object, too: it may be nested too deeply */
    if (e != OK)
        return e;
    json_parse_skip_blanks(&ps);
    if (ps.at != end || !json_object_is_type(tree, json_type_object))
        return ERR_BAD_JSON;
    *ret_tree = TAKE_PTR(tree);
    return OK;
}
