/* The files of a SoftHSM token that the guard looks after. */
#ifndef SIGNET_TOKEN_SOFTHSM_FILES_INTERNAL_H
#define SIGNET_TOKEN_SOFTHSM_FILES_INTERNAL_H

#include <limits.h>
#include <sys/types.h>

#include <signet/token/process.h>

#include "softhsm_object_internal.h"

#define SOFTHSM_OBJECT "token.object"
#define SOFTHSM_COPY "token.object.signet-copy"
#define SOFTHSM_FRESH "token.object.signet-fresh"

struct softhsm_file {
    char path[PATH_MAX];
    bool exists;
    bool sound; /* well-formed */
    mode_t mode;
    struct sg_buffer bytes;
    struct softhsm_object object;
};
void sg_softhsm_file_done(struct softhsm_file *file);
#define SOFTHSM_FILE SG_CLEANUP(sg_softhsm_file_done) struct softhsm_file

/* token.object and its copy, in one directory. */
struct softhsm_files {
    char directory[PATH_MAX];
    struct softhsm_file object, copy;
};
void sg_softhsm_files_done(struct softhsm_files *files);
#define SOFTHSM_FILES SG_CLEANUP(sg_softhsm_files_done) struct softhsm_files

/* Find and read the files of the token that the settings name, in settings->storage or one of its
 * directories. A token is known by its object or, should that be damaged, by its copy.
 * SG_E_NOT_FOUND when there is none (a token that is no SoftHSM, or one that was deleted). Zero out
 * before. */
SG_CHECKED sg_status sg_softhsm_files_find(const struct sg_token_settings *settings,
                                           struct softhsm_files *out, struct sg_error *err);
/* directory/name into out. False when it is too long. */
bool sg_softhsm_path(char out[PATH_MAX], const char *directory, const char *name);

#endif
