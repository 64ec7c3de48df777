/* ring …: rings and what is connected to them. */
#include "owner_internal.h"

#include <string.h>

#include <signet/policy/name.h>

#include "ring_uses_internal.h"

struct sg_ring_text sg_ring_text(const struct sg_ring_ref *ref)
{
    struct sg_ring_text name;
    if (sg_is_served_token(ref)) {
        snprintf(name.text, sizeof name.text, "token %s", ref->ring.text);
    } else {
        snprintf(name.text, sizeof name.text, "%s/%s", ref->owner.text, ref->ring.text);
    }
    return name;
}

static sg_status answer_ring(struct sg_run *run, const struct sg_ring_ref *ref,
                             struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "owner", json_string(ref->owner.text), err);
    return s == SG_OK ? sg_run_set(run->answer, "ring", json_string(ref->ring.text), err) : s;
}

/* The certificate of a connection: "owner" is the ring's. */
static sg_status answer_member(struct sg_run *run, const struct sg_ring_row *ring,
                               const struct sg_certificate_row *row, struct sg_error *err)
{
    const struct sg_certificate_name *name = &row->name;
    sg_status s = answer_ring(run, &ring->name, err);
    s = s == SG_OK
            ? sg_run_set(run->answer, "certificate_owner", json_string(name->owner.text), err)
            : s;
    return s == SG_OK ? sg_run_set(run->answer, "label", json_string(name->label.text), err) : s;
}

#define CUT_MARK 9 /* bytes behind the cut: '~' and 8 digits (sg_name_token_label) */

struct twin_search {
    const struct sg_ring_ref *ring;
    char label[32];
};

static bool has_label(void *context, const char *owner, const char *name)
{
    const struct twin_search *search = context;
    struct sg_ring_ref other;
    char label[32];
    (void)snprintf(other.owner.text, sizeof other.owner.text, "%s", owner);
    (void)snprintf(other.ring.text, sizeof other.ring.text, "%s", name);
    sg_name_token_label(&other, label);
    return memcmp(label, search->label, sizeof label) == 0 &&
           strcmp(name, search->ring->ring.text) != 0;
}

/* Of two equal labels one at least was cut, and says so by its end. What was cut begins like its
 * label, and what was not is called like it. */
static bool may_have_twin(const struct twin_search *search, struct sg_ring_ref *same,
                          struct sg_ring_ref *beginning)
{
    size_t before = strlen(search->ring->owner.text) + 1;
    size_t len = sizeof search->label;
    while (len > 0 && search->label[len - 1] == ' ') {
        len--;
    }
    if (len < CUT_MARK || search->label[len - CUT_MARK] != '~') {
        return false;
    }
    size_t cut = len - CUT_MARK;
    *same = *beginning = (struct sg_ring_ref){.owner = search->ring->owner};
    if (len > before) {
        (void)snprintf(same->ring.text, sizeof same->ring.text, "%.*s", (int)(len - before),
                       search->label + before);
    }
    if (cut > before) {
        (void)snprintf(beginning->ring.text, sizeof beginning->ring.text, "%.*s",
                       (int)(cut - before), search->label + before);
    }
    return true;
}

sg_status sg_ring_find_twin(struct sg_run *run, const struct sg_ring_ref *ring,
                            struct sg_ring_ref *twin, bool *found, struct sg_error *err)
{
    struct twin_search search = {.ring = ring};
    struct sg_ring_ref same, beginning;
    struct sg_ring_row row;
    sg_name_token_label(ring, search.label);
    *found = false;
    if (!may_have_twin(&search, &same, &beginning)) {
        return SG_OK;
    }
    sg_status s = sg_store_ring_find_alike(run->service->store, &same, beginning.ring.text,
                                           has_label, &search, &row, found, err);
    if (s == SG_OK && *found) {
        *twin = row.name;
    }
    return s;
}

static sg_status warn_twin(struct sg_run *run, const struct sg_ring_ref *ring, struct sg_error *err)
{
    struct sg_ring_ref twin;
    bool found = false;
    sg_status s = sg_ring_find_twin(run, ring, &twin, &found, err);
    return s == SG_OK && found
               ? sg_run_warn(run, err,
                             "it has the same token label as ring %s (of longer names it is cut): "
                             "programs that ask for it may take either. Give it another name.",
                             sg_ring_text(&twin).text)
               : s;
}

