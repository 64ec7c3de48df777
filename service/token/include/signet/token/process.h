/* A token process: the only kind that loads a vendor's module and knows its PIN. */
#ifndef SIGNET_TOKEN_PROCESS_H
#define SIGNET_TOKEN_PROCESS_H

#include <signet/base/error.h>
#include <signet/token/busy.h>

struct sg_token_settings {
    const char *name;     /**< as configured */
    const char *module;   /**< path of the PKCS#11 module */
    const char *label;    /**< the token's label, or NULL */
    const char *serial;   /**< the token's serial number, or NULL; one of the two is given */
    const char *pin_file; /**< path */
    const char *storage;  /**< directory that the token writes to (software tokens; for sync and
                             guard), or NULL */
    const char *const
        *environment;   /**< "NAME=value" …, NULL-terminated; set before the module is loaded */
    unsigned processor; /**< which of the processors it keeps to while few clients want something of
                           it, counted from 1; 0 for any */
    struct sg_busy_page *busy; /**< where the process says what it does, or NULL */
    int lock; /**< a descriptor that is locked against whoever else would use the token, and stays
                 open until the process ends; -1 for none */
};

/** Serve until the administrative link closes or a stop signal comes. First call in a freshly
 * forked process without other threads: closes every descriptor but 0 to 2, admin_socket and the
 * lock, sets the environment, drops every capability(7), loads the module, answers requests.
 * admin_socket is the administrative link (from control). Never returns SG_OK before the end. A
 * module that cannot be loaded does not end the process: it answers sg_token_get_info with
 * .problem, so that a person can read why. */
SG_CHECKED sg_status sg_token_process_run(const struct sg_token_settings *settings,
                                          int admin_socket, struct sg_error *err);

/** Make a fresh token (signet dev up): initialise label, SO PIN and user PIN from pin_file through
 * libp11, then guard its token.object. Loads the module: call it in a process that ends afterwards.
 */
SG_CHECKED sg_status sg_token_initialise(const struct sg_token_settings *settings,
                                         struct sg_error *err);

#endif
