/* Certificates that RFC 5280 forbids, or that whoever uses them must reject. None is trusted any
 * more; those that have been stored before are shown to no program: one of them hides all others of
 * a ring or a truststore from Java. */
#include "run_internal.h"

#include <string.h>

#include <openssl/sha.h>

/* Digests of certificates that were found sound: views and lists of keys ask for the same ones
 * again and again, and to read one takes twenty times as long. A newer one takes an older one's
 * place. */
#define KNOWN 32768

static unsigned char known[KNOWN][SHA256_DIGEST_LENGTH];

static unsigned char *place_of(const unsigned char digest[SHA256_DIGEST_LENGTH])
{
    uint32_t number = 0;
    memcpy(&number, digest, sizeof number);
    return known[number % KNOWN];
}

static enum sg_x509_form form_of(const struct sg_certificate_row *row, char why[SG_FORM_TEXT])
{
    return sg_der_form((struct sg_bytes){row->der, row->der_len}, why);
}

bool sg_row_sound(const struct sg_certificate_row *row)
{
    char why[SG_FORM_TEXT];
    unsigned char digest[SHA256_DIGEST_LENGTH];
    if (SHA256(row->der, row->der_len, digest) == NULL) {
        return form_of(row, why) == SG_FORM_SOUND;
    }
    unsigned char *place = place_of(digest);
    bool sound = memcmp(place, digest, sizeof digest) == 0 || form_of(row, why) == SG_FORM_SOUND;
    if (sound) {
        memcpy(place, digest, sizeof digest);
    }
    return sound;
}

bool sg_row_shown(const struct sg_certificate_row *row)
{
    return row->trust != SG_NOTRUST && sg_row_sound(row);
}

sg_status sg_row_require_sound(const struct sg_certificate_row *row, struct sg_error *err)
{
    char why[SG_FORM_TEXT];
    struct sg_name_text name = sg_row_name(row);
    enum sg_x509_form form = form_of(row, why);
    if (form == SG_FORM_SOUND) {
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, "malformed_certificate",
            "%s is malformed, and shown to no program: %s", name.text, why);
    sg_hint(err, "%s: have it made anew.", sg_form_reason(form));
    return sg_object(err, "%s", name.text);
}

sg_status sg_run_warn_malformed(struct sg_run *run, const struct sg_certificate_row *row,
                                struct sg_error *err)
{
    char why[SG_FORM_TEXT];
    return form_of(row, why) == SG_FORM_SOUND
               ? SG_OK
               : sg_run_warn(run, err,
                             "left out %s, which is malformed, so that it hides no others from "
                             "Java: %s",
                             sg_row_name(row).text, why);
}

sg_status sg_run_check_form(const struct sg_certificate *certificate, struct sg_error *err)
{
    char why[SG_FORM_TEXT];
    const struct sg_certificate_facts *facts = sg_certificate_facts(certificate);
    enum sg_x509_form form = sg_certificate_form(certificate, why);
    if (form == SG_FORM_SOUND || form == SG_FORM_UNREADABLE) {
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, "malformed_certificate",
            "certificate \"%.200s\", serial number %.132s, is malformed: %s", facts->subject_text,
            facts->serial, why);
    sg_hint(err, "%s. Have it made anew, or leave it out of the file. Nothing was changed.",
            sg_form_reason(form));
    return sg_object(err, "%.300s", facts->subject_text);
}
