/* A key pair that was just made in a session: into the token, checked, entered into the index. */
#include <string.h>

#include "key_internal.h"
#include "staged_internal.h"

/* Tokens accept a second pair with the same CKA_ID without a word. The index knows all that were
 * there at the login and all that this session has made; asking the token would cost 40 ms in a
 * SoftHSM token of 1,000 keys, and identities are 128 random bits. */
sg_status sg_pkcs11_id_unused(const struct sg_pkcs11_session *session,
                              const struct sg_pkcs11_id *id, struct sg_error *err)
{
    for (int i = 0; i < SG_PKCS11_CLASS_COUNT; i++) {
        unsigned long handle = 0;
        enum index_state known =
            sg_pkcs11_index_get(&session->index, (enum sg_pkcs11_class)i, id, &handle);
        if (known == INDEX_PRESENT || known == INDEX_UNNUMBERED) {
            return sg_fail(err, SG_E_CONFLICT, "key_exists",
                           "the token holds an object with this CKA_ID");
        }
    }
    return SG_OK;
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
                                  const struct sg_pkcs11_key_request *request,
                                  enum pair_origin origin, struct sg_error *err)
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
    size_t of_origin = 3; /* the last ones mean something for keys that were born in the token */
    size_t count = SG_COUNT(expectations) - (origin == PAIR_BORN_HERE ? 0 : of_origin);
    for (size_t i = 0; i < count; i++) {
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

static sg_status verify(struct sg_pkcs11_session *session, const struct key_pair *pair,
                        const struct sg_pkcs11_key_request *request, enum pair_origin origin,
                        struct sg_buffer *spki, struct sg_error *err)
{
    sg_status s = check_attributes(session, pair->private_key, request, origin, err);
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
static CK_RV into_token(struct sg_pkcs11_session *session, struct key_pair *pair)
{
    CK_RV rv = sg_pkcs11_staged_keep(session, &pair->private_key);
    return rv == CKR_OK ? sg_pkcs11_staged_keep(session, &pair->public_key) : rv;
}

static void destroy_pair(struct sg_pkcs11_session *session, const struct key_pair *pair)
{
    (void)session->call->C_DestroyObject(session->handle, pair->private_key);
    (void)session->call->C_DestroyObject(session->handle, pair->public_key);
}

static sg_status remember(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                          const struct key_pair *pair, struct sg_error *err)
{
    sg_status s = sg_pkcs11_index_put(&session->index, SG_PKCS11_PRIVATE_KEY, id, INDEX_PRESENT,
                                      pair->private_key, err);
    return s != SG_OK ? s
                      : sg_pkcs11_index_put(&session->index, SG_PKCS11_PUBLIC_KEY, id,
                                            INDEX_PRESENT, pair->public_key, err);
}

sg_status sg_pkcs11_pair_keep(struct sg_pkcs11_session *session, struct key_pair *pair,
                              const struct sg_pkcs11_key_request *request, enum pair_origin origin,
                              struct sg_buffer *spki, struct sg_error *err)
{
    CK_RV rv = into_token(session, pair);
    if (rv != CKR_OK) {
        destroy_pair(session, pair);
        return sg_pkcs11_fail(err, rv, "the token did not keep the key");
    }
    size_t spki_len = spki->len;
    sg_status s = verify(session, pair, request, origin, spki, err);
    if (s == SG_OK) {
        s = remember(session, &request->id, pair, err);
    }
    if (s != SG_OK) {
        spki->len = spki_len;
        destroy_pair(session, pair);
    }
    return s;
}
