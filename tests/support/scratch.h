/* Directories that tests work in. */
#ifndef SIGNET_SUPPORT_SCRATCH_H
#define SIGNET_SUPPORT_SCRATCH_H

#include <stdbool.h>

/** Make the directory that path names; its last six characters are XXXXXX and get replaced
 * (mkdtemp). What is not removed before is removed when the process exits: a failed assertion
 * leaves nothing behind. False when it cannot be made. */
bool scratch_make(char *path);
/** Remove it with everything in it. */
void scratch_remove(const char *path);

#endif
