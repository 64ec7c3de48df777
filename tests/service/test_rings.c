/* The rings through the stock p11-kit client: what every program that loads a PKCS#11 module sees.
 */
#include <dlfcn.h>
#include <openssl/ecdsa.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <p11-kit/pkcs11.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmocka_all.h"
#include "place_internal.h"
#include "rings_fixture.h"

static struct rings_fixture fixture;
static CK_FUNCTION_LIST *module;

/* ---- fixtures ---- */

static int start(void **state)
{
    (void)state;
    char address[160];
    (void)signal(SIGPIPE,
                 SIG_IGN); /* the stock client writes to a closed socket like to any other */
    rings_fixture_make(&fixture);
    rings_fixture_start(&fixture);
    snprintf(address, sizeof address, "unix:path=%s", fixture.socket);
    setenv("P11_KIT_SERVER_ADDRESS", address, 1);
    void *library = dlopen(P11_KIT_CLIENT, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        fprintf(stderr, "%s\n", dlerror());
        return -1;
    }
    CK_C_GetFunctionList get_list = NULL;
    *(void **)&get_list = dlsym(library, "C_GetFunctionList");
    return get_list != NULL && get_list(&module) == CKR_OK ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    int status = rings_fixture_stop(&fixture);
    rings_fixture_free(&fixture);
    return status;
}

static int open_client(void **state)
{
    (void)state;
    rings_fixture_reset(&fixture);
    return module->C_Initialize(NULL) == CKR_OK ? 0 : -1;
}

static int close_client(void **state)
{
    (void)state;
    (void)module->C_Finalize(NULL);
    return rings_wait(&fixture.knobs->gones, 1) >= 1 ? 0 : -1; /* or the next test would see it */
}

static CK_SESSION_HANDLE open_session(CK_SLOT_ID slot)
{
    CK_SESSION_HANDLE session = 0;
    assert_int_equal(module->C_OpenSession(slot, CKF_SERIAL_SESSION, NULL, NULL, &session), CKR_OK);
    return session;
}

static CK_ULONG find(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class, const char *label,
                     CK_OBJECT_HANDLE *out, CK_ULONG max)
{
    char text[64] = "";
    CK_ATTRIBUTE wanted[2] = {{CKA_CLASS, &object_class, sizeof object_class},
                              {CKA_LABEL, text, 0}};
    if (label != NULL) {
        wanted[1].ulValueLen = (CK_ULONG)snprintf(text, sizeof text, "%s", label);
    }
    CK_ULONG count = 0;
    assert_int_equal(module->C_FindObjectsInit(session, wanted, label == NULL ? 1 : 2), CKR_OK);
    assert_int_equal(module->C_FindObjects(session, out, max, &count), CKR_OK);
    assert_int_equal(module->C_FindObjectsFinal(session), CKR_OK);
    return count;
}

static CK_OBJECT_HANDLE find_one(CK_SESSION_HANDLE session, CK_OBJECT_CLASS object_class,
                                 const char *label)
{
    CK_OBJECT_HANDLE handle = 0;
    assert_int_equal(find(session, object_class, label, &handle, 1), 1);
    return handle;
}

/* ---- slots and tokens ---- */

