/* What all writers ask for, and what Java asks of a password. */
#include "keystore_internal.h"

#include <openssl/err.h>

#define PASSWORD_MIN 6 /* characters: keytool refuses to make keystores with fewer */

sg_status sg_trust_check_count(size_t count, struct sg_error *err)
{
    if (count == 0) {
        sg_fail(err, SG_E_INPUT, "nothing_to_export", "there is no certificate to export");
        return sg_hint(err, "Connect a CA certificate first (signet ring connect); an empty "
                            "truststore trusts nobody, and Java refuses it.");
    }
    if (count > SG_BUNDLE_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_many_certificates",
                       "%zu certificates, at most %d fit into one file", count, SG_BUNDLE_MAX);
    }
    return SG_OK;
}

static sg_status check_password(const struct sg_secret *password, const char *password_text,
                                struct sg_error *err)
{
    size_t len = sg_secret_len(password);
    if (len < PASSWORD_MIN) {
        sg_fail(err, SG_E_INPUT, "password_too_short",
                "the password has %zu characters, Java's tools want at least %d", len,
                PASSWORD_MIN);
        return sg_hint(err, "Put a longer one into the password file.");
    }
    for (size_t i = 0; i < len; i++) {
        if (password_text[i] < 0x20 || password_text[i] > 0x7e) {
            sg_fail(err, SG_E_INPUT, "password_not_ascii",
                    "character %zu of the password is not printable ASCII", i + 1);
            return sg_hint(err,
                           "Java before version 25 opens no keystore with such a password; use "
                           "letters, digits and punctuation.");
        }
    }
    return SG_OK;
}

sg_status sg_keystore_check_password(struct sg_secret *password, struct sg_error *err)
{
    return check_password(password, sg_secret_data(password), err);
}

sg_status sg_trust_check(size_t count, const struct sg_secret *password, const char *password_text,
                         struct sg_error *err)
{
    sg_status s = sg_trust_check_count(count, err);
    return s == SG_OK ? check_password(password, password_text, err) : s;
}

sg_status sg_keystore_broken(struct sg_error *err, const char *doing)
{
    unsigned long last = ERR_peek_last_error();
    const char *reason = last != 0 ? ERR_reason_error_string(last) : NULL;
    sg_fail(err, SG_E_INTERNAL, NULL, "%s failed: %s", doing,
            reason != NULL ? reason : "no reason given");
    err->ossl = last;
    ERR_clear_error();
    return err->status;
}

sg_status sg_entry_x509(const struct sg_entry *entry, X509 **out, struct sg_error *err)
{
    const unsigned char *at = entry->der.data;
    SG_CLEANUP(X509_freep)
    X509 *x509 = entry->der.len > 0 && entry->der.len <= SG_CERTIFICATE_MAX
                     ? d2i_X509(NULL, &at, (long)entry->der.len)
                     : NULL;
    if (x509 == NULL || at != entry->der.data + entry->der.len) {
        sg_fail(err, SG_E_INPUT, "not_a_certificate", "entry \"%.200s\" is not a certificate",
                entry->name);
        err->ossl = ERR_peek_last_error();
        ERR_clear_error();
        return err->status;
    }
    *out = SG_STEAL(x509);
    return SG_OK;
}
