/* Answers and errors as people and programs read them. What came from outside never reaches the
 * terminal as control characters. */
#ifndef SIGNET_CLI_OUTPUT_H
#define SIGNET_CLI_OUTPUT_H

#include <jansson.h>

#include <signet/base/buffer.h>
#include <signet/cli/arguments.h>

#define SG_OUTPUT_MAX 268435456u /**< bytes */

/** Append an answer to out (for standard output) and its warnings to notes (for standard error). */
SG_CHECKED sg_status sg_output_answer(const struct sg_operation *operation, json_t *answer,
                                      struct sg_buffer *out, struct sg_buffer *notes,
                                      struct sg_error *err);
/** Append JSON, indented by 2, and a line end. */
SG_CHECKED sg_status sg_output_json(json_t *value, struct sg_buffer *out, struct sg_error *err);
/** Append text with control characters (C0 but the line end, DEL, C1) replaced by '?'. */
SG_CHECKED sg_status sg_output_clean(const char *text, struct sg_buffer *out, struct sg_error *err);
/** Append {"error": {"code", "status", "text", "hint", "object"}} or the two lines for people. */
SG_CHECKED sg_status sg_output_failure(const struct sg_error *failure, bool json,
                                       struct sg_buffer *out, struct sg_error *err);

#endif
