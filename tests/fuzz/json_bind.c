/*
 * JSON by tables. Invariants: problems exactly when ERR_VALIDATION is returned, their params UTF-8; what a request may
 * hold a provider may send; what was bound is written as JSON that binds to the same and is written as the same.
 */
#include "fuzz.h"

#include "base/text.h"
#include "json/json.h"

struct inner {
    struct str title;
    int64_t n;
};

struct value {
    bool given, inner_given, yes;
    struct str name, raw;
    int64_t n, at_us, set;
    struct uuid id;
    int colour;
    struct inner inner;
    struct json_array list;
    struct strs tags;
    struct uuids ids;
};

static const char *const colours[] = {"red", "green", NULL};

static const struct json_field inner_fields[] = {
    {.name = "title", JSON_STR(struct inner, title), .nullable = true, .max = 50},
    {.name = "n", JSON_I64(struct inner, n)},
    JSON_END};

static const struct json_field fields[] = {
    {.name = "name", JSON_STR(struct value, name), .nullable = true, JSON_GIVEN(struct value, given), .min = 1},
    {.name = "n", JSON_I64(struct value, n), .min = -5, .max = 365},
    {.name = "at", JSON_TIME(struct value, at_us), .nullable = true},
    {.name = "yes", JSON_BOOL(struct value, yes)},
    {.name = "id", JSON_UUID(struct value, id), .nullable = true},
    {.name = "colour", JSON_ENUM(struct value, colour, colours)},
    {.name = "inner",
     JSON_OBJECT(struct value, inner, inner_fields),
     JSON_GIVEN(struct value, inner_given),
     .nullable = true},
    {.name = "list", JSON_ARRAY(struct value, list, struct inner, inner_fields), .max = 10},
    {.name = "tags", JSON_STRS(struct value, tags)},
    {.name = "set", JSON_SET(struct value, set, colours)},
    {.name = "ids", JSON_UUIDS(struct value, ids)},
    {.name = "raw", JSON_RAW(struct value, raw), .nullable = true},
    JSON_END};

static bool is_syntax_error(enum err e)
{
    return e == ERR_BAD_JSON || e == ERR_BAD_UTF8 || e == ERR_JSON_TOO_DEEP;
}

/* lenient: of what was read as a provider's answer, which may hold text that is nested deeper than an input of ours. */
static void check_round_trip(struct arena *arena, const struct value *v, bool lenient)
{
    _cleanup_(buf_done) struct buf first = BUF_MAX(16u << 20), second = BUF_MAX(16u << 20);
    struct problems problems = {0};
    struct value back = {0};

    json_write(&first, fields, v);
    ASSERT(!first.overflow && text_is_utf8(buf_str(&first)));
    ASSERT((lenient ? json_read(arena, buf_str(&first), fields, &back)
                    : json_bind(arena, buf_str(&first), fields, &back, NULL, &problems)) == OK);
    json_write(&second, fields, &back);
    ASSERT(str_eq(buf_str(&first), buf_str(&second)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(arena_done) struct arena arena;
    struct str text = str_of(data, size);
    struct problems problems = {0};
    struct value v = {0}, read = {0};

    arena_init(&arena, FUZZ_ARENA_BYTES);
    enum err bound = json_bind(&arena, text, fields, &v, "p", &problems);
    enum err got = json_read(&arena, text, fields, &read);
    ASSERT(bound == OK || bound == ERR_VALIDATION || is_syntax_error(bound));
    ASSERT(got == OK || is_syntax_error(got));
    ASSERT((bound == ERR_VALIDATION) == (problems.n > 0));
    for (size_t i = 0; i < problems.n; i++)
        ASSERT(str_starts(problems.v[i].param, STR("p.")) && text_is_utf8(problems.v[i].param));
    if (bound == OK || bound == ERR_VALIDATION)
        ASSERT(got == OK);
    if (bound == OK)
        check_round_trip(&arena, &v, false);
    if (got == OK)
        check_round_trip(&arena, &read, true);
    return 0;
}
