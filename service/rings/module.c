#include "module_internal.h"

#include <string.h>

#include <signet/base/clock.h>
#include <signet/pkcs11/result.h>

/* The functions of a CK_FUNCTION_LIST get no context, and a connection process serves one client:
 * so one module, here. */
static struct sg_module *current;

enum { TELL_PAUSE_MS = 1000 };

struct sg_module *sg_module_current(void)
{
    return current != NULL && current->initialized ? current : NULL;
}

void sg_module_pad(unsigned char *field, size_t len, const char *text)
{
    size_t used = strnlen(text, len);
    memset(field, ' ', len);
    memcpy(field, text, used);
}

/* ---- failures ---- */

static CK_RV token_rv(unsigned long rv)
{
    return sg_pkcs11_is_about_input(rv) ? rv : CKR_DEVICE_ERROR;
}

/* What a client may have got wrong has a CK_RV of the token's, or is this; all other input is
 * control's or the token process's: a view, a packet. */
static CK_RV input_rv(const struct sg_error *err)
{
    return strcmp(err->code, "bad_mechanism") == 0 ? CKR_MECHANISM_PARAM_INVALID
                                                   : token_rv(err->ck_rv);
}

static CK_RV status_rv(const struct sg_error *err)
{
    switch (err->status) {
    case SG_OK:
        return CKR_OK;
    case SG_E_DENIED:
        return CKR_KEY_FUNCTION_NOT_PERMITTED;
    case SG_E_NOT_FOUND:
        return CKR_KEY_HANDLE_INVALID;
    case SG_E_NO_MEMORY:
        return CKR_HOST_MEMORY;
    case SG_E_LIMIT:
        return strcmp(err->code, SG_CHANNEL_NO_ROOM) == 0 ? CKR_DEVICE_MEMORY : CKR_DATA_LEN_RANGE;
    case SG_E_UNSUPPORTED:
        return CKR_MECHANISM_INVALID;
    case SG_E_INPUT:
        return input_rv(err);
    case SG_E_TOKEN:
    case SG_E_USAGE:
    case SG_E_CONFLICT:
        return token_rv(err->ck_rv);
    case SG_E_SERVICE:
    case SG_E_STORAGE:
    case SG_E_INTERNAL:
        return CKR_DEVICE_ERROR;
    }
    return CKR_DEVICE_ERROR;
}

static void tell_failures(struct sg_module *module)
{
    sg_channel_tell(module->connection, SG_RINGS_USE_FAILED, &module->failure_place,
                    module->failures, &module->failure);
    module->failures = 0;
}

CK_RV sg_module_rv(const struct sg_error *err)
{
    CK_RV rv = status_rv(err);
    int64_t now_ms = sg_monotonic_ms(sg_clock_system());
    bool ours =
        rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_MEMORY || err->ck_rv == CKR_KEY_HANDLE_INVALID;
    if (current == NULL) {
        return rv;
    }
    struct sg_connection *connection = current->connection;
    struct sg_used_place place = connection->used;
    connection->used = (struct sg_used_place){.token = 0};
    if (!ours) {
        return rv;
    }
    /* A client can fail as often as it likes: it is told once a second, and at the end. */
    current->failures++;
    current->failure = *err;
    current->failure_place = place;
    if (now_ms - current->told_ms >= TELL_PAUSE_MS) {
        current->told_ms = now_ms;
        tell_failures(current);
    }
    return rv;
}

/* ---- general functions (PKCS#11 v2.40 base, 5.4) ---- */

static CK_RV initialize(void *arguments)
{
    (void)arguments;
    if (current->initialized) {
        return CKR_CRYPTOKI_ALREADY_INITIALIZED;
    }
    struct sg_error err = SG_ERROR_INIT;
    if (sg_connection_refresh(current->connection, &err) != SG_OK) {
        return sg_module_rv(&err);
    }
    current->initialized = true;
    return CKR_OK;
}

static CK_RV finalize(void *reserved)
{
    (void)reserved;
    if (!current->initialized) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    sg_sessions_close_all(current);
    current->initialized = false;
    return CKR_OK;
}

