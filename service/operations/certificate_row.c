#include "run_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/hex.h>
#include <signet/policy/certificate_id.h>

#define SG_TOKEN_LABEL_BYTES 128 /* docs/protocol-token.md; owner and label may take 161 */

struct sg_name_text sg_row_name(const struct sg_certificate_row *row)
{
    struct sg_name_text name;
    snprintf(name.text, sizeof name.text, "%s/%s", row->name.owner.text, row->name.label.text);
    return name;
}

struct sg_name_text sg_row_token_label(const struct sg_certificate_row *row)
{
    struct sg_name_text name = sg_row_name(row);
    size_t len = strlen(name.text);
    if (len > SG_TOKEN_LABEL_BYTES) {
        len = SG_TOKEN_LABEL_BYTES;
        while (len > 0 && ((unsigned char)name.text[len] & 0xC0) == 0x80) {
            len--;
        }
        name.text[len] = '\0';
    }
    return name;
}

/* One block behind the row holds both names; the row frees it. */
static sg_status copy_names(const struct sg_certificate_facts *facts,
                            struct sg_certificate_row *row, struct sg_error *err)
{
    unsigned char *memory = malloc(facts->subject.len + facts->issuer.len + 1);
    if (memory == NULL) {
        return sg_fail_memory(err);
    }
    memcpy(memory, facts->subject.data, facts->subject.len);
    memcpy(memory + facts->subject.len, facts->issuer.data, facts->issuer.len);
    free(row->memory);
    row->memory = memory;
    row->subject = (struct sg_bytes){memory, facts->subject.len};
    row->issuer = (struct sg_bytes){memory + facts->subject.len, facts->issuer.len};
    return SG_OK;
}

sg_status sg_row_from_certificate(const struct sg_certificate *certificate,
                                  struct sg_certificate_row *row, struct sg_error *err)
{
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    struct sg_error ignored = SG_ERROR_INIT;
    unsigned char *der = malloc(facts->der.len);
    if (der == NULL) {
        return sg_fail_memory(err);
    }
    memcpy(der, facts->der.data, facts->der.len);
    free(row->der);
    row->der = der;
    row->der_len = facts->der.len;
    snprintf(row->serial, sizeof row->serial, "%s", facts->serial);
    snprintf(row->subject_text, sizeof row->subject_text, "%s", facts->subject_text);
    snprintf(row->issuer_text, sizeof row->issuer_text, "%s", facts->issuer_text);
    memcpy(row->spki_sha256, facts->spki_sha256, sizeof row->spki_sha256);
    row->self_signed = facts->self_issued &&
                       sg_certificate_verify_issued(certificate, certificate, &ignored) == SG_OK;
    row->not_before_s = facts->not_before_s;
    row->not_after_s = facts->not_after_s;
    if (row->key_type[0] == '\0') {
        snprintf(row->key_type, sizeof row->key_type, "%s", facts->key_text);
    }
    return copy_names(facts, row, err);
}

sg_status sg_row_check_size(const struct sg_certificate_row *row, struct sg_error *err)
{
    if (!row->has_key || row->der_len <= SG_TOKEN_DATA_MAX) {
        return SG_OK;
    }
    struct sg_name_text name = sg_row_name(row);
    sg_fail(err, SG_E_LIMIT, "certificate_too_large",
            "the certificate of %s has %zu bytes: beside a key in a token at most %d can stand",
            name.text, row->der_len, SG_TOKEN_DATA_MAX);
    sg_hint(err, "Have one made with fewer names.");
    return sg_object(err, "%s", name.text);
}

static int set_text(json_t *object, const char *key, const char *text)
{
    return json_object_set_new(object, key, json_string(text));
}

static int set_time(json_t *object, const char *key, int64_t time_s)
{
    char text[SG_TIME_TEXT];
    sg_time_format(time_s, text);
    return set_text(object, key, text);
}

static int set_names(json_t *object, const struct sg_certificate_row *row)
{
    char id[SG_CERTIFICATE_ID_TEXT];
    bool has_id = sg_certificate_id(row->name.owner.text, row->name.label.text, id);
    return set_text(object, "owner", row->name.owner.text) |
           set_text(object, "label", row->name.label.text) |
           set_text(object, "status", sg_trust_name(row->trust)) |
           set_text(object, "subject", row->subject_text) |
           set_text(object, "issuer", row->issuer_text) | set_text(object, "serial", row->serial) |
           json_object_set_new(object, "certificate_id", has_id ? json_string(id) : json_null());
}

/* One word for one kind of key, whoever made it: that of the commands where there is one. */
const char *sg_row_key_word(const char *key_type)
{
    static const struct {
        const char *text; /* sg_certificate_facts.key_text */
        const char *word;
    } words[] = {{"RSA 2048", "rsa:2048"}, {"RSA 3072", "rsa:3072"},
                 {"RSA 4096", "rsa:4096"}, {"EC P-256", "ec:p256"},
                 {"EC P-384", "ec:p384"},  {"EC P-521", "ec:p521"},
                 {"Ed25519", "ed25519"},   {"EC secp256k1", "ec:secp256k1"}};
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        if (strcmp(words[i].text, key_type) == 0) {
            return words[i].word;
        }
    }
    return key_type;
}

static int set_key(json_t *object, const struct sg_certificate_row *row)
{
    int failed = set_text(object, "key", sg_row_key_word(row->key_type)) |
                 json_object_set_new(object, "private_key", json_boolean(row->has_key));
    if (row->has_key) {
        char id[2 * SG_KEY_ID_LEN + 1];
        sg_hex_encode(row->key.bytes, SG_KEY_ID_LEN, id);
        failed |= set_text(object, "token", row->token) | set_text(object, "key_id", id) |
                  json_object_set_new(object, "extractable", json_boolean(row->extractable)) |
                  json_object_set_new(object, "may_sign", json_boolean(!row->retired));
    }
    return failed;
}

json_t *sg_row_json(const struct sg_certificate_row *row, int64_t now_s)
{
    json_t *object = json_object();
    if (object == NULL) {
        return NULL;
    }
    bool current = now_s >= row->not_before_s && now_s <= row->not_after_s;
    int failed = set_names(object, row) | set_time(object, "not_before", row->not_before_s) |
                 set_time(object, "not_after", row->not_after_s) | set_key(object, row) |
                 json_object_set_new(object, "valid_now", json_boolean(current)) |
                 json_object_set_new(object, "placeholder", json_boolean(row->placeholder)) |
                 json_object_set_new(object, "requested", json_boolean(row->requested));
    if (failed) {
        json_decref(object);
        return NULL;
    }
    return object;
}

sg_status sg_row_answer(struct sg_run *run, const struct sg_certificate_row *row,
                        struct sg_error *err)
{
    json_t *object = sg_row_json(row, sg_now_s(run->service->clock));
    int failed = object == NULL || json_object_update(run->answer, object) != 0;
    json_decref(object);
    return failed ? sg_fail_memory(err) : SG_OK;
}

json_t *sg_certificate_bare(struct sg_run *run, const struct sg_certificate *certificate,
                            struct sg_error *err)
{
    static const char *const ours[] = {"owner",          "label",       "status",
                                       "certificate_id", "placeholder", "requested"};
    SG_CERTIFICATE_ROW row = {0};
    if (sg_row_from_certificate(certificate, &row, err) != SG_OK) {
        return NULL;
    }
    json_t *item = sg_row_json(&row, sg_now_s(run->service->clock));
    for (size_t i = 0; item != NULL && i < SG_COUNT(ours); i++) {
        json_object_del(item, ours[i]);
    }
    return item;
}
