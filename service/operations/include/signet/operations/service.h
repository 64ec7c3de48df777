/* What the operations work on: store, tokens, clock, and who must hear of changes. The control
 * process makes one; tests make their own. */
#ifndef SIGNET_OPERATIONS_SERVICE_H
#define SIGNET_OPERATIONS_SERVICE_H

#include <signet/base/clock.h>
#include <signet/base/error.h>
#include <signet/operations/left_out.h>
#include <signet/policy/authority.h>
#include <signet/policy/crypto_policy.h>
#include <signet/store/profiles.h>
#include <signet/store/store.h>
#include <signet/token/client.h>

/** A configured token's condition, for status and listings. */
struct sg_token_state {
    const char *name;  /**< as configured */
    bool ready;        /**< operations may use it, and it serves rings */
    const char *state; /**< "ready", "starting", "waiting_for_operator", "failed" */
    char label[33];
    unsigned processes_ready, processes; /**< that serve rings */
    uint64_t private_keys;
    bool extractable_allowed;
    char problem[320];     /**< why it is not ready, or a process of it, or empty */
    uint64_t failed_uses;  /**< uses of keys that the token failed at, since control started */
    char last_failure[48]; /**< what it said of the last one: "CKR_DEVICE_ERROR" */
    int64_t last_failure_s;
    bool failing; /**< none has succeeded since */
};

/** Whether programs can use a token's keys through rings. */
enum sg_serving {
    SG_SERVES,
    SG_SERVES_SOON,      /**< its processes are starting */
    SG_SERVES_NOT,       /**< its module or the token itself is not usable */
    SG_SERVES_WHEN_TOLD, /**< its PIN was refused: an operator must say that it may be tried */
    SG_SERVES_BADLY,     /**< the last use of a key failed in it */
    SG_SERVES_SLOWLY,    /**< each of its processes is in an operation that takes its time */
    SG_SERVES_NOBODY,    /**< none of its processes answers */
    SG_SERVES_NO_MORE,   /**< no token of that name is configured */
};

/** The tokens as the operations see them; a table of functions so that a test can bring its own. */
struct sg_tokens {
    size_t (*count)(void *context);
    /** Condition of token i. */
    void (*state)(void *context, size_t i, struct sg_token_state *out);
    /** Whether this token serves, by what is known of it: it is not asked, and nobody waits. NULL:
     * all do. */
    enum sg_serving (*serving)(void *context, const char *name);
    /** Wait, a few seconds at most, for processes that are being replaced. Logins are recorded in
     * the store: call it outside of transactions. */
    void (*settle)(void *context);
    /** The administrative link of a token that is ready, and that nobody else waits for. SG_E_TOKEN
     * "token_unavailable" with the reason otherwise, SG_E_NOT_FOUND "token_not_found". */
    sg_status (*link)(void *context, const char *name, struct sg_token_link **out,
                      struct sg_error *err);
    /** A call over the link failed: the token's process may have to be replaced. */
    void (*failed)(void *context, const char *name, const struct sg_error *why);
    /** A key was destroyed in a token: its processes forget what they keep of keys. May be NULL. */
    void (*forget)(void *context, const char *name);
    /** Try the PIN once more, at an operator's word. Writes the store: call it outside of
     * transactions. */
    sg_status (*login)(void *context, const char *name, struct sg_error *err);
    void *context;
};

/** Who must hear of a change that a ring's reader could see. */
struct sg_change_listener {
    /** Inside the transaction, before it is committed: take away what the new state no longer
     * grants. A failure prevents the change. */
    sg_status (*narrow)(void *context, struct sg_error *err);
    /** After the commit: grant what the new state adds, and let views be renewed. */
    void (*widen)(void *context);
    void *context;
};

/** The Unix groups of users; a table of functions so that control can keep them and a test can
 * bring its own. */
struct sg_groups {
    /** All groups of a user who runs with gid: malloc'd, sorted. As sg_unix_groups. Not asked while
     * no profile of the service permits a group. */
    sg_status (*of_user)(void *context, uid_t uid, gid_t gid, gid_t **out, size_t *count,
                         struct sg_error *err);
    void *context;
};

