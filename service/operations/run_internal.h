/* What the handlers share. */
#ifndef SIGNET_OPERATIONS_RUN_INTERNAL_H
#define SIGNET_OPERATIONS_RUN_INTERNAL_H

#include <jansson.h>

#include <signet/base/shell.h>
#include <signet/interface/spec.h>
#include <signet/operations/service.h>
#include <signet/x509/certificate.h>

/** One operation under way. A transaction is open while the handler of a changing operation runs;
 * what it returns decides whether it is committed. */
struct sg_run {
    struct sg_service *service;
    const struct sg_operation *operation;
    const struct sg_caller *caller;
    const struct sg_profiles *profiles; /**< as they were when the operation began */
    json_t *params;
    bool dry_run;
    bool visible;                          /**< the change may be seen through a ring */
    json_t *answer;                        /**< object that the handler fills */
    json_t *effects;                       /**< sentences: what it does, in order */
    json_t *warnings;                      /**< sentences */
    struct sg_intent settle[SG_CHAIN_MAX]; /**< intents to settle in the token after the commit */
    size_t settle_count;
    struct sg_intent journal; /**< id 0: none; what to take back in the token when the run fails */
};

/** Add a sentence about what the operation does (past tense reads well for both: "connected
 * START1/web to START1/KEY as PERSONAL"). */
SG_CHECKED sg_status sg_run_effect(struct sg_run *run, struct sg_error *err, const char *format,
                                   ...) SG_PRINTF(3, 4);
SG_CHECKED sg_status sg_run_warn(struct sg_run *run, struct sg_error *err, const char *format, ...)
    SG_PRINTF(3, 4);
/** A sentence as JSON; characters that were cut, and only those, are dropped from the text. NULL
 * when memory is out. */
json_t *sg_run_sentence(char *text);
/** Ask the gate: SG_E_DENIED "not_authorised" with reasons. */
SG_CHECKED sg_status sg_run_require(struct sg_run *run, enum sg_function function,
                                    const char *owner, struct sg_error *err);
/** The same as a question. */
bool sg_run_allowed(struct sg_run *run, enum sg_function function, const char *owner);
/** The same for a ring (its RDATALIB profile counts) or a connection. */
SG_CHECKED sg_status sg_run_require_request(struct sg_run *run, const struct sg_request *request,
                                            struct sg_error *err);
/** May the caller read this ring? */
bool sg_run_ring_allowed(struct sg_run *run, const struct sg_ring_ref *ring);
/** What an operation's need asks of its parameters. *asked false: an optional parameter is absent.
 * The request points into memory. */
struct sg_request_memory {
    struct sg_owner_name owner, certificate_owner;
    struct sg_ring_name ring;
};
SG_CHECKED sg_status sg_need_request(const struct sg_operation *operation,
                                     const struct sg_need *need, const json_t *params,
                                     struct sg_request_memory *memory, struct sg_request *request,
                                     bool *asked, struct sg_error *err);
/** Make the intent durable, before a token is written to. Begins the transaction anew: what the
 * handler had changed in the store is undone and must be done again, for nothing of a run that
 * fails may stay. When the run fails later, what it made in the token is destroyed. Once in a run;
 * refused in a dry run. */
SG_CHECKED sg_status sg_run_journal(struct sg_run *run, struct sg_intent *intent,
                                    struct sg_error *err);
/** Record an intent in the open transaction and settle it in the token after the commit. */
SG_CHECKED sg_status sg_run_settle_later(struct sg_run *run, enum sg_intent_kind kind,
                                         const char *token, const struct sg_key_id *key,
                                         struct sg_error *err);
/** Do in the token what an intent says, and forget it (recover.c). */
SG_CHECKED sg_status sg_intent_settle(struct sg_service *service, struct sg_token_link *link,
                                      const struct sg_intent *intent, struct sg_error *err);

/* ---- parameters: present and well-typed, by the row ---- */
const char *sg_run_text(const struct sg_run *run, const char *name); /**< NULL when absent */
bool sg_run_flag(const struct sg_run *run, const char *name);
bool sg_run_integer(const struct sg_run *run, const char *name, int64_t *out);
/** Strings of an array; borrowed pointers in a malloc'd block (free it); NULL with *count 0 when
 * absent. */
