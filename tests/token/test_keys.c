/* Every kind of key: born in the token, used there, checked outside. */
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <p11-kit/pkcs11.h>

#include "cmocka_all.h"
#include "softhsm_fixture.h"
#include "verify.h"

struct world {
    struct softhsm_fixture fixture;
    struct token_process process;
};

static int setup(void **state)
{
    static struct world world;
    softhsm_fixture_init(&world.fixture);
    token_process_start_ready(&world.process, &world.fixture.settings);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    struct world *world = *state;
    int status = token_process_stop(&world->process);
    softhsm_fixture_done(&world->fixture);
    return status;
}

static struct sg_token_link *link_of(void **state)
{
    return &((struct world *)*state)->process.link;
}

static const unsigned char message[] = "what is to be signed";

static sg_status use(void **state, enum sg_key_verb verb, struct sg_key_id id,
                     struct sg_mechanism mechanism, struct sg_bytes data, unsigned char *out,
                     size_t *out_len, struct sg_error *err)
{
    *out_len = SG_SIGNATURE_MAX;
    return sg_token_use(link_of(state), verb, &id, &mechanism, data, out, out_len, err);
}

static struct sg_bytes sign(void **state, struct sg_key_id id, struct sg_mechanism mechanism,
                            struct sg_bytes data, unsigned char out[SG_SIGNATURE_MAX])
{
    struct sg_error err = SG_ERROR_INIT;
    size_t len = 0;
    if (use(state, SG_VERB_SIGN, id, mechanism, data, out, &len, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    return (struct sg_bytes){out, len};
}

static void check_rsa_pkcs(void **state, struct sg_key_id id, EVP_PKEY *key)
{
    unsigned char out[SG_SIGNATURE_MAX];
    unsigned char digest[32];
    /* DigestInfo of SHA-256, RFC 8017, 9.2, note 1 */
    unsigned char info[19 + 32] = {0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
                                   0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20};
    SHA256(message, sizeof message, digest);
    memcpy(info + 19, digest, 32);
    struct sg_bytes signature =
        sign(state, id, (struct sg_mechanism){.kind = SG_MECHANISM_RSA_PKCS},
             (struct sg_bytes){info, sizeof info}, out);
    struct sg_bytes hashed = {digest, sizeof digest};
    assert_true(verify_rsa(key, RSA_PKCS1_PADDING, EVP_sha256(), 0, hashed, signature));
    out[7] ^= 1;
    assert_false(verify_rsa(key, RSA_PKCS1_PADDING, EVP_sha256(), 0, hashed, signature));
}

static void check_rsa_hashed(void **state, struct sg_key_id id, EVP_PKEY *key)
{
    static const struct {
        uint32_t hash;
        const char *name;
    } rows[] = {{SG_HASH_SHA1, "SHA1"},
                {SG_HASH_SHA224, "SHA224"},
                {SG_HASH_SHA256, "SHA256"},
                {SG_HASH_SHA384, "SHA384"},
                {SG_HASH_SHA512, "SHA512"}};
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        unsigned char out[SG_SIGNATURE_MAX];
        unsigned char digest[EVP_MAX_MD_SIZE];
        unsigned len = 0;
        const EVP_MD *md = EVP_get_digestbyname(rows[i].name);
        assert_int_equal(EVP_Digest(message, sizeof message, digest, &len, md, NULL), 1);
        struct sg_bytes signature =
            sign(state, id,
                 (struct sg_mechanism){.kind = SG_MECHANISM_RSA_PKCS_HASHED, .hash = rows[i].hash},
                 (struct sg_bytes){message, sizeof message}, out);
        assert_true(
            verify_rsa(key, RSA_PKCS1_PADDING, md, 0, (struct sg_bytes){digest, len}, signature));
    }
}

static void check_rsa_pss(void **state, struct sg_key_id id, EVP_PKEY *key)
{
    unsigned char out[SG_SIGNATURE_MAX];
    unsigned char digest[48];
    SHA384(message, sizeof message, digest);
    struct sg_bytes hashed = {digest, sizeof digest};
    struct sg_bytes signature = sign(state, id,
                                     (struct sg_mechanism){.kind = SG_MECHANISM_RSA_PSS,
                                                           .hash = SG_HASH_SHA384,
                                                           .mgf_hash = SG_HASH_SHA384,
                                                           .salt_len = 48},
                                     hashed, out);
    assert_true(verify_rsa(key, RSA_PKCS1_PSS_PADDING, EVP_sha384(), 48, hashed, signature));
    assert_false(verify_rsa(key, RSA_PKCS1_PSS_PADDING, EVP_sha384(), 32, hashed, signature));
}

static void check_rsa(void **state, const char *spec, unsigned char number, int bits)
{
    struct sg_buffer spki;
    struct sg_key_id id = key_id(number);
    generate_key(link_of(state), spec, id, (struct sg_key_abilities){0}, &spki);
    EVP_PKEY *key = key_from_spki(&spki);
    assert_int_equal(EVP_PKEY_base_id(key), EVP_PKEY_RSA);
    assert_int_equal(EVP_PKEY_bits(key), bits);
    check_rsa_pkcs(state, id, key);
    check_rsa_hashed(state, id, key);
    check_rsa_pss(state, id, key);
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

static void rsa_2048_signs(void **state)
{
    check_rsa(state, "rsa:2048", 0x20, 2048);
}

static void rsa_3072_signs(void **state)
{
    check_rsa(state, "rsa:3072", 0x30, 3072);
}

static void rsa_4096_signs(void **state)
{
    check_rsa(state, "rsa:4096", 0x40, 4096);
}

static void check_ec(void **state, const char *spec, unsigned char number, const char *group,
                     size_t signature_len)
{
    struct sg_buffer spki;
    struct sg_key_id id = key_id(number);
    unsigned char digest[32];
    unsigned char out[SG_SIGNATURE_MAX];
    char name[64] = "";
    size_t name_len = 0;
    generate_key(link_of(state), spec, id, (struct sg_key_abilities){0}, &spki);
    EVP_PKEY *key = key_from_spki(&spki);
    assert_int_equal(EVP_PKEY_get_utf8_string_param(key, OSSL_PKEY_PARAM_GROUP_NAME, name,
                                                    sizeof name, &name_len),
                     1);
    assert_string_equal(name, group); /* by name: explicit parameters have none */
    SHA256(message, sizeof message, digest);
    struct sg_bytes hashed = {digest, sizeof digest};
    struct sg_bytes signature =
        sign(state, id, (struct sg_mechanism){.kind = SG_MECHANISM_ECDSA}, hashed, out);
    assert_int_equal(signature.len, signature_len);
    assert_true(verify_ecdsa(key, hashed, signature));
    digest[0] ^= 1;
    assert_false(verify_ecdsa(key, hashed, signature));
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

static void ec_keys_sign_on_every_curve(void **state)
{
    check_ec(state, "ec:p256", 0x51, "prime256v1", 64);
    check_ec(state, "ec:p384", 0x52, "secp384r1", 96);
    check_ec(state, "ec:p521", 0x53, "secp521r1", 132);
    check_ec(state, "ec:secp256k1", 0x54, "secp256k1", 64);
}

static void ed25519_signs_messages(void **state)
{
    struct sg_buffer spki;
    unsigned char out[SG_SIGNATURE_MAX];
    generate_key(link_of(state), "ed25519", key_id(0x55), (struct sg_key_abilities){0}, &spki);
    assert_int_equal(spki.len, 44); /* RFC 8410, section 4 */
    EVP_PKEY *key = key_from_spki(&spki);
    assert_int_equal(EVP_PKEY_base_id(key), EVP_PKEY_ED25519);
    struct sg_bytes data = {message, sizeof message};
    struct sg_bytes signature =
        sign(state, key_id(0x55), (struct sg_mechanism){.kind = SG_MECHANISM_EDDSA}, data, out);
    assert_int_equal(signature.len, 64);
    assert_true(verify_ed25519(key, data, signature));
    assert_false(verify_ed25519(key, (struct sg_bytes){message, sizeof message - 1}, signature));
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

static void rsa_decrypts_where_it_may(void **state)
{
    struct sg_buffer spki;
    struct sg_key_id id = key_id(0x21);
    unsigned char box[512];
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_bytes plain = {message, sizeof message};
    generate_key(link_of(state), "rsa:2048", id, (struct sg_key_abilities){.decrypt = true}, &spki);
    EVP_PKEY *key = key_from_spki(&spki);
    struct sg_bytes sealed = {box, encrypt_rsa(key, NULL, plain, box, sizeof box)};
    struct sg_mechanism pkcs = {.kind = SG_MECHANISM_RSA_PKCS};
    assert_int_equal(use(state, SG_VERB_DECRYPT, id, pkcs, sealed, out, &len, &err), SG_OK);
    assert_int_equal(len, sizeof message);
    assert_memory_equal(out, message, sizeof message);
    sealed.len = encrypt_rsa(key, EVP_sha1(), plain, box, sizeof box);
    struct sg_mechanism oaep = {
        .kind = SG_MECHANISM_RSA_OAEP, .hash = SG_HASH_SHA1, .mgf_hash = SG_HASH_SHA1};
    assert_int_equal(use(state, SG_VERB_DECRYPT, id, oaep, sealed, out, &len, &err), SG_OK);
    assert_int_equal(len, sizeof message);
    assert_memory_equal(out, message, sizeof message);
    box[3] ^= 1;
    assert_int_equal(use(state, SG_VERB_DECRYPT, id, oaep, sealed, out, &len, &err), SG_E_TOKEN);
    assert_int_equal(err.ck_rv, CKR_ENCRYPTED_DATA_INVALID);
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

/* Ways in which a block is not padded (RFC 8017, 7.2.2, step 3), as the key finds it. */
static void bad_block(size_t which, unsigned char block[256])
{
    memset(block, 0x5a, 256);
    block[0] = 0;
    block[1] = 2;
    block[200] = 0;
    switch (which) {
    case 0: /* a signature's block */
        block[1] = 1;
        return;
    case 1: /* larger than a padded block ever is */
        block[0] = 1;
        return;
    case 2: /* no end of the padding */
        block[200] = 0x5a;
        return;
    case 3: /* fewer than eight bytes of it */
        block[5] = 0;
        return;
    default: /* nothing of it */
        memset(block, 0, 256);
        block[255] = 2;
    }
}

static size_t encrypt_raw(EVP_PKEY *key, const unsigned char block[256], unsigned char out[256])
{
    size_t len = 256;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);
    assert_int_equal(EVP_PKEY_encrypt_init(context), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(context, RSA_NO_PADDING), 1);
    assert_int_equal(EVP_PKEY_encrypt(context, out, &len, block, 256), 1);
    EVP_PKEY_CTX_free(context);
    return len;
}

/* Whoever could tell them apart, or from a token that is broken, could decrypt in the end. */
static void what_does_not_decrypt_is_bad_data_in_one_word(void **state)
{
    struct sg_buffer spki;
    struct sg_key_id id = key_id(0x23);
    unsigned char block[256];
    unsigned char box[256];
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = 0;
    char first[sizeof((struct sg_error *)0)->text] = "";
    struct sg_mechanism pkcs = {.kind = SG_MECHANISM_RSA_PKCS};
    generate_key(link_of(state), "rsa:2048", id, (struct sg_key_abilities){.decrypt = true}, &spki);
    EVP_PKEY *key = key_from_spki(&spki);
    for (size_t i = 0; i < 6; i++) {
        struct sg_error err = SG_ERROR_INIT;
        memset(box, 0xff, sizeof box); /* the last one: larger than the modulus */
        if (i < 5) {
            bad_block(i, block);
            encrypt_raw(key, block, box);
        }
        assert_int_equal(use(state, SG_VERB_DECRYPT, id, pkcs, (struct sg_bytes){box, sizeof box},
                             out, &len, &err),
                         SG_E_TOKEN);
        assert_int_equal(err.ck_rv, CKR_ENCRYPTED_DATA_INVALID);
        assert_string_equal(err.code, "encrypted_data_invalid");
        if (i == 0) {
            memcpy(first, err.text, sizeof first);
        }
        assert_string_equal(err.text, first);
    }
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

static void raw_signature_of_too_large_a_number_is_bad_data(void **state)
{
    struct sg_buffer spki;
    struct sg_key_id id = key_id(0x24);
    unsigned char block[256];
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_mechanism raw = {.kind = SG_MECHANISM_RSA_X_509};
    generate_key(link_of(state), "rsa:2048", id, (struct sg_key_abilities){.decrypt = true}, &spki);
    memset(block, 0xff, sizeof block);
    assert_int_equal(
        use(state, SG_VERB_SIGN, id, raw, (struct sg_bytes){block, sizeof block}, out, &len, &err),
        SG_E_TOKEN);
    assert_int_equal(err.ck_rv, CKR_DATA_INVALID);
    block[0] = 0;
    assert_int_equal(
        use(state, SG_VERB_SIGN, id, raw, (struct sg_bytes){block, sizeof block}, out, &len, &err),
        SG_OK);
    assert_int_equal(len, 256);
    sg_buffer_done(&spki);
}

/* A key without the ability is refused by the token itself, also on the administrative link. */
static void rsa_for_signing_does_not_decrypt(void **state)
{
    struct sg_buffer spki;
    unsigned char box[512];
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    generate_key(link_of(state), "rsa:2048", key_id(0x22), (struct sg_key_abilities){0}, &spki);
    EVP_PKEY *key = key_from_spki(&spki);
    struct sg_bytes sealed = {
        box, encrypt_rsa(key, NULL, (struct sg_bytes){message, 5}, box, sizeof box)};
    assert_int_equal(use(state, SG_VERB_DECRYPT, key_id(0x22),
                         (struct sg_mechanism){.kind = SG_MECHANISM_RSA_PKCS}, sealed, out, &len,
                         &err),
                     SG_E_TOKEN);
    assert_string_equal(err.code, "key_function_not_permitted");
    assert_non_null(strstr(err.text, "CKR_KEY_FUNCTION_NOT_PERMITTED"));
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

static void point_of(EVP_PKEY *key, unsigned char *out, size_t *len)
{
    assert_int_equal(EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, out, *len, len),
                     1);
}

static size_t derive_outside(EVP_PKEY *own, EVP_PKEY *peer, unsigned char *out, size_t room)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(own, NULL);
    size_t len = room;
    assert_int_equal(EVP_PKEY_derive_init(context), 1);
    assert_int_equal(EVP_PKEY_derive_set_peer(context, peer), 1);
    assert_int_equal(EVP_PKEY_derive(context, out, &len), 1);
    EVP_PKEY_CTX_free(context);
    return len;
}

static void check_ecdh(void **state, const char *spec, const char *group, unsigned char number)
{
    struct sg_buffer spki;
    unsigned char point[160];
    unsigned char ours[SG_SIGNATURE_MAX];
    unsigned char theirs[160];
    size_t point_len = sizeof point;
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    generate_key(link_of(state), spec, key_id(number), (struct sg_key_abilities){.derive = true},
                 &spki);
    EVP_PKEY *key = key_from_spki(&spki);
    EVP_PKEY *peer = EVP_EC_gen(group);
    point_of(peer, point, &point_len);
    struct sg_mechanism ecdh = {.kind = SG_MECHANISM_ECDH};
    if (use(state, SG_VERB_DERIVE, key_id(number), ecdh, (struct sg_bytes){point, point_len}, ours,
            &len, &err) != SG_OK) {
        fail_msg("%s", err.text);
    }
    assert_int_equal(derive_outside(peer, key, theirs, sizeof theirs), len);
    assert_memory_equal(ours, theirs, len);
    EVP_PKEY_free(peer);
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

static void ecdh_agrees_with_openssl(void **state)
{
    check_ecdh(state, "ec:p256", "P-256", 0x61);
    check_ecdh(state, "ec:p384", "P-384", 0x62);
    check_ecdh(state, "ec:p521", "P-521", 0x63);
}

static void ecdh_refuses_points_that_are_none(void **state)
{
    struct sg_buffer spki;
    unsigned char out[SG_SIGNATURE_MAX];
    unsigned char point[65] = {0x04, 1, 2, 3};
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id id = key_id(0x64);
    struct sg_mechanism ecdh = {.kind = SG_MECHANISM_ECDH};
    generate_key(link_of(state), "ec:p256", id, (struct sg_key_abilities){.derive = true}, &spki);
    sg_buffer_done(&spki);
    assert_int_equal(use(state, SG_VERB_DERIVE, id, ecdh, (struct sg_bytes){point, sizeof point},
                         out, &len, &err),
                     SG_E_TOKEN); /* not on the curve */
    point[0] = 0x02;
    assert_int_equal(
        use(state, SG_VERB_DERIVE, id, ecdh, (struct sg_bytes){point, 33}, out, &len, &err),
        SG_E_INPUT);
    assert_string_equal(err.code, "bad_point");
    assert_int_equal(
        use(state, SG_VERB_DERIVE, id, ecdh, (struct sg_bytes){point, 0}, out, &len, &err),
        SG_E_INPUT);
}

static void key_without_derive_does_not_derive(void **state)
{
    struct sg_buffer spki;
    unsigned char out[SG_SIGNATURE_MAX];
    unsigned char point[160];
    size_t point_len = sizeof point;
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    generate_key(link_of(state), "ec:p256", key_id(0x65), (struct sg_key_abilities){0}, &spki);
    EVP_PKEY *key = key_from_spki(&spki);
    point_of(key, point, &point_len);
    assert_int_equal(use(state, SG_VERB_DERIVE, key_id(0x65),
                         (struct sg_mechanism){.kind = SG_MECHANISM_ECDH},
                         (struct sg_bytes){point, point_len}, out, &len, &err),
                     SG_E_TOKEN);
    EVP_PKEY_free(key);
    sg_buffer_done(&spki);
}

static void wrong_mechanism_for_the_key_is_the_tokens_refusal(void **state)
{
    struct sg_buffer spki;
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    generate_key(link_of(state), "ec:p256", key_id(0x66), (struct sg_key_abilities){0}, &spki);
    sg_buffer_done(&spki);
    const struct sg_mechanism rsa[] = {
        {.kind = SG_MECHANISM_RSA_PKCS},
        {.kind = SG_MECHANISM_RSA_X_509},
        {.kind = SG_MECHANISM_RSA_PKCS_HASHED, .hash = SG_HASH_SHA256},
        {.kind = SG_MECHANISM_RSA_PSS, .hash = SG_HASH_SHA1, .mgf_hash = SG_HASH_SHA1},
    };
    for (size_t i = 0; i < SG_COUNT(rsa); i++) {
        sg_error_clear(&err);
        assert_int_equal(use(state, SG_VERB_SIGN, key_id(0x66), rsa[i],
                             (struct sg_bytes){message, 20}, out, &len, &err),
                         SG_E_TOKEN);
        assert_int_equal(err.ck_rv, 0x63); /* CKR_KEY_TYPE_INCONSISTENT */
    }
    /* and the session is still good, and the process */
    (void)sign(state, key_id(0x66), (struct sg_mechanism){.kind = SG_MECHANISM_ECDSA},
               (struct sg_bytes){message, 20}, out);
}

static void unknown_key_is_not_found(void **state)
{
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = 0;
    struct sg_error err = SG_ERROR_INIT;
    for (int i = 0; i < 2; i++) { /* the second answer is a remembered one */
        assert_int_equal(use(state, SG_VERB_SIGN, key_id(0xee),
                             (struct sg_mechanism){.kind = SG_MECHANISM_ECDSA},
                             (struct sg_bytes){message, 20}, out, &len, &err),
                         SG_E_NOT_FOUND);
        assert_string_equal(err.code, "key_missing");
    }
}

static void small_buffer_is_refused_without_a_byte_written(void **state)
{
    struct sg_buffer spki;
    unsigned char out[64];
    size_t len = 63;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_key_id id = key_id(0x67);
    struct sg_mechanism ecdsa = {.kind = SG_MECHANISM_ECDSA};
    generate_key(link_of(state), "ec:p256", id, (struct sg_key_abilities){0}, &spki);
    sg_buffer_done(&spki);
    memset(out, 0xaa, sizeof out);
    assert_int_equal(sg_token_use(link_of(state), SG_VERB_SIGN, &id, &ecdsa,
                                  (struct sg_bytes){message, 20}, out, &len, &err),
                     SG_E_LIMIT);
    assert_int_equal(len, 63);
    for (size_t i = 0; i < sizeof out; i++) {
        assert_int_equal(out[i], 0xaa);
    }
}

static void generating_twice_with_one_id_is_a_conflict(void **state)
{
    struct sg_buffer spki;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_generate_request request = {.id = key_id(0x68)};
    generate_key(link_of(state), "ec:p256", request.id, (struct sg_key_abilities){0}, &spki);
    size_t len = spki.len;
    assert_int_equal(sg_key_spec_find("ec:p256", &request.spec, &err), SG_OK);
    assert_int_equal(sg_token_generate(link_of(state), &request, &spki, &err), SG_E_CONFLICT);
    assert_string_equal(err.code, "key_exists");
    assert_int_equal(spki.len, len);
    sg_buffer_done(&spki);
}

static void odd_key_requests_are_refused(void **state)
{
    static const struct sg_key_spec specs[] = {
        {"rsa:1024", SG_FAMILY_RSA, 1024, SG_CURVE_NONE, false},
        {"rsa:0", SG_FAMILY_RSA, 0, SG_CURVE_NONE, false},
        {"ec:none", SG_FAMILY_EC, 256, SG_CURVE_NONE, false},
    };
    for (size_t i = 0; i < SG_COUNT(specs); i++) {
        struct sg_buffer spki;
        struct sg_error err = SG_ERROR_INIT;
        struct sg_generate_request request = {.id = key_id(0x69), .spec = &specs[i]};
        sg_buffer_init(&spki, 4096);
        assert_int_equal(sg_token_generate(link_of(state), &request, &spki, &err), SG_E_INPUT);
        assert_string_equal(err.code, "bad_key_request");
        assert_int_equal(spki.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rsa_2048_signs),
        cmocka_unit_test(rsa_3072_signs),
        cmocka_unit_test(rsa_4096_signs),
        cmocka_unit_test(ec_keys_sign_on_every_curve),
        cmocka_unit_test(ed25519_signs_messages),
        cmocka_unit_test(rsa_decrypts_where_it_may),
        cmocka_unit_test(what_does_not_decrypt_is_bad_data_in_one_word),
        cmocka_unit_test(raw_signature_of_too_large_a_number_is_bad_data),
        cmocka_unit_test(rsa_for_signing_does_not_decrypt),
        cmocka_unit_test(ecdh_agrees_with_openssl),
        cmocka_unit_test(ecdh_refuses_points_that_are_none),
        cmocka_unit_test(key_without_derive_does_not_derive),
        cmocka_unit_test(wrong_mechanism_for_the_key_is_the_tokens_refusal),
        cmocka_unit_test(unknown_key_is_not_found),
        cmocka_unit_test(small_buffer_is_refused_without_a_byte_written),
        cmocka_unit_test(generating_twice_with_one_id_is_a_conflict),
        cmocka_unit_test(odd_key_requests_are_refused),
    };
    return cmocka_run_group_tests_name("token keys", tests, setup, teardown);
}
