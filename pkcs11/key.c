#include <signet/pkcs11/key.h>

#include <string.h>

#include "key_internal.h"
#include "object_internal.h"
#include "staged_internal.h"
#include "template_internal.h"

sg_status sg_pkcs11_key_request_check(const struct sg_pkcs11_key_request *request,
                                      struct sg_error *err)
{
    bool ok = false;
    switch (request->type) {
    case SG_PKCS11_RSA:
        ok = (request->bits == 2048 || request->bits == 3072 || request->bits == 4096) &&
             !request->derive;
        break;
    case SG_PKCS11_EC:
        ok = sg_pkcs11_curve(request->curve) != NULL && !request->decrypt;
        break;
    case SG_PKCS11_ED25519:
        ok = !request->decrypt && !request->derive;
        break;
    }
    return ok ? SG_OK
              : sg_fail(err, SG_E_INPUT, "bad_key_request",
                        "there is no such kind of key, or it cannot do what is asked");
}

static void common_rows(const struct sg_pkcs11_session *session, struct template *template,
                        const struct sg_pkcs11_key_request *request)
{
    sg_pkcs11_template_add_bool(template, CKA_TOKEN, sg_pkcs11_made_in_token(session));
    sg_pkcs11_template_add(template, CKA_ID, request->id.bytes, sizeof request->id.bytes);
    sg_pkcs11_template_add_text(template, CKA_LABEL, request->label);
}

/* What is not asked for is refused by name: SoftHSM makes every key one that decrypts, unwraps and
 * signs with recovery, unless it is told otherwise. */
static void refused_rows(struct template *template, const struct sg_pkcs11_key_request *request)
{
    sg_pkcs11_template_add_bool(template, CKA_DECRYPT, request->decrypt);
    sg_pkcs11_template_add_bool(template, CKA_UNWRAP, false);
    sg_pkcs11_template_add_bool(template, CKA_SIGN_RECOVER, false);
    sg_pkcs11_template_add_bool(template, CKA_DERIVE, request->derive);
}

static void common_private_rows(const struct sg_pkcs11_session *session, struct template *template,
                                const struct sg_pkcs11_key_request *request)
{
    common_rows(session, template, request);
    sg_pkcs11_template_add_bool(template, CKA_PRIVATE, true);
    sg_pkcs11_template_add_bool(template, CKA_SENSITIVE, true);
    sg_pkcs11_template_add_bool(template, CKA_EXTRACTABLE, request->extractable);
    sg_pkcs11_template_add_bool(template, CKA_SIGN, true);
}

void sg_pkcs11_private_rows(const struct sg_pkcs11_session *session, struct template *template,
                            const struct sg_pkcs11_key_request *request)
{
    common_private_rows(session, template, request);
    refused_rows(template, request);
}

static void asked_rows(struct template *template, const struct sg_pkcs11_key_request *request)
{
    if (request->decrypt) {
        sg_pkcs11_template_add_bool(template, CKA_DECRYPT, true);
    }
    if (request->derive) {
        sg_pkcs11_template_add_bool(template, CKA_DERIVE, true);
    }
}

/* "This attribute has no place there": of what is only refused, not of what is asked for. */
static bool is_objection(CK_RV rv)
{
    return rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_TEMPLATE_INCONSISTENT;
}

static CK_RV generate_rows(struct sg_pkcs11_session *session, CK_MECHANISM_TYPE type,
                           struct template *public_rows, struct template *private,
                           struct key_pair *out)
{
    CK_MECHANISM mechanism = {type, NULL, 0};
    return session->call->C_GenerateKeyPair(session->handle, &mechanism, public_rows->rows,
                                            public_rows->count, private->rows, private->count,
                                            &out->public_key, &out->private_key);
}

/* A token that has no word for an ability (an EC key that decrypts) may object to its being
 * refused; the reading back decides in the end. */
static CK_RV generate_with(struct sg_pkcs11_session *session, CK_MECHANISM_TYPE type,
                           const struct sg_pkcs11_key_request *request,
                           struct template *public_rows, struct key_pair *out)
{
    struct template explicit = {.count = 0};
    struct template plain = {.count = 0};
    sg_pkcs11_private_rows(session, &explicit, request);
    CK_RV rv = generate_rows(session, type, public_rows, &explicit, out);
    if (!is_objection(rv)) {
        return rv;
    }
    common_private_rows(session, &plain, request);
    asked_rows(&plain, request);
    return generate_rows(session, type, public_rows, &plain, out);
}

