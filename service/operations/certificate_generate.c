/* cert generate: a key in the token and a certificate for it, or a certificate for somebody's
 * request. */
#include "run_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include <signet/policy/name.h>

#include "owner_internal.h"

/* What the operation works with, gathered before anything is changed. */
struct plan {
    struct sg_certificate_name name;
    const struct sg_key_spec *spec;
    unsigned usage_words;
    struct sg_x509_request request;
    const char **sans, **ekus;
    struct sg_certificate_row issuer_row;
    struct sg_certificate *issuer;
    bool issued;       /**< by another key than its own */
    bool from_request; /**< the key is elsewhere */
    struct sg_buffer csr_der;
    struct sg_csr_facts *csr;
    char token[SG_TOKEN_NAME_MAX + 1];
    bool extractable;
    struct sg_certificate_row
        renewed; /**< with a request: the certificate of the same owner and key */
};

static void plan_done(struct plan *plan)
{
    free(plan->sans);
    free(plan->ekus);
    free(plan->csr);
    sg_certificate_free(plan->issuer);
    sg_certificate_row_done(&plan->issuer_row);
    sg_certificate_row_done(&plan->renewed);
    sg_buffer_done(&plan->csr_der);
}

static sg_status read_usage(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    SG_FREE const char **words = NULL;
    size_t count = 0;
    sg_status s = sg_run_texts(run, "usage", &words, &count, err);
    for (size_t i = 0; s == SG_OK && i < count; i++) {
        unsigned bit = 0;
        s = sg_key_usage_parse(words[i], &bit, err);
        plan->usage_words |= bit;
    }
    return s;
}

static sg_status read_request(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    const char *base64 = sg_run_text(run, "from_request");
    if (base64 == NULL) {
        return SG_OK;
    }
    if (sg_run_text(run, "key") != NULL || sg_run_flag(run, "extractable") ||
        sg_run_text(run, "token") != NULL) {
        return sg_fail(
            err, SG_E_USAGE, "bad_parameter",
            "a request brings its own key: key, token and extractable do not go with it");
    }
    if (sg_run_text(run, "signed_by") == NULL) {
        sg_fail(err, SG_E_USAGE, "bad_parameter", "a request can only be signed by a CA's key");
        return sg_hint(err, "Add --signed-by CERTAUTH/LABEL.");
    }
    plan->csr = calloc(1, sizeof *plan->csr);
    if (plan->csr == NULL) {
        return sg_fail_memory(err);
    }
    plan->from_request = true;
    sg_status s = sg_run_decode(base64, SG_CERTIFICATE_MAX, &plan->csr_der, err);
    struct sg_bytes der = {plan->csr_der.data, plan->csr_der.len};
    s = s == SG_OK ? sg_csr_parse(der, plan->csr, err) : s;
    s = s == SG_OK ? sg_key_strength_check(plan->csr->family, plan->csr->key_bits, err) : s;
    plan->request.extensions_from = der;
    plan->request.subject_der = (struct sg_bytes){plan->csr->subject, plan->csr->subject_len};
    return s;
}

/* Whoever asks to be a CA must be put where CAs stand, by somebody who may do that. */
static sg_status check_ca_request(const struct plan *plan, struct sg_error *err)
{
    bool certauth = sg_owner_kind(plan->name.owner.text) == SG_OWNER_CERTAUTH;
    bool wants = plan->from_request &&
                 (plan->csr->wants_ca || (plan->csr->usage & SG_X509_KEY_CERT_SIGN) != 0);
    if (wants && !certauth) {
        sg_fail(err, SG_E_INPUT, "request_wants_ca", "the request of \"%s\" asks to become a CA",
                plan->csr->subject_text);
        return sg_hint(
            err,
            "To make it one: signet cert generate CERTAUTH/LABEL --from-request … --signed-by …");
    }
    return SG_OK;
}

