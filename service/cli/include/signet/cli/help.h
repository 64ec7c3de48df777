/* Help, completion and the list of operations, all from the table. */
#ifndef SIGNET_CLI_HELP_H
#define SIGNET_CLI_HELP_H

#include <signet/base/buffer.h>
#include <signet/interface/spec.h>

/** Append help: about one operation, else one noun, else everything. */
SG_CHECKED sg_status sg_help_text(const struct sg_operation *operation, const char *noun,
                                  struct sg_buffer *out, struct sg_error *err);
/** Append one line: "signet cert show OWNER/LABEL". */
SG_CHECKED sg_status sg_help_usage(const struct sg_operation *operation, struct sg_buffer *out,
                                   struct sg_error *err);
/** Append docs/operations.md. */
SG_CHECKED sg_status sg_help_markdown(struct sg_buffer *out, struct sg_error *err);
/** Append a completion for bash. */
SG_CHECKED sg_status sg_completion_bash(struct sg_buffer *out, struct sg_error *err);

#endif
