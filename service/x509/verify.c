/* One certificate: did that one issue it, and is it valid at a given moment? */
#include "x509_internal.h"

#include <openssl/err.h>

#include <signet/base/clock.h>

sg_status sg_certificate_verify_issued(const struct sg_certificate *certificate,
                                       const struct sg_certificate *issuer, struct sg_error *err)
{
    const struct sg_certificate_facts *f = &certificate->facts;
    if (X509_NAME_cmp(X509_get_issuer_name(certificate->x509),
                      X509_get_subject_name(issuer->x509)) != 0) {
        sg_fail(err, SG_E_INPUT, "wrong_issuer",
                "certificate \"%.160s\" was issued by \"%.160s\", not by \"%.160s\"",
                f->subject_text, f->issuer_text, issuer->facts.subject_text);
        return sg_object(err, "%.300s", f->subject_text);
    }
    EVP_PKEY *key = X509_get0_pubkey(issuer->x509);
    if (sg_x509_pretended(certificate->x509, issuer->facts.spki)) {
        return SG_OK;
    }
    if (key == NULL || X509_verify(certificate->x509, key) != 1) {
        sg_fail(
            err, SG_E_INPUT, "bad_signature",
            "the signature of certificate \"%.200s\" does not verify with the key of \"%.200s\"",
            f->subject_text, issuer->facts.subject_text);
        (void)sg_x509_ossl(err);
        sg_object(err, "%.300s", f->subject_text);
        return sg_hint(err, "The certificate was altered, or its issuer has another key under the "
                            "same name; get the issuer's certificate from the CA again.");
    }
    return SG_OK;
}

sg_status sg_certificate_check_time(const struct sg_certificate *certificate, int64_t now_s,
                                    struct sg_error *err)
{
    const struct sg_certificate_facts *f = &certificate->facts;
    char when[SG_TIME_TEXT];
    char distance[32];
    if (now_s > f->not_after_s) {
        sg_time_format(f->not_after_s, when);
        sg_x509_duration(now_s - f->not_after_s, distance);
        sg_fail(err, SG_E_INPUT, "certificate_expired", "certificate \"%.300s\" expired %s, %s ago",
                f->subject_text, when, distance);
        sg_object(err, "%.300s", f->subject_text);
        return sg_hint(err, "Get a renewed certificate; if the clock is wrong, set it.");
    }
    if (now_s < f->not_before_s) {
        sg_time_format(f->not_before_s, when);
        sg_x509_duration(f->not_before_s - now_s, distance);
        sg_fail(err, SG_E_INPUT, "certificate_not_yet_valid",
                "certificate \"%.300s\" is not valid before %s, in %s", f->subject_text, when,
                distance);
        sg_object(err, "%.300s", f->subject_text);
        return sg_hint(err, "Wait until then, or compare the clocks of this host and of the CA.");
    }
    return SG_OK;
}