static sg_status read_dates(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    int64_t days = 365;
    bool has_days = sg_run_integer(run, "days", &days);
    plan->request.not_before_s = sg_now_s(run->service->clock);
    if (sg_run_text(run, "not_before") != NULL &&
        sg_run_time(run, "not_before", &plan->request.not_before_s, err) != SG_OK) {
        return err->status;
    }
    plan->request.not_after_s = plan->request.not_before_s + days * 86400;
    if (sg_run_text(run, "not_after") != NULL) {
        if (has_days) {
            return sg_fail(err, SG_E_USAGE, "bad_parameter",
                           "give either days or not_after, not both");
        }
        if (sg_run_time(run, "not_after", &plan->request.not_after_s, err) != SG_OK) {
            return err->status;
        }
    }
    if (plan->request.not_after_s <= plan->request.not_before_s) {
        return sg_fail(err, SG_E_INPUT, "bad_validity", "the validity ends before it begins");
    }
    return SG_OK;
}

static sg_status read_signer(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    if (sg_run_text(run, "signed_by") == NULL) {
        return SG_OK;
    }
    struct sg_certificate_name name;
    sg_status s = sg_run_certificate_name(run, "signed_by", &name, err);
    s = s == SG_OK ? sg_store_certificate_get(run->service->store, &name, &plan->issuer_row, err)
                   : s;
    if (s != SG_OK) {
        return s;
    }
    plan->issued = true;
    struct sg_name_text text = sg_row_name(&plan->issuer_row);
    if (!plan->issuer_row.has_key) {
        sg_fail(err, SG_E_CONFLICT, "no_private_key", "%s has no private key here to sign with",
                text.text);
        return sg_object(err, "%s", text.text);
    }
    struct sg_bytes der = {plan->issuer_row.der, plan->issuer_row.der_len};
    s = sg_certificate_parse(der, &plan->issuer, err);
    s = s == SG_OK ? sg_certificate_check_time(plan->issuer, sg_now_s(run->service->clock), err)
                   : s;
    if (s == SG_OK && !sg_certificate_facts(plan->issuer)->ca) {
        sg_fail(err, SG_E_INPUT, "issuer_not_a_ca", "%s is not a CA certificate", text.text);
        sg_object(err, "%s", text.text);
        return sg_hint(
            err, "CA certificates are made under CERTAUTH: signet cert generate CERTAUTH/LABEL …");
    }
    return s;
}

static sg_status choose_token(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    const char *wanted = sg_run_text(run, "token");
    size_t count = tokens->count(tokens->context);
    for (size_t i = 0; i < count; i++) {
        struct sg_token_state state = {0};
        tokens->state(tokens->context, i, &state);
        if (wanted != NULL && strcmp(wanted, state.name) != 0) {
            continue;
        }
        if (plan->extractable && !state.extractable_allowed) {
            sg_fail(err, SG_E_DENIED, "extractable_not_allowed",
                    "token \"%s\" makes no extractable keys", state.name);
            sg_object(err, "%s", state.name);
            return sg_hint(
                err, "The configuration decides: \"extractable_allowed = yes\" in [token %s].",
                state.name);
        }
        snprintf(plan->token, sizeof plan->token, "%s", state.name);
        return SG_OK;
    }
    if (wanted == NULL) {
        sg_fail(err, SG_E_NOT_FOUND, "token_not_found", "no token is configured to hold a key");
        return sg_hint(err, "Add a [token NAME] section to the configuration.");
    }
    sg_fail(err, SG_E_NOT_FOUND, "token_not_found", "no token \"%.64s\" is configured", wanted);
    return sg_hint(err, "signet token list");
}

static sg_status read_key(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    plan->extractable = sg_run_flag(run, "extractable");
    if (plan->from_request) {
        return sg_key_usage_check(plan->csr->family, plan->usage_words, err);
    }
    const char *key = sg_run_text(run, "key");
    sg_status s = sg_key_spec_find(key != NULL ? key : "ec:p256", &plan->spec, err);
    s = s == SG_OK ? sg_key_usage_check(plan->spec->family, plan->usage_words, err) : s;
    return s == SG_OK ? choose_token(run, plan, err) : s;
}

