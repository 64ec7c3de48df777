/* The room pkcs11 itself, in this process, and what its objects look like to somebody else's
 * Cryptoki calls. */
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <p11-kit/pkcs11.h>

#include <signet/base/secret.h>
#include <signet/pkcs11/key.h>
#include <signet/pkcs11/mechanism.h>
#include <signet/pkcs11/result.h>
#include <signet/pkcs11/token.h>

#include "cmocka_all.h"
#include "curves_internal.h"
#include "index_internal.h"
#include "key_internal.h"
#include "rsa_keys_internal.h"
#include "session_internal.h"
#include "softhsm_fixture.h"

struct world {
    struct softhsm_fixture fixture;
    struct sg_pkcs11_module *module;
    struct sg_pkcs11_session *session;
    CK_FUNCTION_LIST *call; /* of the same instance, as another program would have it */
    CK_SESSION_HANDLE handle;
};

static int setup(void **state)
{
    static struct world world;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_pkcs11_token token;
    SG_SECRET struct sg_secret *pin = NULL;
    softhsm_fixture_init(&world.fixture);
    /* SoftHSM notes the login in it, and loses sight of the token where it may not; root always
     * may. */
    char object[256];
    softhsm_fixture_path(&world.fixture, "token.object", object, sizeof object);
    assert_int_equal(chmod(object, 0600), 0);
    assert_int_equal(setenv("SOFTHSM2_CONF", strchr(world.fixture.configuration, '=') + 1, 1), 0);
    assert_int_equal(sg_pkcs11_module_load(SOFTHSM_MODULE, &world.module, &err), SG_OK);
    assert_int_equal(sg_pkcs11_token_find(world.module, "store", NULL, &token, &err), SG_OK);
    assert_int_equal(sg_pkcs11_session_open(world.module, token.slot, &world.session, &err), SG_OK);
    assert_false(sg_pkcs11_session_logged_in(world.session));
    assert_int_equal(sg_secret_read_file(world.fixture.pin_file, "PIN file", &pin, &err), SG_OK);
    assert_int_equal(sg_pkcs11_session_login(world.session, pin, &err), SG_OK);
    assert_true(sg_pkcs11_session_logged_in(world.session));
    void *library = dlopen(SOFTHSM_MODULE, RTLD_NOW | RTLD_NOLOAD);
    assert_non_null(library);
    CK_C_GetFunctionList get = (CK_C_GetFunctionList)dlsym(library, "C_GetFunctionList");
    assert_int_equal(get(&world.call), CKR_OK);
    assert_int_equal(
        world.call->C_OpenSession(token.slot, CKF_SERIAL_SESSION, NULL, NULL, &world.handle),
        CKR_OK);
    (void)dlclose(library);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    (void)world->call->C_CloseSession(world->handle);
    sg_pkcs11_session_free(world->session);
    sg_pkcs11_module_free(world->module);
    softhsm_fixture_done(&world->fixture);
    return 0;
}

static CK_OBJECT_HANDLE find(struct world *world, CK_OBJECT_CLASS ck_class,
                             const struct sg_pkcs11_id *id)
{
    struct sg_pkcs11_id value = *id;
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &ck_class, sizeof ck_class},
                            {CKA_ID, value.bytes, sizeof value.bytes}};
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    CK_ULONG count = 0;
    assert_int_equal(world->call->C_FindObjectsInit(world->handle, match, 2), CKR_OK);
    assert_int_equal(world->call->C_FindObjects(world->handle, &handle, 1, &count), CKR_OK);
    assert_int_equal(world->call->C_FindObjectsFinal(world->handle), CKR_OK);
    assert_int_equal(count, 1);
    return handle;
}

static void check_bool(struct world *world, CK_OBJECT_HANDLE object, CK_ATTRIBUTE_TYPE type,
                       CK_BBOOL expected)
{
    CK_BBOOL value = 0x5a;
    CK_ATTRIBUTE attribute = {type, &value, sizeof value};
    assert_int_equal(world->call->C_GetAttributeValue(world->handle, object, &attribute, 1),
                     CKR_OK);
    if (value != expected) {
        fail_msg("attribute 0x%lx is %u", type, value);
    }
}

static struct sg_pkcs11_id id_of(unsigned char byte)
{
    struct sg_pkcs11_id id;
    memset(id.bytes, byte, sizeof id.bytes);
    return id;
}