sg_status sg_operation_RING_ADD(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_ref ref;
    int64_t id = 0;
    sg_status s = sg_run_ring_ref(run, "ring", &ref, err);
    s = s == SG_OK ? sg_run_ensure_owner(run, ref.owner.text, err) : s;
    s = s == SG_OK ? sg_store_ring_add(run->service->store, &ref, &id, err) : s;
    run->visible = true;
    s = s == SG_OK ? sg_run_effect(run, err, "created ring %s", sg_ring_text(&ref).text) : s;
    s = s == SG_OK ? answer_ring(run, &ref, err) : s;
    s = s == SG_OK ? warn_twin(run, &ref, err) : s;
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
    s = s == SG_OK ? answer_ring(run, &ring.name, err) : s;
    run->visible = true;
    return s == SG_OK
               ? sg_run_effect(run, err,
                               "deleted ring %s with %llu connections; the certificates stay",
                               sg_ring_text(&ring.name).text, (unsigned long long)ring.connections)
               : s;
}

static bool is_self_issued(const struct sg_certificate_row *row)
{
    return row->subject.len == row->issuer.len &&
           memcmp(row->subject.data, row->issuer.data, row->subject.len) == 0;
}

/* No CA vouches for it. */
static sg_status warn_issuer(struct sg_run *run, const struct sg_certificate_row *row,
                             struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    struct sg_shell_word word = sg_shell_word(row->name.owner.text, row->name.label.text);
    if (row->placeholder) {
        return sg_run_warn(run, err,
                           "%s is still the self-signed placeholder: signet cert request %s",
                           name.text, word.text);
    }
    bool root = sg_owner_kind(row->name.owner.text) == SG_OWNER_CERTAUTH;
    return !root && is_self_issued(row)
               ? sg_run_warn(run, err,
                             "%s is self-signed: whoever is to trust it must have it itself",
                             name.text)
               : SG_OK;
}

/* What can serve does so only where it is asked for by its label, until there is a default. */
static sg_status warn_no_default(struct sg_run *run, const struct sg_ring_row *ring,
                                 const struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_certificate_name chosen;
    sg_status s = sg_store_ring_default(run->service->store, ring->id, &chosen, err);
    if (s != SG_OK || chosen.label.text[0] != '\0') {
        return s;
    }
    return sg_run_warn(run, err,
                       "%s has no default: programs that ask for it find none: signet ring connect "
                       "%s %s --usage personal --default",
                       sg_ring_text(&ring->name).text,
                       sg_shell_word(ring->name.owner.text, ring->name.ring.text).text,
                       sg_shell_word(row->name.owner.text, row->name.label.text).text);
}

/* A PERSONAL connection whose private key the ring's owner's users are not given. */
static sg_status warn_key(struct sg_run *run, const struct sg_ring_row *ring,
                          const struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    const char *owner = ring->name.owner.text;
    sg_status s = warn_issuer(run, row, err);
    if (s != SG_OK) {
        return s;
    }
    switch (sg_server_obstacle(run, &ring->name, row, SG_USAGE_PERSONAL)) {
    case SG_OBSTACLE_NONE:
        return warn_no_default(run, ring, row, err);
    case SG_OBSTACLE_USAGE:
    case SG_OBSTACLE_NOTRUST:   /* said of every connection */
    case SG_OBSTACLE_MALFORMED: /* not connected at all */
        return SG_OK;
    case SG_OBSTACLE_NO_KEY:
        return sg_run_warn(run, err, "%s has no private key here: as PERSONAL it can only be shown",
                           name.text);
    case SG_OBSTACLE_ED25519:
        return sg_run_warn(run, err, "%s has an Ed25519 key, which rings do not deliver",
                           name.text);
    case SG_OBSTACLE_FOREIGN:
        return sg_run_warn(
            run, err,
            "the private key of %s is not delivered to the users of %s through this ring: %s",
            name.text, owner, sg_server_key(run, &ring->name, row->name.owner.text).reason);
    case SG_OBSTACLE_RETIRED:
        return sg_run_warn(run, err, "%s was rolled over: its key decrypts and signs no more",
                           name.text);
    }
    return SG_OK;
}

/* Connected it is all the same: a renewal takes its place in every ring. */
static sg_status warn_validity(struct sg_run *run, const struct sg_certificate_row *row,
                               struct sg_error *err)
{
    char when[SG_TIME_TEXT];
    int64_t now_s = sg_now_s(run->service->clock);
    if (now_s > row->not_after_s) {
        sg_time_format(row->not_after_s, when);
        return sg_run_warn(run, err, "%s expired on %s: programs refuse it", sg_row_name(row).text,
                           when);
    }
    if (now_s < row->not_before_s) {
        sg_time_format(row->not_before_s, when);
        return sg_run_warn(run, err, "%s is not valid before %s: programs refuse it until then",
                           sg_row_name(row).text, when);
    }
    return SG_OK;
}

