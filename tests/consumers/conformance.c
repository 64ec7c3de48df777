/* What PKCS#11 v2.40 says of sessions, objects, searches, signatures, decryption, digests and of
 * what may not be written, asked of one token through any module:
 *
 *   conformance MODULE TOKEN PIN
 *
 * The token holds an RSA key that signs and decrypts, an EC key on P-256, and their certificates. A
 * line for each check: "ok NAME" or "not NAME: 0xCKR". The numbers in the comments are sections of
 * the base specification. Nothing in the token is changed, if it does as it should. */
#include <dlfcn.h>
#include <err.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p11-kit/pkcs11.h>

#include <signet/base/cleanup.h>

#define END ((CK_RV)-1) /* of a list of answers */
#define ROOM 1024
#define OBJECTS_MAX 64

/* ---- the run ---- */

struct run {
    CK_FUNCTION_LIST *p11;
    CK_SLOT_ID slot;
    CK_SESSION_HANDLE session;
    const char *group;
    CK_UTF8CHAR *pin;
    CK_OBJECT_HANDLE rsa, rsa_public, ec, ec_public, certificate;
};

static void print(const struct run *run, const char *name, bool good, CK_RV rv)
{
    if (good) {
        (void)printf("ok %s: %s\n", run->group, name);
    } else {
        (void)printf("not %s: %s: 0x%lx\n", run->group, name, rv);
    }
}

/* One of the answers in the list is right. */
static void expect(const struct run *run, const char *name, CK_RV rv, ...)
{
    va_list list;
    bool good = false;
    va_start(list, rv);
    for (CK_RV right = va_arg(list, CK_RV); right != END; right = va_arg(list, CK_RV)) {
        good = good || rv == right;
    }
    va_end(list);
    print(run, name, good, rv);
}
#define EXPECT(name, call, ...) expect(run, name, call, (CK_RV)__VA_ARGS__, END)
#define AND , (CK_RV)
#define CHECK(name, condition) print(run, name, condition, 0)

static void open_session(struct run *run, CK_FLAGS flags)
{
    CK_RV rv =
        run->p11->C_OpenSession(run->slot, CKF_SERIAL_SESSION | flags, NULL, NULL, &run->session);
    if (rv != CKR_OK) {
        errx(1, "C_OpenSession: 0x%lx", rv);
    }
}

/* ---- objects ---- */

static CK_ULONG find(const struct run *run, CK_ATTRIBUTE *match, CK_ULONG count,
                     CK_OBJECT_HANDLE *first)
{
    CK_OBJECT_HANDLE found[OBJECTS_MAX];
    CK_ULONG total = 0;
    if (run->p11->C_FindObjectsInit(run->session, match, count) != CKR_OK) {
        return 0;
    }
    (void)run->p11->C_FindObjects(run->session, found, OBJECTS_MAX, &total);
    (void)run->p11->C_FindObjectsFinal(run->session);
    if (total > 0) {
        *first = found[0];
    }
    return total;
}

static CK_OBJECT_HANDLE find_key(const struct run *run, CK_OBJECT_CLASS class, CK_KEY_TYPE type)
{
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &class, sizeof class}, {CKA_KEY_TYPE, &type, sizeof type}};
    if (find(run, match, SG_COUNT(match), &key) != 1) {
        errx(1, "there must be one key of class %lu, type %lu", class, type);
    }
    return key;
}

static void find_all(struct run *run)
{
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_ATTRIBUTE match = {CKA_CLASS, &class, sizeof class};
    run->rsa = find_key(run, CKO_PRIVATE_KEY, CKK_RSA);
    run->rsa_public = find_key(run, CKO_PUBLIC_KEY, CKK_RSA);
    run->ec = find_key(run, CKO_PRIVATE_KEY, CKK_EC);
    run->ec_public = find_key(run, CKO_PUBLIC_KEY, CKK_EC);
    if (find(run, &match, 1, &run->certificate) < 2) {
        errx(1, "there must be certificates");
    }
}

/* A fresh session that is logged in, for one group of checks. Handles are good for as long as a
 * session is. */
static void begin(struct run *run, const char *group)
{
    run->group = group;
    (void)run->p11->C_CloseAllSessions(run->slot);
    open_session(run, 0);
    CK_RV rv = run->p11->C_Login(run->session, CKU_USER, run->pin, strlen((char *)run->pin));
    if (rv != CKR_OK) {
        errx(1, "C_Login: 0x%lx", rv);
    }
    find_all(run);
}

/* ---- 5.4, 5.5: library, slots, tokens ---- */

