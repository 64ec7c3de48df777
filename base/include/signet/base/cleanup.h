/* Cleanup by attribute: every local that owns something says how it ends. */
#ifndef SIGNET_BASE_CLEANUP_H
#define SIGNET_BASE_CLEANUP_H

#include <stdlib.h>

/** Run fn(&variable) when the variable leaves its scope. Always initialise such a variable where it
 * is declared. */
#define SG_CLEANUP(fn) __attribute__((__cleanup__(fn)))

/** Hand ownership over: gives the pointer's value and leaves NULL behind. */
#define SG_STEAL(p)                                                                                \
    __extension__({                                                                                \
        __typeof__(p) sg_stolen_ = (p);                                                            \
        (p) = NULL;                                                                                \
        sg_stolen_;                                                                                \
    })

/** Define NAMEp(type **) that frees through fn, for use with SG_CLEANUP. */
/* NOLINTBEGIN(bugprone-macro-parentheses): a type and a name cannot stand in parentheses */
#define SG_DEFINE_CLEANUP(type, fn)                                                                \
    static inline void fn##p(type *pointer)                                                        \
    {                                                                                              \
        if (*pointer != NULL) {                                                                    \
            fn(*pointer);                                                                          \
        }                                                                                          \
    }
/* NOLINTEND(bugprone-macro-parentheses) */

static inline void sg_freep(void *pointer)
{
    free(*(void **)pointer);
}
#define SG_FREE SG_CLEANUP(sg_freep)

#define SG_COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SG_CHECKED __attribute__((__warn_unused_result__))
#define SG_PRINTF(text, first) __attribute__((__format__(__printf__, text, first)))
#define SG_UNUSED __attribute__((__unused__))

#endif
