/* Whether an answer holds what the operation's row promises. */
#ifndef SIGNET_CLI_ANSWER_INTERNAL_H
#define SIGNET_CLI_ANSWER_INTERNAL_H

#include <stdbool.h>

#include <jansson.h>

#include <signet/base/error.h>
#include <signet/interface/spec.h>

/** What was asked for. */
struct sg_asked {
    const struct sg_operation *operation;
    bool dry_run, rehearsed; /**< to try it; as a part of a rehearsal */
};
/** SG_E_SERVICE "bad_answer": the answer (an object) lacks something, so that nobody knows what was
 * done. */
SG_CHECKED sg_status sg_answer_check(const struct sg_asked *asked, const json_t *answer,
                                     struct sg_error *err);

#endif