static void generate(struct world *world, const struct sg_pkcs11_key_request *request)
{
    struct sg_error err = SG_ERROR_INIT;
    SG_BUFFER spki;
    sg_buffer_init(&spki, 4096);
    if (sg_pkcs11_key_generate(world->session, request, &spki, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    assert_true(spki.len > 40);
}

static void private_key_is_born_private(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 8; i++) {
        bool rsa = i == 0 || i == 4;
        struct sg_pkcs11_key_request request = {
            .type = rsa ? SG_PKCS11_RSA : (i == 7 ? SG_PKCS11_ED25519 : SG_PKCS11_EC),
            .bits = 2048,
            .curve = SG_PKCS11_P384,
            .id = id_of((unsigned char)(0x10 + i)),
            .label = "people read this",
            .decrypt = rsa && i == 4,
            .derive = i == 5,
            .extractable = i == 6,
        };
        generate(world, &request);
        CK_OBJECT_HANDLE key = find(world, CKO_PRIVATE_KEY, &request.id);
        check_bool(world, key, CKA_TOKEN, CK_TRUE);
        check_bool(world, key, CKA_PRIVATE, CK_TRUE);
        check_bool(world, key, CKA_SENSITIVE, CK_TRUE);
        check_bool(world, key, CKA_ALWAYS_SENSITIVE, CK_TRUE);
        check_bool(world, key, CKA_EXTRACTABLE, request.extractable);
        check_bool(world, key, CKA_NEVER_EXTRACTABLE, !request.extractable);
        check_bool(world, key, CKA_LOCAL, CK_TRUE);
        check_bool(world, key, CKA_SIGN, CK_TRUE);
        check_bool(world, key, CKA_DECRYPT, request.decrypt);
        check_bool(world, key, CKA_DERIVE, request.derive);
        check_bool(world, key, CKA_UNWRAP, CK_FALSE);
        check_bool(world, key, CKA_SIGN_RECOVER, CK_FALSE);
        CK_OBJECT_HANDLE public_key = find(world, CKO_PUBLIC_KEY, &request.id);
        check_bool(world, public_key, CKA_TOKEN, CK_TRUE);
        check_bool(world, public_key, CKA_PRIVATE, CK_FALSE);
    }
}

/* The module's own calls come to us: its keys sign with what we have kept. */
static void curve_of_a_key_that_signs_is_kept(void **state)
{
    struct world *world = *state;
    struct sg_pkcs11_key_request request = {
        .type = SG_PKCS11_EC, .curve = SG_PKCS11_P521, .id = id_of(0x32)};
    const struct sg_pkcs11_mechanism mechanism = {.kind = SG_PKCS11_ECDSA};
    generate(world, &request);
    size_t kept = sg_pkcs11_curves_kept();
    assert_true(kept > 0);
    for (int i = 0; i < 3; i++) {
        static const unsigned char hash[32] = {1};
        unsigned char signature[132];
        size_t len = sizeof signature;
        struct sg_error err = SG_ERROR_INIT;
        bool asked = false;
        assert_int_equal(sg_pkcs11_use_key(world->session, SG_PKCS11_SIGN, &request.id, &mechanism,
                                           (struct sg_bytes){hash, sizeof hash}, signature, &len,
                                           &asked, &err),
                         SG_OK);
        assert_int_equal(len, sizeof signature);
        assert_int_equal(sg_pkcs11_curves_kept(), kept);
    }
}

static sg_status use_with(struct world *world, struct sg_pkcs11_session *session,
                          enum sg_pkcs11_use what, const struct sg_pkcs11_id *id,
                          enum sg_pkcs11_mechanism_kind kind, struct sg_error *err)
{
    static const unsigned char data[256] = {0, 1};
    const struct sg_pkcs11_mechanism mechanism = {
        .kind = kind, .hash = SG_PKCS11_SHA256, .mgf_hash = SG_PKCS11_SHA256, .salt_len = 32};
    unsigned char out[512];
    size_t len = sizeof out;
    bool asked = false;
    return sg_pkcs11_use_key(session != NULL ? session : world->session, what, id, &mechanism,
                             (struct sg_bytes){data, what == SG_PKCS11_SIGN ? 32 : sizeof data},
                             out, &len, &asked, err);
}

static sg_status sign_with(struct world *world, const struct sg_pkcs11_id *id,
                           enum sg_pkcs11_mechanism_kind kind)
{
    struct sg_error err = SG_ERROR_INIT;
    return use_with(world, NULL, SG_PKCS11_SIGN, id, kind, &err);
}

/* The module's own calls come to us, whatever is done with the key. */
static void each_use_of_an_rsa_key_keeps_it(void **state)
{
    static const struct {
        enum sg_pkcs11_use use;
        enum sg_pkcs11_mechanism_kind kind;
        sg_status status; /* what is decrypted here is none of the key's ciphertexts */
    } rows[] = {
        {SG_PKCS11_SIGN, SG_PKCS11_RSA_PKCS, SG_OK},
        {SG_PKCS11_SIGN, SG_PKCS11_RSA_PSS, SG_OK},
        {SG_PKCS11_SIGN, SG_PKCS11_RSA_X_509, SG_OK},
        {SG_PKCS11_SIGN, SG_PKCS11_RSA_PKCS_HASHED, SG_OK},
        {SG_PKCS11_DECRYPT, SG_PKCS11_RSA_X_509, SG_OK},
        {SG_PKCS11_DECRYPT, SG_PKCS11_RSA_PKCS, SG_E_TOKEN},
    };
    struct world *world = *state;
    const struct sg_pkcs11_key_request request = {
        .type = SG_PKCS11_RSA, .bits = 2048, .id = id_of(0x37), .decrypt = true};
    generate(world, &request);
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        sg_pkcs11_copies_forget(world->session);
        assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
        for (int times = 0; times < 2; times++) {
            struct sg_error err = SG_ERROR_INIT;
            assert_int_equal(use_with(world, NULL, rows[i].use, &request.id, rows[i].kind, &err),
                             rows[i].status);
            assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
        }
    }
    sg_pkcs11_copies_forget(world->session);
}

