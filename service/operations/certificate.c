/* cert list, show, chain, export, alter, delete, request. */
#include "run_internal.h"

#include <string.h>

#include <signet/base/ascii.h>
#include <signet/policy/name.h>
#include <signet/store/rollover.h>

#include "chain_summary_internal.h"
#include "owner_internal.h"
#include "ring_uses_internal.h"

static sg_status find(struct sg_run *run, struct sg_certificate_row *out, struct sg_error *err)
{
    struct sg_certificate_name name;
    sg_status s = sg_run_certificate_name(run, "certificate", &name, err);
    return s == SG_OK ? sg_store_certificate_get(run->service->store, &name, out, err) : s;
}

static sg_status parse(const struct sg_certificate_row *row, struct sg_certificate **out,
                       struct sg_error *err)
{
    return sg_certificate_parse((struct sg_bytes){row->der, row->der_len}, out, err);
}

/* ---- list ---- */

#define SG_DETAILS_LIMIT 100     /* certificates of a page when none is named */
#define SG_DETAILS_LIMIT_MAX 500 /* some kilobytes each: an answer stays within a few megabytes */

struct listing {
    struct sg_run *run;
    json_t *items;
    size_t limit; /**< of those that the caller may see; 0: none */
    bool more;    /**< there was one beyond the limit */
};

static sg_status list_one(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct listing *listing = context;
    if (!sg_run_allowed(listing->run, SG_FUNCTION_LIST, row->name.owner.text)) {
        return SG_OK;
    }
    if (listing->limit > 0 && json_array_size(listing->items) >= listing->limit) {
        listing->more = true;
        return SG_OK;
    }
    return sg_row_append(listing->run, row, listing->items, err);
}

static sg_status check_paging(struct sg_run *run, int64_t *limit, struct sg_error *err)
{
    bool details = sg_run_flag(run, "details");
    bool limited = sg_run_integer(run, "limit", limit);
    if (sg_run_text(run, "owner") == NULL) {
        if (sg_run_text(run, "after") != NULL) {
            return sg_fail(err, SG_E_USAGE, "bad_parameter",
                           "\"after\" is a label of one owner: name it");
        }
        if (details) {
            return sg_fail(err, SG_E_USAGE, "bad_parameter",
                           "details are listed for one owner at a time: name it");
        }
    }
    if (details && *limit > SG_DETAILS_LIMIT_MAX) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter",
                       "with details at most %d certificates are listed at once",
                       SG_DETAILS_LIMIT_MAX);
    }
    *limit = details && !limited ? SG_DETAILS_LIMIT : *limit;
    return SG_OK;
}

/* As the store has it: capitals, no zeros in front but to make the digits even. */
static sg_status read_serial(struct sg_run *run, char out[SG_SERIAL_TEXT], struct sg_error *err)
{
    const char *text = sg_run_text(run, "serial");
    size_t zeros = text != NULL ? strspn(text, "0") : 0;
    size_t len = text != NULL ? strlen(text) - zeros : 0;
    out[0] = '\0';
    if (text == NULL) {
        return SG_OK;
    }
    bool known = sg_run_text(run, "owner") != NULL;
    if (!known || text[0] == '\0' || strspn(text, "0123456789abcdefABCDEF") != zeros + len ||
        len + 2 > SG_SERIAL_TEXT) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter",
                       known ? "the serial number is not written in hexadecimal"
                             : "\"serial\" is of one owner's certificate: name the owner");
    }
    snprintf(out, SG_SERIAL_TEXT, "%s%s", len == 0 ? "00" : len % 2 == 1 ? "0" : "", text + zeros);
    for (char *c = out; *c != '\0'; c++) {
        *c = sg_ascii_upper(*c);
    }
    return SG_OK;
}

static sg_status check_owner(struct sg_run *run, struct sg_owner_name *owner, struct sg_error *err)
{
    const char *text = sg_run_text(run, "owner");
    if (text == NULL) {
        return SG_OK;
    }
    sg_status s = sg_name_owner(text, owner, err);
    s = s == SG_OK ? sg_run_require(run, SG_FUNCTION_LIST, owner->text, err) : s;
    return s == SG_OK ? sg_run_owner_exists(run, owner->text, err) : s;
}

