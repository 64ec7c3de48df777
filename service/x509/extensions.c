/* Extensions: from what was asked for to X.509, and back. */
#include "x509_internal.h"

#include <openssl/err.h>
#include <openssl/objects.h>

#define USAGE_BITS 7 /* enum sg_x509_usage; encipherOnly and decipherOnly are not served */

SG_DEFINE_CLEANUP(X509_EXTENSION *, X509_EXTENSION_free)

void sg_x509_extras_done(struct sg_x509_extras *extras)
{
    GENERAL_NAMES_free(extras->sans);
    EXTENDED_KEY_USAGE_free(extras->ekus);
    BASIC_CONSTRAINTS_free(extras->basic);
    *extras = (struct sg_x509_extras){.usage = 0};
}

static struct sg_x509_extras steal(struct sg_x509_extras *extras)
{
    struct sg_x509_extras all = *extras;
    *extras = (struct sg_x509_extras){.usage = 0};
    return all;
}

unsigned sg_x509_usage_bits(const ASN1_BIT_STRING *bits)
{
    unsigned usage = 0;
    for (int i = 0; i < USAGE_BITS; i++) {
        usage |= ASN1_BIT_STRING_get_bit(bits, i) != 0 ? 1u << i : 0;
    }
    return usage;
}

/* ---- reading ---- */

/* *out stays NULL when the extension is absent. */
static sg_status read_one(const STACK_OF(X509_EXTENSION) * list, int nid, void **out,
                          struct sg_error *err)
{
    int critical = 0;
    *out = X509V3_get_d2i(list, nid, &critical, NULL);
    if (*out != NULL || critical == -1) {
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, "bad_extension", "extension %s is %s", OBJ_nid2sn(nid),
            critical == -2 ? "there twice" : "malformed");
    return sg_x509_ossl(err);
}

static sg_status read_usage(const STACK_OF(X509_EXTENSION) * list, unsigned *out,
                            struct sg_error *err)
{
    void *value = NULL;
    sg_status s = read_one(list, NID_key_usage, &value, err);
    SG_CLEANUP(ASN1_BIT_STRING_freep) ASN1_BIT_STRING *bits = value;
    *out = bits != NULL ? sg_x509_usage_bits(bits) : 0;
    return s;
}

sg_status sg_x509_extras_read(const STACK_OF(X509_EXTENSION) * list, struct sg_x509_extras *out,
                              struct sg_error *err)
{
    SG_X509_EXTRAS found = {.usage = 0};
    void *value = NULL;
    sg_status s = read_one(list, NID_subject_alt_name, &value, err);
    found.sans = value;
    if (s == SG_OK) {
        s = read_one(list, NID_ext_key_usage, &value, err);
        found.ekus = value;
    }
    if (s == SG_OK) {
        s = read_one(list, NID_basic_constraints, &value, err);
        found.basic = value;
    }
    if (s == SG_OK) {
        s = read_usage(list, &found.usage, err);
    }
    if (s != SG_OK) {
        return s;
    }
    *out = steal(&found);
    return SG_OK;
}

/* ---- collecting ---- */

/* cA as asked for. A path length that the copied certificate had stays: re-issuing a CA must not
 * widen it. */
static sg_status collect_ca(struct sg_x509_extras *extras, struct sg_error *err)
{
    if (extras->basic != NULL && extras->basic->ca != 0) {
        return SG_OK;
    }
    BASIC_CONSTRAINTS_free(extras->basic);
    extras->basic = BASIC_CONSTRAINTS_new();
    if (extras->basic == NULL) {
        return sg_fail_memory(err);
    }
    extras->basic->ca = 0xff;
    return SG_OK;
}

/* Names of the kinds that people type obey the same rules when they come from outside: no NUL or
 * blank in a host name. */
static sg_status check_name(const GENERAL_NAME *name, struct sg_error *err)
{
    if (name->type != GEN_DNS && name->type != GEN_EMAIL && name->type != GEN_URI &&
        name->type != GEN_IPADD) {
        return SG_OK;
    }
    SG_BUFFER text;
    sg_buffer_init(&text, SG_CERTIFICATE_MAX);
    sg_status s = sg_x509_san_text(name, &text, err);
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(GENERAL_NAME_freep) GENERAL_NAME *same = NULL;
    return sg_x509_san_parse((const char *)text.data, &same, err);
}

/* Only names that are really copied are checked: what is given instead is how a bad one is
 * repaired. */
