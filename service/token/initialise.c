#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/base/file.h>
#include <signet/base/secret.h>
#include <signet/pkcs11/token.h>
#include <signet/token/process.h>

#include "settings_internal.h"
#include "softhsm_guard_internal.h"

#define SO_PIN_LEN 24 /* characters; about 142 bits */

/* Beside the PIN file, so that whoever may read the one finds the other. Written before the token
 * has it: a kill in between leaves an SO PIN without a token, never the reverse. */
static sg_status make_so_pin(const char *pin_file, struct sg_secret **out, struct sg_error *err)
{
    char path[PATH_MAX];
    int made = snprintf(path, sizeof path, "%s.so", pin_file);
    if (made < 0 || (size_t)made >= sizeof path) {
        return sg_fail(err, SG_E_INPUT, "path_too_long", "the path of the PIN file is too long");
    }
    sg_status s = sg_secret_random(SO_PIN_LEN, out, err);
    return s == SG_OK ? sg_file_replace(path, sg_secret_data(*out), sg_secret_len(*out), 0600, err)
                      : s;
}

/* Before the SO PIN's file is written: an existing token's must not be lost. */
static sg_status check_absent(struct sg_pkcs11_module *module, const char *label,
                              struct sg_error *err)
{
    struct sg_pkcs11_token token;
    struct sg_error found = SG_ERROR_INIT;
    sg_status s = sg_pkcs11_token_find(module, label, NULL, &token, &found);
    if (s != SG_OK && strcmp(found.code, "token_missing") == 0) {
        return SG_OK;
    }
    if (s == SG_OK || strcmp(found.code, "token_ambiguous") == 0) {
        sg_fail(err, SG_E_CONFLICT, "token_exists", "there is a token with the label \"%s\"",
                label);
        return sg_object(err, "%s", label);
    }
    *err = found;
    return s;
}

sg_status sg_token_initialise(const struct sg_token_settings *settings, struct sg_error *err)
{
    SG_SECRET struct sg_secret *user_pin = NULL;
    SG_SECRET struct sg_secret *so_pin = NULL;
    SG_CLEANUP(sg_pkcs11_module_freep) struct sg_pkcs11_module *module = NULL;
    if (settings->label == NULL) {
        return sg_fail(err, SG_E_INPUT, "bad_label", "a new token needs a label");
    }
    sg_status s = sg_token_set_environment(settings->environment, err);
    if (s == SG_OK) {
        s = sg_secret_read_file(settings->pin_file, "PIN file", &user_pin, err);
    }
    if (s == SG_OK) {
        s = sg_pkcs11_module_load(settings->module, &module, err);
    }
    if (s == SG_OK) {
        s = check_absent(module, settings->label, err);
    }
    if (s == SG_OK) {
        s = make_so_pin(settings->pin_file, &so_pin, err);
    }
    if (s == SG_OK) {
        s = sg_pkcs11_token_initialise(module, settings->label, so_pin, user_pin, err);
    }
    if (s == SG_OK) {
        sg_softhsm_guard_check(settings);
    }
    return s;
}