/* The label to go on after. */
static sg_status answer_next(const struct listing *listing, bool one_owner, struct sg_error *err)
{
    size_t count = json_array_size(listing->items);
    if (!listing->more || !one_owner || count == 0) {
        return SG_OK;
    }
    json_t *last = json_object_get(json_array_get(listing->items, count - 1), "label");
    return sg_run_set(listing->run->answer, "next", json_incref(last), err);
}

sg_status sg_operation_CERT_LIST(struct sg_run *run, struct sg_error *err)
{
    struct listing listing = {.run = run, .items = json_array()};
    struct sg_owner_name owner = {0};
    char serial[SG_SERIAL_TEXT];
    int64_t limit = 0;
    bool one_owner = sg_run_text(run, "owner") != NULL;
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    s = s == SG_OK ? check_paging(run, &limit, err) : s;
    s = s == SG_OK ? check_owner(run, &owner, err) : s;
    s = s == SG_OK ? read_serial(run, serial, err) : s;
    if (s != SG_OK) {
        return s;
    }
    listing.limit = (size_t)limit;
    /* one more than is wanted: is there another page? */
    struct sg_certificate_filter filter = {.owner = one_owner ? owner.text : NULL,
                                           .limit = one_owner && limit > 0 ? (size_t)limit + 1 : 0,
                                           .after_label = sg_run_text(run, "after"),
                                           .serial = serial[0] != '\0' ? serial : NULL};
    s = sg_store_certificate_each(run->service->store, &filter, list_one, &listing, err);
    return s == SG_OK ? answer_next(&listing, one_owner, err) : s;
}

/* ---- show ---- */

sg_status sg_operation_CERT_SHOW(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    sg_status s = find(run, &row, err);
    s = s == SG_OK ? sg_row_answer(run, &row, err) : s;
    s = s == SG_OK ? sg_row_details(run, &row, run->answer, err) : s;
    return s == SG_OK && row.has_key ? sg_key_uses(run, &row, run->answer, err) : s;
}

/* ---- chain and export ---- */

static const char *member_name(const struct sg_found_chain *found, size_t member,
                               char text[SG_OWNER_MAX + SG_LABEL_BYTES + 2])
{
    int at = sg_found_chain_index(found, member);
    if (at < 0 || found->names[at].owner.text[0] == '\0') {
        return NULL;
    }
    snprintf(text, SG_OWNER_MAX + SG_LABEL_BYTES + 2, "%s/%s", found->names[at].owner.text,
             found->names[at].label.text);
    return text;
}

static sg_status warn_incomplete(struct sg_run *run, const struct sg_chain *chain,
                                 struct sg_error *err)
{
    if (chain->complete) {
        return SG_OK;
    }
    const struct sg_certificate *last = chain->members[chain->count - 1];
    return sg_run_warn(run, err, "the chain is incomplete: the certificate of \"%s\" is missing",
                       sg_certificate_facts(last)->issuer_text);
}

/* ---- issuers that are shown to nobody ---- */

static bool is_hidden(const struct sg_found_chain *found, size_t member)
{
    char why[SG_FORM_TEXT];
    int at = sg_found_chain_index(found, member);
    return member > 0 && ((at >= 0 && found->trust[at] == SG_NOTRUST) ||
                          sg_certificate_form(found->chain.members[member], why) != SG_FORM_SOUND);
}

/* The chain's length when there is none. */
static size_t first_hidden(const struct sg_found_chain *found)
{
    size_t i = 0;
    while (i < found->chain.count && !is_hidden(found, i)) {
        i++;
    }
    return i;
}

/* Another way up to a root, of what may be shown. */
static bool go_around(struct sg_found_chain *found, const struct sg_certificate *leaf)
{
    const struct sg_certificate *shown[SG_COUNT(found->kept)];
    struct sg_chain other;
    struct sg_error ignored = SG_ERROR_INIT;
    char why[SG_FORM_TEXT];
    size_t count = 0;
    for (size_t i = 0; i < found->kept_count; i++) {
        if (found->trust[i] != SG_NOTRUST &&
            sg_certificate_form(found->kept[i], why) == SG_FORM_SOUND) {
            shown[count++] = found->kept[i];
        }
    }
    if (sg_chain_build(leaf, shown, count, &other, &ignored) != SG_OK || !other.complete) {
        return false;
    }
    found->chain = other;
    return true;
}

