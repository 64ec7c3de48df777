#include <signet/operations/run.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include <signet/policy/name.h>

#include "run_internal.h"

#define LABEL_NUMBER_MAX 100000u /* of one owner: more without a name is a mistake */

const char *sg_run_text(const struct sg_run *run, const char *name)
{
    return json_string_value(json_object_get(run->params, name));
}

bool sg_run_flag(const struct sg_run *run, const char *name)
{
    return json_is_true(json_object_get(run->params, name));
}

bool sg_run_integer(const struct sg_run *run, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(run->params, name);
    if (!json_is_integer(value)) {
        return false;
    }
    *out = json_integer_value(value);
    return true;
}

sg_status sg_run_texts(const struct sg_run *run, const char *name, const char ***out, size_t *count,
                       struct sg_error *err)
{
    const json_t *list = json_object_get(run->params, name);
    size_t size = json_array_size(list);
    *out = NULL;
    *count = 0;
    if (size == 0) {
        return SG_OK;
    }
    const char **texts = calloc(size, sizeof *texts);
    if (texts == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < size; i++) {
        texts[i] = json_string_value(json_array_get(list, i));
    }
    *out = texts;
    *count = size;
    return SG_OK;
}

sg_status sg_run_decode(const char *base64, size_t max, struct sg_buffer *out, struct sg_error *err)
{
    size_t len = strlen(base64);
    if (len % 4 != 0 || len / 4 * 3 > max + 2) {
        return sg_fail(err, SG_E_INPUT, "bad_base64",
                       "%zu characters are not base64 of at most %zu bytes", len, max);
    }
    unsigned char *room = NULL;
    sg_status s = sg_buffer_reserve(out, len / 4 * 3 + 3, &room, err);
    if (s != SG_OK) {
        return s;
    }
    int got = EVP_DecodeBlock(room, (const unsigned char *)base64, (int)len);
    if (got < 0) {
        return sg_fail(err, SG_E_INPUT, "bad_base64", "the value is not base64");
    }
    size_t padding = 0;
    while (padding < 2 && padding < len && base64[len - 1 - padding] == '=') {
        padding++;
    }
    out->len += (size_t)got - padding;
    return SG_OK;
}

sg_status sg_run_certificate_name(const struct sg_run *run, const char *name,
                                  struct sg_certificate_name *out, struct sg_error *err)
{
    return sg_name_certificate(sg_run_text(run, name), out, err);
}

/* RACF's form (docs/racf-compatibility.md, labels). */
sg_status sg_run_free_label(const struct sg_run *run, const char *owner, struct sg_label *out,
                            struct sg_error *err)
{
    for (unsigned number = 1; number <= LABEL_NUMBER_MAX; number++) {
        SG_CERTIFICATE_ROW row = {0};
        struct sg_certificate_name name = {0};
        snprintf(name.owner.text, sizeof name.owner.text, "%s", owner);
        snprintf(name.label.text, sizeof name.label.text, "LABEL%08u", number);
        bool found = false;
        sg_status s = sg_store_certificate_find(run->service->store, &name, &row, &found, err);
        if (s != SG_OK) {
            return s;
        }
        if (!found) {
            *out = name.label;
            return SG_OK;
        }
    }
    return sg_fail(err, SG_E_LIMIT, "no_free_label", "%s has %u certificates without a name", owner,
                   LABEL_NUMBER_MAX);
}

sg_status sg_run_new_name(const struct sg_run *run, const char *name,
                          struct sg_certificate_name *out, struct sg_error *err)
{
    const char *text = sg_run_text(run, name);
    if (strchr(text, '/') != NULL) {
        return sg_name_certificate(text, out, err);
    }
    sg_status s = sg_name_owner(text, &out->owner, err);
    return s == SG_OK ? sg_run_free_label(run, out->owner.text, &out->label, err) : s;
}

sg_status sg_run_ring_ref(const struct sg_run *run, const char *name, struct sg_ring_ref *out,
                          struct sg_error *err)
{
    return sg_name_ring_ref(sg_run_text(run, name), out, err);
}

sg_status sg_run_time(const struct sg_run *run, const char *name, int64_t *out,
                      struct sg_error *err)
{
    const char *text = sg_run_text(run, name);
    struct tm tm = {0};
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL || *end != '\0') {
        sg_fail(err, SG_E_INPUT, "bad_time", "\"%.40s\" is not a time", text);
        return sg_hint(err, "Write it as 2027-01-31T23:59:59Z (UTC).");
    }
    *out = (int64_t)timegm(&tm);
    return SG_OK;
}

json_t *sg_run_base64(const unsigned char *data, size_t len)
{
    if (len > (size_t)16 * 1024 * 1024) {
        return NULL;
    }
    SG_FREE unsigned char *text = malloc((len + 2) / 3 * 4 + 1);
    if (text == NULL) {
        return NULL;
    }
    int made = EVP_EncodeBlock(text, data, (int)len);
    return json_stringn((const char *)text, (size_t)made);
}

sg_status sg_run_set(json_t *object, const char *key, json_t *value, struct sg_error *err)
{
    if (value == NULL || json_object_set_new(object, key, value) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

sg_status sg_run_validity(const struct sg_run *run, int64_t *not_before_s, int64_t *not_after_s,
                          struct sg_error *err)
{
    int64_t days = 365;
    bool has_days = sg_run_integer(run, "days", &days);
    *not_before_s = sg_now_s(run->service->clock);
    if (sg_run_text(run, "not_before") != NULL &&
        sg_run_time(run, "not_before", not_before_s, err) != SG_OK) {
        return err->status;
    }
    *not_after_s = *not_before_s + days * 86400;
    if (sg_run_text(run, "not_after") != NULL) {
        if (has_days) {
            return sg_fail(err, SG_E_USAGE, "bad_parameter",
                           "give either --days or --not-after, not both");
        }
        if (sg_run_time(run, "not_after", not_after_s, err) != SG_OK) {
            return err->status;
        }
    }
    if (*not_after_s <= *not_before_s) {
        char from[SG_TIME_TEXT];
        char until[SG_TIME_TEXT];
        sg_time_format(*not_before_s, from);
        sg_time_format(*not_after_s, until);
        sg_fail(err, SG_E_INPUT, "bad_validity",
                "the validity ends before it begins: from %s until %s", from, until);
        return sg_hint(err, "Without --not-before it begins now; see --not-after.");
    }
    return SG_OK;
}