SG_CHECKED sg_status sg_run_texts(const struct sg_run *run, const char *name, const char ***out,
                                  size_t *count, struct sg_error *err);
/** Base64 DER → bytes. */
SG_CHECKED sg_status sg_run_decode(const char *base64, size_t max, struct sg_buffer *out,
                                   struct sg_error *err);
SG_CHECKED sg_status sg_run_certificate_name(const struct sg_run *run, const char *name,
                                             struct sg_certificate_name *out, struct sg_error *err);
/** The same for something new: OWNER/LABEL, or OWNER alone for the owner's lowest free
 * LABELnnnnnnnn. */
SG_CHECKED sg_status sg_run_new_name(const struct sg_run *run, const char *name,
                                     struct sg_certificate_name *out, struct sg_error *err);
/** Find an owner's lowest free LABELnnnnnnnn, from 00000001 on. SG_E_LIMIT "no_free_label". */
SG_CHECKED sg_status sg_run_free_label(const struct sg_run *run, const char *owner,
                                       struct sg_label *out, struct sg_error *err);
SG_CHECKED sg_status sg_run_ring_ref(const struct sg_run *run, const char *name,
                                     struct sg_ring_ref *out, struct sg_error *err);
/** RFC 3339 UTC → seconds. */
SG_CHECKED sg_status sg_run_time(const struct sg_run *run, const char *name, int64_t *out,
                                 struct sg_error *err);
/** The validity that days, not_before and not_after ask for; a year from now without them.
 * SG_E_USAGE "bad_parameter" for days and not_after together, SG_E_INPUT "bad_validity". */
SG_CHECKED sg_status sg_run_validity(const struct sg_run *run, int64_t *not_before_s,
                                     int64_t *not_after_s, struct sg_error *err);
/** Base64 of bytes as a JSON string; NULL when memory is out. */
json_t *sg_run_base64(const unsigned char *data, size_t len);
/** json_object_set_new on the answer. */
SG_CHECKED sg_status sg_run_set(json_t *object, const char *key, json_t *value,
                                struct sg_error *err);

/* ---- certificates as rows and as JSON (certificate_row.c) ---- */
/** Fill a row's facts from a parsed certificate (not name, trust, key, flags). The row owns a copy
 * of the DER. */
SG_CHECKED sg_status sg_row_from_certificate(const struct sg_certificate *certificate,
                                             struct sg_certificate_row *row, struct sg_error *err);
/** May a certificate take a row's place in the store and in its rings? Where rings trust the old
 * one, the gate is asked whether the caller may bring in an anchor. Warns of another subject. */
SG_CHECKED sg_status sg_renewal_check(struct sg_run *run, const struct sg_certificate_row *old,
                                      const struct sg_certificate_facts *facts,
                                      struct sg_error *err);
/** A certificate of a token key stands in the token too, and must fit into one request to it.
 * SG_E_LIMIT "certificate_too_large". */
SG_CHECKED sg_status sg_row_check_size(const struct sg_certificate_row *row, struct sg_error *err);
/** One word for one kind of key: "ec:p256" for "EC P-256"; what has no word stays as it is. */
const char *sg_row_key_word(const char *key_type);
/** The stable JSON of a row: owner, label, subject, … New reference, NULL when memory is out. */
json_t *sg_row_json(const struct sg_certificate_row *row, int64_t now_s);
/** A certificate as a row's JSON, without what only those of the store have: owner, label, status.
 * New reference, NULL with err. */
json_t *sg_certificate_bare(struct sg_run *run, const struct sg_certificate *certificate,
                            struct sg_error *err);
/** All of it into an answer. */
SG_CHECKED sg_status sg_row_answer(struct sg_run *run, const struct sg_certificate_row *row,
                                   struct sg_error *err);
/** Add what the certificate itself says. */
SG_CHECKED sg_status sg_certificate_details(json_t *object,
                                            const struct sg_certificate *certificate,
                                            struct sg_error *err);
/** The same, and the rings that hold it. */
SG_CHECKED sg_status sg_row_details(struct sg_run *run, const struct sg_certificate_row *row,
                                    json_t *object, struct sg_error *err);