static sg_status warn_hidden(struct sg_run *run, const struct sg_found_chain *found, size_t member,
                             struct sg_error *err)
{
    int at = sg_found_chain_index(found, member);
    const struct sg_certificate_name *name = at >= 0 ? &found->names[at] : NULL;
    const char *subject = sg_certificate_facts(found->chain.members[member])->subject_text;
    char why[SG_FORM_TEXT];
    if (name == NULL || sg_certificate_form(found->chain.members[member], why) != SG_FORM_SOUND) {
        return sg_run_warn(
            run, err, "the chain ends before its issuer \"%.200s\", which is malformed", subject);
    }
    return sg_run_warn(run, err,
                       "the chain ends before its issuer %s/%s, which is NOTRUST and shown to no "
                       "program until: signet cert alter %s --trust",
                       name->owner.text, name->label.text,
                       sg_shell_word(name->owner.text, name->label.text).text);
}

/* NOTRUST is shown to no program, in a ring or in a file; what stands above it proves nothing
 * without it. */
static sg_status leave_out_hidden(struct sg_run *run, struct sg_found_chain *found,
                                  const struct sg_certificate *leaf, struct sg_error *err)
{
    size_t first = first_hidden(found);
    if (first == found->chain.count || go_around(found, leaf)) {
        return warn_incomplete(run, &found->chain, err);
    }
    sg_status s = warn_hidden(run, found, first, err);
    found->chain.count = first;
    return s;
}

sg_status sg_export_chain(struct sg_run *run, const struct sg_certificate_row *row, json_t *entries,
                          struct sg_error *err)
{
    SG_CERTIFICATE *leaf = NULL;
    SG_CLEANUP(sg_found_chain_done) struct sg_found_chain found = {0};
    sg_status s = parse(row, &leaf, err);
    s = s == SG_OK ? sg_chain_find(run->service, row->name.owner.text, leaf, NULL, 0, &found, err)
                   : s;
    s = s == SG_OK ? leave_out_hidden(run, &found, leaf, err) : s;
    for (size_t i = 0; s == SG_OK && i < found.chain.count; i++) {
        int at = i == 0 ? -1 : sg_found_chain_index(&found, i);
        const char *label = at < 0 ? row->name.label.text : found.names[at].label.text;
        s = sg_run_add_entry(entries, sg_certificate_facts(found.chain.members[i])->der, label,
                             err);
    }
    return s;
}

/* An issuer that the caller may not list: what the chain itself says of it. */
static sg_status bare_item(struct sg_run *run, const struct sg_certificate *certificate,
                           json_t *items, struct sg_error *err)
{
    json_t *item = sg_certificate_bare(run, certificate, err);
    if (item != NULL && json_object_set_new(item, "private_key", json_null()) != 0) {
        json_decref(item);
        item = NULL;
    }
    if (item == NULL || json_array_append_new(items, item) != 0) {
        return err->status != SG_OK ? err->status : sg_fail_memory(err);
    }
    return sg_run_flag(run, "details") ? sg_certificate_details(item, certificate, err) : SG_OK;
}

static sg_status chain_item(struct sg_run *run, const struct sg_found_chain *found, size_t i,
                            json_t *items, struct sg_chain_summary *summary, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    char text[SG_OWNER_MAX + SG_LABEL_BYTES + 2];
    if (member_name(found, i, text) == NULL) {
        return SG_OK;
    }
    sg_status s = sg_store_certificate_get(
        run->service->store, &found->names[sg_found_chain_index(found, i)], &row, err);
    s = s == SG_OK ? sg_chain_summary_add(run, &row, summary, err) : s;
    if (s == SG_OK && !sg_run_allowed(run, SG_FUNCTION_LIST, row.name.owner.text)) {
        return bare_item(run, found->chain.members[i], items, err);
    }
    return s == SG_OK ? sg_row_append(run, &row, items, err) : s;
}

