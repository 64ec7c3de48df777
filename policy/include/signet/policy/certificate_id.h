/* The Certificate ID that RACF's listings show: owner and label in EBCDIC, base64
 * (docs/racf-compatibility.md, certificate ID). Pure. */
#ifndef SIGNET_POLICY_CERTIFICATE_ID_H
#define SIGNET_POLICY_CERTIFICATE_ID_H

#include <stdbool.h>

#define SG_CERTIFICATE_ID_TEXT                                                                     \
    96 /**< characters with the NUL: 4/3 of 2 + 32 + 32 bytes, padded                              \
        */

/** Write the Certificate ID of owner (CERTAUTH and SITE stand as irrcerta and irrsitec) and label.
 * False when the label has characters outside printable ASCII: EBCDIC code page 1047 has no place
 * for them. */
bool sg_certificate_id(const char *owner, const char *label, char out[SG_CERTIFICATE_ID_TEXT]);

#endif
