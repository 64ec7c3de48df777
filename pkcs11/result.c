#include <signet/pkcs11/result.h>

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include <p11-kit/pkcs11.h>

struct result_row {
    CK_RV rv;
    const char *name; /* without CKR_ */
};

#define ROW(name)                                                                                  \
    {                                                                                              \
        CKR_##name, #name                                                                          \
    }
static const struct result_row results[] = {
    ROW(OK),
    ROW(CANCEL),
    ROW(HOST_MEMORY),
    ROW(SLOT_ID_INVALID),
    ROW(GENERAL_ERROR),
    ROW(FUNCTION_FAILED),
    ROW(ARGUMENTS_BAD),
    ROW(NO_EVENT),
    ROW(NEED_TO_CREATE_THREADS),
    ROW(CANT_LOCK),
    ROW(ATTRIBUTE_READ_ONLY),
    ROW(ATTRIBUTE_SENSITIVE),
    ROW(ATTRIBUTE_TYPE_INVALID),
    ROW(ATTRIBUTE_VALUE_INVALID),
    ROW(ACTION_PROHIBITED),
    ROW(DATA_INVALID),
    ROW(DATA_LEN_RANGE),
    ROW(DEVICE_ERROR),
    ROW(DEVICE_MEMORY),
    ROW(DEVICE_REMOVED),
    ROW(ENCRYPTED_DATA_INVALID),
    ROW(ENCRYPTED_DATA_LEN_RANGE),
    ROW(FUNCTION_CANCELED),
    ROW(FUNCTION_NOT_PARALLEL),
    ROW(FUNCTION_NOT_SUPPORTED),
    ROW(KEY_HANDLE_INVALID),
    ROW(KEY_SIZE_RANGE),
    ROW(KEY_TYPE_INCONSISTENT),
    ROW(KEY_NOT_NEEDED),
    ROW(KEY_CHANGED),
    ROW(KEY_NEEDED),
    ROW(KEY_INDIGESTIBLE),
    ROW(KEY_FUNCTION_NOT_PERMITTED),
    ROW(KEY_NOT_WRAPPABLE),
    ROW(KEY_UNEXTRACTABLE),
    ROW(MECHANISM_INVALID),
    ROW(MECHANISM_PARAM_INVALID),
    ROW(OBJECT_HANDLE_INVALID),
    ROW(OPERATION_ACTIVE),
    ROW(OPERATION_NOT_INITIALIZED),
    ROW(PIN_INCORRECT),
    ROW(PIN_INVALID),
    ROW(PIN_LEN_RANGE),
    ROW(PIN_EXPIRED),
    ROW(PIN_LOCKED),
    ROW(SESSION_CLOSED),
    ROW(SESSION_COUNT),
    ROW(SESSION_HANDLE_INVALID),
    ROW(SESSION_PARALLEL_NOT_SUPPORTED),
    ROW(SESSION_READ_ONLY),
    ROW(SESSION_EXISTS),
    ROW(SESSION_READ_ONLY_EXISTS),
    ROW(SESSION_READ_WRITE_SO_EXISTS),
    ROW(SIGNATURE_INVALID),
    ROW(SIGNATURE_LEN_RANGE),
    ROW(TEMPLATE_INCOMPLETE),
    ROW(TEMPLATE_INCONSISTENT),
    ROW(TOKEN_NOT_PRESENT),
    ROW(TOKEN_NOT_RECOGNIZED),
    ROW(TOKEN_WRITE_PROTECTED),
    ROW(UNWRAPPING_KEY_SIZE_RANGE),
    ROW(UNWRAPPING_KEY_TYPE_INCONSISTENT),
    ROW(USER_ALREADY_LOGGED_IN),
    ROW(USER_NOT_LOGGED_IN),
    ROW(USER_PIN_NOT_INITIALIZED),
    ROW(USER_TYPE_INVALID),
    ROW(USER_ANOTHER_ALREADY_LOGGED_IN),
    ROW(USER_TOO_MANY_TYPES),
    ROW(WRAPPED_KEY_INVALID),
    ROW(WRAPPED_KEY_LEN_RANGE),
    ROW(WRAPPING_KEY_HANDLE_INVALID),
    ROW(WRAPPING_KEY_SIZE_RANGE),
    ROW(WRAPPING_KEY_TYPE_INCONSISTENT),
    ROW(RANDOM_SEED_NOT_SUPPORTED),
    ROW(RANDOM_NO_RNG),
    ROW(DOMAIN_PARAMS_INVALID),
    ROW(CURVE_NOT_SUPPORTED),
    ROW(BUFFER_TOO_SMALL),
    ROW(SAVED_STATE_INVALID),
    ROW(INFORMATION_SENSITIVE),
    ROW(STATE_UNSAVEABLE),
    ROW(CRYPTOKI_NOT_INITIALIZED),
    ROW(CRYPTOKI_ALREADY_INITIALIZED),
    ROW(MUTEX_BAD),
    ROW(MUTEX_NOT_LOCKED),
    ROW(NEW_PIN_MODE),
    ROW(NEXT_OTP),
    ROW(EXCEEDED_MAX_ITERATIONS),
    ROW(FIPS_SELF_TEST_FAILED),
    ROW(LIBRARY_LOAD_FAILED),
    ROW(PIN_TOO_WEAK),
    ROW(PUBLIC_KEY_INVALID),
    ROW(FUNCTION_REJECTED),
};

