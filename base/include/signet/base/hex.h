/* Bytes as hexadecimal text. */
#ifndef SIGNET_BASE_HEX_H
#define SIGNET_BASE_HEX_H

#include <stddef.h>

#include <signet/base/error.h>

/** Write len bytes as 2*len lower-case digits and a NUL into out, which holds at least 2*len+1
 * characters. */
void sg_hex_encode(const unsigned char *data, size_t len, char *out);
/** Read exactly 2*len hexadecimal digits. False when text is anything else. */
bool sg_hex_decode(const char *text, unsigned char *out, size_t len);

#endif