static void rsa_key_is_kept_as_long_as_its_copy(void **state)
{
    struct world *world = *state;
    const struct sg_pkcs11_key_request one = {
        .type = SG_PKCS11_RSA, .bits = 2048, .id = id_of(0x33)};
    const struct sg_pkcs11_key_request other = {
        .type = SG_PKCS11_RSA, .bits = 2048, .id = id_of(0x34)};
    struct sg_error err = SG_ERROR_INIT;
    unsigned destroyed = 0;
    generate(world, &one);
    generate(world, &other);
    assert_int_equal(sign_with(world, &one.id, SG_PKCS11_RSA_PKCS), SG_OK);
    assert_int_equal(sign_with(world, &other.id, SG_PKCS11_RSA_PKCS), SG_OK);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 2);
    assert_int_equal(sg_pkcs11_object_destroy(world->session, &other.id, &destroyed, &err), SG_OK);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    assert_int_equal(sign_with(world, &other.id, SG_PKCS11_RSA_PKCS), SG_E_NOT_FOUND);
    assert_int_equal(sg_pkcs11_session_reopen(world->session), CKR_OK);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
    assert_int_equal(sign_with(world, &one.id, SG_PKCS11_RSA_PKCS), SG_OK);
    sg_pkcs11_copies_forget(world->session);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

/* The copies that a session has made, and nobody else's: session objects with this CKA_ID. */
static CK_OBJECT_HANDLE copy_of(struct world *world, const struct sg_pkcs11_id *id)
{
    static CK_OBJECT_CLASS object_class = CKO_PRIVATE_KEY;
    static CK_BBOOL no = CK_FALSE;
    struct sg_pkcs11_id wanted = *id;
    CK_ATTRIBUTE template[] = {{CKA_CLASS, &object_class, sizeof object_class},
                               {CKA_TOKEN, &no, sizeof no},
                               {CKA_ID, wanted.bytes, sizeof wanted.bytes}};
    CK_OBJECT_HANDLE found[2] = {CK_INVALID_HANDLE};
    CK_ULONG count = 0;
    assert_int_equal(world->call->C_FindObjectsInit(world->handle, template, 3), CKR_OK);
    assert_int_equal(world->call->C_FindObjects(world->handle, found, 2, &count), CKR_OK);
    assert_int_equal(world->call->C_FindObjectsFinal(world->handle), CKR_OK);
    assert_int_equal(count, 1);
    return found[0];
}

