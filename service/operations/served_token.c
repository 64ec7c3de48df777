/* token add, delete, show, bind, unbind, import: tokens that we serve. They are kept like rings, so
 * that views, capabilities and slots are the rings'. */
#include "ring_uses_internal.h"
#include "run_internal.h"

#include <string.h>
#include <strings.h>

#include <signet/policy/name.h>

/* ---- names ---- */

static bool is_configured(const struct sg_run *run, const char *name)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    bool found = false;
    for (size_t i = 0; !found && i < tokens->count(tokens->context); i++) {
        struct sg_token_state state = {0};
        tokens->state(tokens->context, i, &state);
        found = strcasecmp(state.name, name) == 0;
    }
    return found;
}

static sg_status token_missing(const struct sg_run *run, const char *name, struct sg_error *err)
{
    bool configured = is_configured(run, name);
    (void)sg_fail(err, SG_E_NOT_FOUND, "token_not_found", "there is no served token %s", name);
    (void)sg_object(err, "%s", name);
    if (configured) {
        return sg_hint(err, "%s is a configured token: keys live in it, nothing is bound in it.",
                       name);
    }
    return sg_hint(err, "See what there is: signet token list; or create it: signet token add %s",
                   sg_shell_quote(name).text);
}

static sg_status find_token(struct sg_run *run, struct sg_ring_row *out, struct sg_error *err)
{
    struct sg_ring_ref ref;
    sg_status s = sg_name_token(sg_run_text(run, "token"), &ref, err);
    if (s != SG_OK) {
        return s;
    }
    s = sg_store_ring_get(run->service->store, &ref, out, err);
    return s == SG_E_NOT_FOUND ? token_missing(run, ref.ring.text, err) : s;
}

static sg_status answer_token(struct sg_run *run, const struct sg_ring_row *token,
                              struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "token", json_string(token->name.ring.text), err);
    return s == SG_OK ? sg_run_set(run->answer, "slot", json_integer(token->id), err) : s;
}

/* ---- adding, deleting, showing ---- */

static sg_status name_taken(const char *name, const char *what, struct sg_error *err)
{
    (void)sg_fail(err, SG_E_CONFLICT, "token_exists", "there is a %s token %s already", what, name);
    (void)sg_object(err, "%s", name);
    return sg_hint(err, "Served and configured tokens share their names: signet token list");
}

sg_status sg_operation_TOKEN_ADD(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row token = {.id = 0};
    sg_status s = sg_name_token(sg_run_text(run, "token"), &token.name, err);
    if (s != SG_OK) {
        return s;
    }
    const char *name = token.name.ring.text;
    if (is_configured(run, name)) {
        return name_taken(name, "configured", err);
    }
    s = sg_store_ring_add(run->service->store, &token.name, &token.id, err);
    if (s == SG_E_CONFLICT) {
        return name_taken(name, "served", err);
    }
    run->visible = true;
    s = s == SG_OK ? sg_run_effect(run, err, "created token %s", name) : s;
    return s == SG_OK ? answer_token(run, &token, err) : s;
}

static sg_status not_empty(const struct sg_ring_row *token, struct sg_error *err)
{
    const char *name = token->name.ring.text;
    (void)sg_fail(err, SG_E_CONFLICT, "token_not_empty", "%llu certificate%s bound in token %s",
                  (unsigned long long)token->connections, token->connections == 1 ? " is" : "s are",
                  name);
    (void)sg_object(err, "%s", name);
    return sg_hint(err,
                   "Programs that use the token lose them. Look: signet token show %s; then use "
                   "--force: certificates and keys stay.",
                   sg_shell_quote(name).text);
}

sg_status sg_operation_TOKEN_DELETE(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row token;
    sg_status s = find_token(run, &token, err);
    if (s == SG_OK && token.connections > 0 && !sg_run_flag(run, "force")) {
        return not_empty(&token, err);
    }
    s = s == SG_OK ? sg_store_ring_delete(run->service->store, token.id, err) : s;
    s = s == SG_OK ? answer_token(run, &token, err) : s;
    run->visible = true;
    if (s != SG_OK || token.connections == 0) {
        return s != SG_OK ? s : sg_run_effect(run, err, "deleted token %s", token.name.ring.text);
    }
    return sg_run_effect(run, err, "deleted token %s; what was bound in it stays: %llu",
                         token.name.ring.text, (unsigned long long)token.connections);
}

struct listing {
    struct sg_run *run;
    json_t *items;
    int64_t token; /* its number */
};

