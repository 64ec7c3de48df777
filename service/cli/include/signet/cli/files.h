/* Files that an operation takes: read and taken apart here, with the caller's own rights; the
 * service gets DER. */
#ifndef SIGNET_CLI_FILES_H
#define SIGNET_CLI_FILES_H

#include <signet/cli/arguments.h>

/** Read every file that a parameter of the invocation names and add its content to
 * invocation->params. SG_E_NOT_FOUND or SG_E_STORAGE when it cannot be read, SG_E_LIMIT
 * "file_too_large", SG_E_INPUT when it holds something else. */
SG_CHECKED sg_status sg_files_load(struct sg_invocation *invocation, struct sg_error *err);

#endif
