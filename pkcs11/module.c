#include <signet/pkcs11/module.h>

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "module_internal.h"

/* libp11 registers two libraries with OpenSSL: entries of the one named "PKCS#11 module" carry the
 * CK_RV as their reason. */
static unsigned long queued_rv(void)
{
    unsigned long rv = CKR_OK;
    unsigned long entry = 0;
    while ((entry = ERR_get_error()) != 0) {
        const char *library = ERR_lib_error_string(entry);
        if (library != NULL && strcmp(library, "PKCS#11 module") == 0) {
            rv = (unsigned long)ERR_GET_REASON(entry);
        }
    }
    return rv;
}

sg_status sg_pkcs11_fail_libp11_at(struct sg_error *err, const char *code, const char *file,
                                   int line, const char *format, ...)
{
    char text[sizeof err->text];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    unsigned long rv = queued_rv();
    if (rv != CKR_OK) {
        return sg_pkcs11_fail_at(err, rv, file, line, "%s", text);
    }
    return sg_fail_at(err, SG_E_TOKEN, code, file, line, "%s", text);
}

static sg_status open_library(const char *path, struct sg_pkcs11_module *module,
                              struct sg_error *err)
{
    module->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module->library == NULL) {
        const char *reason = dlerror();
        sg_fail(err, SG_E_TOKEN, "module_missing", "cannot load the PKCS#11 module %s: %s", path,
                reason != NULL ? reason : "no reason given");
        sg_hint(err, "Check the setting \"module\" of this token in the configuration.");
        return sg_object(err, "%s", path);
    }
    return SG_OK;
}

/* The function list before C_Initialize: whatever has no C_GetFunctionList is not even initialised.
 */
static sg_status find_calls(const char *path, struct sg_pkcs11_module *module, struct sg_error *err)
{
    CK_C_GetFunctionList get = NULL;
    *(void **)&get = dlsym(module->library, "C_GetFunctionList"); /* as POSIX has it, dlsym */
    if (get == NULL) {
        sg_fail(err, SG_E_TOKEN, "module_invalid", "%s is not a PKCS#11 module", path);
        return sg_object(err, "%s", path);
    }
    CK_RV rv = get(&module->call);
    if (rv != CKR_OK || module->call == NULL) {
        return sg_pkcs11_fail(err, rv != CKR_OK ? rv : CKR_GENERAL_ERROR,
                              "the PKCS#11 module %s has no function list", path);
    }
    return SG_OK;
}

static sg_status initialise(const char *path, struct sg_pkcs11_module *module, struct sg_error *err)
{
    module->context = PKCS11_CTX_new();
    if (module->context == NULL) {
        return sg_fail_memory(err);
    }
    ERR_clear_error();
    if (PKCS11_CTX_load(module->context, path) != 0) {
        sg_pkcs11_fail_libp11(err, "module_failed", "the PKCS#11 module %s does not start", path);
        return sg_object(err, "%s", path);
    }
    module->initialised = true;
    return SG_OK;
}

sg_status sg_pkcs11_module_load(const char *path, struct sg_pkcs11_module **out,
                                struct sg_error *err)
{
    SG_CLEANUP(sg_pkcs11_module_freep)
    struct sg_pkcs11_module *module = calloc(1, sizeof *module);
    if (module == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = open_library(path, module, err);
    if (s == SG_OK) {
        s = find_calls(path, module, err);
    }
    if (s == SG_OK) {
        s = initialise(path, module, err);
    }
    if (s != SG_OK) {
        return s;
    }
    *out = SG_STEAL(module);
    return SG_OK;
}

void sg_pkcs11_module_free(struct sg_pkcs11_module *module)
{
    if (module == NULL) {
        return;
    }
    if (module->initialised) {
        PKCS11_CTX_unload(module->context);
    }
    if (module->context != NULL) {
        PKCS11_CTX_free(module->context);
    }
    if (module->library != NULL) {
        (void)dlclose(module->library);
    }
    free(module);
}
