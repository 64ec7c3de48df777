/* Aimed at: sg_keystore_read_certificates (PEM scanner, base64, identification, PKCS#7),
 * sg_certificate_parse and everything that is asked of a certificate afterwards, sg_chain_build,
 * sg_chain_verify. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/keystore/read.h>
#include <signet/x509/certificate.h>

#define KEPT_MAX 16
#define NOW INT64_C(1792000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct kept {
    struct sg_certificate *certificates[KEPT_MAX];
    size_t count, seen;
};

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

/* Texts for people never hold a control character, and always end. */
static void check_text(const char *text, size_t room)
{
    size_t len = strnlen(text, room);
    require(len < room);
    for (size_t i = 0; i < len; i++) {
        require((unsigned char)text[i] >= 0x20 && text[i] != 0x7f);
    }
}

static void check_error(const struct sg_error *err, sg_status status)
{
    require(err->status == status && err->code[0] != '\0' && err->text[0] != '\0');
    require(status != SG_E_INTERNAL);
    check_text(err->text, sizeof(err->text));
    check_text(err->hint, sizeof(err->hint));
    check_text(err->code, sizeof(err->code));
}

static void ask(const struct sg_certificate *certificate)
{
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_certificate_facts *f = sg_certificate_facts(certificate);
    size_t count = 0;
    SG_BUFFER out;
    sg_buffer_init(&out, 1u << 20);
    check_text(f->subject_text, sizeof(f->subject_text));
    check_text(f->issuer_text, sizeof(f->issuer_text));
    check_text(f->common_name, sizeof(f->common_name));
    check_text(f->serial, sizeof(f->serial));
    check_text(f->key_text, sizeof(f->key_text));
    check_text(f->signature_text, sizeof(f->signature_text));
    if (sg_certificate_sans(certificate, &out, &count, &err) == SG_OK && count > 0) {
        require(out.len > count && out.data[out.len - 1] == '\0');
    }
    sg_buffer_done(&out);
    if (sg_certificate_ekus(certificate, &out, &count, &err) == SG_OK && count > 0) {
        require(out.len > count && out.data[out.len - 1] == '\0');
    }
    require(sg_certificate_usage(certificate) < 1u << 7);
    if (sg_certificate_verify_issued(certificate, certificate, &err) != SG_OK) {
        check_error(&err, err.status);
    }
    (void)!sg_certificate_check_time(certificate, NOW, &err);
}

static sg_status keep(void *context, struct sg_bytes der, struct sg_error *err)
{
    struct kept *kept = context;
    struct sg_certificate *certificate = NULL;
    kept->seen++;
    require(kept->seen <= SG_BUNDLE_MAX);
    require(sg_certificate_parse(der, &certificate, err) == SG_OK); /* the reader has checked it */
    const struct sg_certificate_facts *f = sg_certificate_facts(certificate);
    require(f->der.len == der.len && memcmp(f->der.data, der.data, der.len) == 0);
    ask(certificate);
    if (kept->count < KEPT_MAX) {
        kept->certificates[kept->count++] = certificate;
    } else {
        sg_certificate_free(certificate);
    }
    return SG_OK;
}

static void chain(const struct kept *kept)
{
    struct sg_error err = SG_ERROR_INIT;
    struct sg_chain built;
    const struct sg_certificate *bag[KEPT_MAX] = {NULL};
    for (size_t i = 0; i < kept->count; i++) {
        bag[i] = kept->certificates[i];
    }
    if (sg_chain_build(bag[0], bag, kept->count, &built, &err) != SG_OK) {
        check_error(&err, err.status);
        return;
    }
    require(built.count > 0 && built.count <= SG_CHAIN_MAX && built.members[0] == bag[0]);
    if (sg_chain_verify(&built, NOW, &err) != SG_OK) {
        check_error(&err, err.status);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kept kept = {.count = 0};
    struct sg_error err = SG_ERROR_INIT;
    struct sg_certificate *certificate = NULL;
    const struct sg_bytes input = {data, size};
    sg_status s = sg_keystore_read_certificates("input", input, keep, &kept, &err);
    require((s == SG_OK) == (kept.seen > 0));
    if (s == SG_OK) {
        chain(&kept);
    } else {
        check_error(&err, s);
    }
    for (size_t i = 0; i < kept.count; i++) {
        sg_certificate_free(kept.certificates[i]);
    }
    sg_error_clear(&err);
    s = sg_certificate_parse(input, &certificate, &err);
    if (s == SG_OK) {
        ask(certificate);
        sg_certificate_free(certificate);
    } else {
        check_error(&err, s);
    }
    return 0;
}
