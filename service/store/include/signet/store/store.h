/* The store: owners, certificates, rings, connections, intents. SQLite today; control alone opens
 * it (exclusive, WAL, synchronous=FULL). Constraints of the model stand in the schema too. Every
 * function may fail with SG_E_STORAGE (disk full: code "disk_full"; "store_busy" when another
 * process holds the store; "store_damaged"; "store_newer" when the file is of a newer Signet).
 * Names given here were checked by policy/name.h. */
#ifndef SIGNET_STORE_STORE_H
#define SIGNET_STORE_STORE_H

#include <sys/types.h>

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/policy/model.h>
#include <signet/policy/name_filter.h>

struct sg_store;

/** Open (and create or migrate) the store in a file. */
SG_CHECKED sg_status sg_store_open(const char *path, struct sg_store **out, struct sg_error *err);
void sg_store_close(struct sg_store *store);
SG_DEFINE_CLEANUP(struct sg_store *, sg_store_close)

/** The file; of a copy, words that say so. Valid as long as the store is open. */
const char *sg_store_path(const struct sg_store *store);
/** Bytes that the store takes. */
SG_CHECKED sg_status sg_store_size(struct sg_store *store, uint64_t *bytes, struct sg_error *err);
/** Copy the store into memory, for a rehearsal; neither knows of the other from then on. The copy
 * may grow by so many bytes: beyond that it fails with SG_E_SERVICE "rehearsal_full". Outside of
 * transactions. */
SG_CHECKED sg_status sg_store_copy(struct sg_store *store, uint64_t growth, struct sg_store **out,
                                   struct sg_error *err);

/** Transactions do not nest. begin is immediate (takes the write lock). */
SG_CHECKED sg_status sg_store_begin(struct sg_store *store, struct sg_error *err);
SG_CHECKED sg_status sg_store_commit(struct sg_store *store, struct sg_error *err);
/** Did the last write fail because the file cannot be written (no space, read-only, an I/O error)?
 * Then why and when (seconds since 1970). */
bool sg_store_write_failed(const struct sg_store *store, struct sg_error *why, int64_t *at_s);
/** Keep space back on the store's disk (512 KiB, in a file beside it), or what can be had of it. To
 * be called now and then: it makes good what was spent. After a write that failed for want of space
 * the log is emptied, and once there is room again that failure is forgotten. */
void sg_store_reserve_keep(struct sg_store *store);
/** Give a quarter of it to the disk, for a write that must not fail; the last one only when told
 * so. False: none is left. Outside of transactions. */
bool sg_store_reserve_spend(struct sg_store *store, bool last);
/** Bytes that are kept back. */
uint64_t sg_store_reserve_left(const struct sg_store *store);
/** Roll back if a transaction is open; never fails. */
void sg_store_rollback(struct sg_store *store);
/** Rolls back what was not committed when the variable leaves its scope: SG_TRANSACTION struct
 * sg_store *open = store; */
static inline void sg_store_rollbackp(struct sg_store *const *store)
{
    if (*store != NULL) {
        sg_store_rollback(*store);
    }
}
/** True when a reader sees nothing but what was committed: no transaction is open, or it has
 * changed nothing yet. */
bool sg_store_is_clean(const struct sg_store *store);
#define SG_TRANSACTION SG_CLEANUP(sg_store_rollbackp) SG_UNUSED

/* ---- owners and the Unix users that act as them ---- */
/** Create; CERTAUTH and SITE exist from the start. SG_E_CONFLICT "owner_exists". */
SG_CHECKED sg_status sg_store_owner_add(struct sg_store *store, const char *owner,
                                        struct sg_error *err);
/** *exists tells. */
SG_CHECKED sg_status sg_store_owner_exists(struct sg_store *store, const char *owner, bool *exists,
                                           struct sg_error *err);
/** SG_E_CONFLICT "already_attached". */
SG_CHECKED sg_status sg_store_owner_attach(struct sg_store *store, const char *owner, uid_t uid,
                                           struct sg_error *err);
