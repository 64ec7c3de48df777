/* SoftHSM behind a function list with a few entries replaced: the token that locks PINs, forgets
 * sessions and lies. SoftHSM does none of it. WRAP_FAULT names the fault; WRAP_LOG is a file that
 * gets one line for each C_Login. Exists for tests only. */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <p11-kit/pkcs11.h>

#define REAL "/usr/lib/softhsm/libsofthsm2.so"

/* A module is global by its nature: C_GetFunctionList has no context. */
static CK_FUNCTION_LIST *real;
static CK_FUNCTION_LIST wrapped;
static unsigned faults; /* how often the fault was shown */

static int is_fault(const char *name)
{
    const char *fault = getenv("WRAP_FAULT");
    return fault != NULL && strcmp(fault, name) == 0;
}

static int first_time(const char *name)
{
    return is_fault(name) && faults++ == 0;
}

static CK_RV get_token_info(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    CK_RV rv = real->C_GetTokenInfo(slot, info);
    if (rv == CKR_OK && is_fault("final_try")) {
        info->flags |= CKF_USER_PIN_FINAL_TRY;
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
    log_login();
    if (is_fault("login_locked")) {
        return CKR_PIN_LOCKED;
    }
    if (is_fault("login_odd")) {
        return 0x80000042ul;
    }
    return real->C_Login(session, user, pin, len);
}

static CK_RV sign_init(CK_SESSION_HANDLE session, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
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

static CK_RV get_attribute(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object,
                           CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    CK_RV rv = real->C_GetAttributeValue(session, object, attributes, count);
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
        wrapped.C_SignInit = sign_init;
        wrapped.C_GetAttributeValue = get_attribute;
        wrapped.C_CreateObject = create_object;
    }
    *out = &wrapped;
    return CKR_OK;
}
