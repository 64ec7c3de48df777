/* cert add: what a CA sent back. Finds the key, sorts and completes the chain, replaces the
 * placeholder, stores the issuers. */
#include "run_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

#include "owner_internal.h"

struct bundle {
    struct sg_certificate *members[SG_BUNDLE_MAX]; /**< owned, each once */
    size_t count;
};

/* A key that the store knows and one of the bundle's certificates is for. */
struct match {
    size_t member;
    struct sg_certificate_name name;
    bool found;
    unsigned rank; /**< of several, the highest is taken */
    size_t ends;   /**< how many that issued no other one are for keys of the owner */
};

struct plan {
    struct sg_owner_name owner;
    struct sg_label label;
    bool has_label;
    struct bundle bundle;
    struct match match;                 /**< the owner's own key */
    size_t leaf;                        /**< index into the bundle */
    struct sg_certificate_row replaced; /**< id 0: a new certificate is added */
    struct sg_found_chain found;
    enum sg_trust trust;
    bool keyless;
    json_t *added;              /**< the answer's list of issuers */
    struct sg_label last_label; /**< that free_label made, before it numbered it */
    unsigned next_number;
};

static void plan_done(struct plan *plan)
{
    for (size_t i = 0; i < plan->bundle.count; i++) {
        sg_certificate_free(plan->bundle.members[i]);
    }
    sg_certificate_row_done(&plan->replaced);
    sg_found_chain_done(&plan->found);
}

static const struct sg_certificate_facts *facts_of(const struct plan *plan, size_t i)
{
    return sg_certificate_facts(plan->bundle.members[i]);
}

static bool in_bundle(const struct plan *plan, const struct sg_certificate *certificate)
{
    for (size_t i = 0; i < plan->bundle.count; i++) {
        if (memcmp(facts_of(plan, i)->sha256, sg_certificate_facts(certificate)->sha256, 32) == 0) {
            return true;
        }
    }
    return false;
}

static sg_status read_member(struct plan *plan, const char *base64, struct sg_error *err)
{
    SG_BUFFER der;
    SG_CERTIFICATE *certificate = NULL;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX + 3);
    sg_status s = sg_run_decode(base64, SG_CERTIFICATE_MAX, &der, err);
    s = s == SG_OK ? sg_certificate_parse((struct sg_bytes){der.data, der.len}, &certificate, err)
                   : s;
    if (s != SG_OK || in_bundle(plan, certificate)) {
        return s;
    }
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    if (facts->key_supported &&
        sg_key_strength_check(facts->family, facts->key_bits, err) != SG_OK) {
        sg_error_prefix(err, "\"%.80s\"", facts->subject_text);
        return err->status;
    }
    plan->bundle.members[plan->bundle.count++] = SG_STEAL(certificate);
    return SG_OK;
}

static sg_status read_bundle(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    SG_FREE const char **texts = NULL;
    size_t count = 0;
    sg_status s = sg_run_texts(run, "certificates", &texts, &count, err);
    if (s == SG_OK && (count == 0 || count > SG_BUNDLE_MAX)) {
        return sg_fail(err, SG_E_INPUT, "too_many_certificates",
                       "%zu certificates: 1 to %d can be added at once", count, SG_BUNDLE_MAX);
    }
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        s = read_member(plan, texts[i], err);
    }
    return s;
}

static sg_status read_target(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    const char *text = sg_run_text(run, "target");
    if (strchr(text, '/') == NULL) {
        return sg_name_owner(text, &plan->owner, err);
    }
    struct sg_certificate_name name;
    sg_status s = sg_name_certificate(text, &name, err);
    if (s == SG_OK) {
        plan->owner = name.owner;
        plan->label = name.label;
        plan->has_label = true;
    }
    return s;
}

/* ---- which certificate is meant ---- */

static bool issues_another(const struct plan *plan, size_t i)
{
    struct sg_bytes subject = facts_of(plan, i)->subject;
    for (size_t other = 0; other < plan->bundle.count; other++) {
        struct sg_bytes issuer = facts_of(plan, other)->issuer;
        if (other != i && issuer.len == subject.len &&
            memcmp(issuer.data, subject.data, issuer.len) == 0) {
            return true;
        }
    }
    return false;
}

struct matching {
    struct plan *plan;
    size_t member;
    bool end;  /**< it issued no other one of the bundle */
    bool seen; /**< the owner has its key */
};