void sg_pkcs11_public_rows(const struct sg_pkcs11_session *session, struct template *template,
                           const struct sg_pkcs11_key_request *request)
{
    common_rows(session, template, request);
    sg_pkcs11_template_add_bool(template, CKA_PRIVATE, false);
    sg_pkcs11_template_add_bool(template, CKA_VERIFY, true);
}

static CK_RV generate_rsa(struct sg_pkcs11_session *session,
                          const struct sg_pkcs11_key_request *request, struct key_pair *out)
{
    static const unsigned char exponent[] = {0x01, 0x00, 0x01};
    CK_ULONG bits = request->bits;
    struct template template = {.count = 0};
    sg_pkcs11_public_rows(session, &template, request);
    sg_pkcs11_template_add(&template, CKA_MODULUS_BITS, &bits, sizeof bits);
    sg_pkcs11_template_add(&template, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
    sg_pkcs11_template_add_bool(&template, CKA_ENCRYPT, request->decrypt);
    return generate_with(session, CKM_RSA_PKCS_KEY_PAIR_GEN, request, &template, out);
}

static CK_RV generate_curve(struct sg_pkcs11_session *session, CK_MECHANISM_TYPE type,
                            const struct sg_pkcs11_key_request *request,
                            const unsigned char *parameters, size_t len, struct key_pair *out)
{
    struct template template = {.count = 0};
    sg_pkcs11_public_rows(session, &template, request);
    sg_pkcs11_template_add(&template, CKA_EC_PARAMS, parameters, len);
    return generate_with(session, type, request, &template, out);
}

/* PKCS#11 v3.0, 2.3.5 allows the curve's name or its identifier. SoftHSM 2.6.1 takes only the
 * identifier (RFC 8410, 3), others only the name: a refusal of the first, which made nothing,
 * brings the second. */
static CK_RV generate_ed25519(struct sg_pkcs11_session *session,
                              const struct sg_pkcs11_key_request *request, struct key_pair *out)
{
    static const unsigned char identifier[] = {0x06, 0x03, 0x2b, 0x65, 0x70};
    static const unsigned char name[] = {0x13, 0x0c, 'e', 'd', 'w', 'a', 'r',
                                         'd',  's',  '2', '5', '5', '1', '9'};
    CK_RV rv = generate_curve(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, request, identifier,
                              sizeof identifier, out);
    if (rv == CKR_CURVE_NOT_SUPPORTED || rv == CKR_DOMAIN_PARAMS_INVALID ||
        rv == CKR_ATTRIBUTE_VALUE_INVALID) {
        rv = generate_curve(session, CKM_EC_EDWARDS_KEY_PAIR_GEN, request, name, sizeof name, out);
    }
    return rv;
}

static CK_RV generate(struct sg_pkcs11_session *session,
                      const struct sg_pkcs11_key_request *request, struct key_pair *out)
{
    switch (request->type) {
    case SG_PKCS11_RSA:
        return generate_rsa(session, request, out);
    case SG_PKCS11_EC: {
        const struct curve *curve = sg_pkcs11_curve(request->curve);
        return generate_curve(session, CKM_EC_KEY_PAIR_GEN, request, curve->parameters,
                              curve->parameters_len, out);
    }
    case SG_PKCS11_ED25519:
        return generate_ed25519(session, request, out);
    }
    return CKR_ARGUMENTS_BAD;
}

sg_status sg_pkcs11_key_generate(struct sg_pkcs11_session *session,
                                 const struct sg_pkcs11_key_request *request,
                                 struct sg_buffer *spki, struct sg_error *err)
{
    sg_status s = sg_pkcs11_key_request_check(request, err);
    if (s == SG_OK) {
        s = sg_pkcs11_id_unused(session, &request->id, err);
    }
    if (s != SG_OK) {
        return s;
    }
    struct key_pair pair = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    CK_RV rv = generate(session, request, &pair);
    return rv == CKR_OK ? sg_pkcs11_pair_keep(session, &pair, request, PAIR_BORN_HERE, spki, err)
                        : sg_pkcs11_fail(err, rv, "the token did not generate the key");
}