static CK_RV get_info(CK_INFO *info)
{
    if (sg_module_current() == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (info == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    *info = (CK_INFO){.cryptokiVersion = {2, 40}, .libraryVersion = {0, 1}};
    sg_module_pad(info->manufacturerID, sizeof info->manufacturerID, "Signet");
    sg_module_pad(info->libraryDescription, sizeof info->libraryDescription, "Signet rings");
    return CKR_OK;
}

static CK_RV get_function_list(CK_FUNCTION_LIST **list)
{
    if (list == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    *list = &current->functions;
    return CKR_OK;
}

/* ---- the list ---- */

static void enter_general(CK_FUNCTION_LIST *functions)
{
    functions->version = (CK_VERSION){2, 40};
    functions->C_Initialize = initialize;
    functions->C_Finalize = finalize;
    functions->C_GetInfo = get_info;
    functions->C_GetFunctionList = get_function_list;
    functions->C_GetSlotList = sg_C_GetSlotList;
    functions->C_GetSlotInfo = sg_C_GetSlotInfo;
    functions->C_GetTokenInfo = sg_C_GetTokenInfo;
    functions->C_WaitForSlotEvent = sg_C_WaitForSlotEvent;
    functions->C_GetMechanismList = sg_C_GetMechanismList;
    functions->C_GetMechanismInfo = sg_C_GetMechanismInfo;
    functions->C_OpenSession = sg_C_OpenSession;
    functions->C_CloseSession = sg_C_CloseSession;
    functions->C_CloseAllSessions = sg_C_CloseAllSessions;
    functions->C_GetSessionInfo = sg_C_GetSessionInfo;
    functions->C_Login = sg_C_Login;
    functions->C_Logout = sg_C_Logout;
    functions->C_GetAttributeValue = sg_C_GetAttributeValue;
    functions->C_GetObjectSize = sg_C_GetObjectSize;
    functions->C_FindObjectsInit = sg_C_FindObjectsInit;
    functions->C_FindObjects = sg_C_FindObjects;
    functions->C_FindObjectsFinal = sg_C_FindObjectsFinal;
}

static void enter_crypto(CK_FUNCTION_LIST *functions)
{
    functions->C_SignInit = sg_C_SignInit;
    functions->C_Sign = sg_C_Sign;
    functions->C_SignUpdate = sg_C_SignUpdate;
    functions->C_SignFinal = sg_C_SignFinal;
    functions->C_DecryptInit = sg_C_DecryptInit;
    functions->C_Decrypt = sg_C_Decrypt;
    functions->C_VerifyInit = sg_C_VerifyInit;
    functions->C_Verify = sg_C_Verify;
    functions->C_VerifyUpdate = sg_C_VerifyUpdate;
    functions->C_VerifyFinal = sg_C_VerifyFinal;
    functions->C_EncryptInit = sg_C_EncryptInit;
    functions->C_Encrypt = sg_C_Encrypt;
    functions->C_DigestInit = sg_C_DigestInit;
    functions->C_Digest = sg_C_Digest;
    functions->C_DigestUpdate = sg_C_DigestUpdate;
    functions->C_DigestFinal = sg_C_DigestFinal;
    functions->C_GenerateRandom = sg_C_GenerateRandom;
}

sg_status sg_module_new(struct sg_connection *connection, CK_FUNCTION_LIST **out,
                        struct sg_error *err)
{
    struct sg_module *module = calloc(1, sizeof *module);
    if (module == NULL) {
        return sg_fail_memory(err);
    }
    module->connection = connection;
    enter_general(&module->functions);
    enter_crypto(&module->functions);
    sg_module_refusals(&module->functions);
    current = module;
    *out = &module->functions;
    return SG_OK;
}

void sg_module_free(CK_FUNCTION_LIST *module)
{
    if (current != NULL && module == &current->functions) {
        sg_sessions_close_all(current);
        if (current->failures > 0) {
            tell_failures(current);
        }
        free(current);
        current = NULL;
    }
}
