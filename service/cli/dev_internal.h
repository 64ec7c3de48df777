/* A throw-away instance: where its files are, how it is made, started and stopped. */
#ifndef SIGNET_CLI_DEV_INTERNAL_H
#define SIGNET_CLI_DEV_INTERNAL_H

#include <stdbool.h>
#include <sys/types.h>

#include <jansson.h>

#include <signet/base/error.h>

#define SG_INSTANCE_DIR                                                                            \
    92 /**< bytes of the directory's name and a NUL, so that DIR/run/pkcs11.sock fits into         \
          sun_path */
#define SG_INSTANCE_PATH 108  /**< bytes of a file's name in it and a NUL: sun_path */
#define SG_DEV_READY_MS 30000 /**< until signetd must be ready */
#define SG_DEV_STOP_MS 10000  /**< between SIGTERM and SIGKILL */
#define SG_DEV_LOCK_MS 90000  /**< for another dev up or down to end */

struct sg_instance {
    char dir[SG_INSTANCE_DIR]; /**< absolute, without links */
    int lock;                  /**< -1: not held */
};
#define SG_INSTANCE_INIT                                                                           \
    {                                                                                              \
        .lock = -1                                                                                 \
    }
void sg_instance_done(struct sg_instance *instance);
#define SG_INSTANCE SG_CLEANUP(sg_instance_done) struct sg_instance

struct sg_instance_path {
    char text[SG_INSTANCE_PATH];
};
/** The absolute path of a file of the instance: "run/signet.sock". */
struct sg_instance_path sg_instance_path(const struct sg_instance *instance, const char *name);

/** Find an existing instance. SG_E_NOT_FOUND "no_instance". */
SG_CHECKED sg_status sg_instance_find(const char *dir, struct sg_instance *out,
                                      struct sg_error *err);
/** Make the directory when it is absent. SG_E_CONFLICT "not_an_instance" when it holds something
 * else; SG_E_INPUT "bad_directory" for a name that is too long for a socket or that a configuration
 * file cannot hold. */
SG_CHECKED sg_status sg_instance_prepare(const char *dir, struct sg_instance *out,
                                         struct sg_error *err);
/** Wait for other dev commands on this instance to end, and keep them out. Released by
 * sg_instance_done. */
SG_CHECKED sg_status sg_instance_lock(struct sg_instance *instance, struct sg_error *err);
/** With the lock held: make everything that is missing (PIN, token, configuration). What a killed
 * dev up left half-made is made again; nothing that was ever served is touched. */
SG_CHECKED sg_status sg_instance_complete(const struct sg_instance *instance, struct sg_error *err);

/** Does the service answer on its socket? */
bool sg_instance_answers(const struct sg_instance *instance);
/** Does the service answer, and does its master live? What answers for a moment after that was
 * killed does not run. *master (owned by the caller): tells its end; -1 when it cannot be told. */
bool sg_instance_is_running(const struct sg_instance *instance, int *master);
/** Of such a descriptor; false for -1. */
bool sg_instance_has_ended(int master);
/** Start signetd and wait until it is ready. *pid: its process. With the lock held. */
SG_CHECKED sg_status sg_instance_start(const struct sg_instance *instance, pid_t *pid,
                                       struct sg_error *err);
/** Stop what runs: SIGTERM, and SIGKILL for what stays. *was: whether anything ran. With the lock
 * held. */
SG_CHECKED sg_status sg_instance_stop(const struct sg_instance *instance, bool *was,
                                      struct sg_error *err);
/** The process that serves the instance, verified to be it; 0 when there is none. */
pid_t sg_instance_pid(const struct sg_instance *instance);

/** Why signetd ended, by its own words. Empty texts: its log does not say. */
struct sg_dev_reason {
    char text[640], hint[640];
};
/** Find the last failure in a log: of one of its processes, else of the program itself. */
void sg_dev_last_reason(const char *log, struct sg_dev_reason *out);
/** Succeed when the running instance's tokens are ready. SG_E_TOKEN "token_not_ready" with the
 * token's problem otherwise; the instance goes on running. *warnings: what it warns of, a new
 * reference, an array or NULL. */
SG_CHECKED sg_status sg_dev_check_tokens(const struct sg_instance *instance, json_t **warnings,
                                         struct sg_error *err);

/** Find signetd: where this command was installed or built, then in PATH. */
SG_CHECKED sg_status sg_dev_find_signetd(char *out, size_t size, struct sg_error *err);
/** Make the instance's token from its PIN and SoftHSM configuration. SG_E_TOKEN
 * "token_not_initialised" when the module crashes or hangs. */
SG_CHECKED sg_status sg_dev_initialise_token(const struct sg_instance *instance,
                                             struct sg_error *err);
/** Find SoftHSM's module. */
SG_CHECKED sg_status sg_dev_find_softhsm(char *out, size_t size, struct sg_error *err);

#endif