/** Append a row to a list; with its details when the operation's parameter of this name is set. */
SG_CHECKED sg_status sg_row_append(struct sg_run *run, const struct sg_certificate_row *row,
                                   json_t *items, struct sg_error *err);
/** "START1/web" for messages. */
struct sg_name_text {
    char text[SG_OWNER_MAX + SG_LABEL_BYTES + 2];
};
struct sg_name_text sg_row_name(const struct sg_certificate_row *row);
/** The same as a CKA_LABEL: cut, on a character's border, to the 128 bytes that the token process
 * takes. */
struct sg_name_text sg_row_token_label(const struct sg_certificate_row *row);
/** A signer over a key of a token: fills *signer with functions that use link and key, which must
 * outlive it. */
struct sg_token_signer {
    struct sg_signer signer;
    struct sg_token_link *link;
    struct sg_key_id key;
    const struct sg_pretence *pretence; /**< of a rehearsal: what signs then; NULL: the key */
};
/** Refuse a key that was rolled over and signs no more. SG_E_CONFLICT "key_retired". */
SG_CHECKED sg_status sg_run_check_signs(const struct sg_certificate_row *row, struct sg_error *err);
/** Make a row's key sign. spki is borrowed (the row's certificate's facts). SG_E_TOKEN when its
 * token is not ready. In a dry run: no link, signing fails. */
SG_CHECKED sg_status sg_run_signer(struct sg_run *run, const struct sg_certificate_row *row,
                                   struct sg_bytes spki, struct sg_token_signer *out,
                                   struct sg_error *err);
/** What failed in a token: report it to the pool and say it as an operation's failure. Returns
 * err->status. */
sg_status sg_run_token_failed(struct sg_run *run, const char *token, struct sg_error *err);
/** What failed when a row's key was to sign: the same, and it names the certificate whose key the
 * token has lost. Other failures stay as they are. Returns err->status. */
sg_status sg_run_signing_failed(struct sg_run *run, const struct sg_certificate_row *row,
                                struct sg_error *err);

/* ---- the policy of the configuration (policy_check.c) ---- */
/** Refuse a certificate of ours, as it would be stored, that the policy does not allow:
 * sg_crypto_policy_check's codes; the message names its subject. extractable: its key can be
 * exported. */
SG_CHECKED sg_status sg_run_policy_check(struct sg_run *run,
                                         const struct sg_certificate *certificate, bool extractable,
                                         struct sg_error *err);
/** Ask one rule; nothing is prefixed. */
SG_CHECKED sg_status sg_run_policy_ask(struct sg_run *run, const struct sg_certificate *certificate,
                                       enum sg_policy_rule rule, struct sg_error *err);
/** Somebody else's certificate is stored all the same: a warning for each rule that it breaks. */
SG_CHECKED sg_status sg_run_policy_warn(struct sg_run *run,
                                        const struct sg_certificate *certificate,
                                        struct sg_error *err);

/** The policy in force as JSON, the days as of now. New reference, NULL when memory is out. */
json_t *sg_policy_json(const struct sg_crypto_policy *policy, int64_t now_s);

/** A key that rings can deliver. Ed25519 stays out of them: no PKCS#11 RPC client carries EdDSA,
 * and one such key makes libp11 0.4.12 lose every key beside it. */
bool sg_row_key_deliverable(const struct sg_certificate_row *row);

/* ---- malformed certificates (certificate_form.c) ---- */
/** May programs be shown it as far as its form goes? */
bool sg_row_sound(const struct sg_certificate_row *row);
/** Do programs see it where it is connected: sound, and not NOTRUST? */
bool sg_row_shown(const struct sg_certificate_row *row);
/** SG_E_INPUT "malformed_certificate". */
SG_CHECKED sg_status sg_row_require_sound(const struct sg_certificate_row *row,
                                          struct sg_error *err);
/** A warning that it was left out, if it is malformed. */
SG_CHECKED sg_status sg_run_warn_malformed(struct sg_run *run, const struct sg_certificate_row *row,
                                           struct sg_error *err);
/** One that comes from outside: SG_E_INPUT "malformed_certificate" for what must not exist. */
SG_CHECKED sg_status sg_run_check_form(const struct sg_certificate *certificate,
                                       struct sg_error *err);