static sg_status read_x509(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    bool certauth = sg_owner_kind(plan->name.owner.text) == SG_OWNER_CERTAUTH;
    enum sg_key_family family = plan->from_request ? plan->csr->family : plan->spec->family;
    size_t sans = 0;
    size_t ekus = 0;
    sg_status s = sg_run_texts(run, "san", &plan->sans, &sans, err);
    s = s == SG_OK ? sg_run_texts(run, "eku", &plan->ekus, &ekus, err) : s;
    if (s != SG_OK) {
        return s;
    }
    plan->request.subject = sg_run_text(run, "subject");
    plan->request.sans = plan->sans;
    plan->request.san_count = sans;
    plan->request.ekus = plan->ekus;
    plan->request.eku_count = ekus;
    plan->request.usage = sg_key_usage_x509(family, plan->usage_words, certauth);
    plan->request.ca = certauth;
    if (plan->request.subject == NULL && !plan->from_request) {
        sg_fail(err, SG_E_USAGE, "bad_parameter", "a new certificate needs a subject");
        return sg_hint(err, "Add --subject 'CN=…,O=…,C=…'.");
    }
    return sg_x509_request_check(&plan->request, err);
}

static sg_status find_renewed(void *context, const struct sg_certificate_row *row,
                              struct sg_error *err)
{
    struct plan *plan = context;
    if (plan->renewed.id != 0) {
        return SG_OK;
    }
    /* a row that the walk lends is read again, to own it */
    (void)err;
    plan->renewed.id = row->id;
    plan->renewed.name = row->name;
    return SG_OK;
}

/* A request whose key the same owner has a certificate for: that certificate is renewed in place.
 */
static sg_status check_name(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    if (plan->from_request) {
        unsigned char digest[32];
        struct sg_bytes spki = {plan->csr->spki, plan->csr->spki_len};
        sg_spki_sha256(spki, digest);
        struct sg_certificate_filter filter = {
            .owner = plan->name.owner.text, .spki_sha256 = digest, .with_key = true};
        sg_status s =
            sg_store_certificate_each(run->service->store, &filter, find_renewed, plan, err);
        if (s != SG_OK || plan->renewed.id != 0) {
            struct sg_certificate_name name = plan->renewed.name;
            plan->renewed = (struct sg_certificate_row){0};
            return s != SG_OK
                       ? s
                       : sg_store_certificate_get(run->service->store, &name, &plan->renewed, err);
        }
    }
    SG_CERTIFICATE_ROW existing = {0};
    sg_status s = sg_store_certificate_get(run->service->store, &plan->name, &existing, err);
    if (s == SG_OK) {
        struct sg_name_text text = sg_row_name(&existing);
        sg_fail(err, SG_E_CONFLICT, "label_in_use", "%s exists already", text.text);
        sg_hint(err, "Choose another label, or delete it first: signet cert delete %s",
                sg_shell_word(existing.name.owner.text, existing.name.label.text).text);
        return sg_object(err, "%s", text.text);
    }
    if (s == SG_E_NOT_FOUND) {
        sg_error_clear(err);
        return SG_OK;
    }
    return s;
}

static sg_status warn_renewal(struct sg_run *run, const struct plan *plan, struct sg_error *err)
{
    const struct sg_certificate_row *old = &plan->renewed;
    struct sg_bytes issuer = sg_certificate_facts(plan->issuer)->subject;
    bool same =
        old->issuer.len == issuer.len && memcmp(old->issuer.data, issuer.data, issuer.len) == 0;
    sg_status s = SG_OK;
    if (strcmp(old->name.label.text, plan->name.label.text) != 0) {
        s = sg_run_warn(run, err,
                        "the request is for the key of %s: that one is renewed, not %s/%s",
                        sg_row_name(old).text, plan->name.owner.text, plan->name.label.text);
    }
    if (s == SG_OK && !old->placeholder && !same) {
        s = sg_run_warn(run, err, "the issuer changes from \"%.200s\" to \"%.200s\"",
                        old->issuer_text, sg_certificate_facts(plan->issuer)->subject_text);
    }
    return s;
}

