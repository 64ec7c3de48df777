/* Check a chain that is in order, as RFC 5280, 6.1 asks: X509_verify_cert with the last member as
 * anchor. */
#include "x509_internal.h"

#include <openssl/err.h>
#include <openssl/x509_vfy.h>

SG_DEFINE_CLEANUP(X509_STORE *, X509_STORE_free)
SG_DEFINE_CLEANUP(X509_STORE_CTX *, X509_STORE_CTX_free)
SG_DEFINE_CLEANUP(STACK_OF(X509) *, sk_X509_free)

/* X509_verify_cert would only say that it finds no issuer. */
static sg_status check_authorities(const struct sg_chain *chain, struct sg_error *err)
{
    for (size_t i = 1; i < chain->count; i++) {
        const struct sg_certificate *member = chain->members[i];
        if (X509_check_ca(member->x509) == 0) {
            sg_fail(err, SG_E_INPUT, "issuer_not_a_ca",
                    "certificate \"%.200s\" was issued by \"%.200s\", which is no CA certificate",
                    chain->members[i - 1]->facts.subject_text, member->facts.subject_text);
            sg_object(err, "%.300s", member->facts.subject_text);
            return sg_hint(err, "An issuer needs basicConstraints CA:TRUE and, when it has a "
                                "keyUsage, certificate signing in it.");
        }
    }
    return SG_OK;
}

static sg_status fail_incomplete(const struct sg_certificate *last, struct sg_error *err)
{
    sg_fail(err, SG_E_INPUT, "chain_incomplete",
            "the chain ends at \"%.200s\": the certificate of its issuer is missing",
            last->facts.subject_text);
    sg_object(err, "%.300s", last->facts.subject_text);
    return sg_hint(err, "Add the CA certificate with the subject \"%.400s\".",
                   last->facts.issuer_text);
}

static sg_status fail_path_length(const struct sg_certificate *member, struct sg_error *err)
{
    sg_fail(err, SG_E_INPUT, "path_too_long",
            "more CA certificates stand between \"%.200s\" and the end of the chain than its path "
            "length allows",
            member->facts.subject_text);
    return sg_object(err, "%.300s", member->facts.subject_text);
}

/* What OpenSSL does not look at, or only says that it finds no issuer of. */
sg_status sg_chain_check_form(const struct sg_chain *chain, struct sg_error *err)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct sg_certificate *member = chain->members[i];
        char why[SG_FORM_TEXT];
        enum sg_x509_form form = sg_certificate_form(member, why);
        if (form == SG_FORM_SOUND) {
            continue;
        }
        sg_fail(err, SG_E_INPUT, "unreadable_extension", "certificate \"%.200s\": %s",
                member->facts.subject_text, why);
        sg_object(err, "%.300s", member->facts.subject_text);
        return sg_hint(err, "%s: have it made anew", sg_form_reason(form));
    }
    return SG_OK;
}

/* OpenSSL does not use a certificate with any malformed extension, critical or not. */
static sg_status check_extensions(const struct sg_chain *chain, struct sg_error *err)
{
    for (size_t i = 0; i < chain->count; i++) {
        const struct sg_certificate *member = chain->members[i];
        char why[SG_FORM_TEXT];
        if ((X509_get_extension_flags(member->x509) & EXFLAG_INVALID) != 0 &&
            sg_x509_extension_fault(member->x509, why)) {
            sg_fail(err, SG_E_INPUT, "chain_invalid", "certificate \"%.200s\": %s",
                    member->facts.subject_text, why);
            return sg_object(err, "%.300s", member->facts.subject_text);
        }
    }
    return SG_OK;
}

/* Say what X509_verify_cert found, in our words. */
static sg_status explain(const struct sg_chain *chain, size_t depth, int error, int64_t now_s,
                         struct sg_error *err)
{
    const struct sg_certificate *member = chain->members[depth < chain->count ? depth : 0];
    switch (error) {
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
        if (sg_certificate_check_time(member, now_s, err) != SG_OK) {
            return err->status;
        }
        break;
    case X509_V_ERR_CERT_SIGNATURE_FAILURE:
    case X509_V_ERR_UNABLE_TO_DECRYPT_CERT_SIGNATURE:
    case X509_V_ERR_UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY:
        sg_fail(err, SG_E_INPUT, "bad_signature",
                "the signature of certificate \"%.300s\" does not verify",
                member->facts.subject_text);
        return sg_object(err, "%.300s", member->facts.subject_text);
    case X509_V_ERR_PATH_LENGTH_EXCEEDED:
        return fail_path_length(member, err);
    case X509_V_ERR_INVALID_CA:
    case X509_V_ERR_KEYUSAGE_NO_CERTSIGN:
        sg_fail(err, SG_E_INPUT, "issuer_not_a_ca",
                "certificate \"%.300s\" may not issue certificates", member->facts.subject_text);
        return sg_object(err, "%.300s", member->facts.subject_text);
    default:
        break;
    }
    if (sg_chain_check_form(chain, err) != SG_OK || check_extensions(chain, err) != SG_OK) {
        return err->status;
    }
    sg_fail(err, SG_E_INPUT, "chain_invalid", "certificate \"%.300s\": %s",
            member->facts.subject_text, X509_verify_cert_error_string(error));
    return sg_object(err, "%.300s", member->facts.subject_text);
}