static sg_status check_copied_names(struct sg_x509_extras *extras, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (int i = 0; s == SG_OK && i < sk_GENERAL_NAME_num(extras->sans); i++) {
        s = check_name(sk_GENERAL_NAME_value(extras->sans, i), err);
    }
    if (s == SG_OK && extras->sans != NULL && sk_GENERAL_NAME_num(extras->sans) == 0) {
        GENERAL_NAMES_free(SG_STEAL(extras->sans));
    }
    return s;
}

static sg_status collect_names(const struct sg_x509_request *request, struct sg_x509_extras *extras,
                               struct sg_error *err)
{
    sg_status s = SG_OK;
    if (request->san_count > 0) {
        GENERAL_NAMES_free(SG_STEAL(extras->sans));
        s = sg_x509_sans_parse(request->sans, request->san_count, &extras->sans, err);
    } else {
        s = check_copied_names(extras, err);
    }
    if (s == SG_OK && request->eku_count > 0) {
        EXTENDED_KEY_USAGE_free(SG_STEAL(extras->ekus));
        s = sg_x509_ekus_parse(request->ekus, request->eku_count, &extras->ekus, err);
    }
    return s;
}

sg_status sg_x509_extras_collect(const struct sg_x509_request *request, struct sg_x509_extras *out,
                                 struct sg_error *err)
{
    SG_X509_EXTRAS extras = {.usage = 0};
    sg_status s = SG_OK;
    if (request->extensions_from.len > 0) {
        s = sg_x509_extras_copy(request->extensions_from, &extras, err);
    }
    if (s == SG_OK) {
        s = collect_names(request, &extras, err);
    }
    if (s == SG_OK && request->ca) {
        s = collect_ca(&extras, err);
    } else if (s == SG_OK && request->leaf && extras.basic == NULL) {
        extras.basic = BASIC_CONSTRAINTS_new(); /* cA is false by default */
        s = extras.basic != NULL ? SG_OK : sg_fail_memory(err);
    }
    if (s != SG_OK) {
        return s;
    }
    extras.usage = request->usage != 0 ? request->usage : extras.usage;
    *out = steal(&extras);
    return SG_OK;
}

/* ---- encoding ---- */

sg_status sg_x509_extension_add(STACK_OF(X509_EXTENSION) * *list, int nid, bool critical,
                                void *value, struct sg_error *err)
{
    SG_CLEANUP(X509_EXTENSION_freep)
    X509_EXTENSION *extension = X509V3_EXT_i2d(nid, critical ? 1 : 0, value);
    if (extension == NULL || X509v3_add_ext(list, extension, -1) == NULL) {
        return sg_x509_broken(err, "encoding an extension");
    }
    return SG_OK;
}

static sg_status add_usage(STACK_OF(X509_EXTENSION) * *list, unsigned usage, struct sg_error *err)
{
    SG_CLEANUP(ASN1_BIT_STRING_freep) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    if (bits == NULL) {
        return sg_fail_memory(err);
    }
    for (int i = 0; i < USAGE_BITS; i++) {
        if ((usage & 1u << i) != 0 && ASN1_BIT_STRING_set_bit(bits, i, 1) != 1) {
            return sg_fail_memory(err);
        }
    }
    return sg_x509_extension_add(list, NID_key_usage, true, bits, err);
}

static sg_status encode(const struct sg_x509_extras *extras, bool subject_empty,
                        STACK_OF(X509_EXTENSION) * *list, struct sg_error *err)
{
    sg_status s = SG_OK;
    if (extras->basic != NULL) {
        s = sg_x509_extension_add(list, NID_basic_constraints, extras->basic->ca != 0,
                                  extras->basic, err);
    }
    if (s == SG_OK && extras->usage != 0) {
        s = add_usage(list, extras->usage, err);
    }
    if (s == SG_OK && extras->ekus != NULL) {
        s = sg_x509_extension_add(list, NID_ext_key_usage, false, extras->ekus, err);
    }
    if (s == SG_OK && extras->sans != NULL) {
        s = sg_x509_extension_add(list, NID_subject_alt_name, subject_empty, extras->sans, err);
    }
    return s;
}

sg_status sg_x509_extras_encode(const struct sg_x509_extras *extras, bool subject_empty,
                                STACK_OF(X509_EXTENSION) * *out, struct sg_error *err)
{
    SG_CLEANUP(sg_x509_extensions_freep) STACK_OF(X509_EXTENSION) *list = NULL;
    sg_status s = encode(extras, subject_empty, &list, err);
    if (s == SG_OK) {
        *out = SG_STEAL(list);
    }
    return s;
}
