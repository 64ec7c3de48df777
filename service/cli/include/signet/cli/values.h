/* Values as people type them. Pure, but for the look-up of Unix users. */
#ifndef SIGNET_CLI_VALUES_H
#define SIGNET_CLI_VALUES_H

#include <sys/types.h>

#include <signet/base/clock.h>
#include <signet/base/error.h>

/** Read a decimal integer, all of it; false when it is none or does not fit. */
bool sg_value_integer(const char *text, int64_t *out);
/** Read "2026-12-31" (that day in UTC: its first second, or its last when end_of_day) or an RFC
 * 3339 time with Z or an offset; fractions of seconds are dropped. Years 1950 … 9999. Writes RFC
 * 3339 UTC. False when it is neither. */
bool sg_value_time(const char *text, bool end_of_day, char out[SG_TIME_TEXT]);
/** Find a Unix user by number or name. SG_E_NOT_FOUND "unknown_unix_user"; SG_E_USAGE for
 * (uid_t)-1, which is nobody. */
SG_CHECKED sg_status sg_value_unix_user(const char *text, uid_t *out, struct sg_error *err);

#endif
