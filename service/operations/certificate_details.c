/* All that a certificate says, as JSON: cert show, and the lists with --details. */
#include "run_internal.h"

#include <string.h>

#include <signet/base/hex.h>
#include <signet/policy/name.h>

static sg_status set_words(json_t *object, const char *key, const struct sg_buffer *words,
                           size_t count, struct sg_error *err)
{
    json_t *list = json_array();
    const char *next = (const char *)words->data;
    for (size_t i = 0; i < count; i++) {
        json_array_append_new(list, json_string(next));
        next += strlen(next) + 1;
    }
    return sg_run_set(object, key, list, err);
}

static sg_status set_sans(json_t *object, const struct sg_certificate *certificate,
                          struct sg_error *err)
{
    SG_BUFFER words;
    size_t count = 0;
    sg_buffer_init(&words, SG_CERTIFICATE_MAX);
    sg_status s = sg_certificate_sans(certificate, &words, &count, err);
    return s == SG_OK ? set_words(object, "sans", &words, count, err) : s;
}

static sg_status set_ekus(json_t *object, const struct sg_certificate *certificate,
                          struct sg_error *err)
{
    SG_BUFFER words;
    size_t count = 0;
    sg_buffer_init(&words, SG_CERTIFICATE_MAX);
    sg_status s = sg_certificate_ekus(certificate, &words, &count, err);
    return s == SG_OK ? set_words(object, "extended_key_usage", &words, count, err) : s;
}

static sg_status set_usage(json_t *object, const struct sg_certificate *certificate,
                           struct sg_error *err)
{
    static const char *const names[] = {"digitalSignature", "nonRepudiation", "keyEncipherment",
                                        "dataEncipherment", "keyAgreement",   "keyCertSign",
                                        "cRLSign"};
    unsigned bits = sg_certificate_usage(certificate);
    json_t *list = json_array();
    for (size_t i = 0; i < SG_COUNT(names); i++) {
        if ((bits & 1u << i) != 0) {
            json_array_append_new(list, json_string(names[i]));
        }
    }
    return sg_run_set(object, "key_usage", list, err);
}

/* Where a certificate is connected. */
struct places {
    json_t *rings, *tokens;
};

static sg_status show_place(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                            bool is_default, struct sg_error *err)
{
    const struct places *places = context;
    const char *name = ring->name.ring.text;
    bool served = sg_is_served_token(&ring->name);
    json_t *item = json_pack("{s:s, s:s, s:b}", served ? "token" : "ring", name, "usage",
                             sg_usage_name(usage), "default", (int)is_default);
    if (item == NULL || json_array_append_new(served ? places->tokens : places->rings, item) != 0) {
        return sg_fail_memory(err);
    }
    return served ? SG_OK : sg_run_set(item, "owner", json_string(ring->name.owner.text), err);
}

static sg_status set_places(struct sg_run *run, const struct sg_certificate_row *row,
                            json_t *object, struct sg_error *err)
{
    struct places places = {.rings = json_array(), .tokens = json_array()};
    sg_status s = sg_run_set(object, "rings", places.rings, err);
    s = sg_run_set(object, "bound_in", places.tokens, err) | s;
    return s == SG_OK
               ? sg_store_membership_each(run->service->store, row->id, show_place, &places, err)
               : s;
}

/* As RACF prints them: what a period separates is only known here. */
static sg_status set_dotted(json_t *object, const struct sg_certificate *certificate,
                            struct sg_error *err)
{
    struct sg_dotted_name subject;
    struct sg_dotted_name issuer;
    sg_certificate_dotted(certificate, &subject, &issuer);
    sg_status s = sg_run_set(object, "subject_dotted", json_string(subject.text), err);
    return s == SG_OK ? sg_run_set(object, "issuer_dotted", json_string(issuer.text), err) : s;
}

sg_status sg_certificate_details(json_t *object, const struct sg_certificate *certificate,
                                 struct sg_error *err)
{
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    char fingerprint[2 * sizeof facts->sha256 + 1];
    sg_hex_encode(facts->sha256, sizeof facts->sha256, fingerprint);
    sg_status s = sg_run_set(object, "fingerprint_sha256", json_string(fingerprint), err);
    s = s == SG_OK
            ? sg_run_set(object, "signature_algorithm", json_string(facts->signature_text), err)
            : s;
    s = s == SG_OK ? sg_run_set(object, "ca", json_boolean(facts->ca), err) : s;
    s = s == SG_OK ? sg_run_set(object, "key_bits", json_integer(facts->key_bits), err) : s;
    s = s == SG_OK ? set_dotted(object, certificate, err) : s;
    s = s == SG_OK ? set_sans(object, certificate, err) : s;
    s = s == SG_OK ? set_usage(object, certificate, err) : s;
    return s == SG_OK ? set_ekus(object, certificate, err) : s;
}

sg_status sg_row_details(struct sg_run *run, const struct sg_certificate_row *row, json_t *object,
                         struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    sg_status s =
        sg_certificate_parse_to_show((struct sg_bytes){row->der, row->der_len}, &certificate, err);
    s = s == SG_OK ? sg_certificate_details(object, certificate, err) : s;
    return s == SG_OK ? set_places(run, row, object, err) : s;
}

sg_status sg_row_append(struct sg_run *run, const struct sg_certificate_row *row, json_t *items,
                        struct sg_error *err)
{
    json_t *item = sg_row_json(row, sg_now_s(run->service->clock));
    if (item == NULL || json_array_append_new(items, item) != 0) {
        return sg_fail_memory(err);
    }
    return sg_run_flag(run, "details") ? sg_row_details(run, row, item, err) : SG_OK;
}