/** SG_E_NOT_FOUND "not_attached". */
SG_CHECKED sg_status sg_store_owner_detach(struct sg_store *store, const char *owner, uid_t uid,
                                           struct sg_error *err);
/** A row of a listing; the pointers live during the call. Returning anything but SG_OK (with err
 * set) stops the walk and is returned. */
typedef sg_status (*sg_owner_sink)(void *context, const char *owner, const uid_t *uids,
                                   size_t uid_count, uint64_t certificates, uint64_t rings,
                                   struct sg_error *err);
SG_CHECKED sg_status sg_store_owner_each(struct sg_store *store, sg_owner_sink sink, void *context,
                                         struct sg_error *err);
/** Owners that a uid is attached to: *out is one malloc'd block of *count names that the caller
 * frees. */
SG_CHECKED sg_status sg_store_owners_of_uid(struct sg_store *store, uid_t uid,
                                            struct sg_owner_name **out, size_t *count,
                                            struct sg_error *err);

/* ---- keys and certificates ---- */
/** A certificate's row. Owns its DER: sg_certificate_row_done. */
struct sg_certificate_row {
    int64_t id; /**< 0 for a new one */
    struct sg_certificate_name name;
    enum sg_trust trust;
    char serial[132];   /**< upper-case hexadecimal */
    unsigned char *der; /**< malloc'd */
    size_t der_len;
    struct sg_bytes subject,
        issuer; /**< DER of the names; on reading they point into the row's own memory */
    char subject_text[2048], issuer_text[2048]; /**< RFC 4514 */
    unsigned char spki_sha256[32];
    int64_t not_before_s, not_after_s;
    bool placeholder; /**< self-signed, made with the key, waiting for the CA's answer */
    bool requested;   /**< a CSR was made from it (RACF's CERTGREQ) */
    bool self_signed; /**< its own key signed it: no issuer has a part in it. Only written: false
                         when it was read */
    bool has_key;
    struct sg_key_id key;
    char token[SG_TOKEN_NAME_MAX + 1]; /**< configured name of the key's token */
    char key_type[32]; /**< "ec:p256" for keys of ours, else the description "RSA 2048" */
    bool may_decrypt, may_derive, extractable; /**< of the key */
    bool imported;  /**< the key came from outside; false: it was made in its token */
    bool retired;   /**< the key was rolled over: kept for decryption, it signs no more */
    unsigned usage; /**< X.509 keyUsage bits that were asked for at generation: for the CSR */
    void *memory;   /**< internal */
};
void sg_certificate_row_done(struct sg_certificate_row *row);
#define SG_CERTIFICATE_ROW SG_CLEANUP(sg_certificate_row_done) struct sg_certificate_row

/** Record a key of a token. */
SG_CHECKED sg_status sg_store_key_add(struct sg_store *store, const struct sg_certificate_row *row,
                                      struct sg_error *err);
/** Let a key sign no more: it stays for decryption. SG_E_NOT_FOUND "key_not_found". */
SG_CHECKED sg_status sg_store_key_retire(struct sg_store *store, const struct sg_key_id *key,
                                         struct sg_error *err);
/** Forget a key that is to be destroyed: its certificates stay, without it. SG_E_NOT_FOUND
 * "key_not_found". */
SG_CHECKED sg_status sg_store_key_forget(struct sg_store *store, const struct sg_key_id *key,
                                         struct sg_error *err);
/** Add a certificate (row->has_key: row->key must be recorded); sets row->id. SG_E_CONFLICT:
 * "label_in_use"; "certificate_exists" (names owner and label that have the same serial number and
 * issuer). SG_E_NOT_FOUND "owner_not_found". */
SG_CHECKED sg_status sg_store_certificate_add(struct sg_store *store,
                                              struct sg_certificate_row *row, struct sg_error *err);
/** Replace the certificate row->id in place (everything but id, owner, label, key), keeping
 * connections. */