/* What the person would find out too late otherwise. */
static sg_status warn_connection(struct sg_run *run, const struct sg_ring_row *ring,
                                 const struct sg_certificate_row *row, enum sg_usage usage,
                                 struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    sg_status s = warn_validity(run, row, err);
    if (s == SG_OK && row->trust == SG_NOTRUST) {
        s = sg_run_warn(
            run, err,
            "%s is NOTRUST: programs do not see it in the ring until: signet cert alter %s --trust",
            name.text, sg_shell_word(row->name.owner.text, row->name.label.text).text);
    }
    if (s == SG_OK && usage == SG_USAGE_PERSONAL) {
        return warn_key(run, ring, row, err);
    }
    bool site = sg_owner_kind(row->name.owner.text) == SG_OWNER_SITE;
    if (s == SG_OK && row->has_key && (site || sg_usage_default(row->name.owner.text) != usage)) {
        s = sg_run_warn(run, err, "connected as %s, %s delivers no private key through this ring",
                        sg_usage_name(usage), name.text);
    }
    return s;
}

static sg_status answer_connection(struct sg_run *run, enum sg_usage usage, bool is_default,
                                   bool replaced, struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "usage", json_string(sg_usage_name(usage)), err);
    s = s == SG_OK ? sg_run_set(run->answer, "default", json_boolean(is_default), err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "replaced", json_boolean(replaced), err) : s;
}

static sg_status describe_connection(struct sg_run *run, const struct sg_ring_row *ring,
                                     const struct sg_certificate_row *row, enum sg_usage usage,
                                     bool is_default, bool replaced,
                                     const struct sg_certificate_name *displaced,
                                     struct sg_error *err)
{
    sg_status s =
        sg_run_effect(run, err, "%s %s to %s as %s%s", replaced ? "reconnected" : "connected",
                      sg_row_name(row).text, sg_ring_text(&ring->name).text, sg_usage_name(usage),
                      is_default ? ", the default" : "");
    if (s == SG_OK && displaced->label.text[0] != '\0') {
        s = sg_run_effect(run, err, "%s/%s is no longer the default", displaced->owner.text,
                          displaced->label.text);
    }
    return s == SG_OK ? warn_connection(run, ring, row, usage, err) : s;
}

/* Is this certificate the ring's default now? */
static sg_status is_ring_default(struct sg_run *run, const struct sg_ring_row *ring,
                                 const struct sg_certificate_row *row, bool *out,
                                 struct sg_error *err)
{
    struct sg_certificate_name chosen;
    sg_status s = sg_store_ring_default(run->service->store, ring->id, &chosen, err);
    *out = s == SG_OK && strcmp(chosen.owner.text, row->name.owner.text) == 0 &&
           strcmp(chosen.label.text, row->name.label.text) == 0;
    return s;
}

/* Connecting again without --default takes it away; so does removing. */
static sg_status say_no_longer(struct sg_run *run, const struct sg_certificate_row *row,
                               struct sg_error *err)
{
    return sg_run_effect(run, err, "%s is no longer the default: the ring has none",
                         sg_row_name(row).text);
}

static sg_status usage_of(const struct sg_run *run, const struct sg_certificate_row *row,
                          enum sg_usage *out, struct sg_error *err)
{
    const char *word = sg_run_text(run, "usage");
    *out = sg_usage_default(row->name.owner.text);
    return word == NULL || sg_usage_parse(word, out)
               ? SG_OK
               : sg_fail(err, SG_E_USAGE, "bad_parameter", "usage is personal, certauth or site");
}

sg_status sg_run_connect(struct sg_run *run, const struct sg_ring_row *ring,
                         const struct sg_certificate_row *row, struct sg_connected *out,
                         struct sg_error *err)
{
    struct sg_certificate_name displaced = {0};
    bool was_default = false;
    *out = (struct sg_connected){.is_default = sg_run_flag(run, "default")};
    sg_status s = sg_row_require_sound(row, err);
    s = s == SG_OK ? usage_of(run, row, &out->usage, err) : s;
    s = s == SG_OK ? is_ring_default(run, ring, row, &was_default, err) : s;
    s = s == SG_OK ? sg_store_connect(run->service->store, ring->id, row->id, out->usage,
                                      out->is_default, &out->replaced, &displaced, err)
                   : s;
    run->visible = true;
    s = s == SG_OK ? describe_connection(run, ring, row, out->usage, out->is_default, out->replaced,
                                         &displaced, err)
                   : s;
    return s == SG_OK && was_default && !out->is_default ? say_no_longer(run, row, err) : s;
}

