/* SoftHSM behind a function list with a few entries replaced: the token that locks PINs, forgets
 * sessions and lies, crashes and hangs. SoftHSM does none of it. WRAP_FAULT names a fault for the
 * process's life; WRAP_ORDERS is a file of faults to be shown now (wrap_orders.h); WRAP_LOG is a
 * file that gets one line for each C_Login. Exists for tests only. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "wrap_orders.h"

#define REAL "/usr/lib/softhsm/libsofthsm2.so"

/* A module is global by its nature: C_GetFunctionList has no context. */
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST wrapped;
static unsigned faults; /* how often the fault was shown */
static bool counts_low; /* a wrong PIN was hidden behind another code */
static bool silent;     /* since the login */

static int is_fault(const char *name)
{
    const char *fault = getenv("WRAP_FAULT");
    return fault != NULL && strcmp(fault, name) == 0;
}

static int first_time(const char *name)
{
    return is_fault(name) && faults++ == 0;
}

/* What an order for a function answers at once. */
static CK_RV ordered(const char *function, enum wrap_fault *fault)
{
    *fault = wrap_order(function);
    return wrap_answer(*fault);
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    enum wrap_fault ordered_fault;
    CK_RV refusal = ordered("C_GetTokenInfo", &ordered_fault);
    if (refusal != CKR_OK ||
        silent) { /* a token that is not there has no information, whatever happened to it */
        return CKR_TOKEN_NOT_PRESENT;
    }
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && is_fault("final_try")) {
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    }
    if (rv == CKR_OK && counts_low) {
        info->flags |= CKF_USER_PIN_COUNT_LOW;
    }
    if (rv == CKR_OK && is_fault("locked")) {
        info->flags |= CKF_USER_PIN_LOCKED;
    }
    if (rv == CKR_OK && is_fault("no_pin")) {
        info->flags &= ~(CK_FLAGS)CKF_USER_PIN_INITIALIZED;
    }
    return rv;
}

static void log_login(void)
{
    const char *path = getenv("WRAP_LOG");
    int fd = path != NULL ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
    if (fd >= 0) {
        ssize_t ignored = write(fd, "login\n", 6);
        (void)ignored;
        close(fd);
    }
}

static CK_RV login(CK_SESSION_HANDLE session, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    enum wrap_fault fault;
    log_login();
    CK_RV rv = ordered("C_Login", &fault);
    if (rv != CKR_OK) {
        return rv;
    }
    if (is_fault("login_locked")) {
        return CKR_PIN_LOCKED;
    }
    if (is_fault("login_odd")) {
        return 0x80000042ul;
    }
    rv = real->C_Login(session, user, pin, len);
    counts_low = fault == WRAP_MASKED && rv != CKR_OK;
    silent = fault == WRAP_SILENT && rv == CKR_OK;
    return counts_low ? CKR_FUNCTION_FAILED : rv;
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_SignInit", &fault);
    if (rv != CKR_OK) {
        return rv;
    }
    if (first_time("handle_once") || is_fault("handle_always")) {
        return CKR_KEY_HANDLE_INVALID;
    }
    if (first_time("session_once")) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    if (first_time("active_once")) { /* an operation that nobody ended */
        (void)real->C_SignInit(session, mechanism, key);
    }
    if (is_fault("removed") || is_fault("protected")) {
        return is_fault("removed") ? CKR_DEVICE_REMOVED : CKR_TOKEN_WRITE_PROTECTED;
    }
    if (is_fault("logout")) {
        (void)real->C_Logout(session);
    }
    return real->C_SignInit(session, mechanism, key);
}

static CK_RV open_session(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                          CK_SESSION_HANDLE *out)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_OpenSession", &fault);
    return rv == CKR_OK ? real->C_OpenSession(slot, flags, application, notify, out) : rv;
}

static CK_RV get_session_info(CK_SESSION_HANDLE session, CK_SESSION_INFO *info)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_GetSessionInfo", &fault);
    return rv == CKR_OK ? real->C_GetSessionInfo(session, info) : rv;
}

static CK_RV sign(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out,
                  CK_ULONG *out_len)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_Sign", &fault);
    if (rv != CKR_OK) {
        return rv;
    }
    if (fault == WRAP_LOGOUT) {
        (void)real->C_Logout(session);
        return CKR_USER_NOT_LOGGED_IN;
    }
    rv = real->C_Sign(session, data, len, out, out_len);
    *out_len = wrap_length(fault, *out_len);
    return rv;
}

static CK_RV decrypt(CK_SESSION_HANDLE session, CK_BYTE *data, CK_ULONG len, CK_BYTE *out,
                     CK_ULONG *out_len)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_Decrypt", &fault);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = real->C_Decrypt(session, data, len, out, out_len);
    *out_len = wrap_length(fault, *out_len);
    return rv;
}

