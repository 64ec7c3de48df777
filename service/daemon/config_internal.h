/* The table of settings: the parser, its messages and the documentation's test all read it. */
#ifndef SIGNET_DAEMON_CONFIG_INTERNAL_H
#define SIGNET_DAEMON_CONFIG_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <signet/daemon/config.h>

#define SG_CONFIG_FILE_MAX ((size_t)1 << 20) /**< bytes of a configuration file */
#define SG_SETTINGS_MAX                                                                            \
    32 /**< in either table: the reader notes what it has seen in a bit each                       \
        */
#define SG_UID_OVERFLOW 65534u /**< the kernel's name for users it cannot name */

enum sg_setting_type {
    SG_SETTING_PATH,         /**< absolute; char[size] */
    SG_SETTING_SOCKET,       /**< absolute, short enough for a Unix socket; char[size] */
    SG_SETTING_TEXT,         /**< .min … .max bytes; char[size] */
    SG_SETTING_USER,         /**< a user's name, or - for none; char[size] */
    SG_SETTING_USERS,        /**< comma list of users' names or numbers: the administrators */
    SG_SETTING_LOG_LEVEL,    /**< enum sg_log_level */
    SG_SETTING_SIZE,         /**< size_t, .min … .max; K, M, G behind it */
    SG_SETTING_SIZE_OR_NONE, /**< the same, and 0 for none */
    SG_SETTING_UNSIGNED,     /**< unsigned, .min … .max */
    SG_SETTING_FLAG,         /**< yes or no; bool */
    SG_SETTING_POLICY,       /**< struct sg_policy_settings: the row's name says which of them */
    SG_SETTING_ENVIRONMENT,  /**< NAME=value; may stand more than once */
};

struct sg_setting {
    const char *name;
    enum sg_setting_type type;
    bool required;
    size_t offset, size; /**< of the member in struct sg_config, or in struct sg_config_token */
    uint64_t min, max;
    const char *initial; /**< value when the file names none; NULL: empty or computed */
    const char *help;    /**< what is allowed, the hint of every complaint about a value */
};

/** The settings before the first section; *count of them. */
const struct sg_setting *sg_config_service_settings(size_t *count);
/** The settings of a [token NAME] section; *count of them. */
const struct sg_setting *sg_config_token_settings(size_t *count);

/** Read one value into the member that the row names. base: the struct it belongs to. The error
 * carries no FILE:LINE. */
SG_CHECKED sg_status sg_config_set(const struct sg_setting *setting, const char *value, void *base,
                                   struct sg_error *err);

#endif
