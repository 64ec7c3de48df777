/* cert rekey: RACF's REKEY. A new key pair and a self-signed certificate with the subject, the key
 * usage and the names of an existing one, which stays (docs/racf-compatibility.md, REKEY). */
#include "rekey_internal.h"

#include <signet/policy/name.h>

/* What the X.509 bits are in RACF's words, for the abilities of a key of another family. */
static unsigned words_of(unsigned bits)
{
    static const struct {
        unsigned bit, word;
    } rows[] = {{SG_X509_DIGITAL_SIGNATURE, SG_KEY_HANDSHAKE},
                {SG_X509_KEY_ENCIPHERMENT, SG_KEY_HANDSHAKE},
                {SG_X509_DATA_ENCIPHERMENT, SG_KEY_DATAENCRYPT},
                {SG_X509_NON_REPUDIATION, SG_KEY_DOCSIGN},
                {SG_X509_KEY_AGREEMENT, SG_KEY_KEYAGREE},
                {SG_X509_KEY_CERT_SIGN, SG_KEY_CERTSIGN},
                {SG_X509_CRL_SIGN, SG_KEY_CERTSIGN}};
    unsigned words = 0;
    for (size_t i = 0; i < SG_COUNT(rows); i++) {
        words |= (bits & rows[i].bit) != 0 ? rows[i].word : 0;
    }
    return words;
}

/* The same usage, as far as the new kind of key can have it: keyEncipherment is RSA's, and
 * digitalSignature stands for the same handshake with other keys (RFC 8422, 2.2). What means
 * something else to others, dataEncipherment and keyAgreement, is not dropped silently. */
static sg_status carry_usage(const struct sg_certificate *certificate,
                             const struct sg_certificate_row *old, struct sg_new_certificate *made,
                             struct sg_error *err)
{
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    unsigned bits = sg_certificate_usage(certificate);
    unsigned words = words_of(bits);
    if (facts->key_supported && facts->family == made->spec->family) {
        made->request.usage = bits;
        made->abilities = (struct sg_key_abilities){old->may_decrypt, old->may_derive};
        return SG_OK;
    }
    sg_status s = sg_key_usage_check(made->spec->family, words, err);
    if (s != SG_OK) {
        return s;
    }
    bool rsa = made->spec->family == SG_FAMILY_RSA;
    if (!rsa && (bits & SG_X509_KEY_ENCIPHERMENT) != 0) {
        bits = (bits & ~(unsigned)SG_X509_KEY_ENCIPHERMENT) | SG_X509_DIGITAL_SIGNATURE;
    }
    made->request.usage = bits;
    made->abilities = sg_key_abilities(made->spec->family, words,
                                       sg_owner_kind(old->name.owner.text) == SG_OWNER_CERTAUTH);
    return SG_OK;
}

static sg_status read_key(struct sg_run *run, const struct sg_certificate_row *old,
                          struct sg_new_certificate *made, struct sg_error *err)
{
    const char *key = sg_run_text(run, "key");
    const char *token = sg_run_text(run, "token");
    sg_status s = sg_key_spec_find(key != NULL ? key : old->key_type, &made->spec, err);
    if (s != SG_OK && key == NULL) {
        sg_hint(err, "Choose the kind of the new key: --key TYPE; signet help cert rekey");
    }
    return s == SG_OK ? sg_new_choose_token(run, token != NULL ? token : old->token, made, err) : s;
}

static sg_status read_certificate(struct sg_run *run, const struct sg_certificate_row *old,
                                  struct sg_new_certificate *made, struct sg_error *err)
{
    SG_CERTIFICATE *certificate = NULL;
    struct sg_bytes der = {old->der, old->der_len};
    sg_status s = sg_certificate_parse(der, &certificate, err);
    s = s == SG_OK ? carry_usage(certificate, old, made, err) : s;
    if (s != SG_OK) {
        return s;
    }
    bool certauth = sg_owner_kind(old->name.owner.text) == SG_OWNER_CERTAUTH;
    made->placeholder = !certauth || !sg_certificate_facts(certificate)->self_issued;
    made->request.subject_der = old->subject;
    made->request.extensions_from = der;
    made->request.ca = certauth;
    return sg_run_validity(run, &made->request.not_before_s, &made->request.not_after_s, err);
}

