/* Virtual rings: all the certificates of one owner, found when somebody asks, never stored. They
 * can be shown and exported; programs are given none, and nothing is connected to them. */
#include "run_internal.h"

#include <string.h>

#include <signet/policy/name.h>

#include "owner_internal.h"

bool sg_run_virtual_ring(const struct sg_run *run, struct sg_owner_name *owner)
{
    const char *text = sg_run_text(run, "ring");
    return text != NULL && sg_name_virtual_ring(text, owner);
}

struct collection {
    struct sg_run *run;
    json_t *list;
    enum sg_usage usage; /**< of every member: that of its owner */
};

static sg_status show_member(void *context, const struct sg_certificate_row *row,
                             struct sg_error *err)
{
    struct collection *members = context;
    json_t *item = sg_row_json(row, sg_now_s(members->run->service->clock));
    const char *usage = sg_usage_name(members->usage);
    bool visible = sg_row_shown(row);
    sg_status s = item == NULL ? sg_fail_memory(err) : SG_OK;
    s = s == SG_OK ? sg_run_set(item, "usage", json_string(usage), err) : s;
    s = s == SG_OK ? sg_run_set(item, "default", json_false(), err) : s;
    s = s == SG_OK ? sg_run_set(item, "visible", json_boolean(visible), err) : s;
    s = s == SG_OK ? sg_run_set(item, "key_deliverable", json_false(), err) : s;
    if (s != SG_OK || json_array_append_new(members->list, item) != 0) {
        return s != SG_OK ? s : sg_fail_memory(err);
    }
    return SG_OK;
}

static sg_status walk(struct sg_run *run, const char *owner, sg_certificate_sink sink, json_t *list,
                      struct sg_error *err)
{
    struct collection members = {.run = run, .list = list, .usage = sg_usage_default(owner)};
    struct sg_certificate_filter filter = {.owner = owner};
    sg_status s = sg_run_owner_exists(run, owner, err);
    return s == SG_OK ? sg_store_certificate_each(run->service->store, &filter, sink, &members, err)
                      : s;
}

sg_status sg_virtual_show(struct sg_run *run, const char *owner, json_t *items,
                          struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "owner", json_string(owner), err);
    s = s == SG_OK ? sg_run_set(run->answer, "ring", json_string("*"), err) : s;
    return s == SG_OK ? walk(run, owner, show_member, items, err) : s;
}

static sg_status export_member(void *context, const struct sg_certificate_row *row,
                               struct sg_error *err)
{
    struct collection *members = context;
    if (row->trust == SG_NOTRUST) {
        return SG_OK;
    }
    if (!sg_row_sound(row)) {
        return sg_run_warn_malformed(members->run, row, err);
    }
    return sg_run_add_entry(members->list, (struct sg_bytes){row->der, row->der_len},
                            row->name.label.text, err);
}

sg_status sg_virtual_export(struct sg_run *run, const char *owner, json_t *entries,
                            struct sg_error *err)
{
    if (sg_owner_kind(owner) == SG_OWNER_USER || sg_run_flag(run, "chain")) {
        sg_fail(err, SG_E_CONFLICT, "nothing_to_export",
                "the virtual ring %s/* has no trust anchors: its certificates are PERSONAL", owner);
        sg_hint(err, "Export 'CERTAUTH/*' or 'SITE/*', or one certificate: signet cert export.");
        return sg_object(err, "%s/*", owner);
    }
    sg_status s = walk(run, owner, export_member, entries, err);
    if (s == SG_OK && json_array_size(entries) == 0) {
        sg_fail(err, SG_E_NOT_FOUND, "nothing_to_export", "%s has no trusted certificate", owner);
        sg_hint(err, "See what it has: signet cert list %s", owner);
        return sg_object(err, "%s/*", owner);
    }
    return s;
}
