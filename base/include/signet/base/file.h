/* Files and descriptors. */
#ifndef SIGNET_BASE_FILE_H
#define SIGNET_BASE_FILE_H

#include <stddef.h>
#include <sys/types.h>

#include <signet/base/buffer.h>
#include <signet/base/error.h>

void sg_fd_closep(const int *fd);
/** A descriptor that closes itself: SG_FD int fd = open(…); -1 is nothing. */
#define SG_FD SG_CLEANUP(sg_fd_closep)
/** Hand a descriptor over: gives its number and leaves -1. */
int sg_fd_steal(int *fd);

/** Append a whole file ("-" is standard input) to the buffer, whose maximum bounds it. "what" names
 * it in messages. */
SG_CHECKED sg_status sg_file_read(const char *path, const char *what, struct sg_buffer *out,
                                  struct sg_error *err);
/** Append everything up to the end of file. */
SG_CHECKED sg_status sg_fd_read_all(int fd, const char *what, struct sg_buffer *out,
                                    struct sg_error *err);
SG_CHECKED sg_status sg_fd_write_all(int fd, const void *data, size_t len, struct sg_error *err);
/** Replace a file atomically: temporary, fsync, rename, fsync of the directory. The temporary
 * stands in a directory of its own beside the file; the next replacement in the same place, by the
 * same user, takes away what a killed one left. "-" is standard output. */
SG_CHECKED sg_status sg_file_replace(const char *path, const void *data, size_t len, mode_t mode,
                                     struct sg_error *err);
/** The same, but "-" is a name, and a device, a pipe or a link is replaced, not written. */
SG_CHECKED sg_status sg_file_replace_regular(const char *path, const void *data, size_t len,
                                             mode_t mode, struct sg_error *err);
/** Is this the name of such a directory? */
bool sg_file_is_remains(const char *name);
/** Could sg_file_replace write it now? Looks at rights and kinds, writes nothing; fails as that
 * would. */
SG_CHECKED sg_status sg_file_check_replace(const char *path, struct sg_error *err);
/** Put data into a memfd and seal it against every change. */
SG_CHECKED sg_status sg_memfd_sealed(const char *name, const void *data, size_t len, int *out_fd,
                                     struct sg_error *err);

#endif