static sg_status check_key(const struct sg_certificate_row *old, struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(old);
    if (old->has_key) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "no_private_key", "%s has no private key here to follow",
            name.text);
    sg_hint(err, "Make a certificate of its own: signet cert generate %s --subject …",
            sg_shell_word(old->name.owner.text, "LABEL").text);
    return sg_object(err, "%s", name.text);
}

static sg_status warn(struct sg_run *run, const struct sg_certificate_row *old,
                      const struct sg_new_certificate *made, struct sg_error *err)
{
    sg_status s = sg_new_warn_key(run, made->spec, err);
    if (s == SG_OK && old->extractable) {
        s = sg_run_warn(run, err, "the key of %s can be exported, the new one cannot",
                        sg_row_name(old).text);
    }
    return s;
}

static sg_status describe(struct sg_run *run, const struct sg_certificate_row *old,
                          const struct sg_new_certificate *made, struct sg_error *err)
{
    char until[SG_TIME_TEXT];
    sg_time_format(made->request.not_after_s, until);
    sg_status s = sg_run_effect(run, err, "generated an %s key in token \"%s\"", made->spec->name,
                                made->token);
    return s == SG_OK
               ? sg_run_effect(run, err,
                               "made certificate %s/%s as %s is, self-signed%s, valid until %s",
                               made->name.owner.text, made->name.label.text, sg_row_name(old).text,
                               made->placeholder ? " until a CA's answer replaces it" : "", until)
               : s;
}

sg_status sg_rekey_plan(struct sg_run *run, const struct sg_certificate_row *old,
                        const struct sg_label *label, struct sg_new_certificate *made,
                        struct sg_error *err)
{
    made->name = (struct sg_certificate_name){.owner = old->name.owner, .label = *label};
    sg_status s = check_key(old, err);
    s = s == SG_OK ? read_key(run, old, made, err) : s;
    s = s == SG_OK ? read_certificate(run, old, made, err) : s;
    s = s == SG_OK ? sg_new_check_name(run, &made->name, err) : s;
    s = s == SG_OK ? sg_new_ask_policy(run, made, (struct sg_bytes){NULL, 0}, err) : s;
    s = s == SG_OK ? warn(run, old, made, err) : s;
    return s == SG_OK ? describe(run, old, made, err) : s;
}

static sg_status new_label(const struct sg_run *run, const struct sg_certificate_name *old,
                           struct sg_label *out, struct sg_error *err)
{
    const char *text = sg_run_text(run, "label");
    return text != NULL ? sg_name_label(text, out, err)
                        : sg_run_free_label(run, old->owner.text, out, err);
}

sg_status sg_operation_CERT_REKEY(struct sg_run *run, struct sg_error *err)
{
    SG_CERTIFICATE_ROW old = {0};
    SG_CERTIFICATE_ROW row = {0};
    SG_CLEANUP(sg_new_certificate_done) struct sg_new_certificate made = {0};
    struct sg_certificate_name name;
    struct sg_label label;
    sg_status s = sg_run_certificate_name(run, "certificate", &name, err);
    s = s == SG_OK ? new_label(run, &name, &label, err) : s;
    s = s == SG_OK ? sg_store_certificate_get(run->service->store, &name, &old, err) : s;
    s = s == SG_OK ? sg_rekey_plan(run, &old, &label, &made, err) : s;
    if (s != SG_OK || run->dry_run) {
        return s;
    }
    s = sg_new_make(run, &made, &row, err);
    s = s == SG_OK ? sg_row_answer(run, &row, err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "der", sg_run_base64(row.der, row.der_len), err)
                      : s;
}
