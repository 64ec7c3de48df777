/* cert add with a private key: it comes encrypted to a key pair of the token process, which alone
 * opens it. What the certificate, the policy and the store say is asked before; the journal stands
 * before the token is written to. */
#include "add_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "new_certificate_internal.h"
#include "owner_internal.h"

/* ---- a key pair to encrypt to ---- */

static sg_status answer_offer(struct sg_run *run, const char *token,
                              const struct sg_transport_offer *offer, struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "token", json_string(token), err);
    s = s == SG_OK ? sg_run_set(run->answer, "id", sg_run_base64(offer->id, sizeof offer->id), err)
                   : s;
    s = s == SG_OK ? sg_run_set(run->answer, "point",
                                sg_run_base64(offer->point, sizeof offer->point), err)
                   : s;
    return s == SG_OK ? sg_run_set(run->answer, "seconds", json_integer(SG_TRANSPORT_LIFE_S), err)
                      : s;
}

sg_status sg_operation_CERT_TRANSPORT(struct sg_run *run, struct sg_error *err)
{
    struct sg_new_certificate place = {.extractable = false};
    struct sg_token_link *link = NULL;
    struct sg_transport_offer offer;
    const struct sg_tokens *tokens = &run->service->tokens;
    sg_status s = sg_new_choose_token(run, sg_run_text(run, "token"), &place, err);
    s = s == SG_OK ? tokens->link(tokens->context, place.token, &link, err) : s;
    if (s != SG_OK) {
        return s;
    }
    s = sg_token_transport(link, &offer, err);
    return s == SG_OK ? answer_offer(run, place.token, &offer, err)
                      : sg_run_token_failed(run, place.token, err);
}

/* ---- before: what comes, and what it is for ---- */

sg_status sg_add_read_key(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    const char *text = sg_run_text(run, "private_key");
    sg_buffer_init(&plan->package, SG_TRANSPORT_PACKAGE_MAX + 8);
    if (text == NULL) {
        bool about_key = sg_run_flag(run, "extractable") || sg_run_text(run, "token") != NULL;
        return about_key ? sg_fail(err, SG_E_USAGE, "bad_parameter",
                                   "token and extractable are said of a private key, and none came")
                         : SG_OK;
    }
    sg_status s = sg_run_decode(text, SG_TRANSPORT_PACKAGE_MAX, &plan->package, err);
    if (s == SG_OK && plan->package.len <= SG_TRANSPORT_HEAD_LEN + SG_TRANSPORT_OVERHEAD) {
        return sg_fail(err, SG_E_INPUT, "sealed_key_damaged",
                       "the encrypted private key has %zu bytes only", plan->package.len);
    }
    plan->brings_key = s == SG_OK;
    return s;
}

/* Which key it is stands in clear in front; the token process holds the sender to it. */
static const unsigned char *digest_of(const struct sg_add *plan)
{
    return plan->package.data + SG_TRANSPORT_ID_LEN;
}

static sg_status find_leaf(struct sg_add *plan, struct sg_error *err)
{
    for (size_t i = 0; i < plan->bundle.count; i++) {
        if (memcmp(sg_add_facts(plan, i)->spki_sha256, digest_of(plan), 32) == 0) {
            plan->leaf = i;
            return SG_OK;
        }
    }
    sg_fail(err, SG_E_INPUT, "key_without_certificate",
            "none of the %zu certificates is for the private key that comes with them",
            plan->bundle.count);
    return sg_hint(err, "Add the key together with its certificate.");
}

/* The bundle may hold certificates of other keys of the owner's: only this one counts. */
static void narrow_match(struct sg_add *plan)
{
    if (plan->match.found && plan->match.member != plan->leaf) {
        plan->match = (struct sg_add_match){.found = false};
    }
}

static sg_status keep_first(void *context, const struct sg_certificate_row *row,
                            struct sg_error *err)
{
    struct sg_certificate_name *name = context;
    (void)err;
    if (name->label.text[0] == '\0') {
        *name = row->name;
    }
    return SG_OK;
}

/* A key stands in one token, once: a second copy would live on when the first is destroyed. */
static sg_status check_elsewhere(struct sg_run *run, const struct sg_add *plan,
                                 struct sg_error *err)
{
    struct sg_certificate_name known = {.label = {""}};
    struct sg_certificate_filter filter = {.spki_sha256 = digest_of(plan), .with_key = true};
    sg_status s = sg_store_certificate_each(run->service->store, &filter, keep_first, &known, err);
    if (s != SG_OK || known.label.text[0] == '\0') {
        return s;
    }
    bool may_know = sg_run_allowed(run, SG_FUNCTION_LIST, known.owner.text);
    sg_fail(err, SG_E_CONFLICT, "key_exists", "the private key is here already%s%s%s%s",
            may_know ? ", as that of " : "", may_know ? known.owner.text : "", may_know ? "/" : "",
            may_know ? known.label.text : "");
    return sg_hint(err, "A key belongs to one owner. Add the certificate alone, or connect the one "
                        "that is here to the ring.");
}

