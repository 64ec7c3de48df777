/* Secrets: PINs, passwords. Locked in memory, left out of core files, wiped by their destructor. */
#ifndef SIGNET_BASE_SECRET_H
#define SIGNET_BASE_SECRET_H

#include <stddef.h>

#include <signet/base/error.h>

#define SG_SECRET_MAX 1024 /**< bytes */

struct sg_secret;

/** Make an empty secret of at most SG_SECRET_MAX bytes. SG_E_NO_MEMORY when it cannot be locked
 * (ulimit -l). */
SG_CHECKED sg_status sg_secret_new(struct sg_secret **out, struct sg_error *err);
/** Wipe and free; NULL is allowed. */
void sg_secret_free(struct sg_secret *secret);
SG_DEFINE_CLEANUP(struct sg_secret *, sg_secret_free)
#define SG_SECRET SG_CLEANUP(sg_secret_freep)

/** The bytes (a NUL stands behind them) and their number. Valid as long as the secret. */
char *sg_secret_data(struct sg_secret *secret);
size_t sg_secret_len(const struct sg_secret *secret);
SG_CHECKED sg_status sg_secret_set(struct sg_secret *secret, const void *data, size_t len,
                                   struct sg_error *err);

/** Read a secret from a file: its first line, without the line end. Refuses (SG_E_INPUT) an empty
 * or longer one, and a file that group or others may read. "what" names the thing in messages: "PIN
 * file". */
SG_CHECKED sg_status sg_secret_read_file(const char *path, const char *what, struct sg_secret **out,
                                         struct sg_error *err);
/** The same from an open descriptor; no check of its mode. */
SG_CHECKED sg_status sg_secret_read_fd(int fd, const char *what, struct sg_secret **out,
                                       struct sg_error *err);
/** len random characters of [0-9A-Za-z], for a PIN nobody types. */
SG_CHECKED sg_status sg_secret_random(size_t len, struct sg_secret **out, struct sg_error *err);

#endif
