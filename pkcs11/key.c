#include <signet/pkcs11/key.h>

#include <string.h>

#include "key_internal.h"
#include "object_internal.h"
#include "staged_internal.h"
#include "template_internal.h"

struct pair {
    CK_OBJECT_HANDLE public_key, private_key;
};

static sg_status check_request(const struct sg_pkcs11_key_request *request, struct sg_error *err)
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

/* Tokens accept a second pair with the same CKA_ID without a word. The index knows all that were
 * there at the login and all that this session has made; asking the token would cost 40 ms in a
 * SoftHSM token of 1,000 keys, and identities are 128 random bits. */
static sg_status check_unused(const struct sg_pkcs11_session *session,
                              const struct sg_pkcs11_id *id, struct sg_error *err)
{
    for (int i = 0; i < SG_PKCS11_CLASS_COUNT; i++) {
        unsigned long handle = 0;
        if (sg_pkcs11_index_get(&session->index, (enum sg_pkcs11_class)i, id, &handle) ==
            INDEX_PRESENT) {
            return sg_fail(err, SG_E_CONFLICT, "key_exists",
                           "the token holds an object with this CKA_ID");
        }
    }
    return SG_OK;
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
                           struct template *public_rows, struct template *private, struct pair *out)
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
                           struct template *public_rows, struct pair *out)
{
    struct template explicit = {.count = 0};
    struct template plain = {.count = 0};
    common_private_rows(session, &explicit, request);
    refused_rows(&explicit, request);
    CK_RV rv = generate_rows(session, type, public_rows, &explicit, out);
    if (!is_objection(rv)) {
        return rv;
    }
    common_private_rows(session, &plain, request);
    asked_rows(&plain, request);
    return generate_rows(session, type, public_rows, &plain, out);
}

static void public_rows_common(const struct sg_pkcs11_session *session, struct template *template,
                               const struct sg_pkcs11_key_request *request)
{
    common_rows(session, template, request);
    sg_pkcs11_template_add_bool(template, CKA_PRIVATE, false);
    sg_pkcs11_template_add_bool(template, CKA_VERIFY, true);
}

static CK_RV generate_rsa(struct sg_pkcs11_session *session,
                          const struct sg_pkcs11_key_request *request, struct pair *out)
{
    static const unsigned char exponent[] = {0x01, 0x00, 0x01};
    CK_ULONG bits = request->bits;
    struct template template = {.count = 0};
    public_rows_common(session, &template, request);
    sg_pkcs11_template_add(&template, CKA_MODULUS_BITS, &bits, sizeof bits);
    sg_pkcs11_template_add(&template, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
    sg_pkcs11_template_add_bool(&template, CKA_ENCRYPT, request->decrypt);
    return generate_with(session, CKM_RSA_PKCS_KEY_PAIR_GEN, request, &template, out);
}

static CK_RV generate_curve(struct sg_pkcs11_session *session, CK_MECHANISM_TYPE type,
                            const struct sg_pkcs11_key_request *request,
                            const unsigned char *parameters, size_t len, struct pair *out)
{
    struct template template = {.count = 0};
    public_rows_common(session, &template, request);
    sg_pkcs11_template_add(&template, CKA_EC_PARAMS, parameters, len);
    return generate_with(session, type, request, &template, out);
}

/* PKCS#11 v3.0, 2.3.5 allows the curve's name or its identifier. SoftHSM 2.6.1 takes only the
 * identifier (RFC 8410, 3), others only the name: a refusal of the first, which made nothing,
 * brings the second. */
static CK_RV generate_ed25519(struct sg_pkcs11_session *session,
                              const struct sg_pkcs11_key_request *request, struct pair *out)
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
                      const struct sg_pkcs11_key_request *request, struct pair *out)
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

/* One attribute of the private key and the value it must have. */
struct expectation {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    bool value;
    enum { ALWAYS, WHERE_KNOWN } check; /* WHERE_KNOWN: a token without this attribute passes */
};

static sg_status check_attribute(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                                 const struct expectation *expected, struct sg_error *err)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {expected->type, &value, sizeof value};
    CK_RV rv = session->call->C_GetAttributeValue(session->handle, handle, &attribute, 1);
    bool known = rv == CKR_OK && attribute.ulValueLen == sizeof value;
    if (!known && expected->check == WHERE_KNOWN) {
        return SG_OK;
    }
    if (known && (value != CK_FALSE) == expected->value) {
        return SG_OK;
    }
    return sg_fail(err, SG_E_TOKEN, "key_attributes",
                   known ? "the token made a key whose %s is %s, against what was asked"
                         : "the token does not tell the %s of the key that it made%.0s",
                   expected->name, value != CK_FALSE ? "true" : "false");
}