SG_CHECKED sg_status sg_store_certificate_replace(struct sg_store *store,
                                                  const struct sg_certificate_row *row,
                                                  struct sg_error *err);
SG_CHECKED sg_status sg_store_certificate_set_trust(struct sg_store *store, int64_t id,
                                                    enum sg_trust trust, struct sg_error *err);
/** SG_E_CONFLICT "label_in_use". */
SG_CHECKED sg_status sg_store_certificate_set_label(struct sg_store *store, int64_t id,
                                                    const char *label, struct sg_error *err);
SG_CHECKED sg_status sg_store_certificate_set_requested(struct sg_store *store, int64_t id,
                                                        struct sg_error *err);
/** Delete a certificate and its connections; its key's row too when no certificate uses it any more
 * (*key_orphaned). */
SG_CHECKED sg_status sg_store_certificate_delete(struct sg_store *store, int64_t id,
                                                 bool *key_orphaned, struct sg_error *err);
/** SG_E_NOT_FOUND "certificate_not_found"; the hint names near misses ("did you mean"). */
SG_CHECKED sg_status sg_store_certificate_get(struct sg_store *store,
                                              const struct sg_certificate_name *name,
                                              struct sg_certificate_row *out, struct sg_error *err);
/** The same where a free name is what is looked for: nothing is suggested, which reads all of the
 * owner's labels. */
SG_CHECKED sg_status sg_store_certificate_find(struct sg_store *store,
                                               const struct sg_certificate_name *name,
                                               struct sg_certificate_row *out, bool *found,
                                               struct sg_error *err);
typedef sg_status (*sg_certificate_sink)(void *context, const struct sg_certificate_row *row,
                                         struct sg_error *err);
/** What to look for; unset fields do not restrict. */
struct sg_certificate_filter {
    const char *owner;
    const unsigned char *spki_sha256; /**< 32 bytes */
    const struct sg_key_id *key;      /**< the key's CKA_ID */
    const unsigned char *subject;     /**< DER */
    size_t subject_len;
    const char *serial; /**< with .issuer */
    const unsigned char *issuer;
    size_t issuer_len;
    int64_t connected_to;    /**< ring id */
    bool with_key;           /**< only those with a key */
    size_t limit;            /**< 0 = all */
    const char *after_label; /**< with .owner: only labels greater than this (paging) */
};
/** Walk certificates in order of owner and label. */
SG_CHECKED sg_status sg_store_certificate_each(struct sg_store *store,
                                               const struct sg_certificate_filter *filter,
                                               sg_certificate_sink sink, void *context,
                                               struct sg_error *err);
/** Number of certificates, rings, keys. */
struct sg_store_counts {
    uint64_t owners, certificates, keys, rings, connections, intents;
};
SG_CHECKED sg_status sg_store_count(struct sg_store *store, struct sg_store_counts *out,
                                    struct sg_error *err);

/* ---- rings ---- */
struct sg_ring_row {
    int64_t id; /**< the slot number: that of OWNER/NAME, also when the ring is made anew */
    struct sg_ring_ref name;
    uint64_t sequence; /**< grows with every change a reader could see */
    uint64_t connections;
};
/** SG_E_CONFLICT "ring_exists"; SG_E_NOT_FOUND "owner_not_found". */
SG_CHECKED sg_status sg_store_ring_add(struct sg_store *store, const struct sg_ring_ref *name,
                                       int64_t *id, struct sg_error *err);
SG_CHECKED sg_status sg_store_ring_delete(struct sg_store *store, int64_t id, struct sg_error *err);
/** SG_E_NOT_FOUND "ring_not_found" with near misses. */
SG_CHECKED sg_status sg_store_ring_get(struct sg_store *store, const struct sg_ring_ref *name,
                                       struct sg_ring_row *out, struct sg_error *err);
/** By its number; *found tells. */
SG_CHECKED sg_status sg_store_ring_find(struct sg_store *store, int64_t id, struct sg_ring_row *out,
                                        bool *found, struct sg_error *err);