sg_status sg_operation_CERT_CHAIN(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    SG_CERTIFICATE *leaf = NULL;
    SG_CLEANUP(sg_found_chain_done) struct sg_found_chain found = {0};
    SG_CLEANUP(sg_chain_summary_done) struct sg_chain_summary summary = {0};
    json_t *items = json_array();
    sg_status s = sg_run_set(run->answer, "items", items, err);
    s = s == SG_OK ? find(run, &row, err) : s;
    s = s == SG_OK ? parse(&row, &leaf, err) : s;
    s = s == SG_OK ? sg_chain_find(run->service, row.name.owner.text, leaf, NULL, 0, &found, err)
                   : s;
    s = s == SG_OK ? sg_row_append(run, &row, items, err) : s;
    s = s == SG_OK ? sg_chain_summary_add(run, &row, &summary, err) : s;
    for (size_t i = 1; s == SG_OK && i < found.chain.count; i++) {
        s = chain_item(run, &found, i, items, &summary, err);
    }
    s = s == SG_OK ? sg_chain_summary_answer(run, &summary, err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "complete", json_boolean(found.chain.complete), err)
                   : s;
    return s == SG_OK ? warn_incomplete(run, &found.chain, err) : s;
}

sg_status sg_operation_CERT_EXPORT(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    json_t *entries = json_array();
    sg_status s = sg_run_set(run->answer, "entries", entries, err);
    s = s == SG_OK ? find(run, &row, err) : s;
    s = s == SG_OK && sg_run_text(run, "recipient") != NULL ? sg_export_key(run, &row, err) : s;
    if (s != SG_OK || sg_run_flag(run, "chain")) {
        return s != SG_OK ? s : sg_export_chain(run, &row, entries, err);
    }
    return sg_run_add_entry(entries, (struct sg_bytes){row.der, row.der_len}, row.name.label.text,
                            err);
}

/* ---- alter and delete ---- */

static sg_status answer_name(struct sg_run *run, const struct sg_certificate_row *row,
                             struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "owner", json_string(row->name.owner.text), err);
    return s == SG_OK ? sg_run_set(run->answer, "label", json_string(row->name.label.text), err)
                      : s;
}

static sg_status answer_status(struct sg_run *run, const struct sg_certificate_row *row,
                               struct sg_error *err)
{
    const char *status = sg_trust_name(row->trust);
    sg_status s = answer_name(run, row, err);
    return s == SG_OK ? sg_run_set(run->answer, "status", json_string(status), err) : s;
}

static sg_status alter_trust(struct sg_run *run, struct sg_certificate_row *row, const char *word,
                             struct sg_error *err)
{
    enum sg_trust trust = SG_TRUST;
    struct sg_name_text name = sg_row_name(row);
    if (!sg_trust_parse(word, &trust)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter",
                       "the status is trust, notrust or hightrust");
    }
    if (trust == SG_HIGHTRUST && sg_owner_kind(row->name.owner.text) != SG_OWNER_CERTAUTH) {
        trust = SG_TRUST; /* HIGHTRUST means something under CERTAUTH only */
        sg_status s =
            sg_run_warn(run, err, "HIGHTRUST is for CERTAUTH: %s is set to TRUST", name.text);
        if (s != SG_OK) {
            return s;
        }
    }
    if (trust != SG_NOTRUST && sg_row_require_sound(row, err) != SG_OK) {
        return err->status;
    }
    if (trust == row->trust) {
        return sg_run_effect(run, err, "%s is %s already", name.text, sg_trust_name(trust));
    }
    enum sg_trust before = row->trust;
    row->trust = trust;
    sg_status s = sg_store_certificate_set_trust(run->service->store, row->id, trust, err);
    s = s == SG_OK ? sg_store_ring_bump_holding(run->service->store, row->id, err) : s;
    run->visible = true;
    return s == SG_OK ? sg_run_effect(run, err, "set %s from %s to %s%s", name.text,
                                      sg_trust_name(before), sg_trust_name(trust),
                                      trust == SG_NOTRUST ? ": hidden from all rings" : "")
                      : s;
}

