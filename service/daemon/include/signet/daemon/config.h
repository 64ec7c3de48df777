/* The configuration file: "name = value" lines, "[token NAME]" sections, # comments.
 * docs/configuration.md lists every setting. */
#ifndef SIGNET_DAEMON_CONFIG_H
#define SIGNET_DAEMON_CONFIG_H

#include <limits.h>
#include <sys/types.h>

#include <signet/base/error.h>
#include <signet/base/log.h>
#include <signet/policy/crypto_policy.h>
#include <signet/policy/model.h>

#define SG_ADMINISTRATORS_MAX 64
#define SG_TOKEN_ENVIRONMENT_MAX 16
#define SG_TOKEN_PROCESSES_MAX 64

struct sg_config_token {
    char name[SG_TOKEN_NAME_MAX + 1];
    char module[PATH_MAX];
    char label[33];  /**< or */
    char serial[17]; /**< one of the two */
    char pin_file[PATH_MAX];
    char storage[PATH_MAX];                          /**< may be empty */
    char *environment[SG_TOKEN_ENVIRONMENT_MAX + 1]; /**< "NAME=value", NULL-terminated */
    unsigned processes; /**< that serve rings, 1 … 64; default: number of processors. One more
                           serves the operations */
    unsigned login_deadline_s; /**< default 60 */
    unsigned call_deadline_s;  /**< default 120: generating a large RSA key takes its time */
    unsigned use_deadline_s;  /**< for sign, decrypt, derive; default 20, call_deadline_s at most */
    bool extractable_allowed; /**< may keys be made extractable; default false */
};

struct sg_config {
    char path[PATH_MAX];
    char socket[PATH_MAX];       /**< default /run/signet/signet.sock */
    char rings_socket[PATH_MAX]; /**< default /run/signet/pkcs11.sock */
    char state[PATH_MAX];        /**< default /var/lib/signet; the store is state/signet.db */
    uid_t administrators[SG_ADMINISTRATORS_MAX];
    size_t administrator_count;
    char user[33], token_user[33]; /**< used when started as root; empty: stay as we are. Default
                                      signet, signet-token; "user = -" means none */
    enum sg_log_level log;
    size_t connections_max, connections_per_user_max; /**< ring clients; defaults 4096, 2048 */
    size_t watches_max, watches_per_user_max; /**< HTTP connections that wait for changes; defaults
                                                 4096, 2048 */
    size_t connection_memory_max; /**< bytes of RLIMIT_AS of a connection process; default 256 MiB,
                                     0 = none */
    unsigned request_deadline_s;  /**< default 30 */
    unsigned silence_deadline_s;  /**< of control; rings has a quarter of it; default 60 */
    struct sg_policy_settings policy; /**< default: the profile "default" */
    struct sg_config_token tokens[SG_TOKENS_MAX];
    size_t token_count;
};

/** Read a configuration. SG_E_INPUT "bad_configuration": "FILE:LINE: …" with what is allowed there.
 */
SG_CHECKED sg_status sg_config_read(const char *path, struct sg_config *out, struct sg_error *err);
void sg_config_done(struct sg_config *config);

#endif