/* A module that loses the copy: it is made anew, and what was kept of the lost one goes. */
static void copy_that_is_lost_is_made_and_kept_anew(void **state)
{
    struct world *world = *state;
    const struct sg_pkcs11_key_request request = {
        .type = SG_PKCS11_RSA, .bits = 2048, .id = id_of(0x38)};
    generate(world, &request);
    assert_int_equal(sign_with(world, &request.id, SG_PKCS11_RSA_PKCS), SG_OK);
    CK_OBJECT_HANDLE lost = copy_of(world, &request.id);
    assert_int_equal(world->call->C_DestroyObject(world->handle, lost), CKR_OK);
    assert_int_equal(sign_with(world, &request.id, SG_PKCS11_RSA_PKCS), SG_OK);
    assert_int_not_equal(copy_of(world, &request.id), lost);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_copies_forget(world->session);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

static void nothing_is_kept_beyond_a_session(void **state)
{
    struct world *world = *state;
    const struct sg_pkcs11_key_request request = {
        .type = SG_PKCS11_RSA, .bits = 2048, .id = id_of(0x39)};
    struct sg_pkcs11_session *other = NULL;
    struct sg_error err = SG_ERROR_INIT;
    generate(world, &request);
    assert_int_equal(sg_pkcs11_session_open(world->module, world->session->slot, &other, &err),
                     SG_OK);
    assert_int_equal(use_with(world, other, SG_PKCS11_SIGN, &request.id, SG_PKCS11_RSA_PKCS, &err),
                     SG_OK);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
    sg_pkcs11_session_free(other);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
}

/* SoftHSM makes an RSA key of an elliptic curve's, without numbers: two of these would end this
 * process. */
static void key_of_another_kind_is_refused_and_not_kept(void **state)
{
    static const struct {
        enum sg_pkcs11_use use;
        enum sg_pkcs11_mechanism_kind kind;
    } rows[] = {
        {SG_PKCS11_SIGN, SG_PKCS11_RSA_PKCS},    {SG_PKCS11_SIGN, SG_PKCS11_RSA_PSS},
        {SG_PKCS11_SIGN, SG_PKCS11_RSA_X_509},   {SG_PKCS11_SIGN, SG_PKCS11_RSA_PKCS_HASHED},
        {SG_PKCS11_DECRYPT, SG_PKCS11_RSA_PKCS}, {SG_PKCS11_DECRYPT, SG_PKCS11_RSA_X_509},
        {SG_PKCS11_DECRYPT, SG_PKCS11_RSA_OAEP},
    };
    struct world *world = *state;
    struct sg_pkcs11_key_request rsa = {.type = SG_PKCS11_RSA, .bits = 2048, .id = id_of(0x35)};
    struct sg_pkcs11_key_request ec = {
        .type = SG_PKCS11_EC, .curve = SG_PKCS11_P256, .id = id_of(0x36)};
    generate(world, &rsa);
    generate(world, &ec);
    sg_pkcs11_copies_forget(world->session);
    for (int i = 0; i < 2; i++) {
        for (size_t row = 0; row < SG_COUNT(rows); row++) {
            struct sg_error err = SG_ERROR_INIT;
            assert_int_equal(use_with(world, NULL, rows[row].use, &ec.id, rows[row].kind, &err),
                             SG_E_TOKEN);
            assert_int_equal(err.ck_rv, CKR_KEY_TYPE_INCONSISTENT);
        }
        assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
        assert_int_equal(sign_with(world, &ec.id, SG_PKCS11_ECDSA), SG_OK);
    }
    assert_int_equal(sign_with(world, &rsa.id, SG_PKCS11_ECDSA), SG_E_TOKEN);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 0);
    assert_int_equal(sign_with(world, &rsa.id, SG_PKCS11_RSA_PKCS), SG_OK);
    assert_int_equal(sg_pkcs11_rsa_keys_kept(), 1);
}

static void private_value_cannot_be_read(void **state)
{
    struct world *world = *state;
    struct sg_pkcs11_key_request request = {
        .type = SG_PKCS11_EC, .curve = SG_PKCS11_P256, .id = id_of(0x30), .extractable = true};
    unsigned char value[256];
    CK_ATTRIBUTE attribute = {CKA_VALUE, value, sizeof value};
    generate(world, &request);
    assert_int_equal(world->call->C_GetAttributeValue(
                         world->handle, find(world, CKO_PRIVATE_KEY, &request.id), &attribute, 1),
                     CKR_ATTRIBUTE_SENSITIVE);
}

