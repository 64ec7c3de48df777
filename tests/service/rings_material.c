#include "rings_material.h"

#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <string.h>

#include "cmocka_all.h"

static EVP_PKEY *make_key(enum material which)
{
    switch (which) {
    case M_CA:
    case M_RSA:
    case M_SIGN:
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    case M_ED:
        return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    case M_EC:
    case M_PLAIN:
    case M_SITE:
        return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    case M_COUNT:
        break;
    }
    return NULL;
}

static const char *name_of(enum material which)
{
    static const char *const names[M_COUNT] = {"Signet Test CA", "rsa.example",   "ec.example",
                                               "ed.example",     "plain.example", "site.example",
                                               "sign.example"};
    return names[which];
}

static void set_name(X509_NAME *name, enum material which)
{
    const unsigned char *text = (const void *)name_of(which);
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, text, -1, -1, 0), 1);
}

unsigned char *rings_certificate(const struct rings_material *material, enum material which,
                                 long serial, size_t *len)
{
    X509 *x = X509_new();
    assert_non_null(x);
    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
    ASN1_TIME_set_string(X509_getm_notBefore(x), "20260102030405Z");
    ASN1_TIME_set_string(X509_getm_notAfter(x), "20360607080910Z");
    set_name(X509_get_subject_name(x), which);
    set_name(X509_get_issuer_name(x), M_CA);
    X509_set_pubkey(x, material->keys[which]);
    assert_true(X509_sign(x, material->keys[M_CA], EVP_sha256()) > 0);
    unsigned char *der = NULL;
    int size = i2d_X509(x, &der);
    assert_true(size > 0);
    X509_free(x);
    unsigned char *copy = malloc((size_t)size);
    assert_non_null(copy);
    memcpy(copy, der, (size_t)size);
    OPENSSL_free(der);
    *len = (size_t)size;
    return copy;
}

void rings_material_make(struct rings_material *material)
{
    for (enum material i = M_CA; i < M_COUNT; i++) {
        material->keys[i] = make_key(i);
        assert_non_null(material->keys[i]);
        memset(material->ids[i].bytes, 'a' + (int)i, SG_KEY_ID_LEN);
    }
    for (enum material i = M_CA; i < M_COUNT; i++) {
        material->der[i] = rings_certificate(material, i, 1000 + (long)i, &material->der_len[i]);
    }
}

void rings_material_free(struct rings_material *material)
{
    for (enum material i = M_CA; i < M_COUNT; i++) {
        EVP_PKEY_free(material->keys[i]);
        free(material->der[i]);
    }
}

struct sg_view_member rings_member(const struct rings_material *material, enum material which)
{
    enum sg_usage usage = SG_USAGE_PERSONAL;
    if (which == M_CA) {
        usage = SG_USAGE_CERTAUTH;
    } else if (which == M_SITE) {
        usage = SG_USAGE_SITE;
    }
    return (struct sg_view_member){
        .der = {material->der[which], material->der_len[which]},
        .label = name_of(which),
        .usage = usage,
        .is_default = which == M_RSA,
        .key_usable = which == M_RSA || which == M_EC || which == M_ED || which == M_SIGN,
        .key = material->ids[which],
        .token = which == M_EC ? 1 : 0,
        .may_decrypt = which == M_RSA,
        .may_derive = which == M_EC,
    };
}

static void add_slot(struct sg_view_writer *writer, uint64_t slot, const char *label)
{
    struct sg_error err = SG_ERROR_INIT;
    char padded[32];
    memset(padded, ' ', sizeof padded);
    for (size_t i = 0; label[i] != '\0'; i++) {
        padded[i] = label[i];
    }
    assert_int_equal(sg_view_add_slot(writer, slot, padded, 1, &err), SG_OK);
}

static void add(struct sg_view_writer *writer, const struct rings_material *material,
                enum material which)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_member member = rings_member(material, which);
    assert_int_equal(sg_view_add_member(writer, &member, &err), SG_OK);
}

static int finish(struct sg_view_writer *writer)
{
    struct sg_error err = SG_ERROR_INIT;
    int fd = -1;
    assert_int_equal(sg_view_finish(writer, &fd, &err), SG_OK);
    sg_view_writer_free(writer);
    return fd;
}

int rings_view_first(const struct rings_material *material, uint64_t generation)
{
    static const enum material web[] = {M_RSA, M_CA, M_EC, M_ED, M_PLAIN, M_SITE};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = NULL;
    assert_int_equal(sg_view_writer_new(generation, &writer, &err), SG_OK);
    add_slot(writer, SLOT_WEB, "WEB/RING");
    for (size_t i = 0; i < SG_COUNT(web); i++) {
        add(writer, material, web[i]);
    }
    add_slot(writer, SLOT_SIGN, "WEB/SIGN");
    add(writer, material, M_SIGN);
    return finish(writer);
}

int rings_view_second(const struct rings_material *material, uint64_t generation)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = NULL;
    assert_int_equal(sg_view_writer_new(generation, &writer, &err), SG_OK);
    add_slot(writer, SLOT_WEB, "WEB/RING");
    add(writer, material, M_RSA);
    add(writer, material, M_CA);
    add_slot(writer, SLOT_NEW, "WEB/NEW");
    return finish(writer);
}

int rings_view_large(const struct rings_material *material, uint64_t generation)
{
    const size_t room_for_the_rest = 65536;
    struct sg_error err = SG_ERROR_INIT;
    struct sg_view_writer *writer = NULL;
    char *label = calloc(1, SG_VIEW_MAX);
    assert_non_null(label);
    memset(label, 'x', SG_VIEW_MAX - room_for_the_rest);
    assert_int_equal(sg_view_writer_new(generation, &writer, &err), SG_OK);
    add_slot(writer, SLOT_WEB, "WEB/RING");
    add(writer, material, M_RSA);
    struct sg_view_member large = rings_member(material, M_SITE);
    large.label = label;
    assert_int_equal(sg_view_add_member(writer, &large, &err), SG_OK);
    free(label);
    return finish(writer);
}
