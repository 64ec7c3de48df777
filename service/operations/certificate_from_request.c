/* cert generate --from-request: a certificate for a key that is elsewhere, or the renewal of one
 * that is here. */
#include "generate_internal.h"

#include <string.h>

#define DAY_S 86400

/* Whoever asks to be a CA must be put where CAs stand, by somebody who may do that. */
static sg_status check_ca_request(const struct sg_generate *plan, struct sg_error *err)
{
    bool certauth = sg_owner_kind(plan->made.name.owner.text) == SG_OWNER_CERTAUTH;
    /* a usage that is said takes the place of the request's */
    bool signs = plan->usage_words == 0 && (plan->csr->usage & SG_X509_KEY_CERT_SIGN) != 0;
    bool wants = plan->from_request && (plan->csr->wants_ca || signs);
    if (wants && !certauth) {
        sg_fail(err, SG_E_INPUT, "request_wants_ca", "the request of \"%s\" asks to become a CA",
                plan->csr->subject_text);
        return sg_hint(
            err,
            "To make it one: signet cert generate CERTAUTH/LABEL --from-request … --signed-by …");
    }
    if (certauth && plan->from_request && plan->csr->refuses_ca) {
        sg_fail(err, SG_E_INPUT, "request_wants_no_ca",
                "the request of \"%s\" is not for a CA: what stands under CERTAUTH would be one",
                plan->csr->subject_text);
        return sg_hint(err, "Make the certificate for a user: signet cert generate OWNER/LABEL "
                            "--from-request … --signed-by …");
    }
    return SG_OK;
}

sg_status sg_generate_read_request(struct sg_run *run, struct sg_generate *plan,
                                   struct sg_error *err)
{
    const char *base64 = sg_run_text(run, "from_request");
    if (base64 == NULL) {
        return sg_run_flag(run, "force")
                   ? sg_fail(err, SG_E_USAGE, "bad_parameter",
                             "force is said of a request: nothing else replaces anything")
                   : SG_OK;
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
    s = s == SG_OK ? sg_crypto_policy_strength(&run->service->policy, plan->csr->family,
                                               plan->csr->key_bits, err)
                   : s;
    plan->made.request.extensions_from = der;
    plan->made.request.subject_der = (struct sg_bytes){plan->csr->subject, plan->csr->subject_len};
    return s == SG_OK ? check_ca_request(plan, err) : s;
}

static sg_status find_renewed(void *context, const struct sg_certificate_row *row,
                              struct sg_error *err)
{
    struct sg_generate *plan = context;
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
sg_status sg_generate_find_renewed(struct sg_run *run, struct sg_generate *plan,
                                   struct sg_error *err)
{
    unsigned char digest[32];
    struct sg_bytes spki = {plan->csr->spki, plan->csr->spki_len};
    sg_spki_sha256(spki, digest);
    struct sg_certificate_filter filter = {
        .owner = plan->made.name.owner.text, .spki_sha256 = digest, .with_key = true};
    sg_status s = sg_store_certificate_each(run->service->store, &filter, find_renewed, plan, err);
    if (s != SG_OK || plan->renewed.id == 0) {
        return s;
    }
    struct sg_certificate_name name = plan->renewed.name;
    plan->renewed = (struct sg_certificate_row){0};
    return sg_store_certificate_get(run->service->store, &name, &plan->renewed, err);
}

/* As cert add does: chains that end in the old one would end nowhere. */
static sg_status check_issuer(struct sg_run *run, const struct sg_generate *plan,
                              struct sg_error *err)
{
    const struct sg_certificate_row *old = &plan->renewed;
    const char *issuer = sg_certificate_facts(plan->made.issuer)->subject_text;
    if (sg_owner_kind(old->name.owner.text) != SG_OWNER_CERTAUTH || sg_run_flag(run, "force")) {
        return sg_run_warn(run, err, "the issuer changes from \"%.200s\" to \"%.200s\"",
                           old->issuer_text, issuer);
    }
    sg_fail(err, SG_E_CONFLICT, "issuer_changes",
            "%s was issued by \"%.150s\" and would be replaced by one of \"%.150s\"",
            sg_row_name(old).text, old->issuer_text, issuer);
    sg_hint(err, "Export the old one first if both are needed; then replace it with --force.");
    return sg_object(err, "%s", sg_row_name(old).text);
}

static sg_status warn_shorter(struct sg_run *run, const struct sg_certificate_row *old,
                              struct sg_error *err)
{
    char text[SG_TIME_TEXT];
    sg_time_format(old->not_after_s, text);
    return sg_run_warn(run, err, "the one that it replaces was valid longer, until %s", text);
}

sg_status sg_generate_warn_renewal(struct sg_run *run, const struct sg_generate *plan,
                                   struct sg_error *err)
{
    const struct sg_certificate_row *old = &plan->renewed;
    struct sg_bytes issuer = sg_certificate_facts(plan->made.issuer)->subject;
    bool same =
        old->issuer.len == issuer.len && memcmp(old->issuer.data, issuer.data, issuer.len) == 0;
    sg_status s = SG_OK;
    bool named = strchr(sg_run_text(run, "certificate"), '/') != NULL;
    if (named && strcmp(old->name.label.text, plan->made.name.label.text) != 0) {
        s = sg_run_warn(
            run, err, "the request is for the key of %s: that one is renewed, not %s/%s",
            sg_row_name(old).text, plan->made.name.owner.text, plan->made.name.label.text);
    }
    s = s == SG_OK && !old->placeholder && !same ? check_issuer(run, plan, err) : s;
    return s == SG_OK && !old->placeholder &&
                   plan->made.request.not_after_s + DAY_S <= old->not_after_s
               ? warn_shorter(run, old, err)
               : s;
}

sg_status sg_generate_for_request(struct sg_run *run, struct sg_generate *plan,
                                  struct sg_certificate_row *row, struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    struct sg_bytes spki = {plan->csr->spki, plan->csr->spki_len};
    sg_status s = sg_new_build_issued(run, &plan->made, spki, &certificate, err);
    if (s != SG_OK) {
        return s;
    }
    if (plan->renewed.id == 0) {
        s = sg_row_from_certificate(certificate, row, err);
        return s == SG_OK ? sg_store_certificate_add(run->service->store, row, err) : s;
    }
    s = sg_renewal_check(run, &plan->renewed, sg_certificate_facts(certificate), err);
    if (s != SG_OK) {
        return s;
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