/* ---- tokens that serve no program, or late (token_trouble.c) ---- */
/** Why no program can use a token's keys, or must wait for them. */
struct sg_token_trouble {
    enum sg_serving serving; /**< SG_SERVES: nothing is wrong */
    const char *code;        /**< "token_unavailable", "token_busy": they wait, or
                                "token_uses_fail": they may */
    const char *effect;      /**< "no program can use", "programs wait for" */
    char text[384];          /**< "token \"softhsm\" waits for an operator: its PIN was refused" */
    char next[512];          /**< a command */
};
/** By what control knows of it; nobody waits for the token. */
struct sg_token_trouble sg_run_token_trouble(const struct sg_run *run, const char *token);

/* ---- rings ---- */
/** Walk the rings that a caller may read, by owner and name, without looking at those that no
 * attachment and no profile could allow. */
SG_CHECKED sg_status sg_visible_rings(struct sg_service *service,
                                      const struct sg_profiles *profiles,
                                      const struct sg_caller *caller, sg_ring_sink sink,
                                      void *context, struct sg_error *err);
/** The same rings, in little time; the sink does not use the store. */
SG_CHECKED sg_status sg_visible_ring_outlines(struct sg_service *service,
                                              const struct sg_profiles *profiles,
                                              const struct sg_caller *caller,
                                              sg_ring_outline_sink sink, void *context,
                                              struct sg_error *err);
/** "START1/KEY" for messages. */
struct sg_ring_text {
    char text[SG_OWNER_MAX + SG_RING_BYTES + 2];
};
struct sg_ring_text sg_ring_text(const struct sg_ring_ref *ref);
/** Another ring of the same owner that programs cannot tell from this one: a name that is cut to
 * make a token's label (sg_name_token_label) may read like another's. *found false: none among
 * the SG_RINGS_ALIKE whose names begin alike. */
SG_CHECKED sg_status sg_ring_find_twin(struct sg_run *run, const struct sg_ring_ref *ring,
                                       struct sg_ring_ref *twin, bool *found, struct sg_error *err);
/** What connecting did. */
struct sg_connected {
    enum sg_usage usage;
    bool is_default, replaced;
};
/** Connect a certificate of the store as the parameters "usage" and "default" say; effects and
 * warnings say so. The gate was asked before. */
SG_CHECKED sg_status sg_run_connect(struct sg_run *run, const struct sg_ring_row *ring,
                                    const struct sg_certificate_row *row, struct sg_connected *out,
                                    struct sg_error *err);
/** What keeps a program from using a ring's member: the first of these that applies. */
enum sg_obstacle {
    SG_OBSTACLE_NONE,
    SG_OBSTACLE_USAGE, /**< not PERSONAL */
    SG_OBSTACLE_NO_KEY,
    SG_OBSTACLE_ED25519,
    SG_OBSTACLE_FOREIGN,   /**< it is not given its key */
    SG_OBSTACLE_MALFORMED, /**< as TRUST it would be hidden too */
    SG_OBSTACLE_NOTRUST,
    SG_OBSTACLE_RETIRED, /**< its key is kept for decryption only */
};
/** What hides it from every program: SG_OBSTACLE_MALFORMED, SG_OBSTACLE_NOTRUST, or
 * SG_OBSTACLE_NONE. */
enum sg_obstacle sg_row_hidden(const struct sg_certificate_row *row);
enum sg_obstacle sg_member_obstacle(const struct sg_profiles *profiles,
                                    const struct sg_caller *caller, const struct sg_ring_ref *ring,
                                    const struct sg_certificate_row *row, enum sg_usage usage);
/** The same of a server that runs as a user of the ring's owner. */
enum sg_obstacle sg_server_obstacle(const struct sg_run *run, const struct sg_ring_ref *ring,
                                    const struct sg_certificate_row *row, enum sg_usage usage);
/** Why a user of the ring's owner is given a PERSONAL certificate's key, or not. */
struct sg_decision sg_server_key(const struct sg_run *run, const struct sg_ring_ref *ring,
                                 const char *certificate_owner);