/** How the process is that lets PKCS#11 clients in. */
struct sg_rings_state {
    enum {
        SG_RINGS_SERVES,
        SG_RINGS_STARTS,
        SG_RINGS_RESTARTS, /**< died again and again: is started in .ms */
        SG_RINGS_SILENT,   /**< has not said for .ms that it lives: it may hang */
    } doing;
    int64_t ms;
    uint64_t restarts; /**< since the service's start */
};

#define SG_REFUSED_USERS 32

/** Clients of rings that were not let in, by user and reason, since control started. */
struct sg_refused_clients {
    struct sg_refused_user {
        uid_t uid;
        bool of_user;   /**< for being too many of this user; else too many in all */
        uint64_t count; /**< 0: nobody */
        int64_t last_s;
    } users[SG_REFUSED_USERS];
};

struct sg_service {
    struct sg_store *store;
    const struct sg_clock *clock;
    struct sg_tokens tokens;
    struct sg_change_listener changes;
    const uid_t *administrators; /**< by the configuration; borrowed */
    size_t administrator_count;
    struct sg_groups groups;
    size_t view_max; /**< bytes that all rings of one caller may take in its view; 0: as many
                        as a view can have */
    size_t view_rings_weight; /**< rings, each with its certificates counted, that all rings of one
                                 caller may bring to its view; 0: as many as are looked at */
    size_t keys_max; /**< keys of one token that all rings of one caller may bring to it, each once
                        for a ring; 0: as many as a capability can have */
    const char *rings_socket; /**< path, for provision and status */
    const char *socket;
    const struct sg_refused_clients *refused; /**< NULL: not known */
    struct sg_left_out *left_out;             /**< of the views made; NULL: it is not kept */
    void (*rings_state)(void *context, struct sg_rings_state *out); /**< NULL: not known */
    void *rings_context;
    struct sg_crypto_policy policy; /**< what certificates of ours may be; the maker fills it in:
                                       all zero allows nothing */
    int64_t started_s;
    uint64_t uses_not_stored; /**< counted, and waiting for a store that can be written */
    bool unsettled; /**< an operation left an intent behind: sg_operations_recover is due */
    struct sg_profile_set *profiles; /**< as they were last read; sg_service_profiles */
    int64_t profiles_stamp;
    uint64_t change_count;            /**< operations that changed something */
    uint64_t connection;              /**< over which the operation under way was asked; 0: none */
    struct sg_rehearsals *rehearsals; /**< NULL: none are held (rehearsal.h) */
    const struct sg_pretence *pretence; /**< this is a rehearsal, and signs so; NULL: it is real */
};

/** The authority profiles as the store has them now, the changes of an open transaction too; read
 * again only when they changed. *out is a reference, the caller's (sg_profile_set_unref). */
SG_CHECKED sg_status sg_service_profiles(struct sg_service *service, struct sg_profile_set **out,
                                         struct sg_error *err);
/** Who a Unix user is to us. Owns its memory. */
struct sg_loaded_caller {
    struct sg_caller caller;
    struct sg_owner_name *names;
    const char **pointers;
    gid_t *groups;
};
void sg_loaded_caller_done(struct sg_loaded_caller *loaded);
#define SG_LOADED_CALLER SG_CLEANUP(sg_loaded_caller_done) struct sg_loaded_caller
SG_CHECKED sg_status sg_caller_load(struct sg_service *service, uid_t uid, gid_t gid,
                                    struct sg_loaded_caller *out, struct sg_error *err);
/** Somebody who is attached to an owner, and nothing else. */
SG_CHECKED sg_status sg_caller_as_owner(const char *owner, struct sg_loaded_caller *out,
                                        struct sg_error *err);
/** SG_E_CONFLICT "store_empty", for a warning: this token holds so many keys, and the store nothing
 * at all. On a first start they are other programs', otherwise the store's file was lost. */
SG_CHECKED sg_status sg_service_check_store(struct sg_service *service, const char *token,
                                            uint64_t private_keys, struct sg_error *err);
/** Forget what the service keeps of the store. */
void sg_service_done(struct sg_service *service);

#endif