static void abilities_that_a_key_cannot_have_are_refused(void **state)
{
    struct world *world = *state;
    const struct sg_pkcs11_key_request requests[] = {
        {.type = SG_PKCS11_RSA, .bits = 2048, .derive = true},
        {.type = SG_PKCS11_RSA, .bits = 1024},
        {.type = SG_PKCS11_RSA, .bits = 2047},
        {.type = SG_PKCS11_RSA, .bits = 1u << 31},
        {.type = SG_PKCS11_EC, .curve = SG_PKCS11_P256, .decrypt = true},
        {.type = SG_PKCS11_EC, .curve = (enum sg_pkcs11_curve)SG_PKCS11_CURVE_COUNT},
        {.type = SG_PKCS11_ED25519, .derive = true},
        {.type = SG_PKCS11_ED25519, .decrypt = true},
    };
    for (size_t i = 0; i < SG_COUNT(requests); i++) {
        struct sg_error err = SG_ERROR_INIT;
        SG_BUFFER spki;
        sg_buffer_init(&spki, 4096);
        assert_int_equal(sg_pkcs11_key_generate(world->session, &requests[i], &spki, &err),
                         SG_E_INPUT);
        assert_string_equal(err.code, "bad_key_request");
        assert_int_equal(spki.len, 0);
    }
}

static void stored_in_a_small_buffer_leaves_no_key(void **state)
{
    struct world *world = *state;
    struct sg_pkcs11_key_request request = {
        .type = SG_PKCS11_EC, .curve = SG_PKCS11_P256, .id = id_of(0x31)};
    struct sg_error err = SG_ERROR_INIT;
    unsigned count = 99;
    SG_BUFFER spki;
    sg_buffer_init(&spki, 10);
    assert_int_equal(sg_pkcs11_key_generate(world->session, &request, &spki, &err), SG_E_LIMIT);
    assert_int_equal(sg_pkcs11_object_destroy(world->session, &request.id, &count, &err), SG_OK);
    assert_int_equal(count, 0);
}

static void token_is_told_by_label_and_serial_number(void **state)
{
    struct world *world = *state;
    struct sg_pkcs11_token token;
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_pkcs11_token_find(world->module, "store", NULL, &token, &err), SG_OK);
    assert_int_equal(sg_pkcs11_token_find(world->module, NULL, token.serial, &token, &err), SG_OK);
    assert_int_equal(sg_pkcs11_token_find(world->module, "store", token.serial, &token, &err),
                     SG_OK);
    assert_int_equal(sg_pkcs11_token_find(world->module, "store", "0000000000000000", &token, &err),
                     SG_E_TOKEN);
    assert_string_equal(err.code, "token_missing");
    assert_int_equal(sg_pkcs11_token_find(world->module, "STORE", NULL, &token, &err), SG_E_TOKEN);
    assert_int_equal(sg_pkcs11_token_find(world->module, "sto", NULL, &token, &err), SG_E_TOKEN);
    assert_int_equal(sg_pkcs11_token_find(world->module, "", NULL, &token, &err), SG_E_TOKEN);
}

static void results_have_names(void **state)
{
    static const struct {
        unsigned long rv;
        const char *name, *code;
    } rows[] = {
        {CKR_TOKEN_WRITE_PROTECTED, "CKR_TOKEN_WRITE_PROTECTED", "token_write_protected"},
        {CKR_PIN_INCORRECT, "CKR_PIN_INCORRECT", "pin_incorrect"},
        {CKR_PIN_LOCKED, "CKR_PIN_LOCKED", "pin_locked"},
        {CKR_SESSION_PARALLEL_NOT_SUPPORTED, "CKR_SESSION_PARALLEL_NOT_SUPPORTED",
         "session_parallel_not_supported"},
        {0x80000001ul, "CK_RV 0x80000001", "token_error"},
        {0x4ul, "CK_RV 0x00000004", "token_error"},
        {~0ul, "CK_RV 0xffffffffffffffff", "token_error"},
    };
    (void)state;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        char name[SG_PKCS11_NAME_MAX];
        struct sg_error err = SG_ERROR_INIT;
        sg_pkcs11_result_name(rows[i].rv, name);
        assert_string_equal(name, rows[i].name);
        assert_int_equal(sg_pkcs11_fail(&err, rows[i].rv, "cannot do %d", 5), SG_E_TOKEN);
        assert_string_equal(err.code, rows[i].code);
        assert_int_equal(err.ck_rv, rows[i].rv);
        assert_non_null(strstr(err.text, rows[i].name));
        assert_non_null(strstr(err.text, "cannot do 5 ("));
    }
    struct sg_error err = SG_ERROR_INIT;
    assert_int_equal(sg_pkcs11_fail(&err, CKR_HOST_MEMORY, "x"), SG_E_NO_MEMORY);
}

