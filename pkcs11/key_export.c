#include <string.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "key_read_internal.h"
#include "object_internal.h"
#include "wrapping_internal.h"

SG_DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)

/* Asked of the token itself: what a store remembers is no leave to try. */
static sg_status check_extractable(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE key,
                                   struct sg_error *err)
{
    CK_BBOOL value = CK_FALSE;
    CK_ATTRIBUTE attribute = {CKA_EXTRACTABLE, &value, sizeof value};
    CK_RV rv = session->call->C_GetAttributeValue(session->handle, key, &attribute, 1);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "the token does not say whether the key may leave it");
    }
    return value != CK_FALSE ? SG_OK
                             : sg_fail(err, SG_E_DENIED, "key_not_extractable",
                                       "the private key cannot leave its token: it was made so");
}

static sg_status wrap(struct sg_pkcs11_session *session, CK_OBJECT_HANDLE key,
                      struct sg_buffer *pkcs8, struct sg_error *err)
{
    CK_MECHANISM mechanism = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    unsigned char wrapped[WRAPPED_MAX]; /* encrypted: not wiped */
    CK_ULONG len = sizeof wrapped;
    WRAPPING wrapping;
    CK_RV rv = sg_pkcs11_wrapping_make(session, &wrapping);
    if (rv == CKR_OK) {
        rv = session->call->C_WrapKey(session->handle, &mechanism, wrapping.handle, key, wrapped,
                                      &len);
    }
    if (rv == CKR_OK && len > sizeof wrapped) {
        rv = CKR_BUFFER_TOO_SMALL;
    }
    if (rv == CKR_KEY_NOT_WRAPPABLE) { /* SoftHSM (2.6.1): Ed25519 */
        sg_pkcs11_fail(err, rv, "the token gives out no private keys of this kind");
        return sg_hint(err, "Use the key where it is, through a ring, or make a new one of another "
                            "kind (RSA, EC).");
    }
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "the token did not give the private key out");
    }
    return sg_pkcs11_unwrap(&wrapping, (struct sg_bytes){wrapped, len}, pkcs8)
               ? SG_OK
               : sg_fail(err, SG_E_TOKEN, "bad_private_key",
                         "what the token gave out as the private key does not decrypt");
}

/* SoftHSM (2.6.1) fills the key up to a multiple of 8 with zeros before it wraps it, although the
 * mechanism would do so and remember its length. */
static struct sg_bytes without_filling(struct sg_bytes raw)
{
    const unsigned char *at = raw.data;
    long len = 0;
    int tag = 0;
    int class = 0;
    int flags = ASN1_get_object(&at, &len, &tag, &class, (long)raw.len);
    size_t total = (flags & 0x81) == 0 ? (size_t)(at - raw.data) + (size_t)len : raw.len;
    size_t end = raw.len;
    while (end > total && raw.len - end < 7 && raw.data[end - 1] == 0) {
        end--;
    }
    ERR_clear_error();
    return (struct sg_bytes){raw.data, end};
}

/* What the token wrote is read and written anew, so that every token's keys look alike outside. */
static sg_status normalise(struct sg_bytes raw, struct sg_buffer *pkcs8, struct sg_buffer *spki,
                           struct sg_error *err)
{
    SG_CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = NULL;
    struct sg_pkcs11_key_request kind = {.label = ""};
    sg_status s = sg_pkcs11_private_read(without_filling(raw), &kind, &key, err);
    s = s == SG_OK ? sg_pkcs11_private_write(key, pkcs8, err) : s;
    return s == SG_OK ? sg_pkcs11_private_spki(key, spki, err) : s;
}

sg_status sg_pkcs11_key_export(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                               struct sg_buffer *pkcs8, struct sg_buffer *spki,
                               struct sg_error *err)
{
    SG_BUFFER raw;
    CK_OBJECT_HANDLE key = CK_INVALID_HANDLE;
    sg_buffer_init(&raw, WRAPPED_MAX + 16);
    /* A handle that was renumbered: the index forgets it, so the search goes to the token. */
    sg_pkcs11_object_forget(session, SG_PKCS11_PRIVATE_KEY, id);
    sg_status s = sg_pkcs11_object_find(session, SG_PKCS11_PRIVATE_KEY, id, &key, err);
    s = s == SG_OK ? check_extractable(session, key, err) : s;
    s = s == SG_OK ? wrap(session, key, &raw, err) : s;
    return s == SG_OK ? normalise((struct sg_bytes){raw.data, raw.len}, pkcs8, spki, err) : s;
}