static sg_status warn(struct sg_run *run, const struct plan *plan, struct sg_error *err)
{
    bool certauth = sg_owner_kind(plan->name.owner.text) == SG_OWNER_CERTAUTH;
    sg_status s = SG_OK;
    if (plan->spec != NULL && !plan->spec->tls) {
        s = sg_run_warn(run, err,
                        "TLS implementations do not take %s keys; this one serves other purposes",
                        plan->spec->name);
    }
    if (s == SG_OK && plan->spec != NULL && plan->spec->family == SG_FAMILY_ED25519) {
        s = sg_run_warn(
            run, err,
            "Ed25519 keys are not delivered through rings: the PKCS#11 clients of today cannot use them");
    }
    if (s == SG_OK && !certauth && (plan->usage_words & SG_KEY_CERTSIGN) != 0) {
        s = sg_run_warn(run, err, "certsign outside CERTAUTH does not make it a CA certificate");
    }
    if (s == SG_OK && plan->issued && plan->issuer_row.trust == SG_NOTRUST) {
        s = sg_run_warn(run, err, "its issuer %s is NOTRUST, hidden from all rings",
                        sg_row_name(&plan->issuer_row).text);
    }
    if (s == SG_OK && plan->renewed.id != 0) {
        s = warn_renewal(run, plan, err);
    }
    if (s == SG_OK && plan->issued &&
        plan->request.not_after_s > sg_certificate_facts(plan->issuer)->not_after_s) {
        char text[SG_TIME_TEXT];
        sg_time_format(sg_certificate_facts(plan->issuer)->not_after_s, text);
        s = sg_run_warn(run, err, "the validity reaches past its issuer's end, %s", text);
    }
    return s;
}

static sg_status describe(struct sg_run *run, const struct plan *plan, struct sg_error *err)
{
    char until[SG_TIME_TEXT];
    sg_time_format(plan->request.not_after_s, until);
    const char *owner = plan->name.owner.text;
    const char *label = plan->name.label.text;
    sg_status s = SG_OK;
    if (!plan->from_request) {
        s = sg_run_effect(run, err, "generated an %s key in token \"%s\"", plan->spec->name,
                          plan->token);
    }
    if (s != SG_OK) {
        return s;
    }
    if (plan->renewed.id != 0) {
        return sg_run_effect(run, err, "renewed %s/%s, signed by %s, valid until %s",
                             plan->renewed.name.owner.text, plan->renewed.name.label.text,
                             sg_row_name(&plan->issuer_row).text, until);
    }
    if (plan->issued) {
        return sg_run_effect(run, err, "made certificate %s/%s, signed by %s, valid until %s%s",
                             owner, label, sg_row_name(&plan->issuer_row).text, until,
                             plan->from_request ? ", for a key that is elsewhere" : "");
    }
    bool certauth = sg_owner_kind(owner) == SG_OWNER_CERTAUTH;
    return sg_run_effect(run, err, "made certificate %s/%s, self-signed%s, valid until %s", owner,
                         label, certauth ? "" : " until a CA's answer replaces it", until);
}

static sg_status make_plan(struct sg_run *run, struct plan *plan, struct sg_error *err)
{
    sg_status s = sg_run_certificate_name(run, "certificate", &plan->name, err);
    s = s == SG_OK ? read_usage(run, plan, err) : s;
    s = s == SG_OK ? read_request(run, plan, err) : s;
    s = s == SG_OK ? check_ca_request(plan, err) : s;
    s = s == SG_OK ? read_dates(run, plan, err) : s;
    s = s == SG_OK ? read_key(run, plan, err) : s;
    s = s == SG_OK ? read_x509(run, plan, err) : s;
    s = s == SG_OK ? read_signer(run, plan, err) : s;
    s = s == SG_OK ? check_name(run, plan, err) : s;
    s = s == SG_OK ? sg_run_ensure_owner(run, plan->name.owner.text, err) : s;
    s = s == SG_OK ? warn(run, plan, err) : s;
    return s == SG_OK ? describe(run, plan, err) : s;
}