/* PKCS#11's codes, those that it does not define, and vendors': what is not listed here is not sent
 * again. */
static void pin_is_sent_again_after_what_says_nothing_of_it_only(void **state)
{
    static const unsigned long unseen[] = {
        CKR_HOST_MEMORY,
        CKR_SLOT_ID_INVALID,
        CKR_GENERAL_ERROR,
        CKR_FUNCTION_FAILED,
        CKR_CANT_LOCK,
        CKR_DEVICE_ERROR,
        CKR_DEVICE_MEMORY,
        CKR_DEVICE_REMOVED,
        CKR_SESSION_CLOSED,
        CKR_SESSION_COUNT,
        CKR_TOKEN_NOT_PRESENT,
        CKR_SESSION_HANDLE_INVALID,
        CKR_TOKEN_NOT_RECOGNIZED,
        CKR_USER_ANOTHER_ALREADY_LOGGED_IN,
        CKR_USER_TOO_MANY_TYPES,
        CKR_CRYPTOKI_NOT_INITIALIZED,
    };
    size_t found = 0;
    (void)state;
    for (size_t i = 0; i < SG_COUNT(unseen); i++) {
        assert_int_equal(sg_pkcs11_login_verdict(unseen[i]), SG_PKCS11_PIN_UNSEEN);
    }
    for (unsigned long rv = 0; rv < 0x1000; rv++) {
        found += sg_pkcs11_login_verdict(rv) == SG_PKCS11_PIN_UNSEEN ? 1 : 0;
        assert_int_not_equal(sg_pkcs11_login_verdict(CKR_VENDOR_DEFINED | rv),
                             SG_PKCS11_PIN_UNSEEN);
        assert_int_not_equal(sg_pkcs11_login_verdict(~rv), SG_PKCS11_PIN_UNSEEN);
    }
    assert_int_equal(found, SG_COUNT(unseen));
}

static void refusals_of_a_pin_are_told_apart(void **state)
{
    static const struct {
        unsigned long rv;
        enum sg_pkcs11_verdict verdict;
    } rows[] = {
        {CKR_PIN_INCORRECT, SG_PKCS11_PIN_REFUSED},
        {CKR_PIN_INVALID, SG_PKCS11_PIN_REFUSED},
        {CKR_PIN_LEN_RANGE, SG_PKCS11_PIN_REFUSED},
        {CKR_PIN_LOCKED, SG_PKCS11_PIN_LOCKED},
        {CKR_PIN_EXPIRED, SG_PKCS11_PIN_EXPIRED},
        {CKR_PIN_TOO_WEAK, SG_PKCS11_PIN_EXPIRED},
        {CKR_NEW_PIN_MODE, SG_PKCS11_PIN_EXPIRED},
        {CKR_USER_PIN_NOT_INITIALIZED, SG_PKCS11_PIN_NOT_SET},
        {CKR_OK, SG_PKCS11_PIN_UNKNOWN},
        {CKR_ARGUMENTS_BAD, SG_PKCS11_PIN_UNKNOWN},
        {CKR_FUNCTION_CANCELED, SG_PKCS11_PIN_UNKNOWN},
        {CKR_FUNCTION_REJECTED, SG_PKCS11_PIN_UNKNOWN},
        {CKR_FUNCTION_NOT_SUPPORTED, SG_PKCS11_PIN_UNKNOWN},
        {CKR_OPERATION_NOT_INITIALIZED, SG_PKCS11_PIN_UNKNOWN},
        {CKR_USER_TYPE_INVALID, SG_PKCS11_PIN_UNKNOWN},
        {CKR_NEXT_OTP, SG_PKCS11_PIN_UNKNOWN},
        {CKR_VENDOR_DEFINED | CKR_FUNCTION_FAILED, SG_PKCS11_PIN_UNKNOWN},
    };
    (void)state;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        assert_int_equal(sg_pkcs11_login_verdict(rows[i].rv), rows[i].verdict);
    }
}

