/* Bytes in JSON: base64 (RFC 4648, section 4). */
#ifndef SIGNET_CLI_BASE64_H
#define SIGNET_CLI_BASE64_H

#include <jansson.h>

#include <signet/base/buffer.h>

/** Make a JSON string; NULL when memory is out. */
json_t *sg_base64_json(struct sg_bytes data);
/** Append the bytes of a JSON string. SG_E_SERVICE "bad_answer" when it is no string or no base64:
 * it came from the service. */
SG_CHECKED sg_status sg_base64_read(const json_t *text, struct sg_buffer *out,
                                    struct sg_error *err);

#endif