typedef sg_status (*sg_ring_sink)(void *context, const struct sg_ring_row *row,
                                  struct sg_error *err);
/** Rings of an owner (NULL: all), by owner and name. */
SG_CHECKED sg_status sg_store_ring_each(struct sg_store *store, const char *owner,
                                        sg_ring_sink sink, void *context, struct sg_error *err);
/** Is this ring wanted? Asked in the middle of a query: it does not use the store. */
typedef bool (*sg_ring_filter)(void *context, const char *owner, const char *ring);
/** Rings that a filter wants, of the owners from first to last (in the order of their names), by
 * owner and name. */
SG_CHECKED sg_status sg_store_ring_each_between(struct sg_store *store, const char *first,
                                                const char *last, sg_ring_filter filter,
                                                sg_ring_sink sink, void *context,
                                                struct sg_error *err);
/** What there is to a ring besides its name and its members. */
struct sg_ring_outline {
    int64_t id;
    uint64_t sequence; /**< of changes */
    struct sg_owner_name owner;
    uint64_t connections;
};
typedef sg_status (*sg_ring_outline_sink)(void *context, const struct sg_ring_outline *ring,
                                          struct sg_error *err);
/** The same rings, many of them in little time. The sink is called in the middle of a query: it
 * does not use the store. */
SG_CHECKED sg_status sg_store_ring_outlines_between(struct sg_store *store, const char *first,
                                                    const char *last, sg_ring_filter filter,
                                                    sg_ring_outline_sink sink, void *context,
                                                    struct sg_error *err);
/** Count a change of each of these, without reading more of them than their names. */
SG_CHECKED sg_status sg_store_ring_bump_between(struct sg_store *store, const char *first,
                                                const char *last, sg_ring_filter filter,
                                                void *context, struct sg_error *err);
/** Of how many rings whose names begin alike the names are read. */
#define SG_RINGS_ALIKE 1000
/** Is one of these wanted: the ring of this very name, or one of its owner's whose names have this
 * beginning, the first SG_RINGS_ALIKE by name? *found false: none. */
SG_CHECKED sg_status sg_store_ring_find_alike(struct sg_store *store,
                                              const struct sg_ring_ref *exactly,
                                              const char *beginning, sg_ring_filter filter,
                                              void *context, struct sg_ring_row *out, bool *found,
                                              struct sg_error *err);
/** Count a change of every ring that holds the certificate. */
SG_CHECKED sg_status sg_store_ring_bump_holding(struct sg_store *store, int64_t certificate_id,
                                                struct sg_error *err);
/** Count a change of an owner's rings, and of others' through which its keys could be used. */
SG_CHECKED sg_status sg_store_ring_bump_owner(struct sg_store *store, const char *owner,
                                              struct sg_error *err);
/** Connect, or replace usage and default of an existing connection (*replaced). DEFAULT takes it
 * from another (*displaced_label, may be empty). Counts the change. */
SG_CHECKED sg_status sg_store_connect(struct sg_store *store, int64_t ring_id,
                                      int64_t certificate_id, enum sg_usage usage, bool is_default,
                                      bool *replaced, struct sg_certificate_name *displaced,
                                      struct sg_error *err);
/** The ring's default; empty names: it has none. */
SG_CHECKED sg_status sg_store_ring_default(struct sg_store *store, int64_t ring_id,
                                           struct sg_certificate_name *out, struct sg_error *err);
/** SG_E_NOT_FOUND "not_connected". Counts the change. */
SG_CHECKED sg_status sg_store_disconnect(struct sg_store *store, int64_t ring_id,
                                         int64_t certificate_id, struct sg_error *err);
/** Put another certificate in a connection's place: usage, default and position stay. When the
 * other one is connected already, its own connection goes, and its being the default passes over.
 * SG_E_NOT_FOUND "not_connected". Counts the change. */
