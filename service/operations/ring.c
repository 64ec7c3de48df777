/* ring …: rings and what is connected to them. */
#include "owner_internal.h"

#include <string.h>

#include <signet/policy/name.h>

struct ring_text {
    char text[SG_OWNER_MAX + SG_RING_BYTES + 2];
};

static struct ring_text ring_name(const struct sg_ring_ref *ref)
{
    struct ring_text name;
    snprintf(name.text, sizeof name.text, "%s/%s", ref->owner.text, ref->ring.text);
    return name;
}

sg_status sg_operation_RING_ADD(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_ref ref;
    int64_t id = 0;
    sg_status s = sg_run_ring_ref(run, "ring", &ref, err);
    s = s == SG_OK ? sg_run_ensure_owner(run, ref.owner.text, err) : s;
    s = s == SG_OK ? sg_store_ring_add(run->service->store, &ref, &id, err) : s;
    run->visible = true;
    s = s == SG_OK ? sg_run_effect(run, err, "created ring %s", ring_name(&ref).text) : s;
    return s == SG_OK ? sg_run_set(run->answer, "slot", json_integer(id), err) : s;
}

static sg_status find_ring(struct sg_run *run, struct sg_ring_row *out, struct sg_error *err)
{
    struct sg_ring_ref ref;
    sg_status s = sg_run_ring_ref(run, "ring", &ref, err);
    return s == SG_OK ? sg_store_ring_get(run->service->store, &ref, out, err) : s;
}

static sg_status find_both(struct sg_run *run, struct sg_ring_row *ring,
                           struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_certificate_name name;
    sg_status s = find_ring(run, ring, err);
    s = s == SG_OK ? sg_run_certificate_name(run, "certificate", &name, err) : s;
    return s == SG_OK ? sg_store_certificate_get(run->service->store, &name, row, err) : s;
}

sg_status sg_operation_RING_DELETE(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    sg_status s = find_ring(run, &ring, err);
    s = s == SG_OK ? sg_store_ring_delete(run->service->store, ring.id, err) : s;
    run->visible = true;
    return s == SG_OK
               ? sg_run_effect(run, err,
                               "deleted ring %s with %llu connections; the certificates stay",
                               ring_name(&ring.name).text, (unsigned long long)ring.connections)
               : s;
}

/* What the person would find out too late otherwise. */
static sg_status warn_connection(struct sg_run *run, const struct sg_certificate_row *row,
                                 enum sg_usage usage, struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    sg_status s = SG_OK;
    if (row->trust == SG_NOTRUST) {
        s = sg_run_warn(
            run, err,
            "%s is NOTRUST: programs do not see it in the ring until: signet cert alter %s --trust",
            name.text, sg_shell_word(row->name.owner.text, row->name.label.text).text);
    }
    if (s == SG_OK && usage == SG_USAGE_PERSONAL && !row->has_key) {
        s = sg_run_warn(run, err, "%s has no private key here: as PERSONAL it can only be shown",
                        name.text);
    }
    if (s == SG_OK && usage == SG_USAGE_PERSONAL && row->placeholder) {
        s = sg_run_warn(run, err, "%s is still the self-signed placeholder: signet cert request %s",
                        name.text, sg_shell_word(row->name.owner.text, row->name.label.text).text);
    }
    if (s == SG_OK && usage == SG_USAGE_PERSONAL && strcmp(row->key_type, "ed25519") == 0) {
        s = sg_run_warn(run, err, "%s has an Ed25519 key, which rings do not deliver", name.text);
    }
    if (s == SG_OK && usage != SG_USAGE_PERSONAL && row->has_key &&
        sg_usage_default(row->name.owner.text) != usage) {
        s = sg_run_warn(run, err, "connected as %s, %s delivers no private key through this ring",
                        sg_usage_name(usage), name.text);
    }
    if (s == SG_OK && usage == SG_USAGE_PERSONAL &&
        sg_usage_default(row->name.owner.text) != usage) {
        s = sg_run_warn(
            run, err,
            "as PERSONAL, the private key of %s is usable through this ring by those who hold CONTROL",
            name.text);
    }
    return s;
}

/* Besides the ring and the certificate (the row's needs): a usage that makes a trust anchor of
 * somebody's certificate needs CONTROL to ADD. */
static sg_status require_promotion(struct sg_run *run, const struct sg_certificate_row *row,
                                   enum sg_usage usage, struct sg_error *err)
{
    bool promotes =
        usage != SG_USAGE_PERSONAL && sg_owner_kind(row->name.owner.text) == SG_OWNER_USER;
    return promotes ? sg_run_require(run, SG_FUNCTION_ADD, "CERTAUTH", err) : SG_OK;
}

