/* Aimed at: sg_keystore_read_csr, sg_csr_parse, and the copying of extensions out of a stranger's
 * request or certificate. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/keystore/read.h>
#include <signet/x509/certificate.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

static void check_error(const struct sg_error *err, sg_status status)
{
    require(err->status == status && status != SG_E_INTERNAL);
    require(err->code[0] != '\0' && err->text[0] != '\0');
}

/* Facts are only told when the request verifies with the key they tell of. */
static void parse(struct sg_bytes der)
{
    static struct sg_csr_facts facts;
    struct sg_error err = SG_ERROR_INIT;
    enum sg_key_family family = SG_FAMILY_RSA;
    unsigned bits = 0;
    char text[32];
    sg_status s = sg_csr_parse(der, &facts, &err);
    if (s != SG_OK) {
        check_error(&err, s);
        return;
    }
    require(facts.spki_len > 0 && facts.spki_len <= sizeof(facts.spki));
    require(facts.subject_len > 0 && facts.subject_len <= sizeof(facts.subject));
    require(strnlen(facts.subject_text, sizeof(facts.subject_text)) < sizeof(facts.subject_text));
    require(facts.usage < 1u << 7);
    require(sg_spki_describe((struct sg_bytes){facts.spki, facts.spki_len}, &family, &bits, text,
                             &err) == SG_OK);
    require(family == facts.family && bits == facts.key_bits);
}

static void copy_extensions(struct sg_bytes der)
{
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_x509_request request = {.subject = "CN=x", .extensions_from = der};
    sg_status s = sg_x509_request_check(&request, &err);
    if (s != SG_OK) {
        check_error(&err, s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_bytes input = {data, size};
    SG_BUFFER der;
    sg_buffer_init(&der, SG_INPUT_FILE_MAX);
    sg_status s = sg_keystore_read_csr("input", input, &der, &err);
    if (s == SG_OK) {
        require(der.len > 0);
        parse((struct sg_bytes){der.data, der.len});
        copy_extensions((struct sg_bytes){der.data, der.len});
    } else {
        require(der.len == 0);
        check_error(&err, s);
    }
    parse(input);
    copy_extensions(input);
    return 0;
}
