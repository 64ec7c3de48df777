/* Signatures that are none, for rehearsals: what a key would sign is given bytes that only this
 * rehearsal recognises, and that verify with no key anywhere else. So nothing that a rehearsal made
 * is worth anything outside of it, whoever gets hold of it, and a CA's key need not be asked. */
#ifndef SIGNET_X509_PRETENCE_H
#define SIGNET_X509_PRETENCE_H

#include <signet/x509/signer.h>

/** What a rehearsal knows its own signatures by. */
struct sg_pretence {
    unsigned char secret[32];
};
/** Draw a new one. SG_E_INTERNAL "no_random". */
SG_CHECKED sg_status sg_pretence_init(struct sg_pretence *out, struct sg_error *err);

/** In the place of a token's signature by the key with this SubjectPublicKeyInfo: of the length
 * that such a key's signatures have, always the same for the same data. *out_len: room on entry,
 * length on return. */
SG_CHECKED sg_status sg_pretence_sign(const struct sg_pretence *pretence, struct sg_bytes spki,
                                      const struct sg_mechanism *mechanism, struct sg_bytes data,
                                      unsigned char *out, size_t *out_len, struct sg_error *err);

/** From now on, in this thread, every check of a signature in this room takes those of this
 * rehearsal too; NULL (as at the start): real ones alone. Borrowed. Returns what was there before,
 * to be put back:
 * SG_PRETENCE before = sg_pretence_enter(pretence); */
const struct sg_pretence *sg_pretence_enter(const struct sg_pretence *pretence);
static inline void sg_pretence_back(const struct sg_pretence *const *before)
{
    (void)sg_pretence_enter(*before);
}
#define SG_PRETENCE SG_CLEANUP(sg_pretence_back) SG_UNUSED const struct sg_pretence *

#endif