/* The label that was named, then what is no issuer of the others, then what waits for an answer. */
static sg_status take_match(void *context, const struct sg_certificate_row *row,
                            struct sg_error *err)
{
    struct matching *matching = context;
    const struct plan *plan = matching->plan;
    struct match *match = &matching->plan->match;
    bool wanted = plan->has_label && strcmp(row->name.label.text, plan->label.text) == 0;
    unsigned rank = (wanted ? 4u : 0u) + (matching->end ? 2u : 0u) + (row->placeholder ? 1u : 0u);
    (void)err;
    matching->seen = true;
    if (!match->found || rank > match->rank) {
        match->found = true;
        match->rank = rank;
        match->member = matching->member;
        match->name = row->name;
    }
    return SG_OK;
}

static sg_status match_keys(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    for (size_t i = 0; i < plan->bundle.count; i++) {
        struct sg_certificate_filter filter = {.owner = plan->owner.text,
                                               .spki_sha256 = facts_of(plan, i)->spki_sha256,
                                               .with_key = true};
        struct matching matching = {.plan = plan, .member = i, .end = !issues_another(plan, i)};
        sg_status s =
            sg_store_certificate_each(run->service->store, &filter, take_match, &matching, err);
        if (s != SG_OK) {
            return s;
        }
        plan->match.ends += matching.seen && matching.end ? 1 : 0;
    }
    return SG_OK;
}

/* Without a key to go by: the one certificate that issued none of the others. */
static sg_status find_leaf(struct plan *plan, struct sg_error *err)
{
    if (plan->match.found && plan->match.ends > 1 && plan->match.rank < 4) {
        sg_fail(err, SG_E_INPUT, "ambiguous_bundle",
                "%zu of the %zu certificates are for keys of %s", plan->match.ends,
                plan->bundle.count, plan->owner.text);
        return sg_hint(err, "Add them one at a time, or name the label.");
    }
    if (plan->match.found) {
        plan->leaf = plan->match.member;
        return SG_OK;
    }
    size_t candidates = 0;
    for (size_t i = 0; i < plan->bundle.count; i++) {
        if (!issues_another(plan, i)) {
            plan->leaf = i;
            candidates++;
        }
    }
    if (candidates == 1) {
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, "ambiguous_bundle",
            "%zu of the %zu certificates could be the one meant, and none belongs to a key of %s",
            candidates, plan->bundle.count, plan->owner.text);
    return sg_hint(err, "Add them one at a time.");
}

struct elsewhere {
    char name[SG_OWNER_MAX + SG_LABEL_BYTES + 2];
};

static sg_status take_elsewhere(void *context, const struct sg_certificate_row *row,
                                struct sg_error *err)
{
    struct elsewhere *elsewhere = context;
    (void)err;
    if (elsewhere->name[0] == '\0') {
        snprintf(elsewhere->name, sizeof elsewhere->name, "%s", sg_row_name(row).text);
    }
    return SG_OK;
}

/* Where the key of the leaf is, for the message; only what the caller may know. */
static sg_status find_elsewhere(struct sg_run *run, const struct plan *plan, struct elsewhere *out,
                                struct sg_error *err)
{
    struct sg_certificate_filter filter = {.spki_sha256 = facts_of(plan, plan->leaf)->spki_sha256,
                                           .with_key = true};
    out->name[0] = '\0';
    sg_status s = sg_store_certificate_each(run->service->store, &filter, take_elsewhere, out, err);
    if (s == SG_OK && out->name[0] != '\0') {
        char owner[SG_OWNER_MAX + 1] = {0};
        memcpy(owner, out->name, strcspn(out->name, "/"));
        if (!sg_run_allowed(run, SG_FUNCTION_LIST, owner)) {
            out->name[0] = '\0';
        }
    }
    return s;
}

static struct sg_shell_word shell_word_of(const struct elsewhere *elsewhere)
{
    char owner[SG_OWNER_MAX + 1] = {0};
    size_t len = strcspn(elsewhere->name, "/");
    memcpy(owner, elsewhere->name, len);
    return sg_shell_word(owner, elsewhere->name + len + 1);
}