static sg_status describe_connection(struct sg_run *run, const struct sg_ring_row *ring,
                                     const struct sg_certificate_row *row, enum sg_usage usage,
                                     bool is_default, bool replaced,
                                     const struct sg_certificate_name *displaced,
                                     struct sg_error *err)
{
    sg_status s =
        sg_run_effect(run, err, "%s %s to %s as %s%s", replaced ? "reconnected" : "connected",
                      sg_row_name(row).text, ring_name(&ring->name).text, sg_usage_name(usage),
                      is_default ? ", the default" : "");
    if (s == SG_OK && displaced->label.text[0] != '\0') {
        s = sg_run_effect(run, err, "%s/%s is no longer the default", displaced->owner.text,
                          displaced->label.text);
    }
    return s == SG_OK ? warn_connection(run, row, usage, err) : s;
}

sg_status sg_operation_RING_CONNECT(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    SG_CERTIFICATE_ROW row = {0};
    bool replaced = false;
    struct sg_certificate_name displaced = {0};
    bool is_default = sg_run_flag(run, "default");
    sg_status s = find_both(run, &ring, &row, err);
    if (s != SG_OK) {
        return s;
    }
    enum sg_usage usage = sg_usage_default(row.name.owner.text);
    const char *word = sg_run_text(run, "usage");
    if (word != NULL && !sg_usage_parse(word, &usage)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "usage is personal, certauth or site");
    }
    s = require_promotion(run, &row, usage, err);
    s = s == SG_OK ? sg_store_connect(run->service->store, ring.id, row.id, usage, is_default,
                                      &replaced, &displaced, err)
                   : s;
    run->visible = true;
    return s == SG_OK
               ? describe_connection(run, &ring, &row, usage, is_default, replaced, &displaced, err)
               : s;
}

sg_status sg_operation_RING_REMOVE(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    SG_CERTIFICATE_ROW row = {0};
    sg_status s = find_both(run, &ring, &row, err);
    s = s == SG_OK ? sg_store_disconnect(run->service->store, ring.id, row.id, err) : s;
    run->visible = true;
    return s == SG_OK ? sg_run_effect(run, err, "removed %s from %s", sg_row_name(&row).text,
                                      ring_name(&ring.name).text)
                      : s;
}

struct ring_listing {
    struct sg_run *run;
    json_t *items;
    bool chain_anchors; /**< export: only CERTAUTH and SITE members that are trusted */
};