static sg_status alter_label(struct sg_run *run, struct sg_certificate_row *row, const char *text,
                             struct sg_error *err)
{
    struct sg_label label;
    sg_status s = sg_name_label(text, &label, err);
    s = s == SG_OK ? sg_store_certificate_set_label(run->service->store, row->id, label.text, err)
                   : s;
    s = s == SG_OK ? sg_store_ring_bump_holding(run->service->store, row->id, err) : s;
    run->visible = true;
    s = s == SG_OK ? sg_run_effect(run, err, "renamed %s to %s/%s", sg_row_name(row).text,
                                   row->name.owner.text, label.text)
                   : s;
    row->name.label = s == SG_OK ? label : row->name.label;
    return s;
}

sg_status sg_operation_CERT_ALTER(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    const char *status = sg_run_text(run, "status");
    const char *label = sg_run_text(run, "label");
    if (status == NULL && label == NULL) {
        sg_fail(err, SG_E_USAGE, "bad_parameter", "nothing to alter");
        return sg_hint(err, "Give --trust, --notrust, --hightrust or --label NEW.");
    }
    sg_status s = find(run, &row, err);
    s = s == SG_OK && status != NULL ? alter_trust(run, &row, status, err) : s;
    s = s == SG_OK && label != NULL ? alter_label(run, &row, label, err) : s;
    return s == SG_OK ? answer_status(run, &row, err) : s;
}

#define RINGS_NAMED 20

struct memberships {
    size_t count;
    char first[SG_OWNER_MAX + SG_RING_BYTES + 2];
    struct sg_buffer names; /* the first RINGS_NAMED, each with a NUL */
};

static void memberships_done(struct memberships *memberships)
{
    sg_buffer_done(&memberships->names);
}

static sg_status count_membership(void *context, const struct sg_ring_row *ring,
                                  enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct memberships *memberships = context;
    (void)usage;
    (void)is_default;
    const struct sg_ring_text name = sg_ring_text(&ring->name);
    if (memberships->count == 0) {
        snprintf(memberships->first, sizeof memberships->first, "%s", name.text);
    }
    return memberships->count++ < RINGS_NAMED
               ? sg_buffer_append(&memberships->names, name.text, strlen(name.text) + 1, err)
               : SG_OK;
}

static sg_status check_delete(struct sg_run *run, const struct sg_certificate_row *row,
                              const struct memberships *memberships, struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    if (sg_run_flag(run, "force")) {
        return SG_OK;
    }
    if (row->requested && row->has_key) {
        sg_fail(err, SG_E_CONFLICT, "request_pending",
                "a request was made from %s: a CA may be about to certify its key", name.text);
        sg_hint(err, "With --force the key is lost for ever, and the CA's answer with it.");
        return sg_object(err, "%s", name.text);
    }
    if (memberships->count > 0 && !sg_run_flag(run, "disconnect")) {
        sg_fail(err, SG_E_CONFLICT, "in_use", "%s is connected to %zu ring%s: %.120s%s", name.text,
                memberships->count, memberships->count == 1 ? " or token" : "s or tokens",
                memberships->first, memberships->count == 1 ? "" : ", …");
        sg_hint(err, "Remove it there first, or use --disconnect. See: signet cert show %s",
                sg_shell_word(row->name.owner.text, row->name.label.text).text);
        return sg_object(err, "%s", name.text);
    }
    return SG_OK;
}

static sg_status say_ended(struct sg_run *run, const struct sg_certificate_row *row,
                           const struct sg_rollover_row *rollover, struct sg_error *err)
{
    const struct sg_certificate_name *old = &rollover->old_name;
    const struct sg_certificate_name *successor = &rollover->successor_name;
    const struct sg_certificate_name *stays = rollover->old_id == row->id ? successor : old;
    return sg_run_effect(run, err,
                         "the roll-over of %s/%s to %s ended with it: %s/%s stays as it is",
                         old->owner.text, old->label.text, successor->label.text, stays->owner.text,
                         stays->label.text);
}

