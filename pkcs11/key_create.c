/* Key objects out of the numbers that make a key. */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>

#include "key_read_internal.h"

#define NUMBER_MAX 512 /* bytes: RSA of 4096 bits */

/* A row of CKA_VALUE and the like: a number of the key. Wiped with its template. */
struct number {
    unsigned char bytes[NUMBER_MAX];
    size_t len;
};
struct numbers {
    struct number list[8];
    size_t count;
};
static void numbers_done(struct numbers *numbers)
{
    explicit_bzero(numbers, sizeof *numbers);
}
#define NUMBERS SG_CLEANUP(numbers_done) struct numbers

/* fixed_len 0: as short as it can be (PKCS#11 v2.40 base, 2.1: big-endian, no leading zeros). */
static bool add_number(struct template *template, struct numbers *numbers, EVP_PKEY *key,
                       CK_ATTRIBUTE_TYPE type, const char *name, size_t fixed_len)
{
    BIGNUM *value = NULL;
    struct number *number = &numbers->list[numbers->count];
    bool got = EVP_PKEY_get_bn_param(key, name, &value) == 1;
    number->len = !got ? 0 : fixed_len > 0 ? fixed_len : (size_t)BN_num_bytes(value);
    bool done = got && number->len <= NUMBER_MAX &&
                BN_bn2binpad(value, number->bytes, (int)number->len) == (int)number->len;
    BN_clear_free(value);
    if (done) {
        numbers->count++;
        sg_pkcs11_template_add(template, type, number->bytes, number->len);
    }
    return done;
}

struct rsa_row {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
};

static bool add_rsa(struct template *template, struct numbers *numbers, EVP_PKEY *key,
                    bool private_half)
{
    static const struct rsa_row rows[] = {
        {CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N},
        {CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E},
        {CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D},
        {CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1},
        {CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2},
        {CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2},
        {CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1},
    };
    size_t count = private_half ? SG_COUNT(rows) : 2;
    for (size_t i = 0; i < count; i++) {
        if (!add_number(template, numbers, key, rows[i].type, rows[i].name, 0)) {
            return false;
        }
    }
    return true;
}

/* RFC 8410, 3: the identifier, which SoftHSM takes and gives. */
static const unsigned char ed25519_parameters[] = {0x06, 0x03, 0x2b, 0x65, 0x70};

static void add_curve(struct template *template, const struct sg_pkcs11_key_request *request)
{
    if (request->type == SG_PKCS11_ED25519) {
        sg_pkcs11_template_add(template, CKA_EC_PARAMS, ed25519_parameters,
                               sizeof ed25519_parameters);
        return;
    }
    const struct curve *curve = sg_pkcs11_curve(request->curve);
    sg_pkcs11_template_add(template, CKA_EC_PARAMS, curve->parameters, curve->parameters_len);
}

/* DER OCTET STRING around the point (PKCS#11 v2.40 mechanisms, 2.3.3). */
static bool add_point(struct template *template, struct number *number, EVP_PKEY *key)
{
    unsigned char point[POINT_MAX];
    size_t len = 0;
    if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point, &len) !=
        1) {
        return false;
    }
    size_t header = len < 0x80 ? 2 : 3;
    number->bytes[0] = 0x04;
    number->bytes[1] = header == 2 ? (unsigned char)len : 0x81;
    number->bytes[2] = (unsigned char)len;
    memcpy(number->bytes + header, point, len);
    sg_pkcs11_template_add(template, CKA_EC_POINT, number->bytes, header + len);
    return true;
}

CK_KEY_TYPE sg_pkcs11_ck_key_type(enum sg_pkcs11_key_type type)
{
    switch (type) {
    case SG_PKCS11_RSA:
        return CKK_RSA;
    case SG_PKCS11_EC:
        return CKK_EC;
    case SG_PKCS11_ED25519:
        break;
    }
    return CKK_EC_EDWARDS;
}

static bool add_private_values(struct template *template, struct numbers *numbers,
                               const struct sg_pkcs11_key_request *request, EVP_PKEY *key)
{
    if (request->type == SG_PKCS11_RSA) {
        return add_rsa(template, numbers, key, true);
    }
    add_curve(template, request);
    if (request->type == SG_PKCS11_EC) {
        size_t len = sg_pkcs11_curve(request->curve)->field_len;
        return add_number(template, numbers, key, CKA_VALUE, OSSL_PKEY_PARAM_PRIV_KEY, len);
    }
    struct number *number = &numbers->list[0];
    number->len = sizeof number->bytes;
    bool done = EVP_PKEY_get_raw_private_key(key, number->bytes, &number->len) == 1;
    if (done) {
        sg_pkcs11_template_add(template, CKA_VALUE, number->bytes, number->len);
    }
    return done;
}

static CK_RV create(struct sg_pkcs11_session *session, struct template *template,
                    CK_OBJECT_CLASS object_class, CK_KEY_TYPE type, CK_OBJECT_HANDLE *out)
{
    sg_pkcs11_template_add(template, CKA_CLASS, &object_class, sizeof object_class);
    sg_pkcs11_template_add(template, CKA_KEY_TYPE, &type, sizeof type);
    return session->call->C_CreateObject(session->handle, template->rows, template->count, out);
}

CK_RV sg_pkcs11_create_public(struct sg_pkcs11_session *session,
                              const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                              CK_OBJECT_HANDLE *out)
{
    NUMBERS numbers = {.count = 0};
    struct template template = {.count = 0};
    sg_pkcs11_public_rows(session, &template, request);
    bool done = false;
    if (request->type == SG_PKCS11_RSA) {
        sg_pkcs11_template_add_bool(&template, CKA_ENCRYPT, request->decrypt);
        done = add_rsa(&template, &numbers, key, false);
    } else {
        add_curve(&template, request);
        done = add_point(&template, &numbers.list[0], key);
    }
    ERR_clear_error();
    return done ? create(session, &template, CKO_PUBLIC_KEY, sg_pkcs11_ck_key_type(request->type),
                         out)
                : CKR_FUNCTION_FAILED;
}

CK_RV sg_pkcs11_create_private(struct sg_pkcs11_session *session,
                               const struct sg_pkcs11_key_request *request, EVP_PKEY *key,
                               CK_OBJECT_HANDLE *out)
{
    NUMBERS numbers = {.count = 0};
    struct template template = {.count = 0};
    sg_pkcs11_private_rows(session, &template, request);
    bool done = add_private_values(&template, &numbers, request, key);
    ERR_clear_error();
    return done ? create(session, &template, CKO_PRIVATE_KEY, sg_pkcs11_ck_key_type(request->type),
                         out)
                : CKR_FUNCTION_FAILED;
}
