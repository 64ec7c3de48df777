/* map …: certificate name filters. */
#include <signet/operations/map.h>

#include <string.h>

#include <signet/policy/name.h>

#include "owner_internal.h"

struct map_text {
    char text[SG_OWNER_MAX + SG_LABEL_BYTES + 2];
};

static struct map_text map_text(const struct sg_map_row *row)
{
    struct map_text name;
    snprintf(name.text, sizeof name.text, "%s/%s", row->name.owner.text, row->name.label.text);
    return name;
}

static bool is_multiid(const struct sg_map_row *row)
{
    return strcmp(row->name.owner.text, SG_MULTIID) == 0;
}

static sg_status describe(json_t *object, const struct sg_map_row *row, struct sg_error *err)
{
    const struct {
        const char *key, *value;
    } texts[] = {
        {"owner", row->name.owner.text},
        {"label", row->name.label.text},
        {"status", row->trusted ? "TRUST" : "NOTRUST"},
        {"subject_filter", row->subject},
        {"issuer_filter", row->issuer},
        {"criteria", row->criteria},
    };
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(texts); i++) {
        s = sg_run_set(object, texts[i].key, json_string(texts[i].value), err);
    }
    return s;
}

/* ---- adding ---- */

/* The one certificate of a parameter; NULL when it is absent. */
static sg_status certificate_param(struct sg_run *run, const char *name,
                                   struct sg_certificate **out, struct sg_error *err)
{
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX + 3);
    const json_t *list = json_object_get(run->params, name);
    if (json_array_size(list) == 0) {
        return SG_OK;
    }
    const char *text = json_string_value(json_array_get(list, 0));
    sg_status s = sg_run_decode(text, SG_CERTIFICATE_MAX, &der, err);
    return s == SG_OK ? sg_certificate_parse((struct sg_bytes){der.data, der.len}, out, err) : s;
}

static sg_status copy_filter(enum sg_filter_side side, const char *text, char *out,
                             struct sg_error *err)
{
    sg_status s = text != NULL ? sg_filter_check(side, text, err) : SG_OK;
    if (s == SG_OK && text != NULL) {
        memcpy(out, text, strlen(text) + 1);
    }
    return s;
}

/* Beside a subject filter the issuer's whole name is compared: with a model it is seen when that is
 * not what was given (RACF's IRRD146I). */
static sg_status partial_issuer(struct sg_error *err)
{
    (void)sg_fail(err, SG_E_INPUT, "partial_issuer",
                  "a subject filter cannot be combined with a part of the issuer's name");
    return sg_hint(err, "Begin the issuer filter at the first part of the issuer's name, or leave "
                        "one of the two out.");
}

static sg_status filters_from_model(const struct sg_certificate *model, const char *subject,
                                    const char *issuer, struct sg_map_row *row,
                                    struct sg_error *err)
{
    SG_FREE struct sg_dotted_name *names = calloc(2, sizeof *names);
    bool partial = false;
    bool ignored = false;
    if (names == NULL) {
        return sg_fail_memory(err);
    }
    sg_certificate_dotted(model, &names[0], &names[1]);
    sg_status s = SG_OK;
    if (subject != NULL) {
        s = sg_filter_from_model(SG_FILTER_SUBJECT, subject, &names[0], row->subject, &ignored,
                                 err);
    }
    if (s == SG_OK && issuer != NULL) {
        s = sg_filter_from_model(SG_FILTER_ISSUER, issuer, &names[1], row->issuer, &partial, err);
    }
    return s == SG_OK && partial && subject != NULL ? partial_issuer(err) : s;
}