/* Its way back would be gone. */
static sg_status check_rollover(struct sg_run *run, const struct sg_certificate_row *row,
                                struct sg_error *err)
{
    struct sg_rollover_row rollover;
    bool found = false;
    sg_status s = sg_store_rollover_of(run->service->store, row->id, &rollover, &found, err);
    if (s != SG_OK || !found) {
        return s;
    }
    if (sg_run_flag(run, "force")) {
        return say_ended(run, row, &rollover, err);
    }
    const struct sg_certificate_name *old = &rollover.old_name;
    sg_fail(err, SG_E_CONFLICT, "rollover_under_way", "a roll-over of %s/%s to %s is under way",
            old->owner.text, old->label.text, rollover.successor_name.label.text);
    sg_hint(err, "Finish it or undo it first: signet rollover plan %s",
            sg_shell_word(old->owner.text, old->label.text).text);
    return sg_object(err, "%s", sg_row_name(row).text);
}

/* What a CA issued and what therefore has a chain no more. */
struct issued {
    struct sg_run *run;
    const struct sg_certificate *issuer;
    int64_t issuer_id;
    size_t count;
    char names[3 * (SG_OWNER_MAX + SG_LABEL_BYTES + 4)];
};

#define ISSUED_NAMED 3  /* by name */
#define ISSUED_MAX 1000 /* are looked at: each is verified */

static sg_status take_issued(void *context, const struct sg_certificate_row *row,
                             struct sg_error *err)
{
    struct issued *issued = context;
    SG_CERTIFICATE *certificate = NULL;
    struct sg_error ignored = SG_ERROR_INIT; /* another CA of that name issued it */
    if (row->id == issued->issuer_id ||
        !sg_run_allowed(issued->run, SG_FUNCTION_LIST, row->name.owner.text)) {
        return SG_OK;
    }
    sg_status s = parse(row, &certificate, err);
    if (s != SG_OK ||
        sg_certificate_verify_issued(certificate, issued->issuer, &ignored) != SG_OK) {
        return s;
    }
    if (issued->count++ < ISSUED_NAMED) {
        size_t used = strlen(issued->names);
        snprintf(issued->names + used, sizeof issued->names - used, "%s%s", used > 0 ? ", " : "",
                 sg_row_name(row).text);
    }
    return SG_OK;
}

static sg_status warn_issued(struct sg_run *run, const struct sg_certificate_row *row,
                             struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    char more[40] = "";
    sg_status s = parse(row, &certificate, err);
    if (s != SG_OK || !sg_certificate_facts(certificate)->ca) {
        return s;
    }
    struct issued issued = {.run = run, .issuer = certificate, .issuer_id = row->id};
    struct sg_certificate_filter filter = {
        .issuer = row->subject.data, .issuer_len = row->subject.len, .limit = ISSUED_MAX};
    s = sg_store_certificate_each(run->service->store, &filter, take_issued, &issued, err);
    if (s != SG_OK || issued.count == 0) {
        return s;
    }
    if (issued.count > ISSUED_NAMED) {
        snprintf(more, sizeof more, " and %zu more", issued.count - ISSUED_NAMED);
    }
    return sg_run_warn(run, err,
                       "what it issued stays behind, and has a chain here only if another "
                       "certificate of the same CA is kept: %s%s",
                       issued.names, more);
}

/* As many as fit into a sentence, from *at on. */
static void take_names(const struct memberships *memberships, size_t *at, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    while (*at < memberships->names.len) {
        const char *name = (const char *)memberships->names.data + *at;
        size_t len = strlen(name);
        if (used > 0 && used + len + 3 > size) {
            return;
        }
        used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", name);
        used = used < size ? used : size - 1;
        *at += len + 1;
    }
}

static sg_status say_rings(struct sg_run *run, const struct sg_certificate_row *row, size_t at,
                           const struct memberships *memberships, struct sg_error *err)
{
    char names[800];
    sg_status s = SG_OK;
    while (s == SG_OK && at < memberships->names.len) {
        take_names(memberships, &at, names, sizeof names);
        s = sg_run_effect(run, err, "removed it from %s too", names);
    }
    return s == SG_OK && memberships->count > RINGS_NAMED
               ? sg_run_effect(run, err, "removed %s from %zu more rings", sg_row_name(row).text,
                               memberships->count - RINGS_NAMED)
               : s;
}

