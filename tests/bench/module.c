#include "module.h"

#include <dlfcn.h>
#include <err.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <signet/base/cleanup.h>

#define PIN_MAX 256

void bench_check(CK_RV rv, const char *what)
{
    if (rv != CKR_OK) {
        errx(1, "%s failed: CKR 0x%lx", what, rv);
    }
}

static CK_FUNCTION_LIST *load(const char *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        errx(1, "could not load %s: %s", path, dlerror());
    }
    CK_C_GetFunctionList get = NULL;
    *(void **)&get = dlsym(library, "C_GetFunctionList");
    CK_FUNCTION_LIST *calls = NULL;
    if (get == NULL || get(&calls) != CKR_OK) {
        errx(1, "%s is no PKCS#11 module", path);
    }
    return calls;
}

/* PKCS#11 v2.40, CK_TOKEN_INFO: the label is 32 bytes, padded with blanks. */
static bool has_label(const CK_TOKEN_INFO *info, const char *label)
{
    size_t len = strlen(label);
    if (len > sizeof(info->label) || memcmp(info->label, label, len) != 0) {
        return false;
    }
    for (size_t i = len; i < sizeof(info->label); i++) {
        if (info->label[i] != ' ') {
            return false;
        }
    }
    return true;
}

static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *calls, const char *token)
{
    CK_ULONG count = 0;
    bench_check(calls->C_GetSlotList(CK_TRUE, NULL, &count), "C_GetSlotList");
    SG_FREE CK_SLOT_ID *slots = calloc(count + 1, sizeof(*slots));
    if (slots == NULL) {
        errx(1, "out of memory");
    }
    bench_check(calls->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        if (calls->C_GetTokenInfo(slots[i], &info) == CKR_OK && has_label(&info, token)) {
            return slots[i];
        }
    }
    errx(1, "none of %lu slots holds a token labelled %s", count, token);
}

static void login(struct bench_module *module, const char *pin_file)
{
    char pin[PIN_MAX];
    FILE *file = fopen(pin_file, "re");
    if (file == NULL || fgets(pin, sizeof(pin), file) == NULL) {
        err(1, "could not read %s", pin_file);
    }
    (void)fclose(file);
    pin[strcspn(pin, "\r\n")] = '\0';
    CK_RV rv = module->calls->C_Login(module->session, CKU_USER, (CK_UTF8CHAR *)pin, strlen(pin));
    explicit_bzero(pin, sizeof(pin));
    bench_check(rv, "C_Login");
}

void bench_module_open(struct bench_module *module, const char *path, const char *token,
                       const char *pin_file)
{
    CK_C_INITIALIZE_ARGS arguments = {.flags = CKF_OS_LOCKING_OK};
    module->calls = load(path);
    bench_check(module->calls->C_Initialize(&arguments), "C_Initialize");
    CK_SLOT_ID slot = find_slot(module->calls, token);
    bench_check(module->calls->C_OpenSession(slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                             &module->session),
                "C_OpenSession");
    if (pin_file != NULL) {
        login(module, pin_file);
    }
}

void bench_module_close(struct bench_module *module)
{
    (void)module->calls->C_CloseSession(module->session);
    (void)module->calls->C_Finalize(NULL);
}