/* A rehearsal's own signatures are taken for good; everything else that is found stays found. */
static int take_pretended(int ok, X509_STORE_CTX *context)
{
    if (ok == 1 || X509_STORE_CTX_get_error(context) != X509_V_ERR_CERT_SIGNATURE_FAILURE) {
        return ok;
    }
    STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(context);
    int depth = X509_STORE_CTX_get_error_depth(context);
    int above = depth + 1 < sk_X509_num(chain) ? depth + 1 : depth;
    if (!sg_x509_pretended_by(sk_X509_value(chain, depth), sk_X509_value(chain, above))) {
        return ok;
    }
    X509_STORE_CTX_set_error(context, X509_V_OK);
    return 1;
}

/* The intermediates are given as untrusted, the last member as the only anchor. */
static sg_status run(X509_STORE_CTX *context, X509_STORE *store, STACK_OF(X509) * untrusted,
                     const struct sg_chain *chain, int64_t now_s, struct sg_error *err)
{
    for (size_t i = 1; i + 1 < chain->count; i++) {
        if (sk_X509_push(untrusted, chain->members[i]->x509) <= 0) {
            return sg_fail_memory(err);
        }
    }
    if (X509_STORE_add_cert(store, chain->members[chain->count - 1]->x509) != 1 ||
        X509_STORE_CTX_init(context, store, chain->members[0]->x509, untrusted) != 1) {
        return sg_x509_broken(err, "preparing the check of a chain");
    }
    X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(context);
    X509_VERIFY_PARAM_set_time(param, (time_t)now_s);
    X509_VERIFY_PARAM_set_depth(param, SG_CHAIN_MAX);
    /* The anchor's own signature is part of the chain's integrity here; OpenSSL skips it unless
     * asked. */
    (void)X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_CHECK_SS_SIGNATURE |
                                                 (chain->complete ? 0 : X509_V_FLAG_PARTIAL_CHAIN));
    X509_STORE_CTX_set_verify_cb(context, take_pretended);
    if (X509_verify_cert(context) == 1) {
        ERR_clear_error();
        return sg_chain_check_form(chain, err);
    }
    int depth = X509_STORE_CTX_get_error_depth(context);
    (void)explain(chain, depth < 0 ? 0 : (size_t)depth, X509_STORE_CTX_get_error(context), now_s,
                  err);
    return sg_x509_ossl(err);
}

/* X509_verify_cert looks for issuers by itself; our members must follow each other as they stand.
 */
static sg_status check_links(const struct sg_chain *chain, struct sg_error *err)
{
    for (size_t i = 0; i + 1 < chain->count; i++) {
        sg_status s = sg_certificate_verify_issued(chain->members[i], chain->members[i + 1], err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

sg_status sg_chain_verify(const struct sg_chain *chain, int64_t now_s, struct sg_error *err)
{
    if (chain->count == 0 || chain->count > SG_CHAIN_MAX) {
        return sg_fail(err, SG_E_INPUT, "chain_invalid", "a chain of %zu certificates",
                       chain->count);
    }
    sg_status s = check_links(chain, err);
    if (s == SG_OK) {
        s = check_authorities(chain, err);
    }
    if (s != SG_OK) {
        return s;
    }
    SG_CLEANUP(X509_STORE_freep) X509_STORE *store = X509_STORE_new();
    SG_CLEANUP(sk_X509_freep) STACK_OF(X509) *untrusted = sk_X509_new_null();
    SG_CLEANUP(X509_STORE_CTX_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
    if (store == NULL || untrusted == NULL || context == NULL) {
        return sg_fail_memory(err);
    }
    s = run(context, store, untrusted, chain, now_s, err);
    if (s == SG_OK && !chain->complete) {
        return fail_incomplete(chain->members[chain->count - 1], err);
    }
    return s;
}