static void point_is_taken_bare_or_wrapped_and_no_other_way(void **state)
{
    unsigned char wrapped[3 + 133] = {0x04, 0x41, 0x04};
    (void)state;
    assert_ptr_equal(sg_pkcs11_point(wrapped, 67, 65), wrapped + 2);
    assert_ptr_equal(sg_pkcs11_point(wrapped, 65, 65), wrapped);
    assert_null(sg_pkcs11_point(wrapped, 66, 65));
    assert_null(sg_pkcs11_point(wrapped, 68, 65));
    assert_null(sg_pkcs11_point(wrapped, 0, 65));
    wrapped[1] = 0x40;
    assert_null(sg_pkcs11_point(wrapped, 67, 65));
    wrapped[0] = 0x03;
    wrapped[1] = 0x41;
    assert_null(sg_pkcs11_point(wrapped, 67, 65));
    unsigned char p521[136] = {0x04, 0x81, 0x85, 0x04};
    assert_ptr_equal(sg_pkcs11_point(p521, 136, 133), p521 + 3);
    p521[1] = 0x82;
    assert_null(sg_pkcs11_point(p521, 136, 133));
}

static struct sg_pkcs11_id numbered(unsigned number)
{
    struct sg_pkcs11_id id = {{0}}; /* small numbers, as other programs use them */
    memcpy(id.bytes, &number, sizeof number);
    return id;
}

static void index_keeps_thousands_apart(void **state)
{
    enum { MANY = 5000 };
    struct index index = {0};
    struct sg_error err = SG_ERROR_INIT;
    unsigned long handle = 0;
    (void)state;
    struct sg_pkcs11_id none = numbered(1);
    assert_int_equal(sg_pkcs11_index_get(&index, SG_PKCS11_PRIVATE_KEY, &none, &handle),
                     INDEX_EMPTY);
    for (unsigned i = 0; i < MANY; i++) {
        struct sg_pkcs11_id id = numbered(i);
        enum index_state put = i % 10 == 0 ? INDEX_MISSING : INDEX_PRESENT;
        assert_int_equal(sg_pkcs11_index_put(&index, SG_PKCS11_PRIVATE_KEY, &id, put, i, &err),
                         SG_OK);
    }
    assert_int_equal(index.present[SG_PKCS11_PRIVATE_KEY], MANY - MANY / 10);
    for (unsigned i = 0; i < MANY; i += 7) {
        struct sg_pkcs11_id id = numbered(i);
        sg_pkcs11_index_drop(&index, SG_PKCS11_PRIVATE_KEY, &id);
    }
    sg_pkcs11_index_forget_missing(&index);
    for (unsigned i = 0; i < MANY; i++) {
        struct sg_pkcs11_id id = numbered(i);
        enum index_state expected = i % 10 == 0 || i % 7 == 0 ? INDEX_EMPTY : INDEX_PRESENT;
        assert_int_equal(sg_pkcs11_index_get(&index, SG_PKCS11_PRIVATE_KEY, &id, &handle),
                         expected);
        if (expected == INDEX_PRESENT) {
            assert_int_equal(handle, i);
        }
        assert_int_equal(sg_pkcs11_index_get(&index, SG_PKCS11_CERTIFICATE, &id, &handle),
                         INDEX_EMPTY);
    }
    sg_pkcs11_index_done(&index);
}

/* Puts and takes out in no order, and looks at all of them against a plain list. The ids begin with
 * the first one: others stand at other places, across the end of the table too. */
static void check_shuffled(unsigned first)
{
    enum { IDS = 250, STEPS = 1000 };
    bool there[IDS] = {false};
    struct index index = {0};
    struct sg_error err = SG_ERROR_INIT;
    unsigned long handle = 0;
    unsigned number = first, count = 0;
    for (int i = 0; i < STEPS; i++) {
        number = number * 1103515245u + 12345u;
        unsigned which = (number >> 16) % IDS;
        struct sg_pkcs11_id id = numbered(first + which);
        if (there[which]) {
            sg_pkcs11_index_drop(&index, SG_PKCS11_PRIVATE_KEY, &id);
        } else {
            assert_int_equal(
                sg_pkcs11_index_put(&index, SG_PKCS11_PRIVATE_KEY, &id, INDEX_PRESENT, which, &err),
                SG_OK);
        }
        count += there[which] ? -1u : 1u;
        there[which] = !there[which];
        assert_int_equal(index.used, count);
        assert_int_equal(index.present[SG_PKCS11_PRIVATE_KEY], count);
    }
    for (unsigned i = 0; i < IDS; i++) {
        struct sg_pkcs11_id id = numbered(first + i);
        assert_int_equal(sg_pkcs11_index_get(&index, SG_PKCS11_PRIVATE_KEY, &id, &handle),
                         there[i] ? INDEX_PRESENT : INDEX_EMPTY);
        assert_true(!there[i] || handle == i);
    }
    sg_pkcs11_index_done(&index);
}