static void general(struct run *run)
{
    CK_INFO info;
    run->group = "general";
    EXPECT("C_Initialize once more", run->p11->C_Initialize(NULL),
           CKR_CRYPTOKI_ALREADY_INITIALIZED);
    EXPECT("C_Finalize with an argument", run->p11->C_Finalize(&info), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetInfo", run->p11->C_GetInfo(&info), CKR_OK);
    CHECK("Cryptoki version", info.cryptokiVersion.major == 2 && info.cryptokiVersion.minor >= 20);
    EXPECT("C_GetInfo into nothing", run->p11->C_GetInfo(NULL), CKR_ARGUMENTS_BAD);
    EXPECT("C_GetFunctionStatus", run->p11->C_GetFunctionStatus(0), CKR_FUNCTION_NOT_PARALLEL);
    EXPECT("C_CancelFunction", run->p11->C_CancelFunction(0), CKR_FUNCTION_NOT_PARALLEL);
}

static void slots(struct run *run)
{
    CK_SLOT_ID list[OBJECTS_MAX];
    CK_ULONG count = 0;
    CK_SLOT_INFO info;
    run->group = "slots";
    EXPECT("number of slots", run->p11->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    CHECK("there are slots", count > 0 && count <= OBJECTS_MAX);
    CK_ULONG none = 0;
    EXPECT("slots into too little room", run->p11->C_GetSlotList(CK_TRUE, list, &none),
           CKR_BUFFER_TOO_SMALL);
    CHECK("how much room is needed", none == count);
    count = OBJECTS_MAX;
    EXPECT("slots", run->p11->C_GetSlotList(CK_TRUE, list, &count), CKR_OK);
    EXPECT("slots without count", run->p11->C_GetSlotList(CK_TRUE, list, NULL), CKR_ARGUMENTS_BAD);
    EXPECT("slot information", run->p11->C_GetSlotInfo(run->slot, &info), CKR_OK);
    CHECK("a token is present", (info.flags & CKF_TOKEN_PRESENT) != 0);
    CHECK("description is padded", memchr(info.slotDescription, 0, 64) == NULL);
    EXPECT("information of no slot", run->p11->C_GetSlotInfo(0x7fffff00, &info),
           CKR_SLOT_ID_INVALID);
    EXPECT("slot information into nothing", run->p11->C_GetSlotInfo(run->slot, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT("an event, not waited for", run->p11->C_WaitForSlotEvent(CKF_DONT_BLOCK, &list[0], NULL),
           CKR_NO_EVENT);
}

static void token(struct run *run)
{
    CK_TOKEN_INFO info;
    run->group = "token";
    EXPECT("information", run->p11->C_GetTokenInfo(run->slot, &info), CKR_OK);
    CHECK("initialised", (info.flags & CKF_TOKEN_INITIALIZED) != 0);
    CHECK("random numbers", (info.flags & CKF_RNG) != 0);
    CHECK("label is padded", memchr(info.label, 0, sizeof info.label) == NULL);
    CHECK("sessions are possible", info.ulMaxSessionCount != 1);
    EXPECT("information into nothing", run->p11->C_GetTokenInfo(run->slot, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT("information of no token", run->p11->C_GetTokenInfo(0x7fffff00, &info),
           CKR_SLOT_ID_INVALID);
}

static void mechanism(const struct run *run, CK_MECHANISM_TYPE type, CK_FLAGS flags,
                      const char *name)
{
    CK_MECHANISM_INFO info = {.flags = 0};
    EXPECT(name, run->p11->C_GetMechanismInfo(run->slot, type, &info), CKR_OK);
    CHECK(name, (info.flags & flags) == flags);
}

static void mechanisms(struct run *run)
{
    CK_MECHANISM_TYPE list[256];
    CK_MECHANISM_INFO info;
    CK_ULONG count = 0;
    CK_ULONG none = 0;
    run->group = "mechanisms";
    EXPECT("number", run->p11->C_GetMechanismList(run->slot, NULL, &count), CKR_OK);
    EXPECT("too little room", run->p11->C_GetMechanismList(run->slot, list, &none),
           CKR_BUFFER_TOO_SMALL);
    CHECK("how much room is needed", none == count);
    count = SG_COUNT(list);
    EXPECT("list", run->p11->C_GetMechanismList(run->slot, list, &count), CKR_OK);
    bool all = true;
    for (CK_ULONG i = 0; i < count; i++) {
        all = all && run->p11->C_GetMechanismInfo(run->slot, list[i], &info) == CKR_OK;
    }
    CHECK("each that is listed has information", all);
    EXPECT("information of none", run->p11->C_GetMechanismInfo(run->slot, 0x7fffff00, &info),
           CKR_MECHANISM_INVALID);
    EXPECT("information into nothing", run->p11->C_GetMechanismInfo(run->slot, CKM_RSA_PKCS, NULL),
           CKR_ARGUMENTS_BAD);
    mechanism(run, CKM_RSA_PKCS, CKF_SIGN | CKF_VERIFY | CKF_ENCRYPT | CKF_DECRYPT, "RSA_PKCS");
    mechanism(run, CKM_RSA_X_509, CKF_SIGN | CKF_VERIFY, "RSA_X_509");
    mechanism(run, CKM_RSA_PKCS_PSS, CKF_SIGN | CKF_VERIFY, "RSA_PKCS_PSS");
    mechanism(run, CKM_RSA_PKCS_OAEP, CKF_ENCRYPT | CKF_DECRYPT, "RSA_PKCS_OAEP");
    mechanism(run, CKM_SHA256_RSA_PKCS, CKF_SIGN | CKF_VERIFY, "SHA256_RSA_PKCS");
    mechanism(run, CKM_SHA512_RSA_PKCS, CKF_SIGN | CKF_VERIFY, "SHA512_RSA_PKCS");
    mechanism(run, CKM_ECDSA, CKF_SIGN | CKF_VERIFY, "ECDSA");
    mechanism(run, CKM_SHA256, CKF_DIGEST, "SHA256");
}

/* ---- 5.6: sessions ---- */

static CK_STATE state(const struct run *run, CK_SESSION_HANDLE session)
{
    CK_SESSION_INFO info = {.state = 99};
    (void)run->p11->C_GetSessionInfo(session, &info);
    return info.state;
}

static void sessions(struct run *run)
{
    CK_SESSION_HANDLE more[20];
    CK_SESSION_INFO info;
    run->group = "sessions";
    (void)run->p11->C_CloseAllSessions(run->slot);
    open_session(run, 0);
    EXPECT("information", run->p11->C_GetSessionInfo(run->session, &info), CKR_OK);
    CHECK("state", info.state == CKS_RO_PUBLIC_SESSION);
    CHECK("slot", info.slotID == run->slot);
    CHECK("flags", info.flags == CKF_SERIAL_SESSION);
    EXPECT("parallel", run->p11->C_OpenSession(run->slot, 0, NULL, NULL, more),
           CKR_SESSION_PARALLEL_NOT_SUPPORTED);
    EXPECT("opened into nothing",
           run->p11->C_OpenSession(run->slot, CKF_SERIAL_SESSION, NULL, NULL, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT("on no slot", run->p11->C_OpenSession(0x7fffff00, CKF_SERIAL_SESSION, NULL, NULL, more),
           CKR_SLOT_ID_INVALID);
    EXPECT("information into nothing", run->p11->C_GetSessionInfo(run->session, NULL),
           CKR_ARGUMENTS_BAD);
    bool opened = true;
    for (size_t i = 0; i < SG_COUNT(more); i++) {
        CK_FLAGS flags = CKF_SERIAL_SESSION | (i % 2 == 0 ? CKF_RW_SESSION : 0);
        opened =
            opened && run->p11->C_OpenSession(run->slot, flags, NULL, NULL, &more[i]) == CKR_OK;
    }
    CHECK("twenty more", opened);
    CHECK("state of a read-write one", state(run, more[0]) == CKS_RW_PUBLIC_SESSION);
    EXPECT("closing", run->p11->C_CloseSession(more[0]), CKR_OK);
    EXPECT("closing again", run->p11->C_CloseSession(more[0]), CKR_SESSION_HANDLE_INVALID);
    EXPECT("information of a closed one", run->p11->C_GetSessionInfo(more[0], &info),
           CKR_SESSION_HANDLE_INVALID);
    CHECK("others stay", state(run, more[1]) == CKS_RO_PUBLIC_SESSION);
    EXPECT("closing all", run->p11->C_CloseAllSessions(run->slot), CKR_OK);
    EXPECT("after all were closed", run->p11->C_GetSessionInfo(more[1], &info),
           CKR_SESSION_HANDLE_INVALID);
    /* not the slot on which a session may have been opened above */
    EXPECT("closing all on no slot", run->p11->C_CloseAllSessions(0x7fffff01), CKR_SLOT_ID_INVALID);
}

static void logins(struct run *run)
{
    CK_SESSION_HANDLE other = 0;
    CK_ULONG len = strlen((char *)run->pin);
    run->group = "logins";
    (void)run->p11->C_CloseAllSessions(run->slot);
    open_session(run, 0);
    EXPECT("out before in", run->p11->C_Logout(run->session), CKR_USER_NOT_LOGGED_IN AND CKR_OK);
    EXPECT("nobody of that kind", run->p11->C_Login(run->session, 77, run->pin, len),
           CKR_USER_TYPE_INVALID);
    EXPECT("no session", run->p11->C_Login(0x7fffff00, CKU_USER, run->pin, len),
           CKR_SESSION_HANDLE_INVALID);
    EXPECT("in", run->p11->C_Login(run->session, CKU_USER, run->pin, len), CKR_OK);
    CHECK("state", state(run, run->session) == CKS_RO_USER_FUNCTIONS);
    EXPECT("in again", run->p11->C_Login(run->session, CKU_USER, run->pin, len),
           CKR_USER_ALREADY_LOGGED_IN AND CKR_OK);
    (void)run->p11->C_OpenSession(run->slot, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL,
                                  &other);
    CHECK("it counts for other sessions", state(run, other) == CKS_RW_USER_FUNCTIONS);
    EXPECT("out", run->p11->C_Logout(other), CKR_OK);
    CHECK("that counts for others too", state(run, run->session) == CKS_RO_PUBLIC_SESSION);
    EXPECT("in once more", run->p11->C_Login(run->session, CKU_USER, run->pin, len), CKR_OK);
    (void)run->p11->C_CloseAllSessions(run->slot);
    open_session(run, 0);
    CHECK("it ends with the last session", state(run, run->session) == CKS_RO_PUBLIC_SESSION);
}

/* ---- 5.7: objects ---- */

static void searches(struct run *run)
{
    CK_OBJECT_HANDLE found[OBJECTS_MAX];
    CK_ULONG count = 0;
    CK_ULONG total = 0;
    begin(run, "searches");
    EXPECT("go on without a beginning", run->p11->C_FindObjects(run->session, found, 1, &count),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("end without a beginning", run->p11->C_FindObjectsFinal(run->session),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("begin", run->p11->C_FindObjectsInit(run->session, NULL, 0), CKR_OK);
    EXPECT("begin twice", run->p11->C_FindObjectsInit(run->session, NULL, 0), CKR_OPERATION_ACTIVE);
    EXPECT("without count", run->p11->C_FindObjects(run->session, found, 1, NULL),
           CKR_ARGUMENTS_BAD);
    EXPECT("without room", run->p11->C_FindObjects(run->session, NULL, 1, &count),
           CKR_ARGUMENTS_BAD);
    bool right = true;
    do {
        right = right && run->p11->C_FindObjects(run->session, found, 1, &count) == CKR_OK;
        right = right && count <= 1;
        total += count;
    } while (right && count == 1 && total < OBJECTS_MAX);
    CHECK("one by one", right && total >= 6);
    EXPECT("beyond the end", run->p11->C_FindObjects(run->session, found, 1, &count), CKR_OK);
    CHECK("nothing is beyond the end", count == 0);
    EXPECT("end", run->p11->C_FindObjectsFinal(run->session), CKR_OK);
    EXPECT("end twice", run->p11->C_FindObjectsFinal(run->session), CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("a template that is none", run->p11->C_FindObjectsInit(run->session, NULL, 3),
           CKR_ARGUMENTS_BAD);
    EXPECT("no session", run->p11->C_FindObjectsInit(0x7fffff00, NULL, 0),
           CKR_SESSION_HANDLE_INVALID);
    CHECK("all at once", find(run, NULL, 0, found) == total);
}

static CK_ULONG found_with(const struct run *run, CK_ATTRIBUTE_TYPE type, void *value, CK_ULONG len)
{
    CK_OBJECT_HANDLE first = CK_INVALID_HANDLE;
    CK_ATTRIBUTE match = {type, value, len};
    return find(run, &match, 1, &first);
}

static void templates(struct run *run)
{
    CK_BBOOL yes = CK_TRUE;
    CK_BBOOL no = CK_FALSE;
    CK_OBJECT_CLASS private = CKO_PRIVATE_KEY;
    CK_OBJECT_CLASS secret = CKO_SECRET_KEY;
    unsigned char id[64];
    CK_OBJECT_HANDLE first = CK_INVALID_HANDLE;
    CK_ATTRIBUTE own_id = {CKA_ID, id, sizeof id};
    begin(run, "templates");
    EXPECT("the key's CKA_ID", run->p11->C_GetAttributeValue(run->session, run->rsa, &own_id, 1),
           CKR_OK);
    CHECK("private keys", found_with(run, CKA_CLASS, &private, sizeof private) == 2);
    CHECK("secret keys", found_with(run, CKA_CLASS, &secret, sizeof secret) == 0);
    CHECK("a CKA_ID is of a whole family", found_with(run, CKA_ID, id, own_id.ulValueLen) == 3);
    CHECK("half a CKA_ID is none", found_with(run, CKA_ID, id, own_id.ulValueLen / 2) == 0);
    CHECK("what signs", found_with(run, CKA_SIGN, &yes, sizeof yes) == 2);
    CHECK("what does not sign", found_with(run, CKA_SIGN, &no, sizeof no) == 0);
    CHECK("what lies in the token", found_with(run, CKA_TOKEN, &yes, sizeof yes) >= 6);
    CHECK("what lies in the session", found_with(run, CKA_TOKEN, &no, sizeof no) == 0);
    CHECK("an attribute that nothing has", found_with(run, 0x7fffff00, &yes, sizeof yes) == 0);
    CK_ATTRIBUTE both[] = {{CKA_CLASS, &private, sizeof private}, own_id};
    CHECK("class and CKA_ID", find(run, both, 2, &first) == 1 && first == run->rsa);
    id[0] ^= 1;
    CHECK("another CKA_ID", find(run, both, 2, &first) == 0);
}

static void has(const struct run *run, CK_OBJECT_HANDLE object, const char *name,
                CK_ATTRIBUTE_TYPE type)
{
    unsigned char value[4096];
    CK_ATTRIBUTE attribute = {type, value, sizeof value};
    EXPECT(name, run->p11->C_GetAttributeValue(run->session, object, &attribute, 1), CKR_OK);
}
#define HAS(object, type) has(run, object, #type, type)

static bool is_true(const struct run *run, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    return run->p11->C_GetAttributeValue(run->session, object, &attribute, 1) == CKR_OK &&
           attribute.ulValueLen == 1 && value == CK_TRUE;
}

static void all_have(const struct run *run, CK_OBJECT_HANDLE object)
{
    HAS(object, CKA_CLASS);
    HAS(object, CKA_TOKEN);
    HAS(object, CKA_PRIVATE);
    HAS(object, CKA_MODIFIABLE);
    HAS(object, CKA_LABEL);
    HAS(object, CKA_ID);
}

/* 4.4 to 4.9 */
static void key_has(const struct run *run, CK_OBJECT_HANDLE key)
{
    all_have(run, key);
    HAS(key, CKA_KEY_TYPE);
    HAS(key, CKA_START_DATE);
    HAS(key, CKA_END_DATE);
    HAS(key, CKA_DERIVE);
    HAS(key, CKA_LOCAL);
    HAS(key, CKA_KEY_GEN_MECHANISM);
}

static void private_key_has(const struct run *run, CK_OBJECT_HANDLE key)
{
    key_has(run, key);
    HAS(key, CKA_SUBJECT);
    HAS(key, CKA_SENSITIVE);
    HAS(key, CKA_DECRYPT);
    HAS(key, CKA_SIGN);
    HAS(key, CKA_SIGN_RECOVER);
    HAS(key, CKA_UNWRAP);
    HAS(key, CKA_EXTRACTABLE);
    HAS(key, CKA_ALWAYS_SENSITIVE);
    HAS(key, CKA_NEVER_EXTRACTABLE);
    HAS(key, CKA_WRAP_WITH_TRUSTED);
    HAS(key, CKA_ALWAYS_AUTHENTICATE);
    CHECK("a private key is sensitive", is_true(run, key, CKA_SENSITIVE));
    CHECK("a private key is not extractable", !is_true(run, key, CKA_EXTRACTABLE));
}

static void public_key_has(const struct run *run, CK_OBJECT_HANDLE key)
{
    key_has(run, key);
    HAS(key, CKA_SUBJECT);
    HAS(key, CKA_ENCRYPT);
    HAS(key, CKA_VERIFY);
    HAS(key, CKA_VERIFY_RECOVER);
    HAS(key, CKA_WRAP);
    HAS(key, CKA_TRUSTED);
}

static void attributes(struct run *run)
{
    begin(run, "attributes");
    run->group = "attributes of the RSA private key";
    private_key_has(run, run->rsa);
    HAS(run->rsa, CKA_MODULUS);
    HAS(run->rsa, CKA_PUBLIC_EXPONENT);
    run->group = "attributes of the EC private key";
    private_key_has(run, run->ec);
    HAS(run->ec, CKA_EC_PARAMS);
    run->group = "attributes of the RSA public key";
    public_key_has(run, run->rsa_public);
    HAS(run->rsa_public, CKA_MODULUS);
    HAS(run->rsa_public, CKA_MODULUS_BITS);
    HAS(run->rsa_public, CKA_PUBLIC_EXPONENT);
    run->group = "attributes of the EC public key";
    public_key_has(run, run->ec_public);
    HAS(run->ec_public, CKA_EC_PARAMS);
    HAS(run->ec_public, CKA_EC_POINT);
    run->group = "attributes of a certificate";
    all_have(run, run->certificate);
    HAS(run->certificate, CKA_CERTIFICATE_TYPE);
    HAS(run->certificate, CKA_TRUSTED);
    HAS(run->certificate, CKA_CERTIFICATE_CATEGORY);
    HAS(run->certificate, CKA_CHECK_VALUE);
    HAS(run->certificate, CKA_START_DATE);
    HAS(run->certificate, CKA_END_DATE);
    HAS(run->certificate, CKA_SUBJECT);
    HAS(run->certificate, CKA_ISSUER);
    HAS(run->certificate, CKA_SERIAL_NUMBER);
    HAS(run->certificate, CKA_VALUE);
}

static CK_RV get(const struct run *run, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *attributes,
                 CK_ULONG count)
{
    return run->p11->C_GetAttributeValue(run->session, object, attributes, count);
}

static void reading(struct run *run)
{
    unsigned char value[ROOM];
    CK_KEY_TYPE type = 99;
    begin(run, "reading attributes");
    CK_ATTRIBUTE modulus = {CKA_MODULUS, NULL, 0};
    EXPECT("how long", get(run, run->rsa, &modulus, 1), CKR_OK);
    CHECK("as long as it is", modulus.ulValueLen == 256);
    modulus = (CK_ATTRIBUTE){CKA_MODULUS, value, 8};
    EXPECT("too little room", get(run, run->rsa, &modulus, 1), CKR_BUFFER_TOO_SMALL);
    CK_ATTRIBUTE secret = {CKA_PRIVATE_EXPONENT, value, sizeof value};
    EXPECT("a secret", get(run, run->rsa, &secret, 1), CKR_ATTRIBUTE_SENSITIVE);
    CHECK("its length is not told", secret.ulValueLen == CK_UNAVAILABLE_INFORMATION);
    secret = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof value};
    EXPECT("a secret of the EC key", get(run, run->ec, &secret, 1), CKR_ATTRIBUTE_SENSITIVE);
    secret = (CK_ATTRIBUTE){CKA_PRIME_1, value, sizeof value};
    EXPECT("a secret that RSA keys have", get(run, run->ec, &secret, 1),
           CKR_ATTRIBUTE_TYPE_INVALID);
    secret = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof value};
    EXPECT("a secret that EC keys have", get(run, run->rsa, &secret, 1),
           CKR_ATTRIBUTE_TYPE_INVALID);
    CK_ATTRIBUTE none = {CKA_MODULUS, value, sizeof value};
    EXPECT("one that it does not have", get(run, run->ec, &none, 1), CKR_ATTRIBUTE_TYPE_INVALID);
    CHECK("and no length", none.ulValueLen == CK_UNAVAILABLE_INFORMATION);
    CK_ATTRIBUTE mixed[] = {{CKA_PRIVATE_EXPONENT, value, sizeof value},
                            {CKA_KEY_TYPE, &type, sizeof type}};
    EXPECT("a secret and another", get(run, run->rsa, mixed, 2), CKR_ATTRIBUTE_SENSITIVE);
    CHECK("the other is told", type == CKK_RSA);
    CK_ATTRIBUTE fresh = {CKA_KEY_TYPE, &type, sizeof type};
    EXPECT("of nothing", get(run, 0x7fffff00, &fresh, 1), CKR_OBJECT_HANDLE_INVALID);
    CK_ULONG size = 0;
    EXPECT("an object's size", run->p11->C_GetObjectSize(run->session, run->rsa, &size), CKR_OK);
    EXPECT("nothing's size", run->p11->C_GetObjectSize(run->session, 0x7fffff00, &size),
           CKR_OBJECT_HANDLE_INVALID);
}

/* ---- 5.11, 5.13: signing and verifying ---- */

static CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
static CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
static unsigned char message[256] = {0, 1, 2, 3};
static CK_MECHANISM rsa_pkcs = {CKM_RSA_PKCS, NULL, 0};
static CK_MECHANISM sha256_rsa = {CKM_SHA256_RSA_PKCS, NULL, 0};
static CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};

static CK_RV sign_init(const struct run *run, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key)
{
    return run->p11->C_SignInit(run->session, mechanism, key);
}

static CK_RV sign(const struct run *run, CK_ULONG data_len, unsigned char *signature, CK_ULONG *len)
{
    return run->p11->C_Sign(run->session, message, data_len, signature, len);
}

static CK_RV verify(const struct run *run, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE key,
                    CK_ULONG data_len, unsigned char *signature, CK_ULONG len)
{
    CK_RV rv = run->p11->C_VerifyInit(run->session, mechanism, key);
    return rv != CKR_OK ? rv : run->p11->C_Verify(run->session, message, data_len, signature, len);
}

static void signs(const struct run *run, const char *name, CK_MECHANISM mechanism,
                  CK_OBJECT_HANDLE key, CK_OBJECT_HANDLE public, CK_ULONG data_len)
{
    unsigned char signature[ROOM];
    CK_ULONG len = 0;
    EXPECT(name, sign_init(run, &mechanism, key), CKR_OK);
    EXPECT(name, sign(run, data_len, NULL, &len), CKR_OK);
    CK_ULONG told = len;
    len = sizeof signature;
    EXPECT(name, sign(run, data_len, signature, &len), CKR_OK);
    CHECK(name, len > 0 && len <= told);
    EXPECT(name, verify(run, &mechanism, public, data_len, signature, len), CKR_OK);
    signature[len - 1] ^= 1;
    EXPECT(name, verify(run, &mechanism, public, data_len, signature, len), CKR_SIGNATURE_INVALID);
    EXPECT(name, verify(run, &mechanism, public, data_len, signature, len - 1),
           CKR_SIGNATURE_LEN_RANGE AND CKR_SIGNATURE_INVALID);
}

static void signatures(struct run *run)
{
    begin(run, "signatures");
    signs(run, "RSA_PKCS", rsa_pkcs, run->rsa, run->rsa_public, 51);
    signs(run, "RSA_PKCS of nothing", rsa_pkcs, run->rsa, run->rsa_public, 0);
    signs(run, "RSA_X_509", (CK_MECHANISM){CKM_RSA_X_509, NULL, 0}, run->rsa, run->rsa_public, 256);
    signs(run, "SHA1_RSA_PKCS", (CK_MECHANISM){CKM_SHA1_RSA_PKCS, NULL, 0}, run->rsa,
          run->rsa_public, 100);
    signs(run, "SHA256_RSA_PKCS", sha256_rsa, run->rsa, run->rsa_public, 256);
    signs(run, "SHA384_RSA_PKCS", (CK_MECHANISM){CKM_SHA384_RSA_PKCS, NULL, 0}, run->rsa,
          run->rsa_public, 0);
    signs(run, "SHA512_RSA_PKCS", (CK_MECHANISM){CKM_SHA512_RSA_PKCS, NULL, 0}, run->rsa,
          run->rsa_public, 1);
    signs(run, "SHA224_RSA_PKCS", (CK_MECHANISM){CKM_SHA224_RSA_PKCS, NULL, 0}, run->rsa,
          run->rsa_public, 7);
    signs(run, "RSA_PKCS_PSS", (CK_MECHANISM){CKM_RSA_PKCS_PSS, &pss, sizeof pss}, run->rsa,
          run->rsa_public, 32);
    signs(run, "SHA256_RSA_PKCS_PSS", (CK_MECHANISM){CKM_SHA256_RSA_PKCS_PSS, &pss, sizeof pss},
          run->rsa, run->rsa_public, 99);
    signs(run, "ECDSA", ecdsa, run->ec, run->ec_public, 32);
    signs(run, "ECDSA of a short hash", ecdsa, run->ec, run->ec_public, 20);
    signs(run, "ECDSA of a long hash", ecdsa, run->ec, run->ec_public, 64);
    signs(run, "ECDSA of nothing", ecdsa, run->ec, run->ec_public, 0);
    signs(run, "ECDSA of more than any hash", ecdsa, run->ec, run->ec_public, 65);
    signs(run, "ECDSA of a whole message", ecdsa, run->ec, run->ec_public, sizeof message);
}

static void signing_begins(struct run *run)
{
    CK_RSA_PKCS_PSS_PARAMS odd = {CKM_SHA256, 77, 32};
    CK_RSA_PKCS_PSS_PARAMS mixed = {CKM_SHA256, CKG_MGF1_SHA1, 32};
    begin(run, "how signing begins");
    EXPECT("no mechanism", sign_init(run, NULL, run->rsa), CKR_ARGUMENTS_BAD);
    EXPECT("a mechanism that is none",
           sign_init(run, &(CK_MECHANISM){0x7fffff00, NULL, 0}, run->rsa), CKR_MECHANISM_INVALID);
    EXPECT("a mechanism that does not sign",
           sign_init(run, &(CK_MECHANISM){CKM_SHA256, NULL, 0}, run->rsa), CKR_MECHANISM_INVALID);
    EXPECT("no key", sign_init(run, &rsa_pkcs, 0x7fffff00),
           CKR_KEY_HANDLE_INVALID AND CKR_OBJECT_HANDLE_INVALID);
    EXPECT("a certificate", sign_init(run, &rsa_pkcs, run->certificate),
           CKR_KEY_HANDLE_INVALID AND CKR_KEY_TYPE_INCONSISTENT AND CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT("a public key", sign_init(run, &rsa_pkcs, run->rsa_public),
           CKR_KEY_HANDLE_INVALID AND CKR_KEY_TYPE_INCONSISTENT AND CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT("a key of another type", sign_init(run, &ecdsa, run->rsa), CKR_KEY_TYPE_INCONSISTENT);
    EXPECT("no parameters", sign_init(run, &(CK_MECHANISM){CKM_RSA_PKCS_PSS, NULL, 0}, run->rsa),
           CKR_ARGUMENTS_BAD AND CKR_MECHANISM_PARAM_INVALID);
    EXPECT("odd parameters",
           sign_init(run, &(CK_MECHANISM){CKM_RSA_PKCS_PSS, &odd, sizeof odd}, run->rsa),
           CKR_ARGUMENTS_BAD AND CKR_MECHANISM_PARAM_INVALID);
    EXPECT("another mask than hash",
           sign_init(run, &(CK_MECHANISM){CKM_RSA_PKCS_PSS, &mixed, sizeof mixed}, run->rsa),
           CKR_ARGUMENTS_BAD AND CKR_MECHANISM_PARAM_INVALID);
    EXPECT("no session", run->p11->C_SignInit(0x7fffff00, &rsa_pkcs, run->rsa),
           CKR_SESSION_HANDLE_INVALID);
    EXPECT("none of these has begun", sign_init(run, &rsa_pkcs, run->rsa), CKR_OK);
    EXPECT("begun twice", sign_init(run, &rsa_pkcs, run->rsa), CKR_OPERATION_ACTIVE);
}

/* 5.2: a question for the length and too little room leave an operation active, everything else
 * ends it. */
static void signing_ends(struct run *run)
{
    unsigned char signature[ROOM];
    CK_ULONG len = sizeof signature;
    begin(run, "how signing ends");
    EXPECT("not begun", sign(run, 10, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
    (void)sign_init(run, &rsa_pkcs, run->rsa);
    EXPECT("how long", sign(run, 10, NULL, &len), CKR_OK);
    CHECK("as long as the key", len == 256);
    len = 10;
    EXPECT("too little room", sign(run, 10, signature, &len), CKR_BUFFER_TOO_SMALL);
    CHECK("how much is needed", len == 256);
    EXPECT("then enough", sign(run, 10, signature, &len), CKR_OK);
    EXPECT("it has ended", sign(run, 10, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
    (void)sign_init(run, &rsa_pkcs, run->rsa);
    EXPECT("too much data", sign(run, 250, signature, &len), CKR_DATA_LEN_RANGE);
    EXPECT("that has ended it", sign(run, 10, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
    (void)sign_init(run, &rsa_pkcs, run->rsa);
    EXPECT("without length", sign(run, 10, signature, NULL), CKR_ARGUMENTS_BAD);
    (void)run->p11->C_CloseSession(run->session);
    EXPECT("its session has ended", sign(run, 10, signature, &len), CKR_SESSION_HANDLE_INVALID);
}

static void signing_in_parts(struct run *run)
{
    unsigned char whole[ROOM];
    unsigned char parts[ROOM];
    CK_ULONG whole_len = sizeof whole;
    CK_ULONG len = sizeof parts;
    begin(run, "signing in parts");
    EXPECT("part, not begun", run->p11->C_SignUpdate(run->session, message, 5),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("end, not begun", run->p11->C_SignFinal(run->session, parts, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    (void)sign_init(run, &sha256_rsa, run->rsa);
    (void)sign(run, 200, whole, &whole_len);
    (void)sign_init(run, &sha256_rsa, run->rsa);
    EXPECT("part", run->p11->C_SignUpdate(run->session, message, 3), CKR_OK);
    EXPECT("another", run->p11->C_SignUpdate(run->session, message + 3, 197), CKR_OK);
    EXPECT("how long", run->p11->C_SignFinal(run->session, NULL, &len), CKR_OK);
    EXPECT("end", run->p11->C_SignFinal(run->session, parts, &len), CKR_OK);
    CHECK("the same as in one", len == whole_len && memcmp(parts, whole, len) == 0);
    EXPECT("ended", run->p11->C_SignFinal(run->session, parts, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    (void)sign_init(run, &sha256_rsa, run->rsa);
    (void)run->p11->C_SignUpdate(run->session, message, 3);
    EXPECT("as a whole after a part", sign(run, 10, parts, &len),
           CKR_OPERATION_NOT_INITIALIZED AND CKR_OPERATION_ACTIVE AND CKR_FUNCTION_FAILED);
    begin(run, "verifying in parts");
    (void)run->p11->C_VerifyInit(run->session, &sha256_rsa, run->rsa_public);
    EXPECT("part", run->p11->C_VerifyUpdate(run->session, message, 100), CKR_OK);
    EXPECT("another", run->p11->C_VerifyUpdate(run->session, message + 100, 100), CKR_OK);
    EXPECT("end", run->p11->C_VerifyFinal(run->session, whole, whole_len), CKR_OK);
    EXPECT("ended", run->p11->C_VerifyFinal(run->session, whole, whole_len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("part, not begun", run->p11->C_VerifyUpdate(run->session, message, 5),
           CKR_OPERATION_NOT_INITIALIZED);
    (void)run->p11->C_VerifyInit(run->session, &sha256_rsa, run->rsa_public);
    EXPECT("begun twice", run->p11->C_VerifyInit(run->session, &sha256_rsa, run->rsa_public),
           CKR_OPERATION_ACTIVE);
}

/* Operations of one session do not see those of another; one of each kind goes on beside the
 * others. */
static void side_by_side(struct run *run)
{
    CK_SESSION_HANDLE other = 0;
    unsigned char out[ROOM];
    CK_ULONG len = sizeof out;
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    begin(run, "side by side");
    (void)run->p11->C_OpenSession(run->slot, CKF_SERIAL_SESSION, NULL, NULL, &other);
    EXPECT("sign here", sign_init(run, &rsa_pkcs, run->rsa), CKR_OK);
    EXPECT("sign there", run->p11->C_SignInit(other, &ecdsa, run->ec), CKR_OK);
    EXPECT("there first", run->p11->C_Sign(other, message, 32, out, &len), CKR_OK);
    CHECK("with that key", len == 64);
    len = sizeof out;
    EXPECT("then here", sign(run, 32, out, &len), CKR_OK);
    CHECK("with this key", len == 256);
    EXPECT("a search", run->p11->C_FindObjectsInit(run->session, NULL, 0), CKR_OK);
    EXPECT("a digest there", run->p11->C_DigestInit(other, &sha256), CKR_OK);
    EXPECT("a search there", run->p11->C_FindObjectsInit(other, NULL, 0),
           CKR_OK AND CKR_OPERATION_ACTIVE);
}

/* ---- 5.8, 5.9: encryption and decryption ---- */

static void decrypts(const struct run *run, const char *name, CK_MECHANISM mechanism, CK_ULONG len)
{
    unsigned char encrypted[ROOM];
    unsigned char plain[ROOM];
    CK_ULONG encrypted_len = sizeof encrypted;
    CK_ULONG plain_len = 0;
    EXPECT(name, run->p11->C_EncryptInit(run->session, &mechanism, run->rsa_public), CKR_OK);
    EXPECT(name, run->p11->C_Encrypt(run->session, message, len, encrypted, &encrypted_len),
           CKR_OK);
    EXPECT(name, run->p11->C_DecryptInit(run->session, &mechanism, run->rsa), CKR_OK);
    EXPECT(name, run->p11->C_Decrypt(run->session, encrypted, encrypted_len, NULL, &plain_len),
           CKR_OK);
    CHECK(name, plain_len >= len);
    plain_len = sizeof plain;
    EXPECT(name, run->p11->C_Decrypt(run->session, encrypted, encrypted_len, plain, &plain_len),
           CKR_OK);
    CHECK(name, plain_len == len && memcmp(plain, message, len) == 0);
    EXPECT(name, run->p11->C_Decrypt(run->session, encrypted, encrypted_len, plain, &plain_len),
           CKR_OPERATION_NOT_INITIALIZED);
}

/* 256 bytes of which no padded block comes: smaller than any modulus, and larger. */
static void does_not_decrypt(const struct run *run, const char *name, CK_MECHANISM mechanism)
{
    unsigned char encrypted[256] = {0};
    unsigned char plain[ROOM];
    for (int larger = 0; larger < 2; larger++) {
        CK_ULONG len = sizeof plain;
        memset(encrypted, larger != 0 ? 0xff : 0, sizeof encrypted);
        encrypted[255] = 1; /* 1 to whatever power is 1 */
        (void)run->p11->C_DecryptInit(run->session, &mechanism, run->rsa);
        EXPECT(larger != 0 ? "a number too large" : "bad padding",
               run->p11->C_Decrypt(run->session, encrypted, sizeof encrypted, plain, &len),
               CKR_ENCRYPTED_DATA_INVALID);
        EXPECT(name, run->p11->C_Decrypt(run->session, encrypted, sizeof encrypted, plain, &len),
               CKR_OPERATION_NOT_INITIALIZED);
    }
}

static void decryption(struct run *run)
{
    unsigned char out[ROOM];
    CK_ULONG len = sizeof out;
    begin(run, "decryption");
    decrypts(run, "RSA_PKCS", rsa_pkcs, 48);
    decrypts(run, "RSA_PKCS_OAEP", (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep}, 32);
    decrypts(run, "RSA_X_509", (CK_MECHANISM){CKM_RSA_X_509, NULL, 0}, 256);
    EXPECT("not begun", run->p11->C_Decrypt(run->session, message, 256, out, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("encryption not begun", run->p11->C_Encrypt(run->session, message, 10, out, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("a public key", run->p11->C_DecryptInit(run->session, &rsa_pkcs, run->rsa_public),
           CKR_KEY_HANDLE_INVALID AND CKR_KEY_TYPE_INCONSISTENT AND CKR_KEY_FUNCTION_NOT_PERMITTED);
    EXPECT("no key", run->p11->C_DecryptInit(run->session, &rsa_pkcs, 0x7fffff00),
           CKR_KEY_HANDLE_INVALID AND CKR_OBJECT_HANDLE_INVALID);
    EXPECT("a mechanism that does not decrypt",
           run->p11->C_DecryptInit(run->session, &ecdsa, run->ec), CKR_MECHANISM_INVALID);
    EXPECT("begun", run->p11->C_DecryptInit(run->session, &rsa_pkcs, run->rsa), CKR_OK);
    EXPECT("begun twice", run->p11->C_DecryptInit(run->session, &rsa_pkcs, run->rsa),
           CKR_OPERATION_ACTIVE);
    EXPECT("too short", run->p11->C_Decrypt(run->session, message, 255, out, &len),
           CKR_ENCRYPTED_DATA_LEN_RANGE AND CKR_ENCRYPTED_DATA_INVALID);
    EXPECT("that has ended it", run->p11->C_Decrypt(run->session, message, 256, out, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    does_not_decrypt(run, "RSA_PKCS", rsa_pkcs);
    does_not_decrypt(run, "RSA_PKCS_OAEP", (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep});
    (void)run->p11->C_EncryptInit(run->session, &rsa_pkcs, run->rsa_public);
    len = sizeof out;
    EXPECT("too much to encrypt", run->p11->C_Encrypt(run->session, message, 250, out, &len),
           CKR_DATA_LEN_RANGE);
}

/* 5.8.1, 5.9.1: parameters that a token cannot take are refused at the beginning, of encryption
 * too: what it encrypts it must be able to decrypt. */
static void refuses_or_decrypts(const struct run *run, const char *name, CK_MECHANISM mechanism)
{
    unsigned char encrypted[ROOM];
    unsigned char plain[ROOM];
    CK_ULONG len = sizeof encrypted;
    CK_ULONG plain_len = sizeof plain;
    CK_RV begun = run->p11->C_EncryptInit(run->session, &mechanism, run->rsa_public);
    CK_RV rv = begun;
    if (begun == CKR_OK) {
        rv = run->p11->C_Encrypt(run->session, message, 16, encrypted, &len);
    }
    CK_RV decrypts = run->p11->C_DecryptInit(run->session, &mechanism, run->rsa);
    if (rv == CKR_OK && decrypts == CKR_OK) {
        rv = run->p11->C_Decrypt(run->session, encrypted, len, plain, &plain_len);
    }
    bool refused = begun == CKR_ARGUMENTS_BAD || begun == CKR_MECHANISM_PARAM_INVALID;
    bool same = decrypts == begun && (refused || (rv == CKR_OK && plain_len == 16));
    print(run, name, same, rv);
}

static void oaep_begins(struct run *run)
{
    static const struct {
        const char *name;
        CK_RSA_PKCS_OAEP_PARAMS parameters;
    } rows[] = {
        {"SHA-1", {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0}},
        {"SHA-256", {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0}},
        {"SHA-512", {CKM_SHA512, CKG_MGF1_SHA512, CKZ_DATA_SPECIFIED, NULL, 0}},
        {"another mask than hash", {CKM_SHA_1, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0}},
        {"another hash than mask", {CKM_SHA256, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0}},
        {"no source", {CKM_SHA_1, CKG_MGF1_SHA1, 0, NULL, 0}},
        {"a source that is none", {CKM_SHA_1, CKG_MGF1_SHA1, 77, NULL, 0}},
        {"no mask", {CKM_SHA_1, 77, CKZ_DATA_SPECIFIED, NULL, 0}},
        {"SHA-256 once more", {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0}},
    };
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        CK_RSA_PKCS_OAEP_PARAMS parameters = rows[i].parameters;
        begin(run, "how OAEP begins");
        refuses_or_decrypts(run, rows[i].name,
                            (CK_MECHANISM){CKM_RSA_PKCS_OAEP, &parameters, sizeof parameters});
    }
}

/* RSA takes one block: a module may refuse its parts, and that ends what was begun (5.2). */
static void in_parts(struct run *run)
{
    unsigned char out[ROOM];
    CK_ULONG len = sizeof out;
    const CK_FUNCTION_LIST *p11 = run->p11;
    begin(run, "encryption in parts");
    EXPECT("part, not begun", p11->C_EncryptUpdate(run->session, message, 16, out, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("end, not begun", p11->C_EncryptFinal(run->session, out, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("begun", p11->C_EncryptInit(run->session, &rsa_pkcs, run->rsa_public), CKR_OK);
    EXPECT("part", p11->C_EncryptUpdate(run->session, message, 16, out, &len),
           CKR_OK AND CKR_FUNCTION_NOT_SUPPORTED);
    (void)p11->C_EncryptFinal(run->session, out, &len);
    EXPECT("has ended", p11->C_EncryptInit(run->session, &rsa_pkcs, run->rsa_public), CKR_OK);
    (void)p11->C_EncryptFinal(run->session, out, &len);
    EXPECT("has ended", p11->C_EncryptInit(run->session, &rsa_pkcs, run->rsa_public), CKR_OK);
    begin(run, "decryption in parts");
    len = sizeof out;
    EXPECT("part, not begun", p11->C_DecryptUpdate(run->session, message, 16, out, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("end, not begun", p11->C_DecryptFinal(run->session, out, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("begun", p11->C_DecryptInit(run->session, &rsa_pkcs, run->rsa), CKR_OK);
    EXPECT("part", p11->C_DecryptUpdate(run->session, message, 16, out, &len),
           CKR_OK AND CKR_FUNCTION_NOT_SUPPORTED);
    (void)p11->C_DecryptFinal(run->session, out, &len);
    EXPECT("has ended", p11->C_DecryptInit(run->session, &rsa_pkcs, run->rsa), CKR_OK);
    (void)p11->C_DecryptFinal(run->session, out, &len);
    EXPECT("has ended", p11->C_DecryptInit(run->session, &rsa_pkcs, run->rsa), CKR_OK);
}

/* ---- 5.10, 5.17: digests and random numbers ---- */

static void digests(struct run *run)
{
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    unsigned char whole[64];
    unsigned char parts[64];
    CK_ULONG len = sizeof whole;
    begin(run, "digests");
    EXPECT("not begun", run->p11->C_Digest(run->session, message, 9, whole, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("what is no digest", run->p11->C_DigestInit(run->session, &rsa_pkcs),
           CKR_MECHANISM_INVALID);
    EXPECT("begun", run->p11->C_DigestInit(run->session, &sha256), CKR_OK);
    EXPECT("begun twice", run->p11->C_DigestInit(run->session, &sha256), CKR_OPERATION_ACTIVE);
    EXPECT("how long", run->p11->C_Digest(run->session, message, 9, NULL, &len), CKR_OK);
    CHECK("as long as it is", len == 32);
    len = 5;
    EXPECT("too little room", run->p11->C_Digest(run->session, message, 9, whole, &len),
           CKR_BUFFER_TOO_SMALL);
    len = sizeof whole;
    EXPECT("as a whole", run->p11->C_Digest(run->session, message, 9, whole, &len), CKR_OK);
    (void)run->p11->C_DigestInit(run->session, &sha256);
    EXPECT("part", run->p11->C_DigestUpdate(run->session, message, 4), CKR_OK);
    EXPECT("another", run->p11->C_DigestUpdate(run->session, message + 4, 5), CKR_OK);
    len = sizeof parts;
    EXPECT("end", run->p11->C_DigestFinal(run->session, parts, &len), CKR_OK);
    CHECK("the same", memcmp(whole, parts, 32) == 0);
    EXPECT("ended", run->p11->C_DigestFinal(run->session, parts, &len),
           CKR_OPERATION_NOT_INITIALIZED);
    EXPECT("part, not begun", run->p11->C_DigestUpdate(run->session, message, 4),
           CKR_OPERATION_NOT_INITIALIZED);
}

static void random_numbers(struct run *run)
{
    unsigned char one[ROOM] = {0};
    unsigned char two[ROOM] = {0};
    begin(run, "random numbers");
    EXPECT("some", run->p11->C_GenerateRandom(run->session, one, sizeof one), CKR_OK);
    EXPECT("more", run->p11->C_GenerateRandom(run->session, two, sizeof two), CKR_OK);
    CHECK("others", memcmp(one, two, sizeof one) != 0);
    EXPECT("into nothing", run->p11->C_GenerateRandom(run->session, NULL, 8), CKR_ARGUMENTS_BAD);
    EXPECT("no session", run->p11->C_GenerateRandom(0x7fffff00, one, 8),
           CKR_SESSION_HANDLE_INVALID);
    EXPECT("a seed", run->p11->C_SeedRandom(run->session, one, 8),
           CKR_OK AND CKR_RANDOM_SEED_NOT_SUPPORTED);
}

/* ---- what a session that only reads may not ---- */

static void writing(struct run *run)
{
    CK_OBJECT_CLASS class = CKO_DATA;
    CK_BBOOL yes = CK_TRUE;
    CK_ATTRIBUTE object[] = {{CKA_CLASS, &class, sizeof class}, {CKA_TOKEN, &yes, sizeof yes}};
    CK_ATTRIBUTE label = {CKA_LABEL, message, 3};
    CK_OBJECT_HANDLE made = CK_INVALID_HANDLE;
    CK_OBJECT_HANDLE other = CK_INVALID_HANDLE;
    CK_MECHANISM pair = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_ULONG bits = 2048;
    CK_ATTRIBUTE public[] = {{CKA_TOKEN, &yes, sizeof yes}, {CKA_MODULUS_BITS, &bits, sizeof bits}};
    CK_ATTRIBUTE private = {CKA_TOKEN, &yes, sizeof yes};
    unsigned char name[33]; /* 32 in PKCS#11; p11-kit 0.24.1 looks for an end behind them */
    begin(run, "writing");
    memset(name, ' ', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    EXPECT("an object", run->p11->C_CreateObject(run->session, object, 2, &made),
           CKR_SESSION_READ_ONLY);
    EXPECT("a copy", run->p11->C_CopyObject(run->session, run->certificate, object + 1, 1, &made),
           CKR_SESSION_READ_ONLY);
    EXPECT("an attribute", run->p11->C_SetAttributeValue(run->session, run->certificate, &label, 1),
           CKR_SESSION_READ_ONLY AND CKR_ATTRIBUTE_READ_ONLY);
    EXPECT("destruction", run->p11->C_DestroyObject(run->session, run->certificate),
           CKR_SESSION_READ_ONLY);
    EXPECT("a key pair",
           run->p11->C_GenerateKeyPair(run->session, &pair, public, 2, &private, 1, &made, &other),
           CKR_SESSION_READ_ONLY);
    EXPECT("the PIN", run->p11->C_SetPIN(run->session, run->pin, 6, run->pin, 6),
           CKR_SESSION_READ_ONLY);
    EXPECT("a first PIN", run->p11->C_InitPIN(run->session, run->pin, 6),
           CKR_SESSION_READ_ONLY AND CKR_USER_NOT_LOGGED_IN);
    EXPECT("the token", run->p11->C_InitToken(run->slot, run->pin, 6, name),
           CKR_SESSION_EXISTS AND CKR_TOKEN_WRITE_PROTECTED);
    EXPECT("an object, no session", run->p11->C_CreateObject(0x7fffff00, object, 2, &made),
           CKR_SESSION_HANDLE_INVALID);
    EXPECT("destruction, no session", run->p11->C_DestroyObject(0x7fffff00, run->certificate),
           CKR_SESSION_HANDLE_INVALID);
}

static void the_end(struct run *run)
{
    CK_INFO info;
    CK_ULONG count = 0;
    run->group = "the end";
    EXPECT("C_Finalize", run->p11->C_Finalize(NULL), CKR_OK);
    EXPECT("C_Finalize again", run->p11->C_Finalize(NULL), CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT("C_GetInfo", run->p11->C_GetInfo(&info), CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT("C_GetSlotList", run->p11->C_GetSlotList(CK_TRUE, NULL, &count),
           CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT("C_GetSessionInfo", run->p11->C_CloseSession(run->session),
           CKR_CRYPTOKI_NOT_INITIALIZED);
    EXPECT("C_Initialize", run->p11->C_Initialize(NULL), CKR_OK);
    EXPECT("an old session", run->p11->C_CloseSession(run->session), CKR_SESSION_HANDLE_INVALID);
    EXPECT("C_Finalize at last", run->p11->C_Finalize(NULL), CKR_OK);
}

/* ---- main ---- */

static CK_FUNCTION_LIST *load(const char *module)
{
    void *library = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    CK_FUNCTION_LIST *calls = NULL;
    CK_C_GetFunctionList get_list = NULL;
    if (library != NULL) {
        *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    }
    if (get_list == NULL || get_list(&calls) != CKR_OK) {
        errx(1, "%s is no PKCS#11 module", module);
    }
    return calls;
}

static CK_SLOT_ID find_slot(CK_FUNCTION_LIST *p11, const char *label)
{
    CK_SLOT_ID list[OBJECTS_MAX];
    CK_ULONG count = OBJECTS_MAX;
    size_t len = strlen(label);
    (void)p11->C_GetSlotList(CK_TRUE, list, &count);
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;
        bool fits = p11->C_GetTokenInfo(list[i], &info) == CKR_OK && len < sizeof info.label &&
                    memcmp(info.label, label, len) == 0 && info.label[len] == ' ';
        if (fits) {
            return list[i];
        }
    }
    errx(1, "no token %s", label);
}

int main(int argc, char **argv)
{
    static void (*const groups[])(struct run *) = {
        slots,          token,        mechanisms,       sessions,       logins,
        searches,       templates,    attributes,       reading,        signatures,
        signing_begins, signing_ends, signing_in_parts, side_by_side,   decryption,
        in_parts,       oaep_begins,  digests,          random_numbers, writing,
        the_end};
    if (argc != 4) {
        errx(1, "usage: conformance MODULE TOKEN PIN");
    }
    struct run run = {.p11 = load(argv[1]), .pin = (CK_UTF8CHAR *)argv[3]};
    CK_INFO info;
    run.group = "the beginning";
    expect(&run, "C_GetInfo", run.p11->C_GetInfo(&info), (CK_RV)CKR_CRYPTOKI_NOT_INITIALIZED, END);
    if (run.p11->C_Initialize(NULL) != CKR_OK) {
        errx(1, "C_Initialize");
    }
    run.slot = find_slot(run.p11, argv[2]);
    general(&run);
    for (size_t i = 0; i < SG_COUNT(groups); i++) {
        groups[i](&run);
        (void)fflush(stdout);
    }
    return 0;
}
