/* The index from (class, CKA_ID) to object handle: a hash table with linear probing. Knows nothing
 * of tokens. */
#ifndef SIGNET_PKCS11_INDEX_INTERNAL_H
#define SIGNET_PKCS11_INDEX_INTERNAL_H

#include <stddef.h>
#include <stdint.h>

#include <signet/base/error.h>
#include <signet/pkcs11/object.h>

#define INDEX_MAX ((size_t)1 << 22) /* places; half of them are used at most */

/* INDEX_UNNUMBERED: there, but its handle is not known any more. */
enum index_state { INDEX_EMPTY, INDEX_PRESENT, INDEX_MISSING, INDEX_UNNUMBERED };

struct index_entry {
    struct sg_pkcs11_id id;
    unsigned long handle; /* INDEX_MISSING: when it was searched for, monotonic ms */
    uint8_t object_class; /* enum sg_pkcs11_class */
    uint8_t state;        /* enum index_state */
};

struct index {
    struct index_entry *entries;
    size_t places; /* a power of two, or 0 */
    size_t used;
    size_t present[SG_PKCS11_CLASS_COUNT]; /* with and without a known handle */
};

void sg_pkcs11_index_done(struct index *index);
/* Forget everything, keep the room. */
void sg_pkcs11_index_clear(struct index *index);
/* Turn "missing" back into "not looked up yet". */
void sg_pkcs11_index_forget_missing(struct index *index);
/* Forget all handles and what was missing, but not what is there. */
void sg_pkcs11_index_forget_handles(struct index *index);
/* INDEX_EMPTY: never looked up. *handle is the entry's. */
enum index_state sg_pkcs11_index_get(const struct index *index, enum sg_pkcs11_class object_class,
                                     const struct sg_pkcs11_id *id, unsigned long *handle);
/* Remember a handle, or with INDEX_MISSING that there was none then. Replaces what is there.
 * SG_E_LIMIT when full. */
SG_CHECKED sg_status sg_pkcs11_index_put(struct index *index, enum sg_pkcs11_class object_class,
                                         const struct sg_pkcs11_id *id, enum index_state state,
                                         unsigned long handle, struct sg_error *err);
/* Back to "never looked up". */
void sg_pkcs11_index_drop(struct index *index, enum sg_pkcs11_class object_class,
                          const struct sg_pkcs11_id *id);

#endif