static sg_status random_bytes(unsigned char *out, size_t len, struct sg_error *err)
{
    if (getrandom(out, len, 0) != (ssize_t)len) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_random", "no random numbers");
    }
    return SG_OK;
}

/* Build and parse: what is stored is what was really made. */
static sg_status build(struct sg_run *run, const struct plan *plan, struct sg_bytes spki,
                       const struct sg_certificate_row *signing_row, struct sg_bytes signing_spki,
                       struct sg_certificate **out, struct sg_error *err)
{
    struct sg_token_signer signer;
    unsigned char serial[16];
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    sg_status s = sg_run_signer(run, signing_row, signing_spki, &signer, err);
    s = s == SG_OK ? random_bytes(serial, sizeof serial, err) : s;
    s = s == SG_OK ? sg_x509_build_certificate(&plan->request, spki, plan->issuer, &signer.signer,
                                               serial, &der, err)
                   : s;
    return s == SG_OK ? sg_certificate_parse((struct sg_bytes){der.data, der.len}, out, err)
                      : sg_run_signing_failed(run, signing_row, err);
}

static sg_status build_issued(struct sg_run *run, const struct plan *plan, struct sg_bytes spki,
                              struct sg_certificate **out, struct sg_error *err)
{
    return build(run, plan, spki, &plan->issuer_row, sg_certificate_facts(plan->issuer)->spki, out,
                 err);
}

static sg_status generate_key(struct sg_run *run, const struct plan *plan,
                              struct sg_token_link *link, struct sg_certificate_row *row,
                              struct sg_buffer *spki, struct sg_error *err)
{
    bool certauth = sg_owner_kind(plan->name.owner.text) == SG_OWNER_CERTAUTH;
    struct sg_name_text label = sg_row_token_label(row);
    struct sg_generate_request request = {
        .id = row->key,
        .spec = plan->spec,
        .abilities = sg_key_abilities(plan->spec->family, plan->usage_words, certauth),
        .extractable = plan->extractable,
        .label = label.text,
    };
    row->may_decrypt = request.abilities.decrypt;
    row->may_derive = request.abilities.derive;
    sg_status s = sg_token_generate(link, &request, spki, err);
    return s == SG_OK ? s : sg_run_token_failed(run, plan->token, err);
}

static sg_status sync_token(struct sg_run *run, const struct plan *plan, struct sg_token_link *link,
                            struct sg_error *err)
{
    sg_status s = sg_token_sync(link, err);
    return s == SG_OK ? s : sg_run_token_failed(run, plan->token, err);
}

/* The journal undid what make_plan had done in the store. */
static sg_status add_owner_again(struct sg_run *run, const struct plan *plan, struct sg_error *err)
{
    bool exists = false;
    const char *owner = plan->name.owner.text;
    sg_status s = sg_store_owner_exists(run->service->store, owner, &exists, err);
    return s == SG_OK && !exists ? sg_store_owner_add(run->service->store, owner, err) : s;
}

