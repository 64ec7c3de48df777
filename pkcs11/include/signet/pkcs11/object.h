/* Objects in a token, found by their CKA_ID. Only objects whose CKA_ID has SG_PKCS11_ID_LEN bytes
 * exist for us; whatever else the token holds is left alone. */
#ifndef SIGNET_PKCS11_OBJECT_H
#define SIGNET_PKCS11_OBJECT_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>

struct sg_pkcs11_session;

#define SG_PKCS11_ID_LEN 16 /**< bytes */
struct sg_pkcs11_id {
    unsigned char bytes[SG_PKCS11_ID_LEN];
};

enum sg_pkcs11_class { SG_PKCS11_PRIVATE_KEY, SG_PKCS11_PUBLIC_KEY, SG_PKCS11_CERTIFICATE };
#define SG_PKCS11_CLASS_COUNT 3

/** Fill the session's index of all three classes, forgetting what it held. Scans the token (seconds
 * at 10,000 keys); after login, for private objects show only then. SG_E_TOKEN, SG_E_LIMIT above
 * two million objects. */
SG_CHECKED sg_status sg_pkcs11_object_index(struct sg_pkcs11_session *session,
                                            struct sg_error *err);
/** Number of objects of a class in the index. */
size_t sg_pkcs11_object_count(const struct sg_pkcs11_session *session,
                              enum sg_pkcs11_class object_class);

/** Find an object's handle: in the index, else in the token (another process may have made it), and
 * the answer is remembered, also when it is "missing": that for a second, for whoever took it away
 * may bring it back. SG_E_NOT_FOUND, code "key_missing" (ck_rv CKR_KEY_HANDLE_INVALID) or
 * "certificate_missing". */
SG_CHECKED sg_status sg_pkcs11_object_find(struct sg_pkcs11_session *session,
                                           enum sg_pkcs11_class object_class,
                                           const struct sg_pkcs11_id *id, unsigned long *out_handle,
                                           struct sg_error *err);
/** Forget one handle: the next use looks it up in the token. */
void sg_pkcs11_object_forget(struct sg_pkcs11_session *session, enum sg_pkcs11_class object_class,
                             const struct sg_pkcs11_id *id);
/** Forget which objects were missing: somebody may have made them since, and they are to be found
 * at once. */
void sg_pkcs11_object_forget_missing(struct sg_pkcs11_session *session);

/** Destroy the copies of private keys that this session keeps for use (software tokens): the next
 * use of each looks at the token again. Call it when a key's users changed, so that no key outlives
 * its right to be used. */
void sg_pkcs11_copies_forget(struct sg_pkcs11_session *session);

/** Store an X.509 certificate with this CKA_ID and label (may be empty), then destroy other
 * certificate objects with the CKA_ID, so that at every moment at least one is there. SG_E_INPUT
 * "bad_certificate" when der is not exactly one certificate; SG_E_TOKEN. */
SG_CHECKED sg_status sg_pkcs11_certificate_store(struct sg_pkcs11_session *session,
                                                 const struct sg_pkcs11_id *id, const char *label,
                                                 struct sg_bytes der, struct sg_error *err);

/** Destroy every object, of whatever class, that bears the CKA_ID, private keys first. *out_count
 * says how many there were; none is no failure. After a failure some may be gone: call it again. */
SG_CHECKED sg_status sg_pkcs11_object_destroy(struct sg_pkcs11_session *session,
                                              const struct sg_pkcs11_id *id, unsigned *out_count,
                                              struct sg_error *err);

#endif
