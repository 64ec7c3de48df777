/* Who may do what: one gate, deny by default, every decision explains itself. Pure.
 * The functions are RACF's FACILITY profiles IRR.DIGTCERT.<function>; rings have RDATALIB profiles
 * <owner>.<ring>.LST and .UPD (docs/racf-compatibility.md, authority). */
#ifndef SIGNET_POLICY_AUTHORITY_H
#define SIGNET_POLICY_AUTHORITY_H

#include <sys/types.h>

#include <signet/policy/model.h>
#include <signet/policy/profile.h>

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
    uid_t uid; /**< (uid_t)-1: nobody in particular, somebody attached to the owners */
    gid_t gid;
    bool administrator;
    bool nobody; /**< the overflow uid, which stands for everybody of other user namespaces */
    const char *const *owners; /**< owners that this Unix user is attached to, upper case */
    size_t owner_count;
    const gid_t *groups; /**< all Unix groups of the user */
    size_t group_count;
};

/** What is asked for: a function on something. */
struct sg_request {
    enum sg_function function;
    const char *owner; /**< whose it is; NULL: nobody's. The ring's owner where there is a ring */
    const char *ring; /**< the ring's name, "*" for the virtual ring of all certificates; or NULL */
    const char *certificate_owner; /**< CONNECT, REMOVE: of the certificate; or NULL */
    enum sg_usage usage;           /**< CONNECT */
};

/** What a decision stands on. */
enum sg_ground {
    SG_GROUND_NONE, /**< no profile, and it is not the owner's own use */
    SG_GROUND_OPEN, /**< needs no authority */
    SG_GROUND_ADMINISTRATOR,
    SG_GROUND_OWN, /**< no profile, and the owner's own use */
    SG_GROUND_PROFILE,
};

/** A decision with its reasons. The pointers are the snapshot's. */
struct sg_decision {
    bool allowed;
    enum sg_level needed, held;
    enum sg_ground ground;
    enum sg_class class;
    struct sg_profile_name resource;
    const struct sg_profile *profile; /**< of SG_GROUND_PROFILE */
    const struct sg_permit *permit;   /**< of it; NULL: the UACC */
    char reason[520]; /**< "needs UPDATE to IRR.DIGTCERT.ADD for START1's certificates, uid 1001
                         holds NONE (no profile)" */
    char remedy[720]; /**< what would change the answer, and who could do it; empty when allowed */
};

#define SG_CHECKS_MAX 3
/** Everything that is asked for a request, in order: the ring, the certificate, its promotion. All
 * must be allowed. Gives their number, 1 … SG_CHECKS_MAX.
 *
 * FACILITY: READ for the caller's own, UPDATE for another user's, CONTROL for CERTAUTH, SITE and
 * what is nobody's. AUTHORITY, OWNER and TOKEN heed no generic profile. CONNECT and REMOVE: by the
 * tables of docs/racf-compatibility.md. RDATALIB, where a profile covers the ring, decides the
 * ring's side alone: LST by READ; UPD by READ on one's own ring, UPDATE on another's. Without a
 * profile: whoever is attached to the owner holds READ for LIST, LISTRING, EXPORT; everybody else
 * nothing. Administrators hold CONTROL. A user's (or its owner's) permit counts before a group's,
 * the highest of the groups' before that for everybody, that before the UACC. */
size_t sg_authority_checks(const struct sg_profiles *profiles, const struct sg_caller *caller,
                           const struct sg_request *request,
                           struct sg_decision checks[SG_CHECKS_MAX]);
/** The check that denies, or, when all allow, the first. */
struct sg_decision sg_authority_decide(const struct sg_profiles *profiles,
                                       const struct sg_caller *caller,
                                       const struct sg_request *request);
/** The same as a question, without the sentences. */
bool sg_authority_allows(const struct sg_profiles *profiles, const struct sg_caller *caller,
                         const struct sg_request *request);
/** True when the caller is attached to the owner. */
bool sg_caller_is(const struct sg_caller *caller, const char *owner);

/** May the caller see this ring as a token? LISTRING of the ring. */
bool sg_authority_ring_visible(const struct sg_profiles *profiles, const struct sg_caller *caller,
                               const char *ring_owner, const char *ring);
/** May the caller use a connected certificate's private key through a ring that it sees? Only
 * PERSONAL connections deliver keys. With an RDATALIB profile: READ for the caller's own
 * certificates, UPDATE for another user's, CONTROL for CERTAUTH's and SITE's; without one: one's
 * own; another's never; CERTAUTH's and SITE's with CONTROL to IRR.DIGTCERT.GENCERT. */
struct sg_decision sg_authority_key(const struct sg_profiles *profiles,
                                    const struct sg_caller *caller, const char *ring_owner,
                                    const char *ring, const char *certificate_owner);
/** Both questions at once. */
bool sg_authority_key_usable(const struct sg_profiles *profiles, const struct sg_caller *caller,
                             const char *ring_owner, const char *ring, enum sg_usage usage,
                             const char *certificate_owner);

/** "<OWNER>.<RING>.LST" (or .UPD) as RDATALIB knows the ring: upper case (ASCII); blanks, "%", "*"
 * and "&" of a ring's name as "_"; the virtual ring "*" as IRR_VIRTUAL_KEYRING. */
void sg_ring_resource(const char *owner, const char *ring, bool update,
                      struct sg_profile_name *out);
/** The profile of RDATALIB that decides about the ring; NULL: none does, as about no ring of an
 * owner with a period. The pointer is the snapshot's. */
const struct sg_profile *sg_ring_profile(const struct sg_profiles *profiles, const char *owner,
                                         const char *ring, bool update);
/** What a permit gives the caller in a profile; *permit NULL for the UACC. */
enum sg_level sg_profile_held(const struct sg_profile *profile, const struct sg_caller *caller,
                              const struct sg_permit **permit);

#endif
