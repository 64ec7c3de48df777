/* Reading certificate files of any common form, for the client commands: content decides, never the
 * file's name. */
#ifndef SIGNET_KEYSTORE_READ_H
#define SIGNET_KEYSTORE_READ_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>

#define SG_INPUT_FILE_MAX 16777216u /**< bytes of one input file: 16 MiB */

/** Called for each DER found; der is valid during the call. */
typedef sg_status (*sg_der_sink)(void *context, struct sg_bytes der, struct sg_error *err);

/** Find every certificate in data: PEM (text around it, CRLF, BOM, any order, any of the usual
 * labels), DER, PKCS#7 in DER or PEM (also under a CERTIFICATE label). At most SG_BUNDLE_MAX of
 * them. name is for messages. SG_E_INPUT: "empty_file", "no_certificate" (says what the file is: a
 * key, a request, a PKCS#12, …), "not_a_certificate" (a damaged block: says which),
 * "too_many_certificates". */
SG_CHECKED sg_status sg_keystore_read_certificates(const char *name, struct sg_bytes data,
                                                   sg_der_sink sink, void *context,
                                                   struct sg_error *err);
/** Find exactly one PKCS#10 request, PEM (both labels) or DER. SG_E_INPUT "no_request". */
SG_CHECKED sg_status sg_keystore_read_csr(const char *name, struct sg_bytes data,
                                          struct sg_buffer *out, struct sg_error *err);

#endif