/* A certificate's number in the store is never used again: it is the same in every listing. */
static sg_status show_bound(void *context, const struct sg_certificate_row *row,
                            enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct listing *listing = context;
    bool visible = sg_row_shown(row);
    bool delivered = visible && usage == SG_USAGE_PERSONAL && sg_row_key_deliverable(row);
    json_t *item = sg_row_json(row, sg_now_s(listing->run->service->clock));
    if (item == NULL || json_array_append_new(listing->items, item) != 0) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_run_set(item, "sequence_number", json_integer(row->id), err);
    s = s == SG_OK ? sg_run_set(item, "usage", json_string(sg_usage_name(usage)), err) : s;
    s = s == SG_OK ? sg_run_set(item, "default", json_boolean(is_default), err) : s;
    s = s == SG_OK ? sg_run_set(item, "visible", json_boolean(visible), err) : s;
    s = s == SG_OK ? sg_run_set(item, "key_deliverable", json_boolean(delivered), err) : s;
    return s == SG_OK && row->has_key && usage == SG_USAGE_PERSONAL
               ? sg_ring_uses(listing->run, listing->token, row, item, err)
               : s;
}

sg_status sg_operation_TOKEN_SHOW(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row token;
    struct listing listing = {.run = run, .items = json_array()};
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    s = s == SG_OK ? find_token(run, &token, err) : s;
    listing.token = s == SG_OK ? token.id : 0;
    s = s == SG_OK ? answer_token(run, &token, err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "kind", json_string("served"), err) : s;
    s = s == SG_OK
            ? sg_run_set(run->answer, "sequence", json_integer((json_int_t)token.sequence), err)
            : s;
    return s == SG_OK
               ? sg_store_connection_each(run->service->store, token.id, show_bound, &listing, err)
               : s;
}

/* ---- binding ---- */

struct twin {
    const struct sg_certificate_row *row;
    struct sg_certificate_name name; /* of another certificate with the same label */
};

static sg_status look_for_twin(void *context, const struct sg_certificate_row *row,
                               enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct twin *twin = context;
    (void)usage;
    (void)is_default;
    (void)err;
    if (row->id != twin->row->id && strcmp(row->name.label.text, twin->row->name.label.text) == 0) {
        twin->name = row->name;
    }
    return SG_OK;
}

/* Programs find what they want in a token by its label. */
static sg_status check_label(struct sg_run *run, const struct sg_ring_row *token,
                             const struct sg_certificate_row *row, struct sg_error *err)
{
    struct twin twin = {.row = row};
    sg_status s =
        sg_store_connection_each(run->service->store, token->id, look_for_twin, &twin, err);
    if (s != SG_OK || twin.name.label.text[0] == '\0') {
        return s;
    }
    (void)sg_fail(err, SG_E_CONFLICT, "label_in_use",
                  "token %s holds another certificate of that label: %s/%s", token->name.ring.text,
                  twin.name.owner.text, twin.name.label.text);
    (void)sg_object(err, "%s/%s", twin.name.owner.text, twin.name.label.text);
    return sg_hint(err, "Programs look for labels in a token: take that one out, or give one of "
                        "them another label (signet cert alter … --label NEW).");
}

static sg_status check_key(const struct sg_certificate_row *row, enum sg_usage usage,
                           struct sg_error *err)
{
    if (usage != SG_USAGE_PERSONAL || !row->has_key || sg_row_key_deliverable(row)) {
        return SG_OK;
    }
    (void)sg_fail(err, SG_E_CONFLICT, "key_cannot_be_bound",
                  "%s has an Ed25519 key, which served tokens do not deliver",
                  sg_row_name(row).text);
    (void)sg_object(err, "%s", sg_row_name(row).text);
    return sg_hint(err, "No PKCS#11 client carries EdDSA to us. Use an EC or RSA key; or bind the "
                        "certificate alone: --usage site.");
}

static sg_status warn_bound(struct sg_run *run, const struct sg_certificate_row *row,
                            enum sg_usage usage, struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    struct sg_shell_word word = sg_shell_word(row->name.owner.text, row->name.label.text);
    sg_status s = SG_OK;
    if (row->trust == SG_NOTRUST) {
        s = sg_run_warn(run, err,
                        "%s is NOTRUST: programs do not see it in the token until: signet cert "
                        "alter %s --trust",
                        name.text, word.text);
    }
    if (s == SG_OK && row->placeholder) {
        s = sg_run_warn(run, err, "%s is still the self-signed placeholder: signet cert request %s",
                        name.text, word.text);
    }
    if (s == SG_OK && usage == SG_USAGE_PERSONAL && !row->has_key) {
        s = sg_run_warn(run, err,
                        "%s has no private key here: the token shows the certificate alone",
                        name.text);
    }
    return s;
}

static sg_status answer_bound(struct sg_run *run, const struct sg_ring_row *token,
                              const struct sg_certificate_row *row, struct sg_error *err)
{
    const struct sg_certificate_name *name = &row->name;
    sg_status s = answer_token(run, token, err);
    s = s == SG_OK ? sg_run_set(run->answer, "owner", json_string(name->owner.text), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "label", json_string(name->label.text), err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "sequence_number", json_integer(row->id), err) : s;
}

