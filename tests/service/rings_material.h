/* Keys, certificates and views for the tests of the rings. */
#ifndef SIGNET_TESTS_RINGS_MATERIAL_H
#define SIGNET_TESTS_RINGS_MATERIAL_H

#include <openssl/evp.h>

#include <signet/rings/view.h>

/* Whose key and certificate. */
enum material {
    M_CA,    /* RSA, CERTAUTH */
    M_RSA,   /* usable, may decrypt */
    M_EC,    /* P-256, usable, may derive */
    M_ED,    /* Ed25519, usable */
    M_PLAIN, /* EC, PERSONAL, the caller does not get the key */
    M_SITE,  /* EC, SITE */
    M_SIGN,  /* RSA, usable for signing only */
    M_COUNT,
};

struct rings_material {
    EVP_PKEY *keys[M_COUNT];
    unsigned char *der[M_COUNT];
    size_t der_len[M_COUNT];
    struct sg_key_id ids[M_COUNT];
};

#define SLOT_WEB 7
#define SLOT_SIGN 9
#define SLOT_NEW 11

void rings_material_make(struct rings_material *material);
void rings_material_free(struct rings_material *material);
/* A certificate for keys[which] with that serial number; malloc'd DER. */
unsigned char *rings_certificate(const struct rings_material *material, enum material which,
                                 long serial, size_t *len);
/* A member as control would describe it. */
struct sg_view_member rings_member(const struct rings_material *material, enum material which);
/* The first state: SLOT_WEB with CA, RSA (default), EC, ED, PLAIN, SITE; SLOT_SIGN with SIGN. */
int rings_view_first(const struct rings_material *material, uint64_t generation);
/* Later: SLOT_WEB with RSA and CA; SLOT_NEW, empty; SLOT_SIGN is gone. */
int rings_view_second(const struct rings_material *material, uint64_t generation);
/* SLOT_WEB with RSA, and as many bytes as a view can have. */
int rings_view_large(const struct rings_material *material, uint64_t generation);

#endif
