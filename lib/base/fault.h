/*
 * Counted fault points. Each step by which a program changes something, or learns of a change, asks here what shall go
 * wrong with it: a connection, a statement, a COMMIT, a call to another machine, a file operation, a call or a result that
 * changes hands. A test counts the steps of a flow once, and then repeats the flow with a fault at the first, the second,
 * ... the last (tests/sweep). The steps are also noted, with who did them and whether they were done: so the test knows what
 * a program knew when it died.
 *
 *    struct fault fault;
 *
 *    if (fault_before(&fault, "COMMIT"))
 *        ... fail without doing it
 *    ... do it
 *    if (fault_after(&fault))
 *        ... fail although it was done
 *
 * Either may also kill the process, by SIGKILL. In test builds (meson -Dtest_hooks=true) the steps are counted in the file
 * $MARKETINGCLI_TEST_DIR/faults, a struct fault_plan that all programs map and the test writes. In other builds there are no
 * faults, and a lint test proves it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_kind {
    FAULT_OFF,
    FAULT_COUNT, /* none: the steps are counted */
    FAULT_KILL_BEFORE,
    FAULT_KILL_AFTER,
    FAULT_ERROR, /* it fails, and was not done */
    FAULT_LOST,  /* it fails, and was done */
    FAULT_AWAY,  /* it fails; from then on the database is away, for all programs that count */
    FAULT_STOP,  /* SIGTERM comes before it, and it takes a while */
    FAULT_LEFT, /* the same, and from then on the database is away, as with FAULT_AWAY. Of steps FAULT_RESULT alone: only these count */
};

struct fault {
    enum fault_kind kind; /* what happens after the step */
    uint32_t step, plan;  /* its number, 0: it was not counted; and in which plan */
};

#define FAULT_RESULT "take a result" /* the step of a worker that has got one */

#ifdef TEST_HOOKS
#define FAULT_STEPS_MAX 4096
#define FAULT_PROGRAM_BYTES 32
#define FAULT_STEP_BYTES 96

struct fault_step {
    uint32_t process, thread;    /* whose it is; a thread's number is its own in the whole system */
    uint32_t n;                  /* how many rows it is about */
    uint32_t done;               /* 1 once it was done: then what follows knows of it */
    char name[FAULT_STEP_BYTES]; /* "posts INSERT INTO posts" */
};

/* As tests/sweep/plan.py writes and reads it. Little endian, no padding. */
struct fault_plan {
    uint32_t kind;                            /* enum fault_kind; all else is read only if it is not FAULT_OFF */
    uint32_t at;                              /* the step that meets it, from 1 */
    uint32_t counted;                         /* steps so far */
    uint32_t met;                             /* 1 when the fault has happened */
    uint32_t number;                          /* of this plan: a step may have begun under the one before */
    char program[4][FAULT_PROGRAM_BYTES];     /* whose steps count, by $MARKETINGCLI_TEST_PROGRAM; ends with "" */
    struct fault_step steps[FAULT_STEPS_MAX]; /* in order */
};

bool fault_before(struct fault *fault, const char *step);
bool fault_before_many(struct fault *fault, const char *step, size_t n);        /* of n rows at once */
bool fault_before_for(struct fault *fault, const char *step, const char *whom); /* "reach https://..." */
bool fault_after(const struct fault *fault);
bool fault_is_away(void); /* is the database away? */
#else
static inline bool fault_before(struct fault *fault, const char *step)
{
    (void)step;
    fault->kind = FAULT_OFF;
    return false;
}

static inline bool fault_before_many(struct fault *fault, const char *step, size_t n)
{
    (void)n;
    return fault_before(fault, step);
}

static inline bool fault_before_for(struct fault *fault, const char *step, const char *whom)
{
    (void)whom;
    return fault_before(fault, step);
}

static inline bool fault_after(const struct fault *fault)
{
    (void)fault;
    return false;
}

static inline bool fault_is_away(void)
{
    return false;
}
#endif
