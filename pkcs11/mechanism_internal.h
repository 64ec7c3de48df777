#ifndef SIGNET_PKCS11_MECHANISM_INTERNAL_H
#define SIGNET_PKCS11_MECHANISM_INTERNAL_H

#include <p11-kit/pkcs11.h>

#include <signet/pkcs11/mechanism.h>

/* A CK_MECHANISM together with the parameters that it points at: do not copy. */
struct ck_mechanism_full {
    CK_MECHANISM mechanism;
    union {
        CK_RSA_PKCS_PSS_PARAMS pss;
        CK_RSA_PKCS_OAEP_PARAMS oaep;
        CK_ECDH1_DERIVE_PARAMS ecdh;
    } parameters;
};

/* Fill out. False when the kind cannot do what "use" says. data is the peer's point for ECDH. */
bool sg_pkcs11_mechanism_make(const struct sg_pkcs11_mechanism *mechanism, enum sg_pkcs11_use use,
                              struct sg_bytes data, struct ck_mechanism_full *out);
bool sg_pkcs11_mechanism_is_rsa(enum sg_pkcs11_mechanism_kind kind);

#endif