sg_status sg_operation_RING_CONNECT(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    SG_CERTIFICATE_ROW row = {0};
    struct sg_connected made;
    sg_status s = find_both(run, &ring, &row, err);
    s = s == SG_OK ? sg_run_connect(run, &ring, &row, &made, err) : s;
    s = s == SG_OK ? answer_member(run, &ring, &row, err) : s;
    return s == SG_OK ? answer_connection(run, made.usage, made.is_default, made.replaced, err) : s;
}

static sg_status disconnect(struct sg_run *run, const struct sg_ring_row *ring,
                            const struct sg_certificate_row *row, struct sg_error *err)
{
    sg_status s = sg_store_disconnect(run->service->store, ring->id, row->id, err);
    if (s != SG_E_NOT_FOUND) {
        return s;
    }
    struct sg_ring_text name = sg_ring_text(&ring->name);
    sg_fail(err, SG_E_NOT_FOUND, "not_connected", "%s is not connected to ring %.300s",
            sg_row_name(row).text, name.text);
    sg_hint(err, "See what is: signet ring show %s",
            sg_shell_word(ring->name.owner.text, ring->name.ring.text).text);
    return sg_object(err, "%s", name.text);
}

sg_status sg_operation_RING_REMOVE(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    SG_CERTIFICATE_ROW row = {0};
    bool was_default = false;
    sg_status s = find_both(run, &ring, &row, err);
    s = s == SG_OK ? is_ring_default(run, &ring, &row, &was_default, err) : s;
    s = s == SG_OK ? disconnect(run, &ring, &row, err) : s;
    s = s == SG_OK ? answer_member(run, &ring, &row, err) : s;
    run->visible = true;
    s = s == SG_OK ? sg_run_effect(run, err, "removed %s from %s", sg_row_name(&row).text,
                                   sg_ring_text(&ring.name).text)
                   : s;
    return s == SG_OK && was_default ? say_no_longer(run, &row, err) : s;
}

struct ring_listing {
    struct sg_run *run;
    json_t *items;
    const char *owner;              /**< list: only this one's; NULL: all */
    const struct sg_ring_ref *ring; /**< show: which one */
    int64_t id;                     /**< show: its number */
};

