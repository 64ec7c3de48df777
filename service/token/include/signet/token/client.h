/* Talking to a token process. A link is one SOCK_SEQPACKET socket and a sequence number; one
 * request at a time, but for those at the end of this file. Two kinds of links exist: the
 * administrative link (control holds it: everything) and capabilities (a connection process holds
 * one: sign, decrypt, derive with the keys it names, nothing else). The wire is
 * docs/protocol-token.md. */
#ifndef SIGNET_TOKEN_CLIENT_H
#define SIGNET_TOKEN_CLIENT_H

#include <signet/base/buffer.h>
#include <signet/base/error.h>
#include <signet/policy/crypto_rules.h>
#include <signet/policy/model.h>
#include <signet/token/mechanism.h>
#include <signet/token/transport.h>

struct sg_token_link {
    int socket;
    uint32_t sequence;
    bool crowded; /**< what the last answer said: several wait for the token process */
    uint32_t
        ring; /**< through which sg_token_use uses a key: granted and counted there; 0 = none */
    int timeout_ms; /**< for one answer; < 0 waits for ever, or as long as the socket's SO_RCVTIMEO
                       says */
    /** Called instead of waiting with poll(2) for the answer: returns true when socket is readable,
     * false when timeout_ms have passed. May do other work meanwhile, but nothing over this link.
     * NULL: none. */
    bool (*wait)(void *context, int socket, int timeout_ms);
    void *context; /**< for .wait */
    const struct sg_token_stand_in
        *stand_in; /**< answers in the place of a process (stand_in.h); NULL: the process does */
};

/* Failures of every call: SG_E_SERVICE "peer_gone" (the process died: the link is useless now; with
 * .sys_errno set it never took the request up) or "timeout"; what the token refused carries ck_rv
 * and SG_E_TOKEN; a key or mechanism that the capability does not name is SG_E_DENIED
 * "not_granted". */

/** The code of SG_E_SERVICE when the token ended the process's login, or went away: the process
 * ends, a fresh one may do better. */
#define SG_TOKEN_LOGIN_LOST "login_lost"

/** The code of SG_E_TOKEN when a write failed before, or an object is not seen that should be
 * there: nothing was done, and the process ends so that a fresh one reads the token anew. */
#define SG_TOKEN_IN_DOUBT "token_in_doubt"

/* ---- either kind of link ---- */
enum sg_key_verb { SG_VERB_SIGN = 1, SG_VERB_DECRYPT = 2, SG_VERB_DERIVE = 3 };
/** Use a private key. *out_len holds out's room on entry (SG_SIGNATURE_MAX suffices), the result's
 * length on return. To decrypt nothing asks whether the token knows the mechanism: SG_E_TOKEN with
 * CKR_ENCRYPTED_DATA_INVALID when it does, and no use is counted. */
SG_CHECKED sg_status sg_token_use(struct sg_token_link *link, enum sg_key_verb verb,
                                  const struct sg_key_id *key, const struct sg_mechanism *mechanism,
                                  struct sg_bytes data, unsigned char *out, size_t *out_len,
                                  struct sg_error *err);

/* ---- the administrative link only ---- */
/** What a token process knows of its token. */
struct sg_token_info {
    bool logged_in;
    bool pin_spent; /**< the PIN was refused, may have counted as a wrong one, or was kept back
                       because it might: it must not be sent again unasked */
    char label[33], serial[17], manufacturer[33], model[17]; /**< trimmed */
    uint64_t private_keys, certificates;                     /**< objects indexed */
    uint64_t pin_version; /**< digest of the PIN file's identity (device, inode, size, mtime,
                             ctime); 0 = unreadable */
    char problem[256];    /**< why it is not usable, empty when it is */
};
SG_CHECKED sg_status sg_token_get_info(struct sg_token_link *link, struct sg_token_info *out,
                                       struct sg_error *err);
/** Log in (once in the life of the process) and index the objects. SG_E_TOKEN with code
 * "pin_incorrect", "pin_locked", "pin_final_try" (not even tried), "token_missing" …: never tries
 * twice. Whether a fresh process may is .pin_spent of struct sg_token_info. */
SG_CHECKED sg_status sg_token_login(struct sg_token_link *link, struct sg_error *err);

struct sg_generate_request {
    struct sg_key_id id;
    const struct sg_key_spec *spec;
    struct sg_key_abilities abilities;
    bool extractable;
    const char *label; /**< CKA_LABEL for people who look at the token; not a name */
};
/** Generate a key pair, read its attributes back and verify them (private, sensitive, not
 * extractable unless asked, abilities). Appends the SubjectPublicKeyInfo DER (named curve) to spki.
 * When the attributes are wrong the pair is destroyed again. */
SG_CHECKED sg_status sg_token_generate(struct sg_token_link *link,
                                       const struct sg_generate_request *request,
                                       struct sg_buffer *spki, struct sg_error *err);
/** What a private key can be sealed to (transport.h) on its way into this token process. */
struct sg_transport_offer {
    unsigned char id[SG_TRANSPORT_ID_LEN], point[SG_TRANSPORT_POINT_LEN];
};
#define SG_TRANSPORT_LIFE_S 120 /**< seconds that an offer stands */
/** Have the process make a key pair for one import. It lives in that process alone, for
 * SG_TRANSPORT_LIFE_S seconds, until it is used, or until SG_TRANSPORT_OFFERS_MAX others were made
 * after it. */