/* Key, certificate, rows. The intent goes away in the same transaction that brings the rows. */
static sg_status generate_with_key(struct sg_run *run, const struct plan *plan,
                                   struct sg_token_link *link, struct sg_certificate_row *row,
                                   const struct sg_intent *intent, struct sg_error *err)
{
    SG_BUFFER spki_der;
    SG_CERTIFICATE *certificate = NULL;
    sg_buffer_init(&spki_der, 8192);
    sg_status s = generate_key(run, plan, link, row, &spki_der, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes spki = {spki_der.data, spki_der.len};
    s = plan->issued ? build_issued(run, plan, spki, &certificate, err)
                     : build(run, plan, spki, row, spki, &certificate, err);
    s = s == SG_OK ? sg_row_from_certificate(certificate, row, err) : s;
    s = s == SG_OK ? sg_row_check_size(row, err) : s;
    s = s == SG_OK ? sync_token(run, plan, link, err) : s;
    s = s == SG_OK ? add_owner_again(run, plan, err) : s;
    s = s == SG_OK ? sg_store_key_add(run->service->store, row, err) : s;
    s = s == SG_OK ? sg_store_certificate_add(run->service->store, row, err) : s;
    s = s == SG_OK ? sg_store_intent_remove(run->service->store, intent->id, err) : s;
    if (s == SG_OK && !row->placeholder) {
        s = sg_run_settle_later(run, SG_INTENT_CERTIFICATE, row->token, &row->key, err);
    }
    return s;
}

static sg_status perform_with_key(struct sg_run *run, const struct plan *plan,
                                  struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_token_link *link = NULL;
    const struct sg_tokens *tokens = &run->service->tokens;
    struct sg_intent intent = {.kind = SG_INTENT_GENERATE};
    row->has_key = true;
    row->extractable = plan->extractable;
    row->placeholder = !plan->issued && sg_owner_kind(plan->name.owner.text) != SG_OWNER_CERTAUTH;
    row->usage = plan->request.usage;
    snprintf(row->token, sizeof row->token, "%s", plan->token);
    snprintf(row->key_type, sizeof row->key_type, "%s", plan->spec->name);
    sg_status s = tokens->link(tokens->context, plan->token, &link, err);
    s = s == SG_OK ? random_bytes(row->key.bytes, sizeof row->key.bytes, err) : s;
    if (s != SG_OK) {
        return s;
    }
    snprintf(intent.token, sizeof intent.token, "%s", plan->token);
    intent.key = row->key;
    s = sg_run_journal(run, &intent, err);
    return s == SG_OK ? generate_with_key(run, plan, link, row, &intent, err) : s;
}

static sg_status perform_request(struct sg_run *run, struct plan *plan,
                                 struct sg_certificate_row *row, struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    struct sg_bytes spki = {plan->csr->spki, plan->csr->spki_len};
    sg_status s = build_issued(run, plan, spki, &certificate, err);
    if (s != SG_OK) {
        return s;
    }
    if (plan->renewed.id == 0) {
        s = sg_row_from_certificate(certificate, row, err);
        return s == SG_OK ? sg_store_certificate_add(run->service->store, row, err) : s;
    }
    plan->renewed.placeholder = false;
    plan->renewed.requested = false;
    run->visible = true;
    s = sg_row_from_certificate(certificate, &plan->renewed, err);
    s = s == SG_OK ? sg_row_check_size(&plan->renewed, err) : s;
    s = s == SG_OK ? sg_store_certificate_replace(run->service->store, &plan->renewed, err) : s;
    s = s == SG_OK ? sg_store_ring_bump_holding(run->service->store, plan->renewed.id, err) : s;
    return s == SG_OK ? sg_run_settle_later(run, SG_INTENT_CERTIFICATE, plan->renewed.token,
                                            &plan->renewed.key, err)
                      : s;
}

static sg_status answer(struct sg_run *run, const struct sg_certificate_row *row,
                        struct sg_error *err)
{
    sg_status s = sg_row_answer(run, row, err);
    return s == SG_OK ? sg_run_set(run->answer, "der", sg_run_base64(row->der, row->der_len), err)
                      : s;
}

sg_status sg_operation_CERT_GENERATE(struct sg_run *run, struct sg_error *err)
{
    SG_CLEANUP(plan_done) struct plan plan = {0};
    SG_CERTIFICATE_ROW row = {0};
    sg_buffer_init(&plan.csr_der, SG_CERTIFICATE_MAX + 3);
    sg_status s = make_plan(run, &plan, err);
    if (s != SG_OK || run->dry_run) {
        return s;
    }
    row.name = plan.name;
    s = plan.from_request ? perform_request(run, &plan, &row, err)
                          : perform_with_key(run, &plan, &row, err);
    return s == SG_OK ? answer(run, plan.renewed.id != 0 ? &plan.renewed : &row, err) : s;
}
