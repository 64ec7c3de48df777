/* signet attach: the rings' socket over standard input and output, for p11-kit's "remote:
 * |command".
 */
#ifndef SIGNET_CLI_ATTACH_H
#define SIGNET_CLI_ATTACH_H

#include <jansson.h>

#include <signet/cli/arguments.h>

/** Carry bytes between the standard streams and the rings' socket until one end closes. *answer:
 * new reference with a dry run, else left alone. SG_OK when standard input or output ended;
 * SG_E_SERVICE "service_unreachable", "attach_refused" (closed before a byte came), "service_gone";
 * for a ring what "ring show" says of it. */
SG_CHECKED sg_status sg_attach_run(const struct sg_invocation *invocation, json_t **answer,
                                   struct sg_error *err);

#endif