/* What binding answers with and says. */
struct bound {
    enum sg_usage usage;
    bool is_default, replaced;
    struct sg_certificate_name displaced;
};

static sg_status describe(struct sg_run *run, const struct sg_ring_row *token,
                          const struct sg_certificate_row *row, const struct bound *bound,
                          struct sg_error *err)
{
    bool key = bound->usage == SG_USAGE_PERSONAL && row->has_key;
    sg_status s = answer_bound(run, token, row, err);
    s = s == SG_OK ? sg_run_set(run->answer, "usage", json_string(sg_usage_name(bound->usage)), err)
                   : s;
    s = s == SG_OK ? sg_run_set(run->answer, "default", json_boolean(bound->is_default), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "replaced", json_boolean(bound->replaced), err) : s;
    s = s == SG_OK
            ? sg_run_effect(run, err, "%s %s%s in token %s as %s%s",
                            bound->replaced ? "bound anew" : "bound", sg_row_name(row).text,
                            key ? " and its key" : "", token->name.ring.text,
                            sg_usage_name(bound->usage), bound->is_default ? ", the default" : "")
            : s;
    if (s == SG_OK && bound->displaced.label.text[0] != '\0') {
        s = sg_run_effect(run, err, "%s/%s is no longer the default", bound->displaced.owner.text,
                          bound->displaced.label.text);
    }
    return s == SG_OK ? warn_bound(run, row, bound->usage, err) : s;
}

static sg_status read_usage(const struct sg_run *run, const struct sg_certificate_row *row,
                            enum sg_usage *out, struct sg_error *err)
{
    const char *word = sg_run_text(run, "usage");
    *out = sg_usage_default(row->name.owner.text);
    if (word != NULL && !sg_usage_parse(word, out)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "usage is personal, certauth or site");
    }
    return SG_OK;
}

static sg_status find_certificate(struct sg_run *run, struct sg_certificate_row *out,
                                  struct sg_error *err)
{
    struct sg_certificate_name name;
    sg_status s = sg_run_certificate_name(run, "certificate", &name, err);
    return s == SG_OK ? sg_store_certificate_get(run->service->store, &name, out, err) : s;
}

/* A usage that makes a trust anchor of a user's certificate needs what adding one under CERTAUTH
 * does. */
static sg_status require_promotion(struct sg_run *run, const struct sg_certificate_row *row,
                                   enum sg_usage usage, struct sg_error *err)
{
    bool promotes =
        usage != SG_USAGE_PERSONAL && sg_owner_kind(row->name.owner.text) == SG_OWNER_USER;
    return promotes ? sg_run_require(run, SG_FUNCTION_ADD, "CERTAUTH", err) : SG_OK;
}