static sg_status list_ring(void *context, const struct sg_ring_row *row, struct sg_error *err)
{
    struct ring_listing *listing = context;
    bool other = listing->owner != NULL && strcmp(listing->owner, row->name.owner.text) != 0;
    if (other || sg_is_served_token(&row->name)) {
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

/* Whoever may see none of an owner's rings is told so, unless there is nothing to be told. */
static sg_status refuse_owner(struct sg_run *run, const char *owner, struct sg_error *err)
{
    sg_status s = sg_run_require(run, SG_FUNCTION_LISTRING, owner, err);
    return s == SG_OK ? sg_run_owner_exists(run, owner, err) : s;
}

sg_status sg_operation_RING_LIST(struct sg_run *run, struct sg_error *err)
{
    struct ring_listing listing = {.run = run, .items = json_array()};
    struct sg_owner_name owner = {0};
    const char *text = sg_run_text(run, "owner");
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    if (s == SG_OK && text != NULL) {
        s = sg_name_owner(text, &owner, err);
        listing.owner = owner.text;
    }
    s = s == SG_OK
            ? sg_visible_rings(run->service, run->profiles, run->caller, list_ring, &listing, err)
            : s;
    bool none = json_array_size(listing.items) == 0;
    return s == SG_OK && text != NULL && none ? refuse_owner(run, owner.text, err) : s;
}

static sg_status show_member(void *context, const struct sg_certificate_row *row,
                             enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct ring_listing *listing = context;
    json_t *item = sg_row_json(row, sg_now_s(listing->run->service->clock));
    bool visible = sg_row_shown(row);
    enum sg_obstacle obstacle = sg_server_obstacle(listing->run, listing->ring, row, usage);
    bool delivered = obstacle == SG_OBSTACLE_NONE || obstacle == SG_OBSTACLE_RETIRED;
    sg_status s = item == NULL ? sg_fail_memory(err) : SG_OK;
    s = s == SG_OK ? sg_run_set(item, "usage", json_string(sg_usage_name(usage)), err) : s;
    s = s == SG_OK ? sg_run_set(item, "default", json_boolean(is_default), err) : s;
    s = s == SG_OK ? sg_run_set(item, "visible", json_boolean(visible), err) : s;
    s = s == SG_OK ? sg_run_set(item, "key_deliverable", json_boolean(delivered), err) : s;
    s = s == SG_OK && row->has_key && usage == SG_USAGE_PERSONAL
            ? sg_ring_uses(listing->run, listing->id, row, item, err)
            : s;
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
    sg_status s = answer_ring(run, &ring->name, err);
    s = s == SG_OK ? sg_run_set(run->answer, "slot", json_integer(ring->id), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "token_label", json_stringn(label, len), err) : s;
    return s == SG_OK
               ? sg_run_set(run->answer, "sequence", json_integer((json_int_t)ring->sequence), err)
               : s;
}

sg_status sg_operation_RING_SHOW(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    struct sg_owner_name owner;
    struct ring_listing listing = {.run = run, .items = json_array()};
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    if (s == SG_OK && sg_run_virtual_ring(run, &owner)) {
        return sg_virtual_show(run, owner.text, listing.items, err);
    }
    s = s == SG_OK ? find_ring(run, &ring, err) : s;
    listing.ring = &ring.name;
    listing.id = s == SG_OK ? ring.id : 0;
    s = s == SG_OK ? describe_ring(run, &ring, err) : s;
    return s == SG_OK
               ? sg_store_connection_each(run->service->store, ring.id, show_member, &listing, err)
               : s;
}

sg_status sg_operation_RING_WAIT(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    int64_t known = 0;
    (void)sg_run_integer(run, "sequence", &known);
    sg_status s = find_ring(run, &ring, err);
    s = s == SG_OK ? answer_ring(run, &ring.name, err) : s;
    s = s == SG_OK
            ? sg_run_set(run->answer, "sequence", json_integer((json_int_t)ring.sequence), err)
            : s;
    bool changed = s == SG_OK && ring.sequence != (uint64_t)known;
    return s == SG_OK ? sg_run_set(run->answer, "changed", json_boolean(changed), err) : s;
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

struct anchors {
    struct sg_run *run;
    json_t *entries;
};

static sg_status export_anchor(void *context, const struct sg_certificate_row *row,
                               enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct anchors *anchors = context;
    (void)is_default;
    if (usage == SG_USAGE_PERSONAL || row->trust == SG_NOTRUST) {
        return SG_OK;
    }
    if (!sg_row_sound(row)) {
        return sg_run_warn_malformed(anchors->run, row, err);
    }
    return sg_run_add_entry(anchors->entries, (struct sg_bytes){row->der, row->der_len},
                            row->name.label.text, err);
}

/* Using a key through a ring is one thing, having it another. */
static sg_status export_key(struct sg_run *run, const struct sg_certificate_row *row,
                            struct sg_error *err)
{
    sg_status s = sg_run_require(run, SG_FUNCTION_EXPORTKEY, row->name.owner.text, err);
    return s == SG_OK ? sg_export_key(run, row, err) : s;
}

/* What provision tells a server to use is what goes into its file. */
static sg_status export_chain(struct sg_run *run, const struct sg_ring_row *ring, json_t *entries,
                              struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    sg_status s = sg_run_server_identity(run, ring, false, "no_default", &row, err);
    s = s == SG_OK ? sg_export_chain(run, &row, entries, err) : s;
    return s == SG_OK && sg_run_text(run, "recipient") != NULL ? export_key(run, &row, err) : s;
}

sg_status sg_operation_RING_EXPORT(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row ring;
    struct sg_owner_name owner;
    json_t *entries = json_array();
    sg_status s = sg_run_set(run->answer, "entries", entries, err);
    bool with_key = sg_run_text(run, "recipient") != NULL;
    if (s == SG_OK && sg_run_virtual_ring(run, &owner)) {
        return with_key ? sg_fail(err, SG_E_USAGE, "bad_parameter",
                                  "a virtual ring has no default certificate whose key could be "
                                  "exported")
                        : sg_virtual_export(run, owner.text, entries, err);
    }
    s = s == SG_OK ? find_ring(run, &ring, err) : s;
    if (s != SG_OK) {
        return s;
    }
    if (with_key || sg_run_flag(run, "chain")) {
        return export_chain(run, &ring, entries, err);
    }
    struct anchors anchors = {run, entries};
    s = sg_store_connection_each(run->service->store, ring.id, export_anchor, &anchors, err);
    if (s == SG_OK && json_array_size(entries) == 0) {
        struct sg_ring_text name = sg_ring_text(&ring.name);
        sg_fail(err, SG_E_NOT_FOUND, "nothing_to_export",
                "ring %.300s has no trusted CERTAUTH or SITE certificate", name.text);
        sg_hint(
            err,
            "Connect one: signet ring connect %s CERTAUTH/LABEL; or use --chain for the default certificate.",
            sg_shell_word(ring.name.owner.text, ring.name.ring.text).text);
        return sg_object(err, "%s", name.text);
    }
    return s;
}
