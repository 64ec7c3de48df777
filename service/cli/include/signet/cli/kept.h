/* Files that a rehearsed deck would have written: kept in memory, to be read by the commands after
 * the one that would have written them. */
#ifndef SIGNET_CLI_KEPT_H
#define SIGNET_CLI_KEPT_H

#include <signet/base/buffer.h>

#define SG_KEPT_FILES_MAX 1000      /**< files */
#define SG_KEPT_BYTES_MAX 67108864u /**< bytes of all together */

struct sg_kept;
SG_CHECKED sg_status sg_kept_new(struct sg_kept **out, struct sg_error *err);
void sg_kept_free(struct sg_kept *kept);
SG_DEFINE_CLEANUP(struct sg_kept *, sg_kept_free)

/** Keep what would stand in the file of this path. content.data NULL: what that is, is known only
 * once it is really written. SG_E_LIMIT "too_many_files", when there is too much of it. */
SG_CHECKED sg_status sg_kept_put(struct sg_kept *kept, const char *path, struct sg_bytes content,
                                 struct sg_error *err);
/** Would the file be there? Paths are the same when they are written the same. */
bool sg_kept_has(const struct sg_kept *kept, const char *path);
/** Append a file's content; *found false: it is not kept, and what is on the disk counts.
 * SG_E_UNSUPPORTED "content_not_known". */
SG_CHECKED sg_status sg_kept_read(const struct sg_kept *kept, const char *path,
                                  struct sg_buffer *out, bool *found, struct sg_error *err);

#endif
