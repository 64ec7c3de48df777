/* Names from outside become names of the model here and nowhere else. A label is data: it never
 * becomes a path, a format, SQL, a line break or a wildcard. All functions are pure. Failures are
 * SG_E_INPUT with a code each (bad_owner, bad_label, bad_ring_name) and name the position or length
 * of what is wrong, never echoing control characters. */
#ifndef SIGNET_POLICY_NAME_H
#define SIGNET_POLICY_NAME_H

#include <signet/base/error.h>
#include <signet/policy/model.h>

/** Owner: 1–32 of letters, digits, @ # $ _ - . (first a letter or @ # $), folded to upper case.
 * CERTAUTH and SITE are accepted; MULTIID, IRRCERTA, IRRSITEC, IRRMULTI, IRRTOKEN are refused
 * (docs/racf-compatibility.md, owners). */
SG_CHECKED sg_status sg_name_owner(const char *text, struct sg_owner_name *out,
                                   struct sg_error *err);
/** The same, refusing CERTAUTH and SITE too: a user ID that may own rings. */
SG_CHECKED sg_status sg_name_user(const char *text, struct sg_owner_name *out,
                                  struct sg_error *err);
/** Label: valid UTF-8, 1–32 characters after trailing blanks are stripped, no control characters
 * (C0, DEL, C1, U+2028/9), no leading blank. */
SG_CHECKED sg_status sg_name_label(const char *text, struct sg_label *out, struct sg_error *err);
/** Ring name: valid UTF-8, 1–237 characters, no control characters, not "*", no leading or trailing
 * blank. */
SG_CHECKED sg_status sg_name_ring(const char *text, struct sg_ring_name *out, struct sg_error *err);
/** OWNER/LABEL, split at the first slash (labels may hold more). */
SG_CHECKED sg_status sg_name_certificate(const char *text, struct sg_certificate_name *out,
                                         struct sg_error *err);
/** OWNER/RING, split at the first slash. CERTAUTH and SITE own no ring (code
 * "owner_cannot_have_rings"). */
SG_CHECKED sg_status sg_name_ring_ref(const char *text, struct sg_ring_ref *out,
                                      struct sg_error *err);
/** OWNER or OWNER/LABEL of certificate name filters: a user ID, or MULTIID. CERTAUTH and SITE have
 * none (code "owner_cannot_have_filters"). Without a label that is empty. */
SG_CHECKED sg_status sg_name_map(const char *text, struct sg_certificate_name *out,
                                 struct sg_error *err);
/** A served token: 1–32 letters, digits, @ # $ and periods (first a letter or @ # $), folded to
 * upper case; kept as SG_SERVED_TOKENS' ring (code "bad_token_name"; docs/racf-compatibility.md,
 * served tokens). */
SG_CHECKED sg_status sg_name_token(const char *text, struct sg_ring_ref *out, struct sg_error *err);
/** Is this a served token and no ring? */
bool sg_is_served_token(const struct sg_ring_ref *ref);
/** Fold a caption that somebody else wrote (a CN) into a label: control characters and bad UTF-8
 * dropped, cut to 32 characters, blanks trimmed, "certificate" when nothing is left. attempt 0
 * gives it as it is, n > 0 ends it with "-<n+1>" within the 32. */
void sg_name_label_from_caption(const char *caption, size_t len, unsigned attempt,
                                struct sg_label *out);
/** Does the text name a virtual ring, one called "*", which holds whatever its owner has? CERTAUTH
 * and SITE may be written as RACF's readers do: "*AUTH*", "*SITE*". False for everything else,
 * well-formed or not. */
bool sg_name_virtual_ring(const char *text, struct sg_owner_name *owner);
/** The 32 bytes of a served token's label: its name; of a ring's: OWNER/RING, cut on a character's
 * border and ended with '~' and 8 hexadecimal digits of digest (64-bit FNV-1a of the whole, upper
 * half) when longer than 32 bytes. Not NUL-terminated, blank padded (PKCS#11 v2.40, CK_TOKEN_INFO).
 */
void sg_name_token_label(const struct sg_ring_ref *ring, char out[32]);
/** How alike two names are, for "did you mean": edit distance, case ignored, counted up to 4. */
unsigned sg_name_distance(const char *a, const char *b);

#endif