sg_status sg_operation_TOKEN_BIND(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row token;
    SG_CERTIFICATE_ROW row = {0};
    struct bound bound = {.is_default = sg_run_flag(run, "default")};
    sg_status s = find_token(run, &token, err);
    s = s == SG_OK ? find_certificate(run, &row, err) : s;
    s = s == SG_OK ? read_usage(run, &row, &bound.usage, err) : s;
    s = s == SG_OK ? require_promotion(run, &row, bound.usage, err) : s;
    s = s == SG_OK ? sg_row_require_sound(&row, err) : s;
    s = s == SG_OK ? check_key(&row, bound.usage, err) : s;
    s = s == SG_OK ? check_label(run, &token, &row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    run->visible = true;
    s = sg_store_connect(run->service->store, token.id, row.id, bound.usage, bound.is_default,
                         &bound.replaced, &bound.displaced, err);
    return s == SG_OK ? describe(run, &token, &row, &bound, err) : s;
}

/* ---- unbinding ---- */

struct numbered {
    int64_t number;
    struct sg_certificate_name name; /* empty: not found */
};

static sg_status look_for_number(void *context, const struct sg_certificate_row *row,
                                 enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct numbered *wanted = context;
    (void)usage;
    (void)is_default;
    (void)err;
    if (row->id == wanted->number) {
        wanted->name = row->name;
    }
    return SG_OK;
}

static sg_status not_bound(const struct sg_ring_row *token, const char *what, struct sg_error *err)
{
    const char *name = token->name.ring.text;
    (void)sg_fail(err, SG_E_NOT_FOUND, "not_bound", "%s is not bound in token %s", what, name);
    (void)sg_object(err, "%s", name);
    return sg_hint(err, "See what is: signet token show %s", sg_shell_quote(name).text);
}

static sg_status find_by_number(struct sg_run *run, const struct sg_ring_row *token, int64_t number,
                                struct sg_certificate_row *out, struct sg_error *err)
{
    struct numbered wanted = {.number = number};
    sg_status s =
        sg_store_connection_each(run->service->store, token->id, look_for_number, &wanted, err);
    if (s == SG_OK && wanted.name.label.text[0] == '\0') {
        char what[64];
        snprintf(what, sizeof what, "sequence number %lld", (long long)number);
        return not_bound(token, what, err);
    }
    return s == SG_OK ? sg_store_certificate_get(run->service->store, &wanted.name, out, err) : s;
}

static sg_status find_bound(struct sg_run *run, const struct sg_ring_row *token,
                            struct sg_certificate_row *out, struct sg_error *err)
{
    int64_t number = 0;
    bool has_number = sg_run_integer(run, "sequence", &number);
    bool has_name = sg_run_text(run, "certificate") != NULL;
    if (has_number == has_name) {
        (void)sg_fail(err, SG_E_USAGE, "bad_parameter",
                      "say what to take out: its name or its sequence number, one of them");
        return sg_hint(err, "See what there is: signet token show %s",
                       sg_shell_quote(token->name.ring.text).text);
    }
    return has_number ? find_by_number(run, token, number, out, err)
                      : find_certificate(run, out, err);
}

sg_status sg_operation_TOKEN_UNBIND(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row token;
    SG_CERTIFICATE_ROW row = {0};
    sg_status s = find_token(run, &token, err);
    s = s == SG_OK ? find_bound(run, &token, &row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    s = sg_store_disconnect(run->service->store, token.id, row.id, err);
    if (s == SG_E_NOT_FOUND) {
        return not_bound(&token, sg_row_name(&row).text, err);
    }
    run->visible = true;
    s = s == SG_OK ? answer_bound(run, &token, &row, err) : s;
    return s == SG_OK ? sg_run_effect(run, err, "took %s out of token %s", sg_row_name(&row).text,
                                      token.name.ring.text)
                      : s;
}

/* ---- importing ---- */

/* A served token holds certificates of the store and no others, and each stands there once: there
 * is nothing to copy. Either the owner has it, or another one does. */
static sg_status owned_elsewhere(const struct sg_certificate_row *row, const char *owner,
                                 struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    (void)sg_fail(err, SG_E_CONFLICT, "certificate_exists",
                  "that certificate is here already: %s; %s cannot own it too", name.text, owner);
    (void)sg_object(err, "%s", name.text);
    return sg_hint(err,
                   "A certificate is stored once; let %s use it: connect it to a ring of "
                   "theirs, signet ring connect OWNER/RING %s",
                   owner, sg_shell_word(row->name.owner.text, row->name.label.text).text);
}

static sg_status read_target(struct sg_run *run, struct sg_certificate_name *out, bool *has_label,
                             struct sg_error *err)
{
    const char *text = sg_run_text(run, "target");
    *has_label = strchr(text, '/') != NULL;
    return *has_label ? sg_name_certificate(text, out, err) : sg_name_owner(text, &out->owner, err);
}

static sg_status warn_as_it_is(struct sg_run *run, const struct sg_certificate_row *row,
                               const struct sg_certificate_name *target, bool has_label,
                               struct sg_error *err)
{
    const char *status = sg_run_text(run, "status");
    struct sg_shell_word word = sg_shell_word(row->name.owner.text, row->name.label.text);
    sg_status s = SG_OK;
    if (has_label && strcmp(target->label.text, row->name.label.text) != 0) {
        s = sg_run_warn(run, err, "it keeps its label; to change it: signet cert alter %s --label",
                        word.text);
    }
    return s == SG_OK && status != NULL && strcasecmp(status, sg_trust_name(row->trust)) != 0
               ? sg_run_warn(run, err, "it stays %s; to change that: signet cert alter %s --%s",
                             sg_trust_name(row->trust), word.text, status)
               : s;
}

sg_status sg_operation_TOKEN_IMPORT(struct sg_run *run, struct sg_error *err)
{
    struct sg_ring_row token;
    SG_CERTIFICATE_ROW row = {0};
    struct sg_certificate_name target = {.label = {.text = ""}};
    int64_t number = 0;
    bool has_label = false;
    (void)sg_run_integer(run, "sequence", &number); /* the row demands it */
    sg_status s = read_target(run, &target, &has_label, err);
    s = s == SG_OK ? find_token(run, &token, err) : s;
    s = s == SG_OK ? find_by_number(run, &token, number, &row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    if (strcmp(target.owner.text, row.name.owner.text) != 0) {
        return owned_elsewhere(&row, target.owner.text, err);
    }
    run->visible = true;
    s = answer_bound(run, &token, &row, err);
    s = s == SG_OK ? sg_run_effect(run, err, "%s is %s's already: nothing was added",
                                   sg_row_name(&row).text, target.owner.text)
                   : s;
    return s == SG_OK ? warn_as_it_is(run, &row, &target, has_label, err) : s;
}