static void slot_list_shows_the_visible_rings_only(void **state)
{
    (void)state;
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    assert_int_equal(module->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(slots[0], SLOT_WEB);
    assert_int_equal(slots[1], SLOT_SIGN);
}

static void slot_list_refuses_a_small_buffer(void **state)
{
    (void)state;
    CK_SLOT_ID slots[1];
    CK_ULONG count = 1;
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(count, 2);
}

static void token_needs_no_login_and_is_initialised(void **state)
{
    (void)state;
    CK_TOKEN_INFO info;
    assert_int_equal(module->C_GetTokenInfo(SLOT_WEB, &info), CKR_OK);
    assert_true((info.flags & CKF_TOKEN_INITIALIZED) != 0);
    assert_true((info.flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0); /* nobody asks for a PIN */
    assert_int_equal(info.flags & (CKF_LOGIN_REQUIRED | CKF_WRITE_PROTECTED), 0);
    assert_memory_equal(info.label, "WEB/RING                        ", 32);
    assert_memory_equal(info.serialNumber, "7               ", 16);
    assert_memory_equal(info.model, "Signet ring     ", 16);
    assert_memory_equal(info.manufacturerID, "Signet                          ", 32);
}

static void unknown_slot_opens_as_an_empty_token(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[4];
    CK_TOKEN_INFO info;
    static const CK_SLOT_ID slots[] = {0, 8, 4711, 0xffffffff};
    for (size_t i = 0; i < SG_COUNT(slots); i++) {
        CK_SESSION_HANDLE session = open_session(slots[i]);
        assert_int_equal(find(session, CKO_CERTIFICATE, NULL, handles, 4), 0);
        assert_int_equal(find(session, CKO_PRIVATE_KEY, NULL, handles, 4), 0);
        assert_int_equal(module->C_GetTokenInfo(slots[i], &info), CKR_OK);
        assert_memory_equal(info.label, "                                ", 32);
        assert_int_equal(module->C_CloseSession(session), CKR_OK);
    }
}

/* Of a ring that is hidden as of one that never was. */
static void sessions_are_closed_where_they_can_be(void **state)
{
    (void)state;
    CK_SESSION_INFO info;
    static const CK_SLOT_ID slots[] = {0, 8, 4711, 0xffffffff};
    CK_SESSION_HANDLE kept = open_session(SLOT_WEB);
    assert_int_equal(module->C_CloseAllSessions(SLOT_SIGN), CKR_OK); /* none is open there */
    for (size_t i = 0; i < SG_COUNT(slots); i++) {
        assert_int_equal(module->C_CloseAllSessions(slots[i]), CKR_SLOT_ID_INVALID);
        CK_SESSION_HANDLE session = open_session(slots[i]);
        assert_int_equal(module->C_CloseAllSessions(slots[i]), CKR_OK);
        assert_int_equal(module->C_GetSessionInfo(session, &info), CKR_SESSION_HANDLE_INVALID);
        assert_int_equal(module->C_CloseAllSessions(slots[i]), CKR_SLOT_ID_INVALID);
    }
    assert_int_equal(module->C_GetSessionInfo(kept, &info), CKR_OK);
}

static void waiting_for_slots_never_blocks(void **state)
{
    (void)state;
    CK_SLOT_ID slot = 0;
    /* The 0.24.1 client answers FUNCTION_NOT_SUPPORTED itself, newer ones pass it on. */
    CK_RV rv = module->C_WaitForSlotEvent(CKF_DONT_BLOCK, &slot, NULL);
    assert_true(rv == CKR_NO_EVENT || rv == CKR_FUNCTION_NOT_SUPPORTED);
    assert_int_equal(module->C_WaitForSlotEvent(0, &slot, NULL), CKR_FUNCTION_NOT_SUPPORTED);
}

static void mechanism_list_and_what_java_asks_for(void **state)
{
    (void)state;
    CK_MECHANISM_TYPE list[32];
    CK_ULONG count = 32;
    CK_MECHANISM_INFO info;
    assert_int_equal(module->C_GetMechanismList(SLOT_WEB, list, &count), CKR_OK);
    assert_int_equal(count, 10);
    for (CK_ULONG i = 0; i < count; i++) {
        assert_int_not_equal(list[i], CKM_SHA256);
        assert_int_equal(module->C_GetMechanismInfo(SLOT_WEB, list[i], &info), CKR_OK);
        assert_int_not_equal(info.flags & (CKF_SIGN | CKF_DECRYPT), 0);
    }
    static const CK_MECHANISM_TYPE hashes[] = {CKM_SHA_1, CKM_SHA256, CKM_SHA384, CKM_SHA512};
    for (size_t i = 0; i < SG_COUNT(hashes); i++) {
        assert_int_equal(module->C_GetMechanismInfo(SLOT_WEB, hashes[i], &info), CKR_OK);
        assert_int_equal(info.flags, CKF_DIGEST);
    }
    assert_int_equal(module->C_GetMechanismInfo(SLOT_WEB, CKM_AES_CBC, &info),
                     CKR_MECHANISM_INVALID);
}

/* ---- sessions ---- */

static void login_is_accepted_and_counts_for_the_token(void **state)
{
    (void)state;
    unsigned char pin[] = "1";
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE one = open_session(SLOT_WEB);
    CK_SESSION_HANDLE two = open_session(SLOT_WEB);
    CK_SESSION_HANDLE other = open_session(SLOT_SIGN);
    assert_int_equal(module->C_Login(one, CKU_USER, pin, 1), CKR_OK);
    assert_int_equal(module->C_GetSessionInfo(two, &info), CKR_OK);
    assert_int_equal(info.state, CKS_RO_USER_FUNCTIONS);
    assert_int_equal(module->C_GetSessionInfo(other, &info), CKR_OK);
    assert_int_equal(info.state, CKS_RO_PUBLIC_SESSION);
    assert_int_equal(module->C_Logout(two), CKR_OK);
    assert_int_equal(module->C_Logout(one), CKR_USER_NOT_LOGGED_IN);
    assert_int_equal(module->C_Login(one, CKU_SO, NULL, 0), CKR_USER_TYPE_INVALID);
}

static void closed_sessions_are_gone(void **state)
{
    (void)state;
    CK_SESSION_INFO info;
    CK_SESSION_HANDLE one = open_session(SLOT_WEB);
    assert_int_equal(module->C_CloseSession(one), CKR_OK);
    CK_SESSION_HANDLE two = open_session(SLOT_WEB); /* takes the same place */
    assert_int_equal(module->C_GetSessionInfo(one, &info), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(module->C_CloseSession(one), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(module->C_CloseAllSessions(SLOT_WEB), CKR_OK);
    assert_int_equal(module->C_GetSessionInfo(two, &info), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(module->C_OpenSession(SLOT_WEB, 0, NULL, NULL, &one),
                     CKR_SESSION_PARALLEL_NOT_SUPPORTED);
}

static void sessions_have_a_maximum(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = 0;
    CK_RV rv = CKR_OK;
    int count = 0;
    while (rv == CKR_OK && count < 100000) {
        rv = module->C_OpenSession(SLOT_WEB, CKF_SERIAL_SESSION, NULL, NULL, &session);
        count += rv == CKR_OK ? 1 : 0;
    }
    assert_int_equal(rv, CKR_SESSION_COUNT);
    assert_int_equal(count, 512);
}

enum { WRITES = 9 };

/* Everything that writes, by that session. */
static void try_to_write(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object, CK_RV got[WRITES])
{
    CK_OBJECT_CLASS data = CKO_DATA;
    CK_ATTRIBUTE attribute = {CKA_CLASS, &data, sizeof data};
    CK_MECHANISM pair = {CKM_RSA_PKCS_KEY_PAIR_GEN, NULL, 0};
    CK_MECHANISM secret = {CKM_AES_KEY_GEN, NULL, 0};
    CK_MECHANISM unwrap = {CKM_RSA_PKCS, NULL, 0};
    CK_OBJECT_HANDLE made = 0;
    CK_OBJECT_HANDLE other = 0;
    unsigned char text[256] = "1234";
    const CK_RV answers[WRITES] = {
        module->C_CreateObject(session, &attribute, 1, &made),
        module->C_CopyObject(session, object, &attribute, 1, &made),
        module->C_DestroyObject(session, object),
        module->C_SetAttributeValue(session, object, &attribute, 1),
        module->C_GenerateKey(session, &secret, &attribute, 1, &made),
        module->C_GenerateKeyPair(session, &pair, &attribute, 1, &attribute, 1, &made, &other),
        module->C_UnwrapKey(session, &unwrap, object, text, sizeof text, &attribute, 1, &made),
        module->C_InitPIN(session, text, 4),
        module->C_SetPIN(session, text, 4, text, 4),
    };
    memcpy(got, answers, sizeof answers);
    assert_true(made == 0 && other == 0);
}

static void writing_is_refused_in_every_form(void **state)
{
    (void)state;
    CK_SESSION_HANDLE rw = 0;
    unsigned char label[33] = "1234                            ";
    assert_int_equal(
        module->C_OpenSession(SLOT_WEB, CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &rw),
        CKR_OK);
    CK_OBJECT_HANDLE key = find_one(rw, CKO_PRIVATE_KEY, "rsa.example");
    const struct {
        CK_SESSION_HANDLE session;
        CK_RV expected;
    } rows[] = {{rw, CKR_TOKEN_WRITE_PROTECTED},
                {open_session(SLOT_WEB), CKR_SESSION_READ_ONLY},
                {rw + 1024, CKR_SESSION_HANDLE_INVALID}};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        CK_RV got[WRITES];
        try_to_write(rows[i].session, key, got);
        for (size_t j = 0; j < WRITES; j++) {
            assert_int_equal(got[j], rows[i].expected);
        }
    }
    assert_int_equal(module->C_InitToken(SLOT_WEB, label, 4, label), CKR_TOKEN_WRITE_PROTECTED);
    assert_int_equal(find_one(rw, CKO_PRIVATE_KEY, "rsa.example"), key);
}

/* ---- objects ---- */

static void default_certificate_is_found_first(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[16];
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    assert_int_equal(find(session, CKO_CERTIFICATE, NULL, handles, 16), 6);
    assert_int_equal(handles[0], find_one(session, CKO_CERTIFICATE, "rsa.example"));
    assert_int_equal(find(session, CKO_PRIVATE_KEY, NULL, handles, 16), 2);
    assert_int_equal(find(session, CKO_PUBLIC_KEY, NULL, handles, 16), 2);
    assert_int_equal(find(session, CKO_SECRET_KEY, NULL, handles, 16), 0);
}

static void certificates_carry_category_and_trust(void **state)
{
    (void)state;
    static const struct {
        const char *label;
        CK_ULONG category;
        CK_BBOOL trusted;
    } rows[] = {
        {"rsa.example", 1, CK_FALSE}, {"Signet Test CA", 2, CK_TRUE}, {"site.example", 3, CK_TRUE}};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        CK_ULONG category = 0;
        CK_BBOOL trusted = 9;
        CK_BBOOL modifiable = 9;
        CK_ATTRIBUTE got[] = {{CKA_CERTIFICATE_CATEGORY, &category, sizeof category},
                              {CKA_TRUSTED, &trusted, sizeof trusted},
                              {CKA_MODIFIABLE, &modifiable, sizeof modifiable}};
        CK_OBJECT_HANDLE object = find_one(session, CKO_CERTIFICATE, rows[i].label);
        assert_int_equal(module->C_GetAttributeValue(session, object, got, 3), CKR_OK);
        assert_int_equal(category, rows[i].category);
        assert_int_equal(trusted, rows[i].trusted);
        assert_int_equal(modifiable, CK_FALSE);
    }
}

static void certificate_value_is_the_der(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE object = find_one(session, CKO_CERTIFICATE, "ed.example");
    unsigned char value[4096];
    CK_ATTRIBUTE got = {CKA_VALUE, NULL, 0};
    assert_int_equal(module->C_GetAttributeValue(session, object, &got, 1), CKR_OK);
    assert_int_equal(got.ulValueLen, fixture.material.der_len[M_ED]);
    got = (CK_ATTRIBUTE){CKA_VALUE, value, sizeof value};
    assert_int_equal(module->C_GetAttributeValue(session, object, &got, 1), CKR_OK);
    assert_int_equal(got.ulValueLen, fixture.material.der_len[M_ED]);
    assert_memory_equal(value, fixture.material.der[M_ED], got.ulValueLen);
}

static void attribute_failures_do_not_stop_the_others(void **state)
{
    (void)state;
    unsigned char small[1];
    unsigned char exponent[512];
    CK_BBOOL sensitive = CK_FALSE;
    CK_ULONG type = 99;
    CK_ATTRIBUTE got[] = {{CKA_PRIVATE_EXPONENT, exponent, sizeof exponent},
                          {CKA_MODULUS, small, sizeof small},
                          {CKA_EC_POINT, exponent, sizeof exponent},
                          {CKA_SENSITIVE, &sensitive, sizeof sensitive},
                          {CKA_KEY_TYPE, &type, sizeof type}};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    assert_int_equal(module->C_GetAttributeValue(session, key, got, 5), CKR_ATTRIBUTE_SENSITIVE);
    assert_int_equal(got[0].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(got[1].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(got[2].ulValueLen, CK_UNAVAILABLE_INFORMATION);
    assert_int_equal(sensitive, CK_TRUE);
    assert_int_equal(type, CKK_RSA);
    got[1].ulValueLen = sizeof small;
    assert_int_equal(module->C_GetAttributeValue(session, key, &got[1], 1), CKR_BUFFER_TOO_SMALL);
    got[2].ulValueLen = sizeof exponent;
    assert_int_equal(module->C_GetAttributeValue(session, key, &got[2], 1),
                     CKR_ATTRIBUTE_TYPE_INVALID);
}

static void no_secret_attribute_is_readable(void **state)
{
    (void)state;
    static const CK_ATTRIBUTE_TYPE secret[] = {CKA_VALUE,      CKA_PRIVATE_EXPONENT, CKA_PRIME_1,
                                               CKA_PRIME_2,    CKA_EXPONENT_1,       CKA_EXPONENT_2,
                                               CKA_COEFFICIENT};
    static const char *const labels[] = {"rsa.example", "ec.example"};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    for (size_t i = 0; i < SG_COUNT(labels); i++) {
        CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, labels[i]);
        for (size_t j = 0; j < SG_COUNT(secret); j++) {
            unsigned char value[512];
            CK_ATTRIBUTE got = {secret[j], value, sizeof value};
            bool of_ec = secret[j] == CKA_VALUE;
            CK_RV expected =
                of_ec == (i == 1) ? CKR_ATTRIBUTE_SENSITIVE : CKR_ATTRIBUTE_TYPE_INVALID;
            assert_int_equal(module->C_GetAttributeValue(session, key, &got, 1), expected);
            assert_int_equal(got.ulValueLen, CK_UNAVAILABLE_INFORMATION);
        }
    }
}

static void objects_of_other_slots_are_no_objects(void **state)
{
    (void)state;
    CK_ULONG value = 0;
    CK_ATTRIBUTE got = {CKA_CLASS, &value, sizeof value};
    CK_SESSION_HANDLE web = open_session(SLOT_WEB);
    CK_SESSION_HANDLE sign = open_session(SLOT_SIGN);
    CK_OBJECT_HANDLE key = find_one(web, CKO_PRIVATE_KEY, "rsa.example");
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    assert_int_equal(module->C_GetAttributeValue(sign, key, &got, 1), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(module->C_SignInit(sign, &mechanism, key), CKR_KEY_HANDLE_INVALID);
    assert_int_equal(module->C_GetAttributeValue(web, 0, &got, 1), CKR_OBJECT_HANDLE_INVALID);
}

static void searches_keep_their_state(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handle = 0;
    CK_ULONG count = 0;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    assert_int_equal(module->C_FindObjects(session, &handle, 1, &count),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_FindObjectsFinal(session), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_FindObjectsInit(session, NULL, 0), CKR_OK);
    assert_int_equal(module->C_FindObjectsInit(session, NULL, 0), CKR_OPERATION_ACTIVE);
    int found = 0;
    do {
        assert_int_equal(module->C_FindObjects(session, &handle, 1, &count), CKR_OK);
        found += (int)count;
    } while (count > 0);
    assert_int_equal(found, 10);
    assert_int_equal(module->C_FindObjectsFinal(session), CKR_OK);
}

/* ---- views that change ---- */

static CK_ULONG count_found(CK_SESSION_HANDLE session, CK_ATTRIBUTE *wanted, CK_ULONG attributes,
                            CK_OBJECT_HANDLE *first)
{
    CK_ULONG count = 0;
    assert_int_equal(module->C_FindObjectsInit(session, wanted, attributes), CKR_OK);
    assert_int_equal(module->C_FindObjects(session, first, 8, &count), CKR_OK);
    assert_int_equal(module->C_FindObjectsFinal(session), CKR_OK);
    return count;
}

/* libp11 in a server's child asks by the label that the key had when the parent loaded it. */
static void a_key_is_found_by_its_id_whatever_label_it_had(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE found[8];
    unsigned char id[20];
    char label[] = "before";
    CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    CK_ATTRIBUTE own_id = {CKA_ID, id, sizeof id};
    assert_int_equal(module->C_GetAttributeValue(session, key, &own_id, 1), CKR_OK);
    CK_ATTRIBUTE wanted[] = {{CKA_CLASS, &object_class, sizeof object_class},
                             {CKA_ID, id, sizeof id},
                             {CKA_LABEL, label, sizeof label - 1}};
    assert_int_equal(count_found(session, wanted, 3, found), 1);
    assert_true(found[0] == key);
    object_class = CKO_PUBLIC_KEY;
    assert_int_equal(count_found(session, wanted, 3, found), 1);
    object_class = CKO_CERTIFICATE;
    assert_int_equal(count_found(session, wanted, 3, found), 0);
    object_class = CKO_PRIVATE_KEY;
    assert_int_equal(count_found(session, wanted + 1, 2, found), 0);
    wanted[1].ulValueLen = 0;
    assert_int_equal(count_found(session, wanted, 3, found), 0);
    wanted[1].ulValueLen = sizeof id;
    id[0] ^= 1;
    assert_int_equal(count_found(session, wanted, 3, found), 0);
}

static void change_is_seen_at_the_next_search(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[16];
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE before = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    atomic_store(&fixture.knobs->view, 2);
    assert_int_equal(find(session, CKO_CERTIFICATE, NULL, handles, 16), 6); /* nobody said so yet */
    atomic_store(&fixture.page->generation, 2);
    assert_int_equal(find(session, CKO_CERTIFICATE, NULL, handles, 16), 2);
    assert_int_equal(find_one(session, CKO_PRIVATE_KEY, "rsa.example"), before);
    assert_int_equal(atomic_load(&fixture.knobs->views), 2); /* fetched once, not at every search */
}

static void change_leaves_a_running_search_alone(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE handles[16];
    CK_ULONG count = 0;
    CK_ULONG more = 0;
    CK_SESSION_HANDLE running = open_session(SLOT_WEB);
    CK_SESSION_HANDLE other = open_session(SLOT_WEB);
    assert_int_equal(module->C_FindObjectsInit(running, NULL, 0), CKR_OK);
    assert_int_equal(module->C_FindObjects(running, handles, 3, &count), CKR_OK);
    atomic_store(&fixture.knobs->view, 2);
    atomic_store(&fixture.page->generation, 2);
    CK_OBJECT_HANDLE found[16];
    assert_int_equal(find(other, CKO_CERTIFICATE, NULL, found, 16), 2);
    assert_int_equal(module->C_FindObjects(running, handles, 16, &more), CKR_OK);
    assert_int_equal(count + more, 10);
    assert_int_equal(module->C_FindObjectsFinal(running), CKR_OK);
}

static CK_RV class_of(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE object)
{
    CK_ULONG class = 99;
    CK_ATTRIBUTE got = {CKA_CLASS, &class, sizeof class};
    return module->C_GetAttributeValue(session, object, &got, 1);
}

static CK_RV sign_with_ec(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key);

/* A program's threads search when they like: what one of them has found stays until it searches
 * again itself. What a key may still do its token knows. */
static void search_of_one_session_takes_no_handle_from_another(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE found[16];
    CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    CK_ULONG size = 0;
    CK_SESSION_HANDLE one = open_session(SLOT_WEB);
    CK_SESSION_HANDLE other = open_session(SLOT_WEB);
    CK_SESSION_HANDLE elsewhere = open_session(SLOT_SIGN);
    CK_OBJECT_HANDLE key = find_one(one, CKO_PRIVATE_KEY, "ec.example");
    CK_OBJECT_HANDLE certificate = find_one(one, CKO_CERTIFICATE, "site.example");
    atomic_store(&fixture.knobs->view, 2);
    atomic_store(&fixture.page->generation, 2);
    assert_int_equal(find(other, CKO_CERTIFICATE, NULL, found, 16), 2);
    assert_int_equal(find(other, CKO_PRIVATE_KEY, NULL, found, 16), 1);
    assert_int_equal(class_of(one, certificate), CKR_OK);
    assert_int_equal(module->C_GetObjectSize(one, certificate, &size), CKR_OK);
    assert_int_equal(sign_with_ec(one, key), CKR_OK);
    assert_int_equal(class_of(other, certificate), CKR_OK); /* handles are the program's */
    assert_int_equal(class_of(elsewhere, certificate), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(find(one, CKO_CERTIFICATE, NULL, found, 16), 2);
    assert_int_equal(class_of(one, certificate), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(class_of(other, certificate), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(module->C_SignInit(one, &ecdsa, key), CKR_KEY_HANDLE_INVALID);
}

static void closed_session_keeps_no_handle(void **state)
{
    (void)state;
    CK_OBJECT_HANDLE found[16];
    CK_SESSION_HANDLE one = open_session(SLOT_WEB);
    CK_SESSION_HANDLE other = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE certificate = find_one(one, CKO_CERTIFICATE, "site.example");
    atomic_store(&fixture.knobs->view, 2);
    atomic_store(&fixture.page->generation, 2);
    assert_int_equal(find(other, CKO_CERTIFICATE, NULL, found, 16), 2);
    assert_int_equal(class_of(other, certificate), CKR_OK);
    assert_int_equal(module->C_CloseSession(one), CKR_OK);
    assert_int_equal(class_of(other, certificate), CKR_OBJECT_HANDLE_INVALID);
}

/* However many sessions a client leaves behind in the past, only some views are kept for it. */
static void past_is_kept_for_some_changes_only(void **state)
{
    (void)state;
    enum { KEPT = 4 };
    CK_OBJECT_HANDLE found[16];
    CK_SESSION_HANDLE one = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE certificate = find_one(one, CKO_CERTIFICATE, "site.example");
    atomic_store(&fixture.knobs->view, 2);
    atomic_store(&fixture.page->generation,
                 3); /* which the view does not have: fetched each time */
    for (int i = 0; i < KEPT; i++) {
        assert_int_equal(find(open_session(SLOT_WEB), CKO_CERTIFICATE, NULL, found, 16), 2);
        assert_int_equal(class_of(one, certificate), CKR_OK);
    }
    assert_int_equal(find(open_session(SLOT_WEB), CKO_CERTIFICATE, NULL, found, 16), 2);
    assert_int_equal(class_of(one, certificate), CKR_OBJECT_HANDLE_INVALID);
}

static void give_as_second(int view)
{
    fixture.views[1] = view;
    rings_fixture_kill_control(&fixture);
    rings_fixture_start_control(&fixture);
}

/* However large they are: sessions lose what is oldest, and no search fails. */
static void large_views_leave_room_for_the_next_one(void **state)
{
    (void)state;
    enum { SESSIONS = 6, ROUNDS = 3 };
    CK_OBJECT_HANDLE found[16];
    CK_SESSION_HANDLE sessions[SESSIONS];
    int second = fixture.views[1];
    int large = rings_view_large(&fixture.material, 2);
    CK_SESSION_HANDLE one = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE certificate = find_one(one, CKO_CERTIFICATE, "ec.example");
    give_as_second(large);
    atomic_store(&fixture.knobs->view, 2);
    atomic_store(&fixture.page->generation, 3); /* fetched each time */
    for (int i = 0; i < SESSIONS; i++) {
        sessions[i] = open_session(SLOT_WEB);
    }
    assert_int_equal(find(sessions[0], CKO_PRIVATE_KEY, NULL, found, 16), 1);
    assert_int_equal(class_of(one, certificate), CKR_OK);
    for (int i = 0; i < ROUNDS * SESSIONS; i++) {
        assert_int_equal(find(sessions[i % SESSIONS], CKO_PRIVATE_KEY, NULL, found, 16), 1);
    }
    assert_int_equal(class_of(one, certificate), CKR_OBJECT_HANDLE_INVALID);
    assert_int_equal(class_of(one, found[0]), CKR_OK);
    give_as_second(second);
    close(large);
    atomic_store(&fixture.page->generation, 4);
    assert_int_equal(find(one, CKO_CERTIFICATE, NULL, found, 16), 2);
}

static void vanished_ring_becomes_an_empty_token(void **state)
{
    (void)state;
    CK_SLOT_ID slots[8];
    CK_ULONG count = 8;
    CK_OBJECT_HANDLE handle = 0;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_SIGN);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "sign.example");
    atomic_store(&fixture.knobs->view, 2);
    atomic_store(&fixture.page->generation, 2);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, slots, &count), CKR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(slots[1], SLOT_NEW);
    assert_int_equal(find(session, CKO_PRIVATE_KEY, NULL, &handle, 1), 0);
    assert_int_equal(module->C_SignInit(session, &mechanism, key), CKR_KEY_HANDLE_INVALID);
}

static void stranger_sees_nothing_and_no_error(void **state)
{
    (void)state;
    CK_ULONG count = 9;
    atomic_store(&fixture.knobs->view_status, SG_E_DENIED);
    atomic_store(&fixture.knobs->view, 0);
    atomic_store(&fixture.page->generation, 3);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    assert_int_equal(count, 0);
    assert_int_equal(find(open_session(SLOT_WEB), CKO_CERTIFICATE, NULL, NULL, 0), 0);
}

static void lost_answer_is_an_error_after_the_time_out(void **state)
{
    (void)state;
    CK_ULONG count = 0;
    atomic_store(&fixture.knobs->view_silent, 1);
    atomic_store(&fixture.page->generation, 4);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, NULL, &count), CKR_DEVICE_ERROR);
    assert_int_equal(module->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK); /* asked again */
    assert_int_equal(count, 2);
}

/* ---- signing ---- */

static bool verifies(enum material which, int padding, const EVP_MD *hash,
                     const unsigned char *input, size_t len, const unsigned char *signature,
                     size_t signature_len)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(fixture.material.keys[which], NULL);
    bool good = EVP_PKEY_verify_init(context) == 1 &&
                EVP_PKEY_CTX_set_rsa_padding(context, padding) == 1 &&
                (hash == NULL || EVP_PKEY_CTX_set_signature_md(context, hash) == 1) &&
                EVP_PKEY_verify(context, signature, signature_len, input, len) == 1;
    EVP_PKEY_CTX_free(context);
    return good;
}

static void rsa_signs_a_digest_info(void **state)
{
    (void)state;
    static unsigned char input[51] = "anything that fits into the block after padding it";
    unsigned char signature[256];
    CK_ULONG len = 0;
    CK_MECHANISM mechanism = {CKM_RSA_PKCS, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    assert_int_equal(module->C_SignInit(session, &mechanism, key), CKR_OK);
    assert_int_equal(module->C_Sign(session, input, sizeof input, NULL, &len), CKR_OK);
    assert_int_equal(len, 256);
    len = 255;
    assert_int_equal(module->C_Sign(session, input, sizeof input, signature, &len),
                     CKR_BUFFER_TOO_SMALL);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 0); /* Init and lengths stay here */
    len = sizeof signature;
    assert_int_equal(module->C_Sign(session, input, sizeof input, signature, &len), CKR_OK);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 1);
    assert_true(verifies(M_RSA, RSA_PKCS1_PADDING, NULL, input, sizeof input, signature, len));
    assert_int_equal(module->C_Sign(session, input, sizeof input, signature, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
}

static void rsa_signs_a_message_in_parts(void **state)
{
    (void)state;
    enum { PART = 60000, PARTS = 4 }; /* together far more than one packet holds */
    unsigned char *message = malloc((size_t)PART * PARTS);
    unsigned char signature[256];
    unsigned char digest[SHA256_DIGEST_LENGTH];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM mechanism = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    assert_non_null(message);
    memset(message, 'x', (size_t)PART * PARTS);
    assert_int_equal(module->C_SignInit(session, &mechanism, key), CKR_OK);
    for (int i = 0; i < PARTS; i++) {
        assert_int_equal(module->C_SignUpdate(session, message + (size_t)i * PART, PART), CKR_OK);
    }
    assert_int_equal(module->C_SignFinal(session, signature, &len), CKR_OK);
    SHA256(message, (size_t)PART * PARTS, digest);
    assert_true(
        verifies(M_RSA, RSA_PKCS1_PADDING, EVP_sha256(), digest, sizeof digest, signature, len));
    free(message);
}

static void rsa_signs_every_hash(void **state)
{
    (void)state;
    static unsigned char message[] = "message";
    const struct {
        CK_MECHANISM_TYPE type;
        const EVP_MD *hash;
    } rows[] = {{CKM_SHA1_RSA_PKCS, EVP_sha1()},
                {CKM_SHA256_RSA_PKCS, EVP_sha256()},
                {CKM_SHA384_RSA_PKCS, EVP_sha384()},
                {CKM_SHA512_RSA_PKCS, EVP_sha512()}};
    CK_SESSION_HANDLE session = open_session(SLOT_SIGN);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "sign.example");
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        unsigned char signature[256];
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned digest_len = 0;
        CK_ULONG len = sizeof signature;
        CK_MECHANISM mechanism = {rows[i].type, NULL, 0};
        assert_int_equal(module->C_SignInit(session, &mechanism, key), CKR_OK);
        assert_int_equal(module->C_Sign(session, message, sizeof message, signature, &len), CKR_OK);
        EVP_Digest(message, sizeof message, digest, &digest_len, rows[i].hash, NULL);
        assert_true(
            verifies(M_SIGN, RSA_PKCS1_PADDING, rows[i].hash, digest, digest_len, signature, len));
    }
}

static void rsa_signs_pss(void **state)
{
    (void)state;
    unsigned char digest[32] = {1, 2, 3};
    unsigned char signature[256];
    CK_ULONG len = sizeof signature;
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 32};
    CK_MECHANISM mechanism = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    CK_OBJECT_HANDLE public_key = find_one(session, CKO_PUBLIC_KEY, "rsa.example");
    assert_int_equal(module->C_SignInit(session, &mechanism, key), CKR_OK);
    assert_int_equal(module->C_Sign(session, digest, sizeof digest, signature, &len), CKR_OK);
    assert_true(verifies(M_RSA, RSA_PKCS1_PSS_PADDING, EVP_sha256(), digest, sizeof digest,
                         signature, len));
    assert_int_equal(module->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
    assert_int_equal(module->C_Verify(session, digest, sizeof digest, signature, len), CKR_OK);
    signature[10] ^= 1;
    assert_int_equal(module->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
    assert_int_equal(module->C_Verify(session, digest, sizeof digest, signature, len),
                     CKR_SIGNATURE_INVALID);
}

static void ec_signs_through_its_own_token(void **state)
{
    (void)state;
    unsigned char digest[32] = {9, 8, 7};
    unsigned char signature[64];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    CK_OBJECT_HANDLE public_key = find_one(session, CKO_PUBLIC_KEY, "ec.example");
    assert_int_equal(module->C_SignInit(session, &mechanism, key), CKR_OK);
    assert_int_equal(module->C_Sign(session, digest, sizeof digest, signature, &len), CKR_OK);
    assert_int_equal(len, 64);
    assert_int_equal(atomic_load(&fixture.knobs->token), 1);
    assert_int_equal(module->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
    assert_int_equal(module->C_Verify(session, digest, sizeof digest, signature, len), CKR_OK);
    digest[0] ^= 1;
    assert_int_equal(module->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
    assert_int_equal(module->C_Verify(session, digest, sizeof digest, signature, len),
                     CKR_SIGNATURE_INVALID);
    assert_int_equal(module->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
    assert_int_equal(module->C_Verify(session, digest, sizeof digest, signature, len - 1),
                     CKR_SIGNATURE_LEN_RANGE);
}

/* r || s, by OpenSSL. */
static bool verifies_ecdsa(enum material which, const unsigned char *digest, size_t len,
                           const unsigned char signature[64])
{
    unsigned char *der = NULL;
    ECDSA_SIG *both = ECDSA_SIG_new();
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(fixture.material.keys[which], NULL);
    assert_int_equal(
        ECDSA_SIG_set0(both, BN_bin2bn(signature, 32, NULL), BN_bin2bn(signature + 32, 32, NULL)),
        1);
    int der_len = i2d_ECDSA_SIG(both, &der);
    bool good = der_len > 0 && EVP_PKEY_verify_init(context) == 1 &&
                EVP_PKEY_verify(context, der, (size_t)der_len, digest, len) == 1;
    OPENSSL_free(der);
    ECDSA_SIG_free(both);
    EVP_PKEY_CTX_free(context);
    return good;
}

/* One byte and the rest, or all at once. */
static CK_RV sign_message(CK_SESSION_HANDLE session, bool in_parts, unsigned char *message,
                          CK_ULONG len, unsigned char *signature, CK_ULONG *signature_len)
{
    if (!in_parts) {
        return module->C_Sign(session, message, len, signature, signature_len);
    }
    assert_int_equal(module->C_SignUpdate(session, message, 1), CKR_OK);
    assert_int_equal(module->C_SignUpdate(session, message + 1, len - 1), CKR_OK);
    return module->C_SignFinal(session, signature, signature_len);
}

static CK_RV verify_message(CK_SESSION_HANDLE session, bool in_parts, unsigned char *message,
                            CK_ULONG len, unsigned char *signature, CK_ULONG signature_len)
{
    if (!in_parts) {
        return module->C_Verify(session, message, len, signature, signature_len);
    }
    assert_int_equal(module->C_VerifyUpdate(session, message, 1), CKR_OK);
    assert_int_equal(module->C_VerifyUpdate(session, message + 1, len - 1), CKR_OK);
    return module->C_VerifyFinal(session, signature, signature_len);
}

static void ec_hashes_a_message_and_signs_it(void **state)
{
    (void)state;
    unsigned char message[] = "a message of more bytes than a digest of it would have";
    unsigned char digest[SHA_DIGEST_LENGTH];
    CK_MECHANISM mechanism = {CKM_ECDSA_SHA1, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    CK_OBJECT_HANDLE public_key = find_one(session, CKO_PUBLIC_KEY, "ec.example");
    SHA1(message, sizeof message, digest);
    for (int in_parts = 0; in_parts <= 1; in_parts++) {
        unsigned char signature[64];
        CK_ULONG len = sizeof signature;
        assert_int_equal(module->C_SignInit(session, &mechanism, key), CKR_OK);
        assert_int_equal(
            sign_message(session, in_parts == 1, message, sizeof message, signature, &len), CKR_OK);
        assert_int_equal(len, sizeof signature);
        assert_true(verifies_ecdsa(M_EC, digest, sizeof digest, signature));
        for (int verified_in_parts = 0; verified_in_parts <= 1; verified_in_parts++) {
            assert_int_equal(module->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
            assert_int_equal(verify_message(session, verified_in_parts == 1, message,
                                            sizeof message, signature, len),
                             CKR_OK);
            message[3] ^= 1;
            assert_int_equal(module->C_VerifyInit(session, &mechanism, public_key), CKR_OK);
            assert_int_equal(verify_message(session, verified_in_parts == 1, message,
                                            sizeof message, signature, len),
                             CKR_SIGNATURE_INVALID);
            message[3] ^= 1;
        }
    }
    assert_int_equal(atomic_load(&fixture.knobs->uses), 2); /* what is verified stays here */
    assert_int_equal(
        module->C_SignInit(session, &mechanism, find_one(session, CKO_PRIVATE_KEY, "rsa.example")),
        CKR_KEY_TYPE_INCONSISTENT);
}

static void rsa_decrypts_what_was_encrypted(void **state)
{
    (void)state;
    unsigned char secret[] = "forty-two";
    CK_RSA_PKCS_OAEP_PARAMS oaep = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_MECHANISM mechanisms[] = {{CKM_RSA_PKCS, NULL, 0}, {CKM_RSA_PKCS_OAEP, &oaep, sizeof oaep}};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    CK_OBJECT_HANDLE public_key = find_one(session, CKO_PUBLIC_KEY, "rsa.example");
    for (size_t i = 0; i < SG_COUNT(mechanisms); i++) {
        unsigned char encrypted[256];
        unsigned char plain[256];
        CK_ULONG encrypted_len = sizeof encrypted;
        CK_ULONG len = 3;
        assert_int_equal(module->C_EncryptInit(session, &mechanisms[i], public_key), CKR_OK);
        assert_int_equal(
            module->C_Encrypt(session, secret, sizeof secret, encrypted, &encrypted_len), CKR_OK);
        assert_int_equal(module->C_DecryptInit(session, &mechanisms[i], key), CKR_OK);
        assert_int_equal(module->C_Decrypt(session, encrypted, encrypted_len, plain, &len),
                         CKR_BUFFER_TOO_SMALL);
        assert_int_equal(len, sizeof secret);
        len = sizeof plain;
        assert_int_equal(module->C_Decrypt(session, encrypted, encrypted_len, plain, &len), CKR_OK);
        assert_int_equal(len, sizeof secret);
        assert_memory_equal(plain, secret, sizeof secret);
    }
}

/* What the key's token cannot decrypt is not encrypted either; the token is asked once. */
static void oaep_that_the_token_does_not_know_is_refused_at_init(void **state)
{
    (void)state;
    CK_RSA_PKCS_OAEP_PARAMS sha1 = {CKM_SHA_1, CKG_MGF1_SHA1, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_RSA_PKCS_OAEP_PARAMS sha256 = {CKM_SHA256, CKG_MGF1_SHA256, CKZ_DATA_SPECIFIED, NULL, 0};
    CK_RSA_PKCS_OAEP_PARAMS no_source = {CKM_SHA_1, CKG_MGF1_SHA1, 0, NULL, 0};
    CK_RSA_PKCS_PSS_PARAMS mixed = {CKM_SHA256, CKG_MGF1_SHA1, 32};
    CK_MECHANISM known = {CKM_RSA_PKCS_OAEP, &sha1, sizeof sha1};
    CK_MECHANISM unknown = {CKM_RSA_PKCS_OAEP, &sha256, sizeof sha256};
    CK_MECHANISM odd = {CKM_RSA_PKCS_OAEP, &no_source, sizeof no_source};
    CK_MECHANISM pss = {CKM_RSA_PKCS_PSS, &mixed, sizeof mixed};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    CK_OBJECT_HANDLE public_key = find_one(session, CKO_PUBLIC_KEY, "rsa.example");
    assert_int_equal(module->C_EncryptInit(session, &odd, public_key), CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(module->C_SignInit(session, &pss, key), CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(module->C_VerifyInit(session, &pss, public_key), CKR_MECHANISM_PARAM_INVALID);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 0);
    /* away for now: asked again */
    atomic_store(&fixture.knobs->refusal_rv, CKR_DEVICE_ERROR);
    atomic_store(&fixture.knobs->refusals, 1);
    assert_int_equal(module->C_EncryptInit(session, &unknown, public_key), CKR_DEVICE_ERROR);
    atomic_store(&fixture.knobs->refusal_rv, CKR_ARGUMENTS_BAD);
    atomic_store(&fixture.knobs->refusals, 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(module->C_EncryptInit(session, &unknown, public_key),
                         CKR_MECHANISM_PARAM_INVALID);
        assert_int_equal(module->C_DecryptInit(session, &unknown, key),
                         CKR_MECHANISM_PARAM_INVALID);
    }
    assert_int_equal(atomic_load(&fixture.knobs->uses), 2);
    assert_int_equal(module->C_EncryptInit(session, &known, public_key), CKR_OK);
    assert_int_equal(module->C_DecryptInit(session, &known, key), CKR_OK);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 3);
}

static void refused_part_ends_the_operation(void **state)
{
    (void)state;
    unsigned char data[256] = {0};
    CK_ULONG len = sizeof data;
    CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    CK_OBJECT_HANDLE public_key = find_one(session, CKO_PUBLIC_KEY, "rsa.example");
    for (int i = 0; i < 2; i++) {
        CK_RV rv = i == 0 ? CKR_OPERATION_NOT_INITIALIZED : CKR_FUNCTION_NOT_SUPPORTED;
        for (int part = 0; part < 2; part++) {
            if (i == 1) {
                assert_int_equal(module->C_DecryptInit(session, &rsa, key), CKR_OK);
                assert_int_equal(module->C_EncryptInit(session, &rsa, public_key), CKR_OK);
            }
            assert_int_equal(part == 0 ? module->C_DecryptUpdate(session, data, 16, data, &len)
                                       : module->C_DecryptFinal(session, data, &len),
                             rv);
            assert_int_equal(part == 0 ? module->C_EncryptUpdate(session, data, 16, data, &len)
                                       : module->C_EncryptFinal(session, data, &len),
                             rv);
        }
    }
    assert_int_equal(module->C_Decrypt(session, data, sizeof data, data, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_Encrypt(session, data, 16, data, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_DecryptFinal(session + 1024, data, &len),
                     CKR_SESSION_HANDLE_INVALID);
}

static void decryption_is_for_keys_that_may(void **state)
{
    (void)state;
    CK_MECHANISM raw = {CKM_RSA_X_509, NULL, 0};
    CK_MECHANISM pkcs = {CKM_RSA_PKCS, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_SIGN);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "sign.example");
    assert_int_equal(module->C_DecryptInit(session, &pkcs, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    /* a raw signature is a decryption under another name */
    assert_int_equal(module->C_SignInit(session, &raw, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(module->C_SignInit(session, &pkcs, key), CKR_OK);
    assert_int_equal(atomic_load(&fixture.knobs->grants), 0);
}

static void wrong_keys_and_mechanisms_are_refused_at_init(void **state)
{
    (void)state;
    CK_RSA_PKCS_PSS_PARAMS pss = {CKM_SHA256, CKG_MGF1_SHA256, 9999};
    CK_MECHANISM ecdsa = {CKM_ECDSA, NULL, 0};
    CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0};
    CK_MECHANISM salty = {CKM_RSA_PKCS_PSS, &pss, sizeof pss};
    CK_MECHANISM oaep = {CKM_RSA_PKCS_OAEP, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    CK_OBJECT_HANDLE public_key = find_one(session, CKO_PUBLIC_KEY, "rsa.example");
    CK_OBJECT_HANDLE certificate = find_one(session, CKO_CERTIFICATE, "rsa.example");
    assert_int_equal(module->C_SignInit(session, &ecdsa, key), CKR_KEY_TYPE_INCONSISTENT);
    assert_int_equal(module->C_SignInit(session, &salty, key), CKR_MECHANISM_PARAM_INVALID);
    assert_int_not_equal(module->C_SignInit(session, &oaep, key), CKR_OK);
    assert_int_equal(module->C_SignInit(session, &rsa, public_key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(module->C_SignInit(session, &rsa, certificate), CKR_KEY_HANDLE_INVALID);
    assert_int_equal(module->C_SignInit(session, &rsa, 12345), CKR_KEY_HANDLE_INVALID);
    assert_int_equal(module->C_VerifyInit(session, &rsa, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(module->C_SignInit(session, &rsa, key), CKR_OK); /* none of them began one */
    assert_int_equal(module->C_SignInit(session, &rsa, key), CKR_OPERATION_ACTIVE);
}

static void wrong_input_ends_the_operation(void **state)
{
    (void)state;
    unsigned char input[256] = {0};
    unsigned char signature[256];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0};
    CK_MECHANISM hashed = {CKM_SHA256_RSA_PKCS, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    assert_int_equal(module->C_SignInit(session, &rsa, key), CKR_OK);
    assert_int_equal(module->C_Sign(session, input, 246, signature, &len), CKR_DATA_LEN_RANGE);
    assert_int_equal(module->C_Sign(session, input, 32, signature, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_SignInit(session, &rsa, key), CKR_OK);
    assert_int_equal(module->C_SignUpdate(session, input, 32), CKR_FUNCTION_NOT_SUPPORTED);
    assert_int_equal(module->C_SignFinal(session, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_SignInit(session, &hashed, key), CKR_OK);
    assert_int_equal(module->C_SignUpdate(session, input, 32), CKR_OK);
    assert_int_equal(module->C_Sign(session, input, 32, signature, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_SignFinal(session, signature, &len), CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 0);
}

/* ---- tokens that die ---- */

static CK_RV sign_with_ec(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key)
{
    unsigned char digest[32] = {5};
    unsigned char signature[64];
    CK_ULONG len = sizeof signature;
    CK_MECHANISM mechanism = {CKM_ECDSA, NULL, 0};
    CK_RV rv = module->C_SignInit(session, &mechanism, key);
    return rv == CKR_OK ? module->C_Sign(session, digest, sizeof digest, signature, &len) : rv;
}

static void one_capability_serves_all_signatures(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    for (int i = 0; i < 20; i++) {
        assert_int_equal(sign_with_ec(session, key), CKR_OK);
    }
    assert_int_equal(atomic_load(&fixture.knobs->grants), 1);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 20);
}

static void connection_works_in_batches_while_several_wait(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    pid_t connection = rings_youngest(&fixture);
    static const int crowded[] = {0, 1, 1, 0};
    for (size_t i = 0; i < SG_COUNT(crowded); i++) {
        atomic_store(&fixture.knobs->crowded, crowded[i]);
        assert_int_equal(sign_with_ec(session, key), CKR_OK);
        assert_true(connection == 0 || sched_getscheduler(connection) ==
                                           (crowded[i] == 1 ? SCHED_BATCH : SCHED_OTHER));
    }
}

static cpu_set_t usable_by(pid_t process)
{
    cpu_set_t set;
    assert_int_equal(sched_getaffinity(process, sizeof set, &set), 0);
    return set;
}

/* Only the processor-th of those that are there, counted from 1. */
static void keep(pid_t process, unsigned processor)
{
    struct sg_processors one;
    sg_processors_read(&one, processor);
    assert_int_equal(sched_setaffinity(process, sizeof one.own, &one.own), 0);
}

/* A connection that has moved may use all processors again, also those that we took from it. */
static void connection_goes_where_its_client_is(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    pid_t connection = rings_youngest(&fixture);
    cpu_set_t all = usable_by(0);
    if (connection == 0 || CPU_COUNT(&all) < 2) {
        skip(); /* nobody to look at, or nowhere to go */
    }
    keep(connection, 1);
    keep(0, 2);
    CK_RV rv = CKR_OK;
    for (unsigned i = 0; i < 2 * SG_PLACE_USES_MIN && rv == CKR_OK; i++) {
        rv = sign_with_ec(session, key);
    }
    cpu_set_t left = usable_by(connection);
    assert_int_equal(sched_setaffinity(0, sizeof all, &all), 0);
    assert_int_equal(rv, CKR_OK);
    assert_true(CPU_EQUAL(&left, &all));
}

static void one_death_is_a_delay_and_no_error(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    for (int i = 0; i < 5; i++) {
        atomic_store(&fixture.knobs->deaths, 1);
        assert_int_equal(sign_with_ec(session, key), CKR_OK);
    }
    assert_int_equal(atomic_load(&fixture.knobs->uses), 10);
}

static void restart_that_takes_time_is_waited_for(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    atomic_store(&fixture.knobs->deaths, 1);
    atomic_store(&fixture.knobs->grant_status, SG_E_TOKEN);
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
    atomic_store(&fixture.knobs->grant_failures, 6);
    atomic_store(&fixture.knobs->deaths, 1);
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
    assert_int_equal(atomic_load(&fixture.knobs->grant_failures), 0);
}

static void two_deaths_end_the_connection(void **state)
{
    (void)state;
    CK_ULONG count = 0;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    atomic_store(&fixture.knobs->deaths, 2);
    assert_int_equal(sign_with_ec(session, key), CKR_DEVICE_ERROR);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 2); /* repeated once, not more */
    assert_int_not_equal(module->C_GetSlotList(CK_TRUE, NULL, &count), CKR_OK);
    assert_int_equal(rings_wait(&fixture.knobs->gones, 1), 1);
    assert_int_equal(atomic_load(&fixture.knobs->gone_connection),
                     atomic_load(&fixture.knobs->connection));
}

static void death_while_idle_does_not_count(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
    struct timespec pause = {.tv_nsec = 100000000};
    assert_int_equal(kill(atomic_load(&fixture.knobs->token_pid), SIGKILL), 0);
    nanosleep(&pause, NULL);
    atomic_store(&fixture.knobs->deaths, 1); /* and then one under the operation */
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
}

static void token_that_hangs_is_replaced(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    atomic_store(&fixture.knobs->token_silent, 1);
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
    assert_int_equal(atomic_load(&fixture.knobs->grants), 2);
}

static void refused_grant_is_no_permission(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    atomic_store(&fixture.knobs->grant_status, SG_E_DENIED);
    atomic_store(&fixture.knobs->grant_failures, 1);
    assert_int_equal(sign_with_ec(session, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(atomic_load(&fixture.knobs->grants), 1); /* not asked again */
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
}

/* One client, or key, too many: nothing is wrong with the data. */
static void grant_without_room_is_no_fault_of_the_data(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    atomic_store(&fixture.knobs->grant_status, SG_E_LIMIT);
    atomic_store(&fixture.knobs->grant_failures, 1);
    assert_int_equal(sign_with_ec(session, key), CKR_DEVICE_MEMORY);
    assert_int_equal(atomic_load(&fixture.knobs->grants), 1);
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
}

static void denial_counts_until_something_changes(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    atomic_store(&fixture.knobs->denials, 1);
    assert_int_equal(sign_with_ec(session, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    assert_int_equal(atomic_load(&fixture.knobs->grants), 1);
    atomic_store(&fixture.page->generation, 5); /* perhaps it is granted now */
    atomic_store(&fixture.knobs->denials, 1);
    assert_int_equal(sign_with_ec(session, key), CKR_OK);
    assert_int_equal(atomic_load(&fixture.knobs->grants), 2);
    atomic_store(&fixture.knobs->denials, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(sign_with_ec(session, key), CKR_KEY_FUNCTION_NOT_PERMITTED);
    }
    assert_int_equal(atomic_load(&fixture.knobs->grants), 2); /* nothing new was to be heard */
}

static void token_that_stays_away_is_a_device_error(void **state)
{
    (void)state;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    atomic_store(&fixture.knobs->grant_status, SG_E_SERVICE);
    atomic_store(&fixture.knobs->grant_failures, 1000);
    assert_int_equal(sign_with_ec(session, key), CKR_DEVICE_ERROR);
    assert_true(atomic_load(&fixture.knobs->grants) < 100); /* with pauses */
    atomic_store(&fixture.knobs->grant_failures, 0);
    assert_int_equal(sign_with_ec(session, key), CKR_OK); /* the connection lives on */
}

static void tokens_own_answers_are_passed_or_hidden(void **state)
{
    (void)state;
    static const struct {
        CK_RV said, heard;
    } rows[] = {{CKR_DATA_LEN_RANGE, CKR_DATA_LEN_RANGE},
                {CKR_KEY_HANDLE_INVALID, CKR_KEY_HANDLE_INVALID},
                {CKR_USER_NOT_LOGGED_IN, CKR_DEVICE_ERROR},
                {CKR_PIN_INCORRECT, CKR_DEVICE_ERROR},
                {CKR_SESSION_HANDLE_INVALID, CKR_DEVICE_ERROR}};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        atomic_store(&fixture.knobs->refusal_rv, rows[i].said);
        atomic_store(&fixture.knobs->refusals, 1);
        assert_int_equal(sign_with_ec(session, key), rows[i].heard);
    }
    assert_int_equal(atomic_load(&fixture.knobs->uses), (int)SG_COUNT(rows)); /* none repeated */
}

/* ---- the rest ---- */

static void digests_and_random_numbers(void **state)
{
    (void)state;
    unsigned char message[] = "abc";
    unsigned char digest[32];
    unsigned char expected[32];
    unsigned char random[2][4096] = {{0}};
    CK_ULONG len = 1;
    CK_MECHANISM sha256 = {CKM_SHA256, NULL, 0};
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    assert_int_equal(module->C_Digest(session, message, 3, digest, &len),
                     CKR_OPERATION_NOT_INITIALIZED);
    assert_int_equal(module->C_DigestInit(session, &sha256), CKR_OK);
    assert_int_equal(module->C_DigestInit(session, &sha256), CKR_OPERATION_ACTIVE);
    assert_int_equal(module->C_Digest(session, message, 3, digest, &len), CKR_BUFFER_TOO_SMALL);
    assert_int_equal(len, 32);
    assert_int_equal(module->C_Digest(session, message, 3, digest, &len), CKR_OK);
    SHA256(message, 3, expected);
    assert_memory_equal(digest, expected, 32);
    assert_int_equal(module->C_GenerateRandom(session, random[0], sizeof random[0]), CKR_OK);
    assert_memory_not_equal(random[0], random[1], sizeof random[0]);
    assert_int_equal(module->C_SeedRandom(session, message, 3), CKR_RANDOM_SEED_NOT_SUPPORTED);
}

enum { UNUSED = 13 };

/* Everything that no ring does, by that session. */
static void try_what_no_ring_does(CK_SESSION_HANDLE session, CK_OBJECT_HANDLE key,
                                  CK_RV got[UNUSED])
{
    unsigned char in[256] = {0};
    unsigned char out[256] = {0};
    CK_ULONG len = sizeof out;
    CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0};
    CK_OBJECT_HANDLE made = 0;
    const CK_RV answers[UNUSED] = {
        module->C_GetOperationState(session, out, &len),
        module->C_SetOperationState(session, in, sizeof in, 0, key),
        module->C_DigestKey(session, key),
        module->C_SignRecoverInit(session, &rsa, key),
        module->C_SignRecover(session, in, 16, out, &len),
        module->C_VerifyRecoverInit(session, &rsa, key),
        module->C_VerifyRecover(session, in, sizeof in, out, &len),
        module->C_DigestEncryptUpdate(session, in, 16, out, &len),
        module->C_DecryptDigestUpdate(session, in, 16, out, &len),
        module->C_SignEncryptUpdate(session, in, 16, out, &len),
        module->C_DecryptVerifyUpdate(session, in, 16, out, &len),
        module->C_WrapKey(session, &rsa, key, key, out, &len),
        module->C_DeriveKey(session, &rsa, key, NULL, 0, &made),
    };
    memcpy(got, answers, sizeof answers);
    assert_int_equal(made, 0);
    for (size_t i = 0; i < sizeof out; i++) {
        assert_int_equal(out[i], 0);
    }
}

static void unused_functions_say_so(void **state)
{
    (void)state;
    CK_RV got[UNUSED];
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "rsa.example");
    try_what_no_ring_does(session, key, got);
    for (size_t i = 0; i < UNUSED; i++) {
        assert_int_equal(got[i], CKR_FUNCTION_NOT_SUPPORTED);
    }
    try_what_no_ring_does(session + 1024, key, got);
    for (size_t i = 0; i < UNUSED; i++) {
        assert_int_equal(got[i], CKR_SESSION_HANDLE_INVALID);
    }
    unsigned char out[256];
    CK_ULONG len = sizeof out;
    assert_int_equal(module->C_SignFinal(session + 1024, out, &len), CKR_SESSION_HANDLE_INVALID);
    assert_int_equal(atomic_load(&fixture.knobs->uses), 0);
}

/* CKA_DERIVE says so. */
static void no_key_derives(void **state)
{
    (void)state;
    unsigned char point[65] = {4};
    CK_BBOOL derives = 9;
    CK_ATTRIBUTE derive = {CKA_DERIVE, &derives, sizeof derives};
    CK_ECDH1_DERIVE_PARAMS ours = {
        .kdf = CKD_NULL, .public_data = point, .public_data_len = sizeof point};
    CK_MECHANISM ecdh = {CKM_ECDH1_DERIVE, &ours, sizeof ours};
    CK_MECHANISM_INFO info;
    CK_OBJECT_HANDLE made = 0;
    CK_SESSION_HANDLE session = open_session(SLOT_WEB);
    CK_OBJECT_HANDLE key = find_one(session, CKO_PRIVATE_KEY, "ec.example");
    assert_int_equal(module->C_GetAttributeValue(session, key, &derive, 1), CKR_OK);
    assert_int_equal(derives, CK_FALSE);
    assert_int_equal(module->C_GetMechanismInfo(SLOT_WEB, CKM_ECDH1_DERIVE, &info),
                     CKR_MECHANISM_INVALID);
    /* p11-kit's client 0.24.1, which has not asked */
    assert_int_equal(module->C_DeriveKey(session, &ecdh, key, NULL, 0, &made),
                     CKR_MECHANISM_INVALID);
}

static void pkcs11_tool_lists_it(void **state)
{
    (void)state;
    if (PKCS11_TOOL[0] == '\0') {
        fail_msg("pkcs11-tool is not installed; scripts/setup installs it");
    }
    char command[512];
    int len = snprintf(command, sizeof command,
                       "LSAN_OPTIONS=detect_leaks=0 %s --module %s -L -M >%s/out 2>&1 && "
                       "%s --module %s --token-label WEB/RING -O >>%s/out 2>&1",
                       PKCS11_TOOL, P11_KIT_CLIENT, fixture.dir, PKCS11_TOOL, P11_KIT_CLIENT,
                       fixture.dir);
    assert_true(len > 0 && len < (int)sizeof command);
    pid_t shell = fork();
    if (shell == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = -1;
    char path[128];
    char text[16384] = {0};
    assert_int_equal(waitpid(shell, &status, 0), shell);
    snprintf(path, sizeof path, "%s/out", fixture.dir);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    (void)!fread(text, 1, sizeof text - 1, file);
    (void)fclose(file);
    unlink(path);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        print_error("%s\n", text);
    }
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    static const char *const wanted[] = {"WEB/RING",           "WEB/SIGN",     "rsa.example",
                                         "Private Key Object", "RSA-PKCS-PSS", "ECDSA"};
    for (size_t i = 0; i < SG_COUNT(wanted); i++) {
        assert_non_null(strstr(text, wanted[i]));
    }
}

#define WITH_CLIENT(test) cmocka_unit_test_setup_teardown(test, open_client, close_client)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_CLIENT(slot_list_shows_the_visible_rings_only),
        WITH_CLIENT(slot_list_refuses_a_small_buffer),
        WITH_CLIENT(token_needs_no_login_and_is_initialised),
        WITH_CLIENT(unknown_slot_opens_as_an_empty_token),
        WITH_CLIENT(sessions_are_closed_where_they_can_be),
        WITH_CLIENT(waiting_for_slots_never_blocks),
        WITH_CLIENT(mechanism_list_and_what_java_asks_for),
        WITH_CLIENT(login_is_accepted_and_counts_for_the_token),
        WITH_CLIENT(closed_sessions_are_gone),
        WITH_CLIENT(sessions_have_a_maximum),
        WITH_CLIENT(writing_is_refused_in_every_form),
        WITH_CLIENT(default_certificate_is_found_first),
        WITH_CLIENT(certificates_carry_category_and_trust),
        WITH_CLIENT(certificate_value_is_the_der),
        WITH_CLIENT(attribute_failures_do_not_stop_the_others),
        WITH_CLIENT(no_secret_attribute_is_readable),
        WITH_CLIENT(objects_of_other_slots_are_no_objects),
        WITH_CLIENT(searches_keep_their_state),
        WITH_CLIENT(a_key_is_found_by_its_id_whatever_label_it_had),
        WITH_CLIENT(change_is_seen_at_the_next_search),
        WITH_CLIENT(change_leaves_a_running_search_alone),
        WITH_CLIENT(search_of_one_session_takes_no_handle_from_another),
        WITH_CLIENT(closed_session_keeps_no_handle),
        WITH_CLIENT(past_is_kept_for_some_changes_only),
        WITH_CLIENT(large_views_leave_room_for_the_next_one),
        WITH_CLIENT(vanished_ring_becomes_an_empty_token),
        WITH_CLIENT(stranger_sees_nothing_and_no_error),
        WITH_CLIENT(lost_answer_is_an_error_after_the_time_out),
        WITH_CLIENT(rsa_signs_a_digest_info),
        WITH_CLIENT(rsa_signs_a_message_in_parts),
        WITH_CLIENT(rsa_signs_every_hash),
        WITH_CLIENT(rsa_signs_pss),
        WITH_CLIENT(ec_signs_through_its_own_token),
        WITH_CLIENT(ec_hashes_a_message_and_signs_it),
        WITH_CLIENT(rsa_decrypts_what_was_encrypted),
        WITH_CLIENT(oaep_that_the_token_does_not_know_is_refused_at_init),
        WITH_CLIENT(refused_part_ends_the_operation),
        WITH_CLIENT(decryption_is_for_keys_that_may),
        WITH_CLIENT(wrong_keys_and_mechanisms_are_refused_at_init),
        WITH_CLIENT(wrong_input_ends_the_operation),
        WITH_CLIENT(one_capability_serves_all_signatures),
        WITH_CLIENT(connection_works_in_batches_while_several_wait),
        WITH_CLIENT(connection_goes_where_its_client_is),
        WITH_CLIENT(one_death_is_a_delay_and_no_error),
        WITH_CLIENT(restart_that_takes_time_is_waited_for),
        WITH_CLIENT(two_deaths_end_the_connection),
        WITH_CLIENT(death_while_idle_does_not_count),
        WITH_CLIENT(token_that_hangs_is_replaced),
        WITH_CLIENT(refused_grant_is_no_permission),
        WITH_CLIENT(grant_without_room_is_no_fault_of_the_data),
        WITH_CLIENT(denial_counts_until_something_changes),
        WITH_CLIENT(token_that_stays_away_is_a_device_error),
        WITH_CLIENT(tokens_own_answers_are_passed_or_hidden),
        WITH_CLIENT(digests_and_random_numbers),
        WITH_CLIENT(unused_functions_say_so),
        WITH_CLIENT(no_key_derives),
        WITH_CLIENT(pkcs11_tool_lists_it),
    };
    return cmocka_run_group_tests_name("rings", tests, start, stop);
}