sg_status sg_add_take_place(struct sg_run *run, struct sg_add *plan,
                            const struct sg_certificate_name *name, bool *taken,
                            struct sg_error *err)
{
    SG_CERTIFICATE_ROW row = {0};
    sg_status s = sg_store_certificate_get(run->service->store, name, &row, err);
    *taken = false;
    if (s != SG_OK || row.has_key || strcmp(row.name.owner.text, plan->owner.text) != 0) {
        return s;
    }
    *taken = true;
    if (sg_run_flag(run, "force")) {
        plan->keyless_name = row.name;
        plan->label = row.name.label;
        plan->has_label = true;
        plan->match = (struct sg_add_match){.found = false};
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "key_not_here", "%s is here without its private key",
            sg_row_name(&row).text);
    sg_object(err, "%s", sg_row_name(&row).text);
    return sg_hint(
        err, "To give it the key that the file brings, keeping its label and its rings: %s",
        sg_run_flag(run, "racf") ? "add FORCE to the command." : "add it again with --force.");
}

static sg_status check_kind(struct sg_run *run, const struct sg_add *plan, struct sg_error *err)
{
    const struct sg_certificate_facts *leaf = sg_add_facts(plan, plan->leaf);
    if (!leaf->key_supported) {
        sg_fail(err, SG_E_INPUT, "unsupported_key",
                "\"%.200s\" has a key of a kind that is not kept here: %s", leaf->subject_text,
                leaf->key_text);
        return sg_hint(err, "RSA, EC on a NIST curve or secp256k1, and Ed25519 keys are.");
    }
    if (leaf->key_not_taken != NULL) {
        sg_fail(err, SG_E_INPUT, "unsupported_key", "the private key cannot be taken: %s",
                leaf->key_not_taken);
        sg_object(err, "%.300s", leaf->subject_text);
        return sg_hint(err, "RSA of 2048, 3072 or 4096 bits with exponent 65537, EC on P-256, "
                            "P-384, P-521 or secp256k1, and Ed25519 can.");
    }
    return leaf->family == SG_FAMILY_ED25519
               ? sg_run_warn(run, err,
                             "Ed25519 keys are not delivered through rings: the PKCS#11 clients of "
                             "today cannot use them")
               : SG_OK;
}

sg_status sg_add_find_key_leaf(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    sg_status s = find_leaf(plan, err);
    if (s != SG_OK) {
        return s;
    }
    narrow_match(plan);
    return check_kind(run, plan, err);
}

sg_status sg_add_plan_key(struct sg_run *run, struct sg_add *plan, struct sg_error *err)
{
    struct sg_new_certificate place = {.extractable = sg_run_flag(run, "extractable")};
    bool taken = false;
    sg_status s =
        plan->match.found ? sg_add_take_place(run, plan, &plan->match.name, &taken, err) : SG_OK;
    if (s != SG_OK) {
        return s;
    }
    if (plan->match.found) {
        plan->brings_key = false;
        return sg_run_warn(run, err,
                           "the private key is in its token already: the one in the "
                           "file was not taken");
    }
    s = check_elsewhere(run, plan, err);
    s = s == SG_OK ? sg_new_choose_token(run, sg_run_text(run, "token"), &place, err) : s;
    s = s == SG_OK
            ? sg_run_policy_check(run, plan->bundle.members[plan->leaf], place.extractable, err)
            : s;
    snprintf(plan->token, sizeof plan->token, "%s", place.token);
    return s;
}

/* ---- doing it ---- */

/* What the certificate's keyUsage lets the key do; without one everything but, for CAs, decrypting
 * (as keys that are generated here: policy/crypto_rules.c). */
static struct sg_key_abilities abilities_of(const struct sg_add *plan)
{
    const struct sg_certificate *leaf = plan->bundle.members[plan->leaf];
    unsigned bits = sg_certificate_usage(leaf);
    unsigned words = bits != 0 ? SG_KEY_DOCSIGN : 0u;
    words |= (bits & SG_X509_KEY_ENCIPHERMENT) != 0 ? SG_KEY_HANDSHAKE : 0u;
    words |= (bits & SG_X509_DATA_ENCIPHERMENT) != 0 ? SG_KEY_DATAENCRYPT : 0u;
    words |= (bits & SG_X509_KEY_AGREEMENT) != 0 ? SG_KEY_KEYAGREE : 0u;
    return sg_key_abilities(sg_certificate_facts(leaf)->family, words,
                            sg_owner_kind(plan->owner.text) == SG_OWNER_CERTAUTH);
}

