/*
 * Everything that is wrong with a request, collected and reported at once.
 *
 *    problem_add(problems, ERR_IMAGE_CORRUPT, arena, "images[%zu]", i);
 *    if (problems->n > 0) return ERR_VALIDATION;
 *
 * If there is exactly one problem, the answer has its code and status. If there are several, the answer is
 * ERR_VALIDATION with the list in details (or with their status, if they all have the same).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"

#define PROBLEMS_MAX 50 /* nobody reads more */

/* What a limit of the user's plan comes to. */
struct problem_limit {
    int64_t max, used;
    struct str plan, allowed_by; /* the user's; the first that allows more, absent if there is none */
};

struct problem {
    enum err code;
    struct str param;   /* "images[2]"; absent if it is not about a field */
    struct str message; /* absent: the code's own sentence */
    struct problem_limit limit;
    bool has_limit; /* else it is about none */
};

struct problems {
    struct problem v[PROBLEMS_MAX];
    size_t n;                                  /* at most PROBLEMS_MAX; further ones are dropped */
    struct str platform_code, platform_log_id; /* what TikTok said, if the problem comes from there */
    bool used_up;        /* the same request cannot succeed again: it has used up what it came with */
    bool left_something; /* a part of it was done and is not undone: with ERR_DB_UNAVAILABLE, something was changed */
    bool has_key; /* the request has an Idempotency-Key: with ERR_OUTCOME_UNKNOWN, a repeat tells what happened */
    struct uuid may_exist; /* with ERR_OUTCOME_UNKNOWN: the id of what may have been made; none if nothing has one */
};

/* The param is formatted into the arena; a NULL format means no param. */
PRINTF_LIKE(4, 5) void problem_add(struct problems *p, enum err code, struct arena *arena, const char *param_fmt, ...);

/* The same with its own sentence (in the arena, or static). */
void problem_add_text(struct problems *p, enum err code, struct str param, struct str message);

/* Of the problem that was added last. */
void problem_set_limit(struct problems *p, const struct problem_limit *limit);

/* The error of the answer as a whole; ERR_OK without problems. */
enum err problems_err(const struct problems *p);
