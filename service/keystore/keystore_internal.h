/* What the files of this room share. */
#ifndef SIGNET_KEYSTORE_INTERNAL_H
#define SIGNET_KEYSTORE_INTERNAL_H

#include <openssl/x509.h>

#include <signet/keystore/read.h>
#include <signet/keystore/write.h>
#include <signet/x509/certificate.h>

SG_DEFINE_CLEANUP(X509 *, X509_free)

/* ---- identify.c: what a file is, by its content ---- */

enum sg_content {
    SG_CONTENT_CERTIFICATE,
    SG_CONTENT_PKCS7,
    SG_CONTENT_REQUEST,
    SG_CONTENT_CRL,
    SG_CONTENT_PKCS12,
    SG_CONTENT_JKS,
    SG_CONTENT_JCEKS,
    SG_CONTENT_KDB,
    SG_CONTENT_SST,
    SG_CONTENT_NSS,
    SG_CONTENT_ZIP,
    SG_CONTENT_PRIVATE_KEY,
    SG_CONTENT_ENCRYPTED_KEY,
    SG_CONTENT_PUBLIC_KEY,
    SG_CONTENT_SSH_KEY,
    SG_CONTENT_PGP,
    SG_CONTENT_PARAMETERS,
    SG_CONTENT_UTF16,
    SG_CONTENT_EBCDIC,
    SG_CONTENT_HTML,
    SG_CONTENT_BARE_BASE64,
    SG_CONTENT_DASHES,
    SG_CONTENT_TEXT,
    SG_CONTENT_DER,
    SG_CONTENT_BINARY,
};
#define SG_CONTENT_COUNT (SG_CONTENT_BINARY + 1)

/** Does data look like one DER or BER SEQUENCE (as all our binary formats but JKS do)? Text never
 * does. */
bool sg_keystore_is_der(struct sg_bytes data);
/** What a DER structure is, by its shape. Private keys are recognised without being parsed. */
enum sg_content sg_keystore_identify_der(struct sg_bytes der);
/** What a PEM block claims to be. */
enum sg_content sg_keystore_identify_label(const char *label);
/** What a whole file is that has no PEM block. */
enum sg_content sg_keystore_identify(struct sg_bytes data);
/** "a private key"; never NULL. */
const char *sg_keystore_content_text(enum sg_content content);
/** What to do with it, where a certificate was expected; never NULL. */
const char *sg_keystore_content_hint(enum sg_content content);
/** Length of the first DER value with its header; 0 when there is none, or it is not complete, or
 * its length is indefinite. */
size_t sg_keystore_first_value(struct sg_bytes der);

/* ---- pem.c ---- */

#define SG_PEM_LABEL_MAX 64

struct sg_pem_block {
    char label[SG_PEM_LABEL_MAX + 1];
    size_t line;          /* of BEGIN, from 1 */
    struct sg_bytes body; /* the base64 text */
    const char *fault;    /* not NULL: the block is damaged, and why */
};
struct sg_pem_reader {
    struct sg_bytes data;
    size_t at, line;
};
void sg_pem_reader_init(struct sg_pem_reader *reader, struct sg_bytes data);
/** Find the next block; false at the end. */
bool sg_pem_next(struct sg_pem_reader *reader, struct sg_pem_block *out);
/** Decode a block's body: appends the DER. SG_E_INPUT "bad_base64" says what stands where. */
SG_CHECKED sg_status sg_pem_decode(const struct sg_pem_block *block, struct sg_buffer *out,
                                   struct sg_error *err);
/** Is this nothing but base64 of a DER structure? */
bool sg_pem_is_bare_base64(struct sg_bytes data);

/* ---- pkcs7.c ---- */

/** Give each certificate of a SignedData to the sink. *count of them, which may be 0. SG_E_INPUT
 * "not_a_certificate" when damaged. */
SG_CHECKED sg_status sg_pkcs7_certificates(struct sg_bytes der, sg_der_sink sink, void *context,
                                           size_t *count, struct sg_error *err);

/* ---- names.c ---- */

struct sg_aliases {
    char **names;
    size_t count;
};
/** Make names that Java keeps apart: in lower case, the later of two equal ones with "-2", "-3" …
 * behind. SG_E_INPUT "bad_name". */
SG_CHECKED sg_status sg_aliases_make(const struct sg_entry *entries, size_t count,
                                     struct sg_aliases *out, struct sg_error *err);
void sg_aliases_done(struct sg_aliases *aliases);
#define SG_ALIASES SG_CLEANUP(sg_aliases_done) struct sg_aliases

/* ---- trust.c: what both truststore formats ask for ---- */

/** Refuse no entries, too many, and passwords that Java does not take. */
SG_CHECKED sg_status sg_trust_check(size_t count, const struct sg_secret *password,
                                    const char *password_text, struct sg_error *err);
SG_CHECKED sg_status sg_trust_check_count(size_t count, struct sg_error *err);
/** Parse an entry's certificate. */
SG_CHECKED sg_status sg_entry_x509(const struct sg_entry *entry, X509 **out, struct sg_error *err);
/** A failure inside OpenSSL that input cannot cause. */
sg_status sg_keystore_broken(struct sg_error *err, const char *doing);

#endif