static sg_status say_deleted(struct sg_run *run, const struct sg_certificate_row *row,
                             bool with_key, const struct memberships *memberships,
                             struct sg_error *err)
{
    char names[800];
    size_t at = 0;
    const char *key = with_key ? " and its private key" : "";
    if (memberships->count == 0) {
        return sg_run_effect(run, err, "deleted %s%s", sg_row_name(row).text, key);
    }
    take_names(memberships, &at, names, sizeof names);
    sg_status s = sg_run_effect(run, err, "deleted %s%s, removed from its rings: %s",
                                sg_row_name(row).text, key, names);
    return s == SG_OK ? say_rings(run, row, at, memberships, err) : s;
}

sg_status sg_operation_CERT_DELETE(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    SG_CLEANUP(memberships_done) struct memberships memberships = {.count = 0};
    bool orphaned = false;
    sg_buffer_init(&memberships.names, (size_t)RINGS_NAMED * sizeof memberships.first);
    sg_status s = find(run, &row, err);
    s = s == SG_OK ? sg_store_membership_each(run->service->store, row.id, count_membership,
                                              &memberships, err)
                   : s;
    s = s == SG_OK ? check_rollover(run, &row, err) : s;
    s = s == SG_OK ? check_delete(run, &row, &memberships, err) : s;
    s = s == SG_OK ? warn_issued(run, &row, err) : s;
    s = s == SG_OK ? sg_store_ring_bump_holding(run->service->store, row.id, err) : s;
    s = s == SG_OK ? sg_store_certificate_delete(run->service->store, row.id, &orphaned, err) : s;
    run->visible = true;
    if (s == SG_OK && row.has_key) {
        enum sg_intent_kind kind = orphaned ? SG_INTENT_DESTROY : SG_INTENT_CERTIFICATE;
        s = sg_run_settle_later(run, kind, row.token, &row.key, err);
    }
    s = s == SG_OK ? answer_status(run, &row, err) : s;
    return s == SG_OK ? say_deleted(run, &row, orphaned, &memberships, err) : s;
}

/* ---- request ---- */

static sg_status build_request(struct sg_run *run, const struct sg_certificate_row *row,
                               const struct sg_x509_request *request, struct sg_bytes spki,
                               struct sg_buffer *out, struct sg_error *err)
{
    struct sg_token_signer signer;
    sg_status s = sg_run_signer(run, row, spki, &signer, err);
    s = s == SG_OK ? sg_x509_build_csr(request, &signer.signer, out, err) : s;
    return s == SG_OK ? s : sg_run_signing_failed(run, row, err);
}

static sg_status answer_request(struct sg_run *run, const struct sg_certificate_row *row,
                                const struct sg_x509_request *request, struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    sg_status s = parse(row, &certificate, err);
    s = s == SG_OK
            ? build_request(run, row, request, sg_certificate_facts(certificate)->spki, &der, err)
            : s;
    s = s == SG_OK ? sg_store_certificate_set_requested(run->service->store, row->id, err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "csr", sg_run_base64(der.data, der.len), err) : s;
}

sg_status sg_operation_CERT_REQUEST(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    SG_FREE const char **sans = NULL;
    SG_FREE const char **ekus = NULL;
    struct sg_x509_request request = {0};
    sg_status s = find(run, &row, err);
    s = s == SG_OK ? sg_run_texts(run, "san", &sans, &request.san_count, err) : s;
    s = s == SG_OK ? sg_run_texts(run, "eku", &ekus, &request.eku_count, err) : s;
    if (s != SG_OK) {
        return s;
    }
    if (!row.has_key) {
        sg_fail(err, SG_E_CONFLICT, "no_private_key",
                "%s has no private key here to sign a request with", sg_row_name(&row).text);
        return sg_object(err, "%s", sg_row_name(&row).text);
    }
    if (sg_run_check_signs(&row, err) != SG_OK) {
        return err->status;
    }
    request.sans = sans;
    request.ekus = ekus;
    request.subject_der = row.subject;
    request.extensions_from = (struct sg_bytes){row.der, row.der_len};
    s = sg_x509_request_check(&request, err);
    s = s == SG_OK ? sg_run_effect(run, err, "made a request for %s, signed with its key",
                                   sg_row_name(&row).text)
                   : s;
    s = s == SG_OK ? answer_name(run, &row, err) : s;
    return s == SG_OK && !run->dry_run ? answer_request(run, &row, &request, err) : s;
}