static void index_finds_all_the_others_whatever_was_taken_out(void **state)
{
    (void)state;
    for (unsigned round = 0; round < 200; round++) {
        check_shuffled(1000 * round);
    }
}

static void index_counts_what_has_no_handle_any_more(void **state)
{
    enum { MANY = 300 };
    struct index index = {0};
    struct sg_error err = SG_ERROR_INIT;
    unsigned long handle = 0;
    (void)state;
    sg_pkcs11_index_forget_handles(&index); /* of nothing */
    for (unsigned i = 0; i < MANY; i++) {
        struct sg_pkcs11_id id = numbered(i);
        enum index_state put = i % 3 == 0 ? INDEX_MISSING : INDEX_PRESENT;
        assert_int_equal(sg_pkcs11_index_put(&index, SG_PKCS11_PRIVATE_KEY, &id, put, i, &err),
                         SG_OK);
    }
    for (int i = 0; i < 2; i++) {
        sg_pkcs11_index_forget_handles(&index);
        assert_int_equal(index.present[SG_PKCS11_PRIVATE_KEY], MANY / 3 * 2);
    }
    for (unsigned i = 0; i < MANY; i++) {
        struct sg_pkcs11_id id = numbered(i);
        enum index_state expected = i % 3 == 0 ? INDEX_EMPTY : INDEX_UNNUMBERED;
        assert_int_equal(sg_pkcs11_index_get(&index, SG_PKCS11_PRIVATE_KEY, &id, &handle),
                         expected);
        assert_int_equal(sg_pkcs11_index_put(&index, SG_PKCS11_PRIVATE_KEY, &id,
                                             i < MANY / 2 ? INDEX_PRESENT : INDEX_MISSING, i, &err),
                         SG_OK);
    }
    assert_int_equal(index.present[SG_PKCS11_PRIVATE_KEY], MANY / 2);
    sg_pkcs11_index_done(&index);
}

static void index_replaces_what_is_there(void **state)
{
    struct index index = {0};
    struct sg_error err = SG_ERROR_INIT;
    unsigned long handle = 0;
    struct sg_pkcs11_id id = numbered(3);
    (void)state;
    const enum index_state states[] = {INDEX_MISSING, INDEX_PRESENT, INDEX_PRESENT, INDEX_MISSING};
    const size_t present[] = {0, 1, 1, 0};
    for (size_t i = 0; i < SG_COUNT(states); i++) {
        assert_int_equal(
            sg_pkcs11_index_put(&index, SG_PKCS11_CERTIFICATE, &id, states[i], 40 + i, &err),
            SG_OK);
        assert_int_equal(index.used, 1);
        assert_int_equal(index.present[SG_PKCS11_CERTIFICATE], present[i]);
        assert_int_equal(sg_pkcs11_index_get(&index, SG_PKCS11_CERTIFICATE, &id, &handle),
                         states[i]);
    }
    sg_pkcs11_index_done(&index);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(private_key_is_born_private),
        cmocka_unit_test(curve_of_a_key_that_signs_is_kept),
        cmocka_unit_test(each_use_of_an_rsa_key_keeps_it),
        cmocka_unit_test(rsa_key_is_kept_as_long_as_its_copy),
        cmocka_unit_test(copy_that_is_lost_is_made_and_kept_anew),
        cmocka_unit_test(nothing_is_kept_beyond_a_session),
        cmocka_unit_test(key_of_another_kind_is_refused_and_not_kept),
        cmocka_unit_test(private_value_cannot_be_read),
        cmocka_unit_test(abilities_that_a_key_cannot_have_are_refused),
        cmocka_unit_test(stored_in_a_small_buffer_leaves_no_key),
        cmocka_unit_test(token_is_told_by_label_and_serial_number),
        cmocka_unit_test(results_have_names),
        cmocka_unit_test(pin_is_sent_again_after_what_says_nothing_of_it_only),
        cmocka_unit_test(refusals_of_a_pin_are_told_apart),
        cmocka_unit_test(point_is_taken_bare_or_wrapped_and_no_other_way),
        cmocka_unit_test(index_keeps_thousands_apart),
        cmocka_unit_test(index_finds_all_the_others_whatever_was_taken_out),
        cmocka_unit_test(index_counts_what_has_no_handle_any_more),
        cmocka_unit_test(index_replaces_what_is_there),
    };
    return cmocka_run_group_tests_name("pkcs11", tests, setup, teardown);
}
