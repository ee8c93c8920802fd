/* Attributes, and the few macros that the whole tree uses. */
#pragma once

#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NORETURN __attribute__((noreturn))
#define UNUSED __attribute__((unused))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* _cleanup_(db_freep) struct db *db = NULL;  frees db when it leaves its scope. */
#define _cleanup_(fn) __attribute__((cleanup(fn)))

/* Moves the pointer out: its old place becomes NULL. */
#define TAKE_PTR(p) \
    __extension__({ \
        __typeof__(p) taken_ = (p); \
        (p) = NULL; \
        taken_; \
    })

/* Defines a _cleanup_ function for T from a plain free function that takes NULL. */
#define DEFINE_FREEP(T, fn) \
    UNUSED static inline void fn##p(T **p) \
    { \
        fn(*p); \
    }

/* Stays on in release builds. For the caller's mistakes only, never for input, network or database. */
#define ASSERT(cond) ((cond) ? (void)0 : assert_failed(#cond, __FILE__, __LINE__))
NORETURN void assert_failed(const char *cond, const char *file, int line);