static sg_status refuse_wrong_key(struct sg_run *run, const struct plan *plan,
                                  const struct sg_certificate_row *row, struct sg_error *err)
{
    struct elsewhere elsewhere;
    struct sg_name_text name = sg_row_name(row);
    sg_status s = find_elsewhere(run, plan, &elsewhere, err);
    if (s != SG_OK) {
        return s;
    }
    sg_fail(err, SG_E_CONFLICT, "wrong_key",
            "the certificate of \"%.200s\" is for another key than that of %s",
            facts_of(plan, plan->leaf)->subject_text, name.text);
    if (elsewhere.name[0] != '\0') {
        sg_hint(err, "Its key is %s: signet cert add %s …", elsewhere.name,
                shell_word_of(&elsewhere).text);
    } else {
        sg_hint(err, "Make a request from this key and have it signed: signet cert request %s",
                sg_shell_word(row->name.owner.text, row->name.label.text).text);
    }
    return sg_object(err, "%s", name.text);
}

/* A label was named: what stands there decides. */
static sg_status check_label(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    if (!plan->has_label) {
        return SG_OK;
    }
    SG_CERTIFICATE_ROW row = {0};
    struct sg_certificate_name name = {.owner = plan->owner, .label = plan->label};
    sg_status s = sg_store_certificate_get(run->service->store, &name, &row, err);
    if (s == SG_E_NOT_FOUND) {
        sg_error_clear(err);
        return SG_OK;
    }
    if (s != SG_OK) {
        return s;
    }
    bool same_key = memcmp(row.spki_sha256, facts_of(plan, plan->leaf)->spki_sha256, 32) == 0;
    if (row.has_key && !same_key) {
        return refuse_wrong_key(run, plan, &row, err);
    }
    if (!same_key) {
        sg_fail(err, SG_E_CONFLICT, "label_in_use", "%s exists already and is another certificate",
                sg_row_name(&row).text);
        sg_hint(err, "Choose another label.");
        return sg_object(err, "%s", sg_row_name(&row).text);
    }
    plan->match.found = true;
    plan->match.member = plan->leaf;
    plan->match.name = name;
    return SG_OK;
}

static sg_status load_replaced(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    if (!plan->match.found) {
        plan->keyless = true;
        return SG_OK;
    }
    if (plan->has_label && strcmp(plan->match.name.label.text, plan->label.text) != 0) {
        sg_fail(err, SG_E_CONFLICT, "wrong_label",
                "the certificate belongs to the key of %s/%s, not to %s/%s", plan->owner.text,
                plan->match.name.label.text, plan->owner.text, plan->label.text);
        sg_hint(err, "signet cert add %s …",
                sg_shell_word(plan->owner.text, plan->match.name.label.text).text);
        return sg_object(err, "%s/%s", plan->owner.text, plan->match.name.label.text);
    }
    return sg_store_certificate_get(run->service->store, &plan->match.name, &plan->replaced, err);
}

static sg_status check_duplicate(struct sg_run *run, const struct plan *plan, struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = facts_of(plan, plan->leaf);
    struct elsewhere other = {.name = ""};
    struct sg_certificate_filter filter = {
        .serial = leaf->serial, .issuer = leaf->issuer.data, .issuer_len = leaf->issuer.len};
    sg_status s =
        sg_store_certificate_each(run->service->store, &filter, take_elsewhere, &other, err);
    if (s != SG_OK || other.name[0] == '\0') {
        return s;
    }
    char owner[SG_OWNER_MAX + 1] = {0};
    memcpy(owner, other.name, strcspn(other.name, "/"));
    bool known = sg_run_allowed(run, SG_FUNCTION_LIST, owner);
    sg_fail(err, SG_E_CONFLICT, "certificate_exists",
            "the certificate with serial number %.48s of \"%.200s\" is here already%s%s",
            leaf->serial, leaf->issuer_text, known ? ": " : "", known ? other.name : "");
    sg_hint(err, "A certificate is stored once and connected to as many rings as need it.");
    return sg_object(err, "%s", known ? other.name : "");
}

/* ---- may it be trusted ---- */

static bool is_asked_notrust(struct sg_run *run)
{
    enum sg_trust asked = SG_TRUST;
    const char *word = sg_run_text(run, "status");
    return word != NULL && sg_trust_parse(word, &asked) && asked == SG_NOTRUST;
}

