/* A password for a file that is written or read: from a file, or asked for on the terminal. */
#ifndef SIGNET_CLI_PASSWORD_H
#define SIGNET_CLI_PASSWORD_H

#include <stdbool.h>

#include <signet/base/secret.h>

/** Read the password from file ("-": standard input), or, when it is NULL, ask twice on /dev/tty
 * without echo. what names the file that is written. SG_E_USAGE "password_needed" when there is no
 * terminal; SG_E_INPUT "passwords_differ". */
SG_CHECKED sg_status sg_password_get(const char *file, const char *what, struct sg_secret **out,
                                     struct sg_error *err);

/** The same for a file with a private key: the password file must be its owner's alone (SG_E_INPUT
 * when others may read it). twice: ask twice, for a file that is written. */
SG_CHECKED sg_status sg_password_get_strict(const char *file, const char *what, bool twice,
                                            struct sg_secret **out, struct sg_error *err);

#endif