/** Does a server that runs as a user of this owner see the ring, which may be another owner's? */
bool sg_server_sees(const struct sg_run *run, const char *owner, const struct sg_ring_ref *ring);
/** What it does, after a certificate's name: "has no private key here". Never NULL. */
const char *sg_obstacle_text(enum sg_obstacle obstacle);
/** The server identity of a ring: its default, or, with a warning, the first member that a server
 * running as a user of the ring's owner can use. A default that cannot be used is refused, for
 * programs would take it all the same: SG_E_CONFLICT "default_not_usable". None: SG_E_NOT_FOUND
 * with this code. key_file: the server has the key elsewhere, so that the ring's need not be there.
 * *out: end it with sg_certificate_row_done. */
SG_CHECKED sg_status sg_run_server_identity(struct sg_run *run, const struct sg_ring_row *ring,
                                            bool key_file, const char *none_code,
                                            struct sg_certificate_row *out, struct sg_error *err);

/** Build the chain of a certificate from the store (its owner's certificates first, then
 * CERTAUTH's) and, before them, extra ones. Parsed certificates are kept in *keep. */
struct sg_found_chain {
    struct sg_chain chain;
    struct sg_certificate *kept[SG_CHAIN_MAX * 4]; /**< owned */
    struct sg_certificate_name
        names[SG_CHAIN_MAX * 4]; /**< where kept[i] stands; owner empty: not in the store */
    enum sg_trust trust[SG_CHAIN_MAX * 4];
    size_t kept_count;
};
void sg_found_chain_done(struct sg_found_chain *found);
SG_CHECKED sg_status sg_chain_find(struct sg_service *service, const char *owner,
                                   const struct sg_certificate *leaf,
                                   const struct sg_certificate *const *extra, size_t extra_count,
                                   struct sg_found_chain *out, struct sg_error *err);
/** Index into kept of a chain's member, or -1 (the leaf, an extra one). */
int sg_found_chain_index(const struct sg_found_chain *found, size_t member);

/** Does the parameter "ring" name a virtual ring? *owner: whose (ring_virtual.c). */
bool sg_run_virtual_ring(const struct sg_run *run, struct sg_owner_name *owner);
/** Answer with a virtual ring, its members in items. */
SG_CHECKED sg_status sg_virtual_show(struct sg_run *run, const char *owner, json_t *items,
                                     struct sg_error *err);
/** Append what of it can verify others. SG_E_CONFLICT or SG_E_NOT_FOUND "nothing_to_export". */
SG_CHECKED sg_status sg_virtual_export(struct sg_run *run, const char *owner, json_t *entries,
                                       struct sg_error *err);

/** The uid that stands for users of other user namespaces. */
int64_t sg_overflow_uid(void);
/** Append {"der", "name"} to an array. */
SG_CHECKED sg_status sg_run_add_entry(json_t *entries, struct sg_bytes der, const char *name,
                                      struct sg_error *err);
/** A profile was changed: count that in the rings about whose reading it decided or decides now,
 * alone; what is changed is in the store already, and run->profiles is from before. */
SG_CHECKED sg_status sg_count_profile(struct sg_run *run, enum sg_class class, const char *profile,
                                      struct sg_error *err);
/** A Unix user was attached to an owner or detached: count that in the owner's rings, in those that
 * hold keys of its, and where a permit for the owner decides. */
SG_CHECKED sg_status sg_count_attachment(struct sg_run *run, const char *owner,
                                         struct sg_error *err);

/** Append a certificate and its issuers, leaf first, as far as they are known; a warning when the
 * chain does not end in a root. */
SG_CHECKED sg_status sg_export_chain(struct sg_run *run, const struct sg_certificate_row *row,
                                     json_t *entries, struct sg_error *err);

/** Answer with the private key, encrypted to the parameter "recipient". SG_E_CONFLICT
 * "no_private_key", SG_E_DENIED "key_not_extractable", SG_E_INPUT "bad_transport_key", and the
 * token's. */
SG_CHECKED sg_status sg_export_key(struct sg_run *run, const struct sg_certificate_row *row,
                                   struct sg_error *err);

/* ---- handlers: one for each row of the table; a row without a handler does not link ---- */
#define SG_OPERATION(identifier, ...)                                                              \
    sg_status sg_operation_##identifier(struct sg_run *run, struct sg_error *err);
#include <signet/interface/operations.def>
#undef SG_OPERATION

#endif