/* An issuer that the store holds as NOTRUST passes no trust on. */
static sg_status check_issuers(const struct plan *plan, struct sg_error *err)
{
    for (size_t i = 1; i < plan->found.chain.count; i++) {
        int at = sg_found_chain_index(&plan->found, i);
        if (at >= 0 && plan->found.trust[at] == SG_NOTRUST) {
            sg_fail(err, SG_E_INPUT, "issuer_not_trusted", "the issuer %s/%s is NOTRUST",
                    plan->found.names[at].owner.text, plan->found.names[at].label.text);
            sg_object(err, "%s/%s", plan->found.names[at].owner.text,
                      plan->found.names[at].label.text);
            return sg_hint(
                err, "To trust it: signet cert alter %s --trust",
                sg_shell_word(plan->found.names[at].owner.text, plan->found.names[at].label.text)
                    .text);
        }
    }
    return SG_OK;
}

/* What may be stored NOTRUST all the same; a signature that does not verify never. */
static bool may_be_stored(const struct sg_error *err)
{
    static const char *const codes[] = {"certificate_expired", "certificate_not_yet_valid",
                                        "chain_incomplete",    "issuer_not_trusted",
                                        "issuer_not_a_ca",     "path_too_long",
                                        "chain_invalid"};
    for (size_t i = 0; i < SG_COUNT(codes); i++) {
        if (strcmp(err->code, codes[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* Renewing keeps label, rings and status (docs/racf-compatibility.md, renewal): a certificate that
 * somebody has hidden does not reappear by the way. */
static sg_status keep_trust(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    if (plan->replaced.id == 0) {
        return SG_OK;
    }
    plan->trust = plan->replaced.trust;
    return plan->trust != SG_NOTRUST
               ? SG_OK
               : sg_run_warn(run, err,
                             "%s stays NOTRUST, hidden from all rings, until --trust is said",
                             sg_row_name(&plan->replaced).text);
}

static sg_status check_hightrust(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    if (plan->trust != SG_HIGHTRUST || sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH) {
        return SG_OK;
    }
    plan->trust = SG_TRUST;
    return sg_run_warn(run, err, "HIGHTRUST is for CERTAUTH: it is stored as TRUST");
}

static sg_status hint_notrust(struct sg_error *err)
{
    char hint[sizeof err->hint];
    snprintf(hint, sizeof hint, "%.500s", err->hint);
    return sg_hint(err, "%s%sTo store it all the same, hidden from rings: --notrust", hint,
                   hint[0] != '\0' ? "; " : "");
}

static sg_status decide_trust(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    enum sg_trust asked = SG_TRUST;
    const char *word = sg_run_text(run, "status");
    const struct sg_certificate *leaf = plan->bundle.members[plan->leaf];
    const struct sg_certificate *const *members =
        (const struct sg_certificate *const *)plan->bundle.members;
    sg_status s = sg_chain_find(run->service, plan->owner.text, leaf, members, plan->bundle.count,
                                &plan->found, err);
    if (s != SG_OK) {
        return s;
    }
    s = sg_chain_verify(&plan->found.chain, sg_now_s(run->service->clock), err);
    s = s == SG_OK ? check_issuers(plan, err) : s;
    if (s != SG_OK && !(is_asked_notrust(run) && may_be_stored(err))) {
        return may_be_stored(err) ? hint_notrust(err) : s;
    }
    if (word != NULL) {
        (void)sg_trust_parse(word, &asked);
    }
    plan->trust = asked;
    if (s != SG_OK) {
        char why[300];
        snprintf(why, sizeof why, "%.299s", err->text);
        sg_error_clear(err);
        return sg_run_warn(run, err, "stored NOTRUST: %s", why);
    }
    return word == NULL ? keep_trust(run, plan, err) : check_hightrust(run, plan, err);
}

/* A root that is old or home-made may lack basicConstraints; what somebody else issued without them
 * is no CA. */
static sg_status warn_no_ca(struct sg_run *run, const struct plan *plan, struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = facts_of(plan, plan->leaf);
    if (sg_owner_kind(plan->owner.text) != SG_OWNER_CERTAUTH || leaf->ca || leaf->self_issued) {
        return SG_OK;
    }
    return sg_run_warn(run, err,
                       "\"%.200s\" is not a CA certificate: it can verify only itself, nothing "
                       "that is issued in its name",
                       leaf->subject_text);
}

/* ---- the certificate itself ---- */

static bool same_issuer(const struct sg_certificate_row *row,
                        const struct sg_certificate_facts *facts)
{
    return row->issuer.len == facts->issuer.len &&
           memcmp(row->issuer.data, facts->issuer.data, facts->issuer.len) == 0;
}

static sg_status check_replacement(struct sg_run *run, const struct plan *plan,
                                   struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = facts_of(plan, plan->leaf);
    const struct sg_certificate_row *old = &plan->replaced;
    bool certauth = sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH;
    sg_status s = SG_OK;
    if (!old->placeholder && !same_issuer(old, leaf)) {
        if (certauth && !sg_run_flag(run, "force")) {
            sg_fail(err, SG_E_CONFLICT, "issuer_changes",
                    "%s was issued by \"%.150s\", this one by \"%.150s\"", sg_row_name(old).text,
                    old->issuer_text, leaf->issuer_text);
            return sg_hint(
                err, "Export the old one first if both are needed; then replace it with --force.");
        }
        s = sg_run_warn(run, err, "the issuer changes from \"%.200s\" to \"%.200s\"",
                        old->issuer_text, leaf->issuer_text);
    }
    if (s == SG_OK && !old->placeholder && leaf->not_after_s < old->not_after_s) {
        s = sg_run_warn(run, err, "it ends earlier than the certificate that it replaces");
    }
    return s;
}

static sg_status replace(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    struct sg_certificate_row *row = &plan->replaced;
    bool placeholder = row->placeholder;
    char until[SG_TIME_TEXT];
    sg_status s = check_replacement(run, plan, err);
    s = s == SG_OK ? sg_row_from_certificate(plan->bundle.members[plan->leaf], row, err) : s;
    s = s == SG_OK ? sg_row_check_size(row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    row->placeholder = false;
    row->requested = false;
    row->trust = plan->trust;
    sg_time_format(row->not_after_s, until);
    s = sg_store_certificate_replace(run->service->store, row, err);
    s = s == SG_OK ? sg_store_ring_bump_holding(run->service->store, row->id, err) : s;
    if (s == SG_OK && row->has_key) {
        s = sg_run_settle_later(run, SG_INTENT_CERTIFICATE, row->token, &row->key, err);
    }
    s = s == SG_OK ? sg_row_answer(run, row, err) : s;
    return s == SG_OK ? sg_run_effect(run, err, "%s %s, issued by \"%.200s\", %s, valid until %s",
                                      placeholder ? "replaced the placeholder of" : "renewed",
                                      sg_row_name(row).text, row->issuer_text,
                                      sg_trust_name(row->trust), until)
                      : s;
}

#define NUMBERS_MAX 2000 /* of one label: two bundles of one name */

/* A free label under an owner, from the certificate's name. A bundle may hold a thousand of one
 * name: counting goes on where it ended. */
static sg_status free_label(struct sg_run *run, struct plan *plan, const char *owner,
                            const struct sg_certificate_facts *facts, struct sg_label *out,
                            struct sg_error *err)
{
    struct sg_label first;
    const char *caption = facts->common_name[0] != '\0' ? facts->common_name : facts->subject_text;
    sg_name_label_from_caption(caption, strlen(caption), 0, &first);
    if (strcmp(first.text, plan->last_label.text) != 0) {
        plan->last_label = first;
        plan->next_number = 0;
    }
    while (plan->next_number < NUMBERS_MAX) {
        unsigned attempt = plan->next_number++;
        SG_CERTIFICATE_ROW row = {0};
        struct sg_certificate_name name = {0};
        snprintf(name.owner.text, sizeof name.owner.text, "%s", owner);
        sg_name_label_from_caption(caption, strlen(caption), attempt, &name.label);
        sg_status s = sg_store_certificate_get(run->service->store, &name, &row, err);
        if (s == SG_E_NOT_FOUND) {
            sg_error_clear(err);
            *out = name.label;
            return SG_OK;
        }
        if (s != SG_OK) {
            return s;
        }
    }
    return sg_fail(err, SG_E_LIMIT, "no_free_label",
                   "%d certificates of %s are named like \"%.64s\"", NUMBERS_MAX, owner, caption);
}

static sg_status answer_issuer(struct sg_run *run, const struct plan *plan,
                               const struct sg_certificate_row *row, struct sg_error *err)
{
    json_t *item = sg_row_json(row, sg_now_s(run->service->clock));
    if (item == NULL || json_array_append_new(plan->added, item) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* The row has a name and a status; the rest is filled in. */
static sg_status add_row(struct sg_run *run, const struct sg_certificate *certificate,
                         struct sg_certificate_row *row, struct sg_error *err)
{
    char until[SG_TIME_TEXT];
    sg_status s = sg_row_from_certificate(certificate, row, err);
    s = s == SG_OK ? sg_store_certificate_add(run->service->store, row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_time_format(row->not_after_s, until);
    return sg_run_effect(run, err, "added %s, issued by \"%.200s\", %s, valid until %s",
                         sg_row_name(row).text, row->issuer_text, sg_trust_name(row->trust), until);
}

static sg_status warn_keyless(struct sg_run *run, const struct plan *plan,
                              const struct sg_certificate_name *name, struct sg_error *err)
{
    struct elsewhere elsewhere;
    if (sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH) {
        return SG_OK;
    }
    sg_status s = find_elsewhere(run, plan, &elsewhere, err);
    if (s != SG_OK || elsewhere.name[0] == '\0') {
        return s == SG_OK
                   ? sg_run_warn(
                         run, err,
                         "%s/%s has no private key here: programs can be shown it, not use it",
                         name->owner.text, name->label.text)
                   : s;
    }
    return sg_run_warn(run, err, "%s/%s has no private key: its key is that of %s, another owner's",
                       name->owner.text, name->label.text, elsewhere.name);
}

static sg_status add_new(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {.name = {.owner = plan->owner, .label = plan->label},
                              .trust = plan->trust};
    sg_status s = sg_run_ensure_owner(run, plan->owner.text, err);
    if (s == SG_OK && !plan->has_label) {
        s = free_label(run, plan, plan->owner.text, facts_of(plan, plan->leaf), &row.name.label,
                       err);
    }
    s = s == SG_OK ? add_row(run, plan->bundle.members[plan->leaf], &row, err) : s;
    s = s == SG_OK ? sg_row_answer(run, &row, err) : s;
    return s == SG_OK ? warn_keyless(run, plan, &row.name, err) : s;
}

/* ---- its issuers ---- */

static sg_status warn_elsewhere(struct sg_run *run, const struct sg_certificate_facts *facts,
                                const struct elsewhere *known, struct sg_error *err)
{
    char owner[SG_OWNER_MAX + 1] = {0};
    memcpy(owner, known->name, strcspn(known->name, "/"));
    if (sg_owner_kind(owner) == SG_OWNER_CERTAUTH) {
        return SG_OK;
    }
    bool may_know = sg_run_allowed(run, SG_FUNCTION_LIST, owner);
    return sg_run_warn(run, err,
                       "\"%.200s\" is not stored under CERTAUTH: it is another owner's already%s%s",
                       facts->subject_text, may_know ? ", " : "", may_know ? known->name : "");
}

static sg_status add_issuer(struct sg_run *run, struct plan *plan,
                            const struct sg_certificate *certificate, enum sg_trust trust,
                            struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {.name = {.owner = {"CERTAUTH"}}, .trust = trust};
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    struct elsewhere known = {.name = ""};
    struct sg_certificate_filter filter = {
        .serial = facts->serial, .issuer = facts->issuer.data, .issuer_len = facts->issuer.len};
    sg_status s =
        sg_store_certificate_each(run->service->store, &filter, take_elsewhere, &known, err);
    if (s != SG_OK || known.name[0] != '\0') {
        return s == SG_OK ? warn_elsewhere(run, facts, &known, err) : s;
    }
    s = free_label(run, plan, row.name.owner.text, facts, &row.name.label, err);
    s = s == SG_OK ? add_row(run, certificate, &row, err) : s;
    return s == SG_OK ? answer_issuer(run, plan, &row, err) : s;
}

/* Root first, as the order of trust is. Issuers whose chain did not verify are not made trust
 * anchors by the way. */
static sg_status add_issuers(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    const struct sg_chain *chain = &plan->found.chain;
    bool missing = false;
    for (size_t i = 1; i < chain->count; i++) {
        missing = missing || sg_found_chain_index(&plan->found, i) < 0;
    }
    if (!missing) {
        return SG_OK;
    }
    if (plan->trust == SG_NOTRUST) {
        return sg_run_warn(run, err,
                           "its issuers were not stored: add them under CERTAUTH by themselves");
    }
    if (!sg_run_allowed(run, SG_FUNCTION_ADD, "CERTAUTH")) {
        return sg_run_warn(
            run, err, "its issuers were not stored: you may not add certificates under CERTAUTH");
    }
    sg_status s = SG_OK;
    for (size_t i = chain->count; s == SG_OK && i-- > 1;) {
        s = sg_found_chain_index(&plan->found, i) < 0
                ? add_issuer(run, plan, chain->members[i], SG_TRUST, err)
                : SG_OK;
    }
    return s;
}

static sg_status warn_left_out(struct sg_run *run, const struct plan *plan, struct sg_error *err)
{
    size_t left = 0;
    for (size_t i = 0; i < plan->bundle.count; i++) {
        bool used = i == plan->leaf;
        for (size_t k = 1; k < plan->found.chain.count; k++) {
            const struct sg_certificate_facts *member =
                sg_certificate_facts(plan->found.chain.members[k]);
            used = used || memcmp(member->sha256, facts_of(plan, i)->sha256, 32) == 0;
        }
        left += used ? 0 : 1;
    }
    return left == 0 ? SG_OK
                     : sg_run_warn(run, err,
                                   "left out %zu certificate%s that do%s not belong to the chain",
                                   left, left == 1 ? "" : "s", left == 1 ? "es" : "");
}

/* ---- CERTAUTH: a bundle of CA certificates ---- */

static bool is_ca_bundle(const struct plan *plan)
{
    return sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH && !plan->match.found &&
           !plan->has_label && plan->bundle.count > 1;
}

/* Every certificate of the bundle stands for itself: several roots, or a root and its
 * intermediates. */
static sg_status add_ca_bundle(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    if (is_asked_notrust(run)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter",
                       "add CA certificates that are not to be trusted one at a time");
    }
    sg_status s = SG_OK;
    size_t before = json_array_size(run->effects);
    for (size_t i = 0; s == SG_OK && i < plan->bundle.count; i++) {
        plan->leaf = i;
        sg_found_chain_done(&plan->found);
        plan->found = (struct sg_found_chain){0};
        s = decide_trust(run, plan, err);
        s = s == SG_OK ? warn_no_ca(run, plan, err) : s;
        s = s == SG_OK ? add_issuer(run, plan, plan->bundle.members[i], plan->trust, err) : s;
    }
    if (s == SG_OK && json_array_size(run->effects) == before) {
        return sg_fail(err, SG_E_CONFLICT, "certificate_exists",
                       "all %zu certificates are here already", plan->bundle.count);
    }
    return s;
}

static sg_status add_one(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    sg_status s = find_leaf(plan, err);
    s = s == SG_OK ? check_label(run, plan, err) : s;
    s = s == SG_OK ? check_duplicate(run, plan, err) : s;
    s = s == SG_OK ? load_replaced(run, plan, err) : s;
    s = s == SG_OK ? decide_trust(run, plan, err) : s;
    s = s == SG_OK ? warn_no_ca(run, plan, err) : s;
    s = s == SG_OK ? add_issuers(run, plan, err) : s;
    if (s == SG_OK) {
        s = plan->keyless ? add_new(run, plan, err) : replace(run, plan, err);
    }
    return s == SG_OK ? warn_left_out(run, plan, err) : s;
}

sg_status sg_operation_CERT_ADD(struct sg_run *run, struct sg_error *err)
{
    SG_FREE struct plan *memory = calloc(1, sizeof *memory);
    if (memory == NULL) {
        return sg_fail_memory(err);
    }
    struct plan *plan = memory;
    plan->added = json_array();
    sg_status s = sg_run_set(run->answer, "added", plan->added, err);
    s = s == SG_OK ? read_target(run, plan, err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "owner", json_string(plan->owner.text), err) : s;
    s = s == SG_OK ? read_bundle(run, plan, err) : s;
    s = s == SG_OK ? match_keys(run, plan, err) : s;
    run->visible = true;
    if (s == SG_OK) {
        s = is_ca_bundle(plan) ? add_ca_bundle(run, plan, err) : add_one(run, plan, err);
    }
    s = s == SG_OK ? sg_run_set(run->answer, "replaced", json_boolean(plan->replaced.id != 0), err)
                   : s;
    plan_done(plan);
    return s;
}
