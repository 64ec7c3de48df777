/* UTF-8, read strictly (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef SIGNET_POLICY_UTF8_INTERNAL_H
#define SIGNET_POLICY_UTF8_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Read one character of at most len bytes. Gives its number of bytes (1..4) and *point; 0 when
 * they are not UTF-8 or len is 0. */
size_t sg_utf8_read(const char *text, size_t len, uint32_t *point);
/** True for what no name may hold: C0, DEL, C1, U+2028 and U+2029. */
bool sg_utf8_is_control(uint32_t point);

#endif