static sg_status read_filters(struct sg_run *run, struct sg_map_row *row, struct sg_error *err)
{
    SG_CERTIFICATE *model = NULL;
    const char *subject = sg_run_text(run, "subject_filter");
    const char *issuer = sg_run_text(run, "issuer_filter");
    if (subject == NULL && issuer == NULL) {
        (void)sg_fail(err, SG_E_USAGE, "filter_needed", "a name filter filters something");
        return sg_hint(err, "Give --subject-filter or --issuer-filter, or both.");
    }
    sg_status s = certificate_param(run, "model", &model, err);
    if (s == SG_OK && model != NULL) {
        return filters_from_model(model, subject, issuer, row, err);
    }
    s = s == SG_OK ? copy_filter(SG_FILTER_SUBJECT, subject, row->subject, err) : s;
    return s == SG_OK ? copy_filter(SG_FILTER_ISSUER, issuer, row->issuer, err) : s;
}

/* MULTIID finds the user by criteria, users are found already. */
static sg_status read_criteria(struct sg_run *run, struct sg_map_row *row, struct sg_error *err)
{
    const char *text = sg_run_text(run, "criteria");
    if (text != NULL && !is_multiid(row)) {
        (void)sg_fail(err, SG_E_USAGE, "criteria_not_for_user",
                      "criteria find the user of a MULTIID filter; this one leads to %s",
                      row->name.owner.text);
        return sg_hint(err, "Write MULTIID instead of %s, or leave --criteria out.",
                       row->name.owner.text);
    }
    if (text == NULL && is_multiid(row) && row->criteria[0] == '\0') {
        (void)sg_fail(err, SG_E_USAGE, "criteria_needed", "a MULTIID filter needs criteria");
        return sg_hint(err, "Give --criteria 'APPLID=&APPLID', and define who it leads to in class "
                            "DIGTCRIT.");
    }
    return text != NULL ? sg_criteria_read(text, row->criteria, err) : SG_OK;
}

static void read_status(const struct sg_run *run, struct sg_map_row *row)
{
    const char *word = sg_run_text(run, "status");
    row->trusted = word != NULL ? strcmp(word, "trust") == 0 : row->trusted;
}

static sg_status say_added(struct sg_run *run, const struct sg_map_row *row, struct sg_error *err)
{
    struct map_text name = map_text(row);
    const char *leads = is_multiid(row) ? "the user of the DIGTCRIT profile" : row->name.owner.text;
    if (row->subject[0] != '\0' && row->issuer[0] != '\0') {
        return sg_run_effect(
            run, err,
            "mapped certificates of subject \"%.300s\" by issuer \"%.300s\" to %s: "
            "filter %s, %s",
            row->subject, row->issuer, leads, name.text, row->trusted ? "TRUST" : "NOTRUST");
    }
    return sg_run_effect(run, err, "mapped certificates of %s \"%.300s\" to %s: filter %s, %s",
                         row->subject[0] != '\0' ? "subject" : "issuer",
                         row->subject[0] != '\0' ? row->subject : row->issuer, leads, name.text,
                         row->trusted ? "TRUST" : "NOTRUST");
}

sg_status sg_operation_MAP_ADD(struct sg_run *run, struct sg_error *err)
{
    struct sg_map_row row = {.trusted = true};
    sg_status s = sg_name_map(sg_run_text(run, "map"), &row.name, err);
    s = s == SG_OK ? read_filters(run, &row, err) : s;
    s = s == SG_OK ? read_criteria(run, &row, err) : s;
    read_status(run, &row);
    s = s == SG_OK && !is_multiid(&row) ? sg_run_ensure_owner(run, row.name.owner.text, err) : s;
    s = s == SG_OK ? sg_store_map_add(run->service->store, &row, err) : s;
    s = s == SG_OK ? say_added(run, &row, err) : s;
    return s == SG_OK ? describe(run->answer, &row, err) : s;
}

/* ---- altering and deleting ---- */

static sg_status find(struct sg_run *run, struct sg_map_row *out, struct sg_error *err)
{
    struct sg_certificate_name name;
    sg_status s = sg_name_map(sg_run_text(run, "map"), &name, err);
    return s == SG_OK ? sg_store_map_get(run->service->store, &name, out, err) : s;
}