static sg_status fill_row(struct sg_run *run, const struct sg_add *plan,
                          struct sg_certificate_row *row, struct sg_error *err)
{
    const struct sg_certificate *leaf = plan->bundle.members[plan->leaf];
    struct sg_key_abilities abilities = abilities_of(plan);
    row->has_key = true;
    row->may_decrypt = abilities.decrypt;
    row->may_derive = abilities.derive;
    row->extractable = sg_run_flag(run, "extractable");
    row->imported = true;
    row->usage = sg_certificate_usage(leaf);
    snprintf(row->token, sizeof row->token, "%s", plan->token);
    snprintf(row->key_type, sizeof row->key_type, "%s",
             sg_row_key_word(sg_certificate_facts(leaf)->key_text));
    if (getrandom(row->key.bytes, sizeof row->key.bytes, 0) != (ssize_t)sizeof row->key.bytes) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_random", "no random numbers");
    }
    sg_status s = sg_row_from_certificate(leaf, row, err);
    return s == SG_OK ? sg_row_check_size(row, err) : s;
}

static sg_status import(struct sg_token_link *link, const struct sg_add *plan,
                        const struct sg_certificate_row *row, struct sg_error *err)
{
    SG_BUFFER spki;
    struct sg_name_text label = sg_row_token_label(row);
    struct sg_generate_request request = {
        .id = row->key,
        .abilities = {row->may_decrypt, row->may_derive},
        .extractable = row->extractable,
        .label = label.text,
    };
    sg_buffer_init(&spki, 8192);
    sg_status s = sg_token_import(
        link, &request, (struct sg_bytes){plan->package.data, plan->package.len}, &spki, err);
    return s == SG_OK ? sg_token_sync(link, err) : s;
}

static sg_status take_into_token(struct sg_run *run, const struct sg_add *plan,
                                 const struct sg_certificate_row *row, struct sg_intent *intent,
                                 struct sg_error *err)
{
    struct sg_token_link *link = NULL;
    const struct sg_tokens *tokens = &run->service->tokens;
    *intent = (struct sg_intent){.kind = SG_INTENT_GENERATE, .key = row->key};
    snprintf(intent->token, sizeof intent->token, "%s", row->token);
    sg_status s = tokens->link(tokens->context, row->token, &link, err);
    s = s == SG_OK ? sg_run_journal(run, intent, err) : s;
    if (s != SG_OK) {
        return s;
    }
    s = import(link, plan, row, err);
    return s == SG_OK ? s : sg_run_token_failed(run, row->token, err);
}

static sg_status store(struct sg_run *run, const struct sg_add *plan,
                       struct sg_certificate_row *row, struct sg_error *err)
{
    char until[SG_TIME_TEXT];
    sg_status s = sg_run_ensure_owner(run, row->name.owner.text, err);
    s = s == SG_OK ? sg_store_key_add(run->service->store, row, err) : s;
    s = s == SG_OK ? sg_add_store_row(run, plan, row, err) : s;
    s = s == SG_OK ? sg_run_settle_later(run, SG_INTENT_CERTIFICATE, row->token, &row->key, err)
                   : s;
    if (s != SG_OK) {
        return s;
    }
    sg_time_format(row->not_after_s, until);
    s = sg_run_effect(run, err, "took a private key into token \"%s\"%s", row->token,
                      row->extractable ? "; it can be exported again" : "");
    return s == SG_OK
               ? sg_run_effect(run, err, "added %s, issued by \"%.200s\", %s, valid until %s",
                               sg_row_name(row).text, row->issuer_text, sg_trust_name(row->trust),
                               until)
               : s;
}

sg_status sg_add_with_key(struct sg_run *run, struct sg_add *plan, struct sg_certificate_row *row,
                          struct sg_error *err)
{
    struct sg_intent intent = {.id = 0};
    row->name = (struct sg_certificate_name){.owner = plan->owner, .label = plan->label};
    row->trust = plan->trust;
    sg_status s = SG_OK;
    if (!plan->has_label) {
        s = sg_add_free_label(run, plan, plan->owner.text, sg_add_facts(plan, plan->leaf),
                              &row->name.label, err);
    }
    s = s == SG_OK ? fill_row(run, plan, row, err) : s;
    s = s == SG_OK && !run->dry_run ? take_into_token(run, plan, row, &intent, err) : s;
    s = s == SG_OK ? store(run, plan, row, err) : s;
    return s == SG_OK && intent.id != 0
               ? sg_store_intent_remove(run->service->store, intent.id, err)
               : s;
}