static const char *listed_name(CK_RV rv)
{
    for (size_t i = 0; i < SG_COUNT(results); i++) {
        if (results[i].rv == rv) {
            return results[i].name;
        }
    }
    return NULL;
}

void sg_pkcs11_result_name(unsigned long rv, char out[SG_PKCS11_NAME_MAX])
{
    const char *name = listed_name(rv);
    if (name != NULL) {
        snprintf(out, SG_PKCS11_NAME_MAX, "CKR_%s", name);
    } else {
        snprintf(out, SG_PKCS11_NAME_MAX, "CK_RV 0x%08lx", rv);
    }
}

/* "token_write_protected": stable, because PKCS#11 is. */
static void make_code(CK_RV rv, char *out, size_t room)
{
    const char *name = listed_name(rv);
    snprintf(out, room, "%s", name != NULL ? name : "token_error");
    for (char *c = out; *c != '\0'; c++) {
        *c = (char)tolower((unsigned char)*c);
    }
}

sg_status sg_pkcs11_fail_at(struct sg_error *err, unsigned long rv, const char *file, int line,
                            const char *format, ...)
{
    char text[sizeof err->text];
    char name[SG_PKCS11_NAME_MAX];
    char code[sizeof err->code];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    sg_pkcs11_result_name(rv, name);
    make_code(rv, code, sizeof code);
    sg_status s = rv == CKR_HOST_MEMORY ? SG_E_NO_MEMORY : SG_E_TOKEN;
    sg_fail_at(err, s, code, file, line, "%.560s (%s)", text, name);
    err->ck_rv = rv;
    return s;
}

enum sg_pkcs11_verdict sg_pkcs11_login_verdict(unsigned long rv)
{
    switch (rv) {
    case CKR_PIN_INCORRECT:
    case CKR_PIN_INVALID:
    case CKR_PIN_LEN_RANGE:
        return SG_PKCS11_PIN_REFUSED;
    case CKR_PIN_LOCKED:
        return SG_PKCS11_PIN_LOCKED;
    case CKR_PIN_EXPIRED:
    case CKR_PIN_TOO_WEAK:
    case CKR_NEW_PIN_MODE:
        return SG_PKCS11_PIN_EXPIRED;
    case CKR_USER_PIN_NOT_INITIALIZED:
        return SG_PKCS11_PIN_NOT_SET;
    case CKR_HOST_MEMORY:
    case CKR_CANT_LOCK:
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
    case CKR_CRYPTOKI_NOT_INITIALIZED:
    case CKR_SLOT_ID_INVALID:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_MEMORY:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_NOT_RECOGNIZED:
    case CKR_SESSION_CLOSED:
    case CKR_SESSION_COUNT:
    case CKR_SESSION_HANDLE_INVALID:
    case CKR_USER_ANOTHER_ALREADY_LOGGED_IN:
    case CKR_USER_TOO_MANY_TYPES:
        return SG_PKCS11_PIN_UNSEEN;
    default:
        return SG_PKCS11_PIN_UNKNOWN;
    }
}

bool sg_pkcs11_leaves_doubt(unsigned long rv)
{
    switch (rv) {
    case CKR_GENERAL_ERROR:
    case CKR_FUNCTION_FAILED:
    case CKR_DEVICE_ERROR:
    case CKR_DEVICE_MEMORY:
    case CKR_DEVICE_REMOVED:
    case CKR_TOKEN_NOT_PRESENT:
    case CKR_TOKEN_WRITE_PROTECTED:
    case CKR_OBJECT_HANDLE_INVALID:
        return true;
    default:
        return false;
    }
}

bool sg_pkcs11_is_about_input(unsigned long rv)
{
    switch (rv) {
    case CKR_DATA_INVALID:
    case CKR_DATA_LEN_RANGE:
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
    case CKR_KEY_FUNCTION_NOT_PERMITTED:
    case CKR_KEY_SIZE_RANGE:
    case CKR_KEY_TYPE_INCONSISTENT:
    case CKR_KEY_HANDLE_INVALID:
    case CKR_FUNCTION_NOT_SUPPORTED:
    case CKR_ARGUMENTS_BAD:
        return true;
    default:
        return false;
    }
}

bool sg_pkcs11_is_about_token(unsigned long rv)
{
    return rv == CKR_KEY_HANDLE_INVALID || !sg_pkcs11_is_about_input(rv);
}
