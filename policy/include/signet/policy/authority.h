/* Who may do what: one gate, deny by default, every decision explains itself. Pure.
 * The functions are RACF's FACILITY profiles IRR.DIGTCERT.<function> (docs/racf-compatibility.md,
 * authority). */
#ifndef SIGNET_POLICY_AUTHORITY_H
#define SIGNET_POLICY_AUTHORITY_H

#include <sys/types.h>

#include <signet/policy/model.h>

enum sg_function {
    SG_FUNCTION_NONE, /**< needs no authority: help, the service's version */
    SG_FUNCTION_ADD,
    SG_FUNCTION_ALTER,
    SG_FUNCTION_DELETE,
    SG_FUNCTION_EXPORT,
    SG_FUNCTION_GENCERT,
    SG_FUNCTION_GENREQ,
    SG_FUNCTION_LIST,
    SG_FUNCTION_CONNECT,
    SG_FUNCTION_REMOVE,
    SG_FUNCTION_ADDRING,
    SG_FUNCTION_DELRING,
    SG_FUNCTION_LISTRING,
    SG_FUNCTION_REKEY,
    SG_FUNCTION_ROLLOVER,
    SG_FUNCTION_EXPORTKEY, /**< a private key out of its token, where it may leave it */
    SG_FUNCTION_MAP,       /**< certificate name filters */
    SG_FUNCTION_ALTMAP,
    SG_FUNCTION_DELMAP,
    SG_FUNCTION_LISTMAP,
    SG_FUNCTION_BIND, /**< certificates in served tokens */
    SG_FUNCTION_UNBIND,
    SG_FUNCTION_ADDTOKEN, /**< served tokens: administrators */
    SG_FUNCTION_DELTOKEN,
    SG_FUNCTION_LISTTOKEN,
    SG_FUNCTION_AUTHORITY, /**< profiles and permits: administrators */
    SG_FUNCTION_OWNER,     /**< owners and the Unix users attached to them: administrators */
    SG_FUNCTION_TOKEN,     /**< tokens: administrators */
    SG_FUNCTION_STATUS,    /**< the service's condition: everybody sees that it runs, administrators
                              the rest */
};
#define SG_FUNCTION_COUNT (SG_FUNCTION_STATUS + 1)

/** "GENCERT" …; never NULL. */
const char *sg_function_name(enum sg_function function);

/** Who asks. */
struct sg_caller {
    uid_t uid;
    gid_t gid;
    bool administrator;
    const char *const *owners; /**< owners that this Unix user is attached to, upper case */
    size_t owner_count;
};

/** A decision with its reasons. */
struct sg_decision {
    bool allowed;
    enum sg_level needed, held;
    char reason[256]; /**< "needs UPDATE to IRR.DIGTCERT.ADD for START1's certificates, you hold
                         NONE" */
    char remedy[256]; /**< what would change the answer, and who could do it */
};

/** May the caller perform the function on something that owner has? owner is NULL for what nobody
 * owns. Administrators hold CONTROL. A caller holds READ for LIST, LISTRING, EXPORT and STATUS on
 * owners it is attached to. The rest: NONE. Needed: READ for the caller's own, UPDATE for another
 * user's, CONTROL for CERTAUTH and SITE. */
struct sg_decision sg_authority_decide(const struct sg_caller *caller, enum sg_function function,
                                       const char *owner);
/** True when the caller is attached to the owner. */
bool sg_caller_is(const struct sg_caller *caller, const char *owner);
/** May the caller see this owner's rings as tokens? Its own ones; administrators all. */
bool sg_authority_ring_visible(const struct sg_caller *caller, const char *ring_owner);
/** May the caller use a connected certificate's private key through that ring? Only PERSONAL
 * connections deliver keys; of one's own certificates, or, for administrators, of anybody's. */
bool sg_authority_key_usable(const struct sg_caller *caller, const char *ring_owner,
                             enum sg_usage usage, const char *certificate_owner);

#endif
