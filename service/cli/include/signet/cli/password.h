/* A password for a file that is written: from a file, or asked for on the terminal. */
#ifndef SIGNET_CLI_PASSWORD_H
#define SIGNET_CLI_PASSWORD_H

#include <signet/base/secret.h>

/** Read the password from file ("-": standard input), or, when it is NULL, ask twice on /dev/tty
 * without echo. what names the file that is written. SG_E_USAGE "password_needed" when there is no
 * terminal; SG_E_INPUT "passwords_differ". */
SG_CHECKED sg_status sg_password_get(const char *file, const char *what, struct sg_secret **out,
                                     struct sg_error *err);

#endif