static sg_status list_ring(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    struct ring_listing *listing = context;
    if (!sg_run_allowed(listing->run, SG_FUNCTION_LISTRING, row->name.owner.text)) {
        return SG_OK;
    }
    json_t *item = json_pack("{s:s, s:s, s:I, s:I, s:I}", "owner", row->name.owner.text, "ring",
                             row->name.ring.text, "certificates", (json_int_t)row->connections,
                             "slot", (json_int_t)row->id, "sequence", (json_int_t)row->sequence);
    if (item == NULL || json_array_append_new(listing->items, item) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

sg_status sg_operation_RING_LIST(struct sg_run *run, struct sg_error *err)
{
    struct ring_listing listing = {.run = run, .items = json_array()};
    struct sg_owner_name owner = {0};
    const char *text = sg_run_text(run, "owner");
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    if (s == SG_OK && text != NULL) {
        s = sg_name_owner(text, &owner, err);
        s = s == SG_OK ? sg_run_require(run, SG_FUNCTION_LISTRING, owner.text, err) : s;
    }
    return s == SG_OK ? sg_store_ring_each(run->service->store, text != NULL ? owner.text : NULL,
                                           list_ring, &listing, err)
                      : s;
}

static sg_status show_member(void *context, const struct sg_certificate_row *row,
                             enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct ring_listing *listing = context;
    json_t *item = sg_row_json(row, sg_now_s(listing->run->service->clock));
    bool visible = row->trust != SG_NOTRUST;
    sg_status s = item == NULL ? sg_fail_memory(err) : SG_OK;
    s = s == SG_OK ? sg_run_set(item, "usage", json_string(sg_usage_name(usage)), err) : s;
    s = s == SG_OK ? sg_run_set(item, "default", json_boolean(is_default), err) : s;
    s = s == SG_OK ? sg_run_set(item, "visible", json_boolean(visible), err) : s;
    if (s != SG_OK || json_array_append_new(listing->items, item) != 0) {
        return s != SG_OK ? s : sg_fail_memory(err);
    }
    return SG_OK;
}

static sg_status describe_ring(struct sg_run *run, const struct sg_ring_row *ring,
                               struct sg_error *err)
{
    char label[32];
    sg_name_token_label(&ring->name, label);
    size_t len = sizeof label;
    while (len > 0 && label[len - 1] == ' ') {
        len--;
    }
    sg_status s = sg_run_set(run->answer, "owner", json_string(ring->name.owner.text), err);
    s = s == SG_OK ? sg_run_set(run->answer, "ring", json_string(ring->name.ring.text), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "slot", json_integer(ring->id), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "token_label", json_stringn(label, len), err) : s;
    return s == SG_OK
               ? sg_run_set(run->answer, "sequence", json_integer((json_int_t)ring->sequence), err)
               : s;
}

sg_status sg_operation_RING_SHOW(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    struct ring_listing listing = {.run = run, .items = json_array()};
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    s = s == SG_OK ? find_ring(run, &ring, err) : s;
    s = s == SG_OK ? describe_ring(run, &ring, err) : s;
    return s == SG_OK
               ? sg_store_connection_each(run->service->store, ring.id, show_member, &listing, err)
               : s;
}

/* ---- export ---- */

sg_status sg_run_add_entry(json_t *entries, struct sg_bytes der, const char *name,
                           struct sg_error *err)
{
    json_t *entry = json_object();
    sg_status s = sg_run_set(entry, "der", sg_run_base64(der.data, der.len), err);
    s = s == SG_OK ? sg_run_set(entry, "name", json_string(name), err) : s;
    if (s != SG_OK || json_array_append_new(entries, entry) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

static sg_status export_anchor(void *context, const struct sg_certificate_row *row,
                               enum sg_usage usage, bool is_default, struct sg_error *err)
{
    json_t *entries = context;
    (void)is_default;
    if (usage == SG_USAGE_PERSONAL || row->trust == SG_NOTRUST) {
        return SG_OK;
    }
    return sg_run_add_entry(entries, (struct sg_bytes){row->der, row->der_len},
                            row->name.label.text, err);
}

struct default_search {
    struct sg_certificate_name name;
    bool found, hidden;
};

static sg_status find_default(void *context, const struct sg_certificate_row *row,
                              enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct default_search *search = context;
    (void)usage;
    (void)err;
    if (is_default) {
        search->name = row->name;
        search->found = true;
        search->hidden = row->trust == SG_NOTRUST;
    }
    return SG_OK;
}

static sg_status export_chain(struct sg_run *run, const struct sg_ring_row *ring, json_t *entries,
                              struct sg_error *err)
{
    struct default_search search = {0};
    SG_CERTIFICATE_ROW row = {0};
    sg_status s =
        sg_store_connection_each(run->service->store, ring->id, find_default, &search, err);
    if (s != SG_OK) {
        return s;
    }
    if (!search.found || search.hidden) {
        sg_fail(err, SG_E_NOT_FOUND, "no_default", "ring %s has no %sdefault certificate",
                ring_name(&ring->name).text, search.hidden ? "visible (TRUST) " : "");
        return sg_hint(err, "signet ring connect %s OWNER/LABEL --default",
                       sg_shell_word(ring->name.owner.text, ring->name.ring.text).text);
    }
    s = sg_store_certificate_get(run->service->store, &search.name, &row, err);
    return s == SG_OK ? sg_export_chain(run, &row, entries, err) : s;
}

sg_status sg_operation_RING_EXPORT(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    json_t *entries = json_array();
    sg_status s = sg_run_set(run->answer, "entries", entries, err);
    s = s == SG_OK ? find_ring(run, &ring, err) : s;
    if (s != SG_OK) {
        return s;
    }
    if (sg_run_flag(run, "chain")) {
        return export_chain(run, &ring, entries, err);
    }
    s = sg_store_connection_each(run->service->store, ring.id, export_anchor, entries, err);
    if (s == SG_OK && json_array_size(entries) == 0) {
        sg_fail(err, SG_E_NOT_FOUND, "nothing_to_export",
                "ring %s has no trusted CERTAUTH or SITE certificate", ring_name(&ring.name).text);
        return sg_hint(
            err,
            "Connect one: signet ring connect %s CERTAUTH/LABEL; or use --chain for the default certificate.",
            sg_shell_word(ring.name.owner.text, ring.name.ring.text).text);
    }
    return s;
}
