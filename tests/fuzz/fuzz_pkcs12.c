/* Aimed at: sg_keystore_read_pkcs12, sg_keystore_read_pkcs12_certificates, sg_keystore_is_pkcs12
 * and sg_keystore_pkcs12_is_open. The corpus is of files whose password is "changeit", with one
 * round of key derivation; a file that fails its MAC says nothing about what is behind it, so files
 * without one are worth most. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/keystore/pkcs12.h>
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
    require(err->status == status && err->code[0] != '\0' && err->text[0] != '\0');
    require(status == SG_E_INPUT || status == SG_E_LIMIT);
    require(strstr(err->text, "changeit") == NULL && strstr(err->hint, "changeit") == NULL);
}

static sg_status take(void *context, struct sg_bytes der, struct sg_error *err)
{
    size_t *seen = context;
    SG_CERTIFICATE *certificate = NULL;
    require(++*seen <= SG_BUNDLE_MAX);
    require(sg_certificate_parse(der, &certificate, err) == SG_OK);
    return SG_OK;
}

static void look(struct sg_bytes input, struct sg_secret *password)
{
    size_t seen = 0;
    struct sg_error err = SG_ERROR_INIT;
    sg_status s =
        sg_keystore_read_pkcs12_certificates("input", input, password, take, &seen, NULL, &err);
    require((s == SG_OK) == (seen > 0));
    if (s != SG_OK) {
        check_error(&err, s);
    }
}

static void take_key(struct sg_bytes input, struct sg_secret *password)
{
    size_t seen = 0;
    struct sg_error err = SG_ERROR_INIT;
    SG_PKCS12_KEY key = {.pkcs8 = {0}};
    sg_status s = sg_keystore_read_pkcs12("input", input, password, take, &seen, &key, &err);
    require((s == SG_OK) == (seen > 0) && (s == SG_OK) == (key.pkcs8.len > 0));
    if (s != SG_OK) {
        check_error(&err, s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct sg_bytes input = {data, size};
    struct sg_error err = SG_ERROR_INIT;
    SG_SECRET struct sg_secret *password = NULL;
    require(sg_secret_new(&password, &err) == SG_OK);
    require(sg_secret_set(password, "changeit", 8, &err) == SG_OK);
    if (!sg_keystore_is_pkcs12(input)) {
        require(!sg_keystore_pkcs12_is_open(input));
    }
    look(input, password);
    look(input, NULL);
    take_key(input, password);
    return 0;
}