SG_CHECKED sg_status sg_store_connection_replace(struct sg_store *store, int64_t ring_id,
                                                 int64_t certificate_id, int64_t other_id,
                                                 struct sg_error *err);
typedef sg_status (*sg_connection_sink)(void *context, const struct sg_certificate_row *row,
                                        enum sg_usage usage, bool is_default, struct sg_error *err);
/** Members of a ring: the default first, then in the order of connection. */
SG_CHECKED sg_status sg_store_connection_each(struct sg_store *store, int64_t ring_id,
                                              sg_connection_sink sink, void *context,
                                              struct sg_error *err);
typedef sg_status (*sg_membership_sink)(void *context, const struct sg_ring_row *ring,
                                        enum sg_usage usage, bool is_default, struct sg_error *err);
/** Rings that hold a certificate. */
SG_CHECKED sg_status sg_store_membership_each(struct sg_store *store, int64_t certificate_id,
                                              sg_membership_sink sink, void *context,
                                              struct sg_error *err);

/* ---- certificate name filters ---- */
struct sg_map_row {
    int64_t id;                      /**< 0 for a new one */
    struct sg_certificate_name name; /**< owner: a user ID or MULTIID; the filter's label */
    bool trusted;                    /**< NOTRUST: whatever it matches is nobody */
    char subject[SG_FILTER_BYTES + 1], issuer[SG_FILTER_BYTES + 1]; /**< "": not restricted */
    char criteria[SG_CRITERIA_MAX + 1];                             /**< of MULTIID's, else "" */
};
/** Add; an empty label becomes the lowest free LABELnnnnnnnn of the owner. Sets row->id and the
 * label. SG_E_CONFLICT: "label_in_use", "filter_exists" (names owner and label that have the same
 * filter); SG_E_NOT_FOUND "owner_not_found". */
SG_CHECKED sg_status sg_store_map_add(struct sg_store *store, struct sg_map_row *row,
                                      struct sg_error *err);
/** Write label, trust and criteria of row->id. SG_E_CONFLICT "label_in_use". */
SG_CHECKED sg_status sg_store_map_alter(struct sg_store *store, const struct sg_map_row *row,
                                        struct sg_error *err);
SG_CHECKED sg_status sg_store_map_delete(struct sg_store *store, int64_t id, struct sg_error *err);
/** By owner and label; an empty label means the owner's only one. SG_E_NOT_FOUND "map_not_found",
 * SG_E_CONFLICT "label_needed". */
SG_CHECKED sg_status sg_store_map_get(struct sg_store *store,
                                      const struct sg_certificate_name *name,
                                      struct sg_map_row *out, struct sg_error *err);
/** By what it filters; *found tells. */
SG_CHECKED sg_status sg_store_map_find(struct sg_store *store, const char *subject,
                                       const char *issuer, struct sg_map_row *out, bool *found,
                                       struct sg_error *err);
typedef sg_status (*sg_map_sink)(void *context, const struct sg_map_row *row, struct sg_error *err);
/** Filters of an owner (NULL: all), by owner and label. */
SG_CHECKED sg_status sg_store_map_each(struct sg_store *store, const char *owner, sg_map_sink sink,
                                       void *context, struct sg_error *err);

/* ---- intents: what was about to be done in a token ---- */
enum sg_intent_kind {
    SG_INTENT_GENERATE = 1,    /**< objects with this CKA_ID may exist; the key is not recorded */
    SG_INTENT_CERTIFICATE = 2, /**< the certificate object of this recorded key may be stale */
    SG_INTENT_DESTROY = 3,     /**< the key's row is gone, its objects may remain (tombstone) */
};
struct sg_intent {
    int64_t id;
    enum sg_intent_kind kind;
    char token[SG_TOKEN_NAME_MAX + 1];
    struct sg_key_id key;
    char operation[64]; /**< "cert.generate START1/web" cut to fit */
    int64_t created_s;
};
/** Record durably; sets intent->id. Works inside and outside of a transaction. */
SG_CHECKED sg_status sg_store_intent_add(struct sg_store *store, struct sg_intent *intent,
                                         struct sg_error *err);