static sg_status say_altered(struct sg_run *run, const struct sg_map_row *before,
                             const struct sg_map_row *row, struct sg_error *err)
{
    struct map_text name = map_text(before);
    sg_status s = SG_OK;
    if (before->trusted != row->trusted) {
        s = sg_run_effect(run, err, "set filter %s to %s", name.text,
                          row->trusted ? "TRUST" : "NOTRUST: what it matches is nobody");
    }
    if (s == SG_OK && strcmp(before->criteria, row->criteria) != 0) {
        s = sg_run_effect(run, err, "set the criteria of filter %s to %s", name.text,
                          row->criteria);
    }
    if (s == SG_OK && strcmp(before->name.label.text, row->name.label.text) != 0) {
        s = sg_run_effect(run, err, "renamed filter %s to %s", name.text, map_text(row).text);
    }
    if (s == SG_OK && json_array_size(run->effects) == 0) {
        s = sg_run_effect(run, err, "filter %s is so already", name.text);
    }
    return s;
}

sg_status sg_operation_MAP_ALTER(struct sg_run *run, struct sg_error *err)
{
    struct sg_map_row before;
    const char *label = sg_run_text(run, "label");
    if (label == NULL && sg_run_text(run, "criteria") == NULL &&
        sg_run_text(run, "status") == NULL) {
        sg_fail(err, SG_E_USAGE, "bad_parameter", "nothing to alter");
        return sg_hint(err, "Give --trust, --notrust, --criteria or --label NEW.");
    }
    sg_status s = find(run, &before, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_map_row row = before;
    s = label != NULL ? sg_name_label(label, &row.name.label, err) : SG_OK;
    s = s == SG_OK ? read_criteria(run, &row, err) : s;
    read_status(run, &row);
    s = s == SG_OK ? sg_store_map_alter(run->service->store, &row, err) : s;
    s = s == SG_OK ? say_altered(run, &before, &row, err) : s;
    return s == SG_OK ? describe(run->answer, &row, err) : s;
}

sg_status sg_operation_MAP_DELETE(struct sg_run *run, struct sg_error *err)
{
    struct sg_map_row row;
    sg_status s = find(run, &row, err);
    s = s == SG_OK ? sg_store_map_delete(run->service->store, row.id, err) : s;
    s = s == SG_OK ? sg_run_effect(run, err, "deleted filter %s", map_text(&row).text) : s;
    return s == SG_OK ? describe(run->answer, &row, err) : s;
}

/* ---- listing ---- */

struct listing {
    struct sg_run *run;
    json_t *items;
};

static sg_status list_one(void *context, const struct sg_map_row *row, struct sg_error *err)
{
    struct listing *listing = context;
    if (!sg_run_allowed(listing->run, SG_FUNCTION_LISTMAP, row->name.owner.text)) {
        return SG_OK;
    }
    json_t *item = json_object();
    sg_status s = json_array_append_new(listing->items, item) == 0 ? SG_OK : sg_fail_memory(err);
    return s == SG_OK ? describe(item, row, err) : s;
}

static sg_status list_named(struct listing *listing, const char *text, struct sg_error *err)
{
    struct sg_run *run = listing->run;
    struct sg_certificate_name name;
    struct sg_map_row row;
    sg_status s = sg_name_map(text, &name, err);
    s = s == SG_OK ? sg_run_require(run, SG_FUNCTION_LISTMAP, name.owner.text, err) : s;
    if (s == SG_OK && name.label.text[0] != '\0') {
        s = sg_store_map_get(run->service->store, &name, &row, err);
        return s == SG_OK ? list_one(listing, &row, err) : s;
    }
    if (s == SG_OK && strcmp(name.owner.text, SG_MULTIID) != 0) {
        s = sg_run_owner_exists(run, name.owner.text, err);
    }
    return s == SG_OK
               ? sg_store_map_each(run->service->store, name.owner.text, list_one, listing, err)
               : s;
}

sg_status sg_operation_MAP_LIST(struct sg_run *run, struct sg_error *err)
{
    struct listing listing = {.run = run, .items = json_array()};
    const char *text = sg_run_text(run, "map");
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    if (s != SG_OK || text != NULL) {
        return s == SG_OK ? list_named(&listing, text, err) : s;
    }
    return sg_store_map_each(run->service->store, NULL, list_one, &listing, err);
}

/* ---- matching ---- */

static sg_status answer_filter(struct sg_run *run, const struct sg_mapping *mapping,
                               struct sg_error *err)
{
    json_t *filter = json_object();
    sg_status s = sg_run_set(run->answer, "filter", filter, err);
    s = s == SG_OK ? describe(filter, &mapping->filter, err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "matched",
                                json_string(sg_filter_rank_words(mapping->rank)), err)
                   : s;
    return s == SG_OK && mapping->profile[0] != '\0'
               ? sg_run_set(run->answer, "profile", json_string(mapping->profile), err)
               : s;
}

static sg_status answer_installed(struct sg_run *run, const struct sg_mapping *mapping,
                                  struct sg_error *err)
{
    json_t *name =
        json_sprintf("%s/%s", mapping->installed.owner.text, mapping->installed.label.text);
    return sg_run_set(run->answer, "installed_as", name, err);
}

static sg_status answer_mapping(struct sg_run *run, const struct sg_mapping *mapping,
                                struct sg_error *err)
{
    static const char *const by[] = {
        [SG_MAPPED_BY_NOTHING] = "nothing",
        [SG_MAPPED_BY_CERTIFICATE] = "certificate",
        [SG_MAPPED_BY_FILTER] = "filter",
    };
    json_t *owner = mapping->mapped ? json_string(mapping->owner.text) : json_null();
    sg_status s = sg_run_set(run->answer, "mapped", json_boolean(mapping->mapped), err);
    s = sg_run_set(run->answer, "owner", owner, err) | s;
    s = s == SG_OK ? sg_run_set(run->answer, "by", json_string(by[mapping->by]), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "reason", json_string(mapping->reason), err) : s;
    switch (mapping->by) {
    case SG_MAPPED_BY_NOTHING:
        return s;
    case SG_MAPPED_BY_CERTIFICATE:
        return s == SG_OK ? answer_installed(run, mapping, err) : s;
    case SG_MAPPED_BY_FILTER:
        break;
    }
    return s == SG_OK ? answer_filter(run, mapping, err) : s;
}

/* How its names read as filters: what one needs to write one. */
static sg_status answer_names(struct sg_run *run, const struct sg_certificate *certificate,
                              struct sg_error *err)
{
    SG_FREE struct sg_dotted_name *names = calloc(2, sizeof *names);
    if (names == NULL) {
        return sg_fail_memory(err);
    }
    sg_certificate_dotted(certificate, &names[0], &names[1]);
    sg_status s = sg_run_set(run->answer, "subject_name", json_string(names[0].text), err);
    return s == SG_OK ? sg_run_set(run->answer, "issuer_name", json_string(names[1].text), err) : s;
}

static sg_status warn_validity(struct sg_run *run, const struct sg_certificate *certificate,
                               struct sg_error *err)
{
    struct sg_error why = SG_ERROR_INIT;
    sg_status s = sg_certificate_check_time(certificate, sg_now_s(run->service->clock), &why);
    return s == SG_OK ? SG_OK : sg_run_warn(run, err, "%s", why.text);
}

sg_status sg_operation_MAP_MATCH(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    struct sg_mapping mapping;
    const struct sg_criteria_values values = {.applid = sg_run_text(run, "appl_id"),
                                              .sysid = sg_run_text(run, "sys_id")};
    sg_status s = certificate_param(run, "certificate", &certificate, err);
    s = s == SG_OK ? sg_map_certificate(run->service, certificate, &values, &mapping, err) : s;
    s = s == SG_OK ? answer_mapping(run, &mapping, err) : s;
    s = s == SG_OK ? answer_names(run, certificate, err) : s;
    return s == SG_OK ? warn_validity(run, certificate, err) : s;
}