SG_CHECKED sg_status sg_token_transport(struct sg_token_link *link, struct sg_transport_offer *out,
                                        struct sg_error *err);
#define SG_TRANSPORT_OFFERS_MAX 64
/** Put a private key into the token that was sealed to an offer of this process. package:
 * SG_TRANSPORT_HEAD_LEN bytes of head, then what sg_transport_seal made. The offer is used up,
 * whatever comes of it. Attributes are read back and verified, the token's first signature too;
 * what does not pass is destroyed again. Of the request .id, .abilities, .extractable and .label
 * count, .spec is not looked at. Appends the SubjectPublicKeyInfo, whose digest is the one in the
 * head, to spki. SG_E_CONFLICT "transport_key_gone": used, expired, or of another process;
 * SG_E_INPUT "sealed_key_damaged", "bad_private_key", "unsupported_key", "wrong_key" (another than
 * the head says). */
SG_CHECKED sg_status sg_token_import(struct sg_token_link *link,
                                     const struct sg_generate_request *request,
                                     struct sg_bytes package, struct sg_buffer *spki,
                                     struct sg_error *err);
/** Take a copy of a key out of the token, sealed to point for SG_TRANSPORT_EXPORT and the digest of
 * its public key: appends it to sealed. SG_E_DENIED "key_not_extractable", the token's own word;
 * SG_E_CONFLICT "wrong_key" when it is not the key of that digest; SG_E_NOT_FOUND "key_missing". */
SG_CHECKED sg_status sg_token_export(struct sg_token_link *link, const struct sg_key_id *id,
                                     const unsigned char point[SG_TRANSPORT_POINT_LEN],
                                     const unsigned char spki_sha256[32], struct sg_buffer *sealed,
                                     struct sg_error *err);
/** Store a certificate object beside its key (same CKA_ID), then remove other certificate objects
 * with that CKA_ID. */
SG_CHECKED sg_status sg_token_store_certificate(struct sg_token_link *link,
                                                const struct sg_key_id *id, const char *label,
                                                struct sg_bytes der, struct sg_error *err);
/** Destroy every object that bears the CKA_ID. It is no failure when there is none; *count says how
 * many there were. */
SG_CHECKED sg_status sg_token_destroy(struct sg_token_link *link, const struct sg_key_id *id,
                                      unsigned *count, struct sg_error *err);
/** Make what the token wrote durable (syncfs of its directory, where it has one). */
SG_CHECKED sg_status sg_token_sync(struct sg_token_link *link, struct sg_error *err);

#define SG_GRANTED_KEYS_MAX 100000 /**< keys in one capability, each once for a ring */

/** One key of a capability, through one ring, and what may be done with it there. */
struct sg_granted_key {
    struct sg_key_id id;
    uint32_t ring;                 /**< 0: through none */
    uint8_t sign, decrypt, derive; /**< 0 or 1; decrypt also allows RSA_X_509 */
    uint8_t reserved;              /**< 0 */
};
/** The order of key lists, by key and then by ring: less than 0, 0 or more, for qsort(3) and
 * bsearch(3). */
int sg_granted_key_compare(const void *a, const void *b);
/** Hand the token process its end of a new capability, whose uses are counted for uid. The process
 * closes it when the holder does, and all of them when the administrative link closes. number names
 * the capability on this link. Returns after the process has acknowledged. The socket is not closed
 * here. */
SG_CHECKED sg_status sg_token_grant(struct sg_token_link *link, uint64_t number, uint32_t uid,
                                    int socket, const struct sg_granted_key *keys, size_t count,
                                    struct sg_error *err);
/** Replace a capability's key list (acknowledged: from then on the old list counts no more).
 * SG_E_NOT_FOUND when its holder is gone. */
SG_CHECKED sg_status sg_token_regrant(struct sg_token_link *link, uint64_t number,
                                      const struct sg_granted_key *keys, size_t count,
                                      struct sg_error *err);
/** Let the process forget what it keeps of private keys besides the token's own objects: after a
 * key was destroyed. */
SG_CHECKED sg_status sg_token_forget(struct sg_token_link *link, struct sg_error *err);
/** Close a capability. */
SG_CHECKED sg_status sg_token_revoke(struct sg_token_link *link, uint64_t number,
                                     struct sg_error *err);

/* ---- many capabilities at once ---- */

/** How many may be asked for over one link before the first answer is taken. Nothing else goes over
 * the link until all are. */
#define SG_TOKEN_ASKED_MAX 128

/** What was asked for and is to be answered. */
struct sg_token_ticket {
    uint32_t sequence;
    uint16_t verb;
};
/** Ask for sg_token_regrant or sg_token_revoke without waiting. Where it succeeds the answer must
 * be taken. */
SG_CHECKED sg_status sg_token_regrant_ask(struct sg_token_link *link, uint64_t number,
                                          const struct sg_granted_key *keys, size_t count,
                                          struct sg_token_ticket *out, struct sg_error *err);
SG_CHECKED sg_status sg_token_revoke_ask(struct sg_token_link *link, uint64_t number,
                                         struct sg_token_ticket *out, struct sg_error *err);
/** Wait for the answer, in the order of asking: what the function that waits would have returned.
 */
SG_CHECKED sg_status sg_token_answer(struct sg_token_link *link,
                                     const struct sg_token_ticket *ticket, struct sg_error *err);

#endif
