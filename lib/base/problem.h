/*
 * All that is wrong with a request, gathered and answered at once.
 *
 *    problem_add(problems, ERR_IMAGE_CORRUPT, arena, "images[%zu]", i);
 *    if (problems->n > 0) return ERR_VALIDATION;
 *
 * When there is exactly one problem the answer takes its code and status; with several the answer is
 * ERR_VALIDATION with the list in details (or their common status, if they share one).
 */
#pragma once

#include "base/arena.h"
#include "base/err.h"

#define PROBLEMS_MAX 50 /* more are not listed: nobody reads them */

struct problem {
    enum err code;
    struct str param;   /* "images[2]"; absent when it is about no field */
    struct str message; /* absent: the sentence of the code */
};

struct problems {
    struct problem v[PROBLEMS_MAX];
    size_t n;                                  /* at most PROBLEMS_MAX; further ones are dropped */
    struct str platform_code, platform_log_id; /* what TikTok said, when it was TikTok */
};

/* param by format, in the arena; a NULL format for none. */
PRINTF_LIKE(4, 5) void problem_add(struct problems *p, enum err code, struct arena *arena, const char *param_fmt, ...);

/* The same with a sentence of its own (in the arena, or static). */
void problem_add_text(struct problems *p, enum err code, struct str param, struct str message);

/* What the answer as a whole is: ERR_OK when empty. */
enum err problems_err(const struct problems *p);