SG_CHECKED sg_status sg_store_intent_remove(struct sg_store *store, int64_t id,
                                            struct sg_error *err);
typedef sg_status (*sg_intent_sink)(void *context, const struct sg_intent *intent,
                                    struct sg_error *err);
/** Intents of one token (NULL: all), oldest first. The sink may remove the one it is given. */
SG_CHECKED sg_status sg_store_intent_each(struct sg_store *store, const char *token,
                                          sg_intent_sink sink, void *context, struct sg_error *err);
/** Is a key with this CKA_ID recorded? */
SG_CHECKED sg_status sg_store_key_exists(struct sg_store *store, const struct sg_key_id *key,
                                         bool *exists, struct sg_error *err);

/* ---- uses of keys through rings ---- */
struct sg_key_use {
    struct sg_key_id key;
    uint32_t ring, uid;
    uint64_t count; /**< at most INT64_MAX */
    int64_t last_s; /**< seconds since 1970 */
    int64_t done_s; /**< the same of the last that succeeded; 0: none did */
};
/** Add counts to those that are there, also for a ring that has lost the key since. Uses of a key
 * or a ring that is gone are dropped. No ring's sequence changes. Outside of a transaction they
 * survive this process, and a power cut when another change has followed. */
SG_CHECKED sg_status sg_store_key_uses_add(struct sg_store *store, const struct sg_key_use *uses,
                                           size_t count, struct sg_error *err);
/** Who used a key through a ring, the latest first; *count of them, at most room. */
SG_CHECKED sg_status sg_store_key_uses(struct sg_store *store, const struct sg_key_id *key,
                                       int64_t ring, struct sg_key_use *out, size_t room,
                                       size_t *count, struct sg_error *err);
/** How often, by everybody. */
SG_CHECKED sg_status sg_store_key_use_total(struct sg_store *store, const struct sg_key_id *key,
                                            int64_t ring, uint64_t *out, struct sg_error *err);
/** When last, through any ring, seconds since 1970; 0: never. */
SG_CHECKED sg_status sg_store_key_last_use(struct sg_store *store, const struct sg_key_id *key,
                                           int64_t *last_s, struct sg_error *err);

/** Somebody who used a key through a ring. */
struct sg_key_user {
    struct sg_ring_ref ring;
    uint32_t uid;
    uint64_t count;  /**< how often */
    int64_t last_s;  /**< when last; seconds since 1970 */
    int64_t other_s; /**< when last with success another key through that ring; 0: never */
};
typedef sg_status (*sg_key_user_sink)(void *context, const struct sg_key_user *user,
                                      struct sg_error *err);
/** Who has used a key since then, seconds since 1970, the latest first; other: the other key, or
 * NULL. The sink must not change the store. */
SG_CHECKED sg_status sg_store_key_users_each(struct sg_store *store, const struct sg_key_id *key,
                                             const struct sg_key_id *other, int64_t since_s,
                                             sg_key_user_sink sink, void *context,
                                             struct sg_error *err);

/* ---- logins: a PIN is tried once ---- */
enum sg_login_state { SG_LOGIN_NEVER, SG_LOGIN_TRYING, SG_LOGIN_ACCEPTED, SG_LOGIN_REFUSED };
struct sg_login_record {
    enum sg_login_state state;
    uint64_t pin_version;
    bool accepted_before; /**< this PIN version was accepted once */
    int64_t changed_s;
};
/** The record of a token; SG_LOGIN_NEVER when there is none. */
SG_CHECKED sg_status sg_store_login_get(struct sg_store *store, const char *token,
                                        struct sg_login_record *out, struct sg_error *err);
SG_CHECKED sg_status sg_store_login_set(struct sg_store *store, const char *token,
                                        const struct sg_login_record *record, struct sg_error *err);

#endif