static sg_status check_attributes(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                                  const struct sg_pkcs11_key_request *request, struct sg_error *err)
{
    /* What a key of its kind can do is compared always, what means nothing for it where the token
     * has the attribute. */
    bool rsa = request->type == SG_PKCS11_RSA;
    bool ec = request->type == SG_PKCS11_EC;
    const struct expectation expectations[] = {
        {CKA_TOKEN, "CKA_TOKEN", true, ALWAYS},
        {CKA_PRIVATE, "CKA_PRIVATE", true, ALWAYS},
        {CKA_SENSITIVE, "CKA_SENSITIVE", true, ALWAYS},
        {CKA_EXTRACTABLE, "CKA_EXTRACTABLE", request->extractable, ALWAYS},
        {CKA_SIGN, "CKA_SIGN", true, ALWAYS},
        {CKA_DECRYPT, "CKA_DECRYPT", request->decrypt, rsa ? ALWAYS : WHERE_KNOWN},
        {CKA_UNWRAP, "CKA_UNWRAP", false, WHERE_KNOWN},
        {CKA_SIGN_RECOVER, "CKA_SIGN_RECOVER", false, WHERE_KNOWN},
        {CKA_DERIVE, "CKA_DERIVE", request->derive, ec ? ALWAYS : WHERE_KNOWN},
        {CKA_ALWAYS_SENSITIVE, "CKA_ALWAYS_SENSITIVE", true, WHERE_KNOWN},
        {CKA_NEVER_EXTRACTABLE, "CKA_NEVER_EXTRACTABLE", !request->extractable, WHERE_KNOWN},
        {CKA_LOCAL, "CKA_LOCAL", true, WHERE_KNOWN},
    };
    for (size_t i = 0; i < SG_COUNT(expectations); i++) {
        sg_status s = check_attribute(session, handle, &expectations[i], err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

static sg_status check_id(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE handle,
                          const struct sg_pkcs11_id *id, struct sg_error *err)
{
    unsigned char value[256];
    CK_ATTRIBUTE attribute = {CKA_ID, value, sizeof value};
    CK_RV rv = session->call->C_GetAttributeValue(session->handle, handle, &attribute, 1);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "cannot read the new key's CKA_ID");
    }
    bool same =
        attribute.ulValueLen == sizeof id->bytes && memcmp(value, id->bytes, sizeof id->bytes) == 0;
    return same ? SG_OK
                : sg_fail(err, SG_E_TOKEN, "key_attributes",
                          "the token gave the new key another CKA_ID");
}

static sg_status verify(struct sg_pkcs11_session *session, const struct pair *pair,
                        const struct sg_pkcs11_key_request *request, struct sg_buffer *spki,
                        struct sg_error *err)
{
    sg_status s = check_attributes(session, pair->private_key, request, err);
    if (s == SG_OK) {
        s = check_id(session, pair->private_key, &request->id, err);
    }
    if (s == SG_OK) {
        s = check_id(session, pair->public_key, &request->id, err);
    }
    if (s == SG_OK) {
        s = sg_pkcs11_public_key_read(session, pair->public_key, request, spki, err);
    }
    return s;
}

/* The private key first: a public key alone is no use to anybody. */
static CK_RV keep(struct sg_pkcs11_session *session, struct pair *pair)
{
    CK_RV rv = sg_pkcs11_staged_keep(session, &pair->private_key);
    return rv == CKR_OK ? sg_pkcs11_staged_keep(session, &pair->public_key) : rv;
}

static void destroy_pair(struct sg_pkcs11_session *session, const struct pair *pair)
{
    (void)session->call->C_DestroyObject(session->handle, pair->private_key);
    (void)session->call->C_DestroyObject(session->handle, pair->public_key);
}

static sg_status remember(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                          const struct pair *pair, struct sg_error *err)
{
    sg_status s = sg_pkcs11_index_put(&session->index, SG_PKCS11_PRIVATE_KEY, id, INDEX_PRESENT,
                                      pair->private_key, err);
    return s != SG_OK ? s
                      : sg_pkcs11_index_put(&session->index, SG_PKCS11_PUBLIC_KEY, id,
                                            INDEX_PRESENT, pair->public_key, err);
}

sg_status sg_pkcs11_key_generate(struct sg_pkcs11_session *session,
                                 const struct sg_pkcs11_key_request *request,
                                 struct sg_buffer *spki, struct sg_error *err)
{
    sg_status s = check_request(request, err);
    if (s == SG_OK) {
        s = check_unused(session, &request->id, err);
    }
    if (s != SG_OK) {
        return s;
    }
    struct pair pair = {CK_INVALID_HANDLE, CK_INVALID_HANDLE};
    CK_RV rv = generate(session, request, &pair);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "the token did not generate the key");
    }
    rv = keep(session, &pair);
    if (rv != CKR_OK) {
        destroy_pair(session, &pair);
        return sg_pkcs11_fail(err, rv, "the token did not keep the key");
    }
    size_t spki_len = spki->len;
    s = verify(session, &pair, request, spki, err);
    if (s == SG_OK) {
        s = remember(session, &request->id, &pair, err);
    }
    if (s != SG_OK) {
        spki->len = spki_len;
        destroy_pair(session, &pair);
    }
    return s;
}
