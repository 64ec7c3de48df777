/* Answers that become files: requests, certificates, truststores, configuration text. */
#ifndef SIGNET_CLI_SHAPES_H
#define SIGNET_CLI_SHAPES_H

#include <signet/base/buffer.h>
#include <signet/cli/arguments.h>
#include <signet/keystore/write.h>

/** True when the operation's answer is to be shaped rather than shown. */
bool sg_shape_applies(const struct sg_operation *operation);
/** Refuse what cannot come to a good end, before the service is asked: a directory to standard
 * output, binary to a terminal, a format that needs a password without one. */
SG_CHECKED sg_status sg_shape_check(const struct sg_invocation *invocation, struct sg_error *err);
/** Turn an answer into the file or directory that --out names, or append it to out when that is
 * standard output. With a dry run everything is made and nothing written. *report: new reference to
 * an answer for sg_output_answer ({"did": […]}), or NULL. */
SG_CHECKED sg_status sg_shape_write(const struct sg_invocation *invocation, const json_t *answer,
                                    struct sg_buffer *out, json_t **report, struct sg_error *err);
/** Add to the answer's "warnings" what a reader of the file would find out too late. */
SG_CHECKED sg_status sg_shape_warn(const struct sg_invocation *invocation, json_t *answer,
                                   struct sg_error *err);

/** Append the bytes of the one file that an export becomes (format pem when the invocation names
 * none). SG_E_CONFLICT "nothing_to_export" when the answer has no certificate. */
SG_CHECKED sg_status sg_shape_content(const struct sg_invocation *invocation, const json_t *answer,
                                      struct sg_buffer *out, struct sg_error *err);

/** A file name out of a label: letters, digits, dot, dash, underscore; everything else becomes '_';
 * at most 64 bytes. */
void sg_shape_file_name(const char *label, char out[65]);

#endif