static CK_RV find_objects(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE *objects, CK_ULONG max,
                          CK_ULONG *count)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_FindObjects", &fault);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = real->C_FindObjects(session, objects, max, count);
    *count = wrap_length(fault, *count);
    return rv;
}

static CK_RV generate_key_pair(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism,
                               CK_ATTRIBUTE *public_rows, CK_ULONG public_count,
                               CK_ATTRIBUTE *private_rows, CK_ULONG private_count,
                               CK_OBJECT_HANDLE *public_key, CK_OBJECT_HANDLE *private_key)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_GenerateKeyPair", &fault);
    return rv == CKR_OK
               ? real->C_GenerateKeyPair(session, mechanism, public_rows, public_count,
                                         private_rows, private_count, public_key, private_key)
               : rv;
}

/* Copies in a session go: what stands in the token may be told to stay. */
static CK_RV destroy_object(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    enum wrap_fault fault;
    CK_BBOOL stands = CK_FALSE;
    CK_ATTRIBUTE token = {CKA_TOKEN, &stands, sizeof stands};
    (void)real->C_GetAttributeValue(session, object, &token, 1);
    CK_RV rv = stands ? ordered("C_DestroyObject", &fault) : CKR_OK;
    return rv == CKR_OK ? real->C_DestroyObject(session, object) : rv;
}

static CK_RV wrap_key(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE with,
                      CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *out_len)
{
    enum wrap_fault fault;
    CK_RV rv = ordered("C_WrapKey", &fault);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = real->C_WrapKey(session, mechanism, with, key, out, out_len);
    *out_len = wrap_length(fault, *out_len);
    return rv;
}

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    enum wrap_fault fault;
    CK_RV refusal = ordered("C_GetAttributeValue", &fault);
    if (refusal != CKR_OK) {
        return refusal;
    }
    CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
    for (CK_ULONG i = 0; fault != WRAP_NONE && i < count; i++) {
        attributes[i].ulValueLen = wrap_length(fault, attributes[i].ulValueLen);
    }
    if (rv == CKR_OK && count == 1 && attributes[0].type == CKA_EXTRACTABLE &&
        is_fault("extractable")) {
        *(CK_BBOOL *)attributes[0].pValue = CK_TRUE;
    }
    if (rv == CKR_OK && count == 1 && attributes[0].type == CKA_EC_POINT && is_fault("point")) {
        ((unsigned char *)attributes[0].pValue)[20] ^= 1;
    }
    if (rv == CKR_OK && count == 1 && attributes[0].type == CKA_ID && is_fault("renamed") &&
        attributes[0].ulValueLen > 0) {
        ((unsigned char *)attributes[0].pValue)[0] ^= 1;
    }
    if (rv == CKR_OK && count == 1 && attributes[0].type == CKA_MODULUS &&
        is_fault("modulus_long")) {
        attributes[0].ulValueLen = 1u << 20;
    }
    if (count == 1 && attributes[0].type == CKA_LOCAL && is_fault("no_local")) {
        attributes[0].ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    return rv;
}

static CK_RV create_object(CK_SESSION_HANDLE session, CK_ATTRIBUTE *attributes, CK_ULONG count,
                           CK_OBJECT_HANDLE *out)
{
    if (is_fault("protected")) {
        return CKR_TOKEN_WRITE_PROTECTED;
    }
    return real->C_CreateObject(session, attributes, count, out);
}

__attribute__((visibility("default"))) CK_RV C_GetFunctionList(CK_FUNCTION_LIST **out)
{
    if (real == NULL) {
        void *library = dlopen(REAL, RTLD_NOW | RTLD_LOCAL);
        CK_C_GetFunctionList get =
            library != NULL ? (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList") : NULL;
        if (get == NULL || get(&real) != CKR_OK) {
            return CKR_GENERAL_ERROR;
        }
        wrapped = *real;
        wrapped.C_GetFunctionList = C_GetFunctionList;
        wrapped.C_GetTokenInfo = get_token_info;
        wrapped.C_Login = login;
        wrapped.C_OpenSession = open_session;
        wrapped.C_GetSessionInfo = get_session_info;
        wrapped.C_SignInit = sign_init;
        wrapped.C_Sign = sign;
        wrapped.C_Decrypt = decrypt;
        wrapped.C_FindObjects = find_objects;
        wrapped.C_GenerateKeyPair = generate_key_pair;
        wrapped.C_WrapKey = wrap_key;
        wrapped.C_DestroyObject = destroy_object;
        wrapped.C_GetAttributeValue = get_attribute;
        wrapped.C_CreateObject = create_object;
    }
    *out = &wrapped;
    return CKR_OK;
}
