/* A vendor's PKCS#11 module, loaded once in a process. */
#ifndef SIGNET_PKCS11_MODULE_H
#define SIGNET_PKCS11_MODULE_H

#include <signet/base/error.h>

struct sg_pkcs11_module;

/** Load and initialise the module at path (dlopen(3)'s rules) through libp11 and keep its function
 * list for direct calls on the same instance. Runs foreign code; may block. Never fork afterwards.
 * SG_E_TOKEN: code "module_missing" when it cannot be loaded, "module_invalid" when it is no
 * PKCS#11 module, else the CK_RV's. */
SG_CHECKED sg_status sg_pkcs11_module_load(const char *path, struct sg_pkcs11_module **out,
                                           struct sg_error *err);
/** Finalise and unload; NULL is allowed. Free sessions before. */
void sg_pkcs11_module_free(struct sg_pkcs11_module *module);
SG_DEFINE_CLEANUP(struct sg_pkcs11_module *, sg_pkcs11_module_free)

#endif
