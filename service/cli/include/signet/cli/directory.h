/* A directory of certificates, made aside and put in place whole: nobody ever sees half of it, and
 * nothing of an older one stays. */
#ifndef SIGNET_CLI_DIRECTORY_H
#define SIGNET_CLI_DIRECTORY_H

#include <limits.h>

#include <signet/base/buffer.h>

struct sg_directory {
    char path[PATH_MAX];
    char temporary[PATH_MAX]; /**< empty once in place */
    int fd;
};
#define SG_DIRECTORY_INIT                                                                          \
    {                                                                                              \
        .fd = -1                                                                                   \
    }

/** Start a directory that shall become path. Refuses (SG_E_CONFLICT "not_an_export") a path that
 * holds anything but what an earlier export wrote: *.pem, *.cer and OpenSSL's hash links. */
SG_CHECKED sg_status sg_directory_begin(struct sg_directory *directory, const char *path,
                                        struct sg_error *err);
SG_CHECKED sg_status sg_directory_add(struct sg_directory *directory, const char *name,
                                      struct sg_bytes content, struct sg_error *err);
SG_CHECKED sg_status sg_directory_link(struct sg_directory *directory, const char *name,
                                       const char *target, struct sg_error *err);
/** Put it in place; the older one is removed. */
SG_CHECKED sg_status sg_directory_commit(struct sg_directory *directory, struct sg_error *err);
/** Remove what was not committed. */
void sg_directory_done(struct sg_directory *directory);
#define SG_DIRECTORY SG_CLEANUP(sg_directory_done) struct sg_directory

#endif
