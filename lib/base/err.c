#include "base/err.h"

#include <stdlib.h>

#include "base/log.h"

struct err_row {
    int status;
    bool retryable;
    const char *slug, *sentence;
};

static const struct err_row err_rows[ERR__MAX] = {
#define ERR(name, status_, slug_, retryable_, sentence_) \
    [ERR_##name] = {.status = status_, .slug = slug_, .retryable = retryable_, .sentence = sentence_},
#include "base/err.def"
#undef ERR
};

/* The first row whose status is not below the asked one. */
static const struct {
    int up_to;
    const char *type;
} err_types[] = {
    {399, "ok"},
    {400, "invalid_request"},
    {401, "authentication"},
    {402, "plan"},
    {403, "permission"},
    {404, "not_found"},
    {405, "invalid_request"},
    {409, "conflict"},
    {412, "conflict"},
    {416, "invalid_request"},
    {422, "validation"},
    {429, "rate_limit"},
    {499, "invalid_request"},
    {500, "internal"},
    {599, "unavailable"},
};

static const struct err_row *err_row(enum err e)
{
    ASSERT((unsigned)e < ERR__MAX);
    return &err_rows[e];
}

int err_status(enum err e)
{
    return err_row(e)->status;
}

const char *err_slug(enum err e)
{
    return err_row(e)->slug;
}

const char *err_sentence(enum err e)
{
    return err_row(e)->sentence;
}

bool err_is_shown(enum err e)
{
    return err_status(e) != err_status(ERR_INTERNAL) || e == ERR_INTERNAL || e == ERR_OUTCOME_UNKNOWN;
}

bool err_retryable(enum err e)
{
    return err_row(e)->retryable;
}

const char *err_type_of_status(int status)
{
    for (size_t i = 0; i < ARRAY_LEN(err_types); i++)
        if (status <= err_types[i].up_to)
            return err_types[i].type;
    return "internal";
}

const char *err_type(enum err e)
{
    return err_type_of_status(err_status(e));
}

void assert_failed(const char *cond, const char *file, int line)
{
    static _Thread_local bool failing; /* logging can fail as well: of memory */

    if (!failing) {
        failing = true;
        log_event(LOG_ERROR, "assert", LOG_CSTR("condition", cond), LOG_CSTR("file", file), LOG_INT("line", line),
                  LOG_END);
    }
    abort();
}
