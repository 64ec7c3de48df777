/* Resource profiles: what a class protects, by discrete and generic names, and whom each permits
 * what. Pure values and rules (docs/authority.md). */
#ifndef SIGNET_POLICY_PROFILE_H
#define SIGNET_POLICY_PROFILE_H

#include <signet/base/error.h>
#include <signet/policy/model.h>

#define SG_PROFILE_MAX 280    /**< characters in a profile's name: an owner, a ring and ".LST" */
#define SG_PROFILE_BYTES 1000 /**< bytes of UTF-8 it may take */
#define SG_APPLDATA_MAX 255   /**< characters = bytes (printable ASCII) */
#define SG_PROFILES_MAX 10000 /**< in all classes together */
#define SG_PERMITS_MAX 50000  /**< of all profiles together */

enum sg_class {
    SG_CLASS_FACILITY, /**< IRR.DIGTCERT.<function> */
    SG_CLASS_RDATALIB, /**< <owner>.<ring>.LST and .UPD */
    SG_CLASS_DIGTCRIT, /**< criteria of name filters; APPLDATA is the owner that they mean */
};
#define SG_CLASS_COUNT 3

/** "FACILITY" …; never NULL. */
const char *sg_class_name(enum sg_class class);
/** Read a class in any case; false when it is none. */
bool sg_class_parse(const char *text, enum sg_class *out);
/** Read a level in any case; false when it is none. */
bool sg_level_parse(const char *text, enum sg_level *out);

/** The name of a profile or of a resource: upper case, qualifiers parted by dots. */
struct sg_profile_name {
    char text[SG_PROFILE_BYTES + 1];
};

/** Read a profile's name: valid UTF-8, 1–280 characters, folded to upper case (ASCII), no blanks,
 * no controls, no "&", no empty qualifier. "*" ends a qualifier or is one, "**" is one and stands
 * once. SG_E_INPUT "bad_profile" with the position. */
SG_CHECKED sg_status sg_profile_name_read(const char *text, struct sg_profile_name *out,
                                          struct sg_error *err);
/** True when it holds "%" or "*". */
bool sg_profile_is_generic(const char *profile);
/** Does a profile cover a resource? "%" is one character of a qualifier; "*" the rest of a
 * qualifier, at the very end the rest of the name; "**" any number of qualifiers, none too. */
bool sg_profile_matches(const char *profile, const char *resource);
/** RACF's order, by which the first that matches decides: discrete names first, then the more
 * specific, which is the one with the more specific character where two names begin to differ: a
 * plain character, then "%", "*", "**". Negative, 0, positive. */
int sg_profile_order(const char *a, const char *b);

enum sg_subject_kind {
    SG_SUBJECT_OWNER, /**< whoever is attached to the owner */
    SG_SUBJECT_USER,  /**< a Unix user, by uid */
    SG_SUBJECT_GROUP, /**< a Unix group, by gid */
    SG_SUBJECT_ALL,   /**< everybody who is not named otherwise */
};
#define SG_SUBJECT_COUNT 4

/** Whom a permit is for. */
struct sg_subject {
    enum sg_subject_kind kind;
    struct sg_owner_name owner; /**< of SG_SUBJECT_OWNER */
    uint32_t id;                /**< uid or gid */
};
/** "owner:START1", "user:1001", "group:33", "*" */
struct sg_subject_text {
    char text[SG_OWNER_MAX + 16];
};
struct sg_subject_text sg_subject_text(const struct sg_subject *subject);

struct sg_permit {
    struct sg_subject subject;
    enum sg_level level;
};

struct sg_profile {
    enum sg_class class;
    const char *name;
    enum sg_level uacc;   /**< of those whom no permit names */
    const char *appldata; /**< "" for none */
    const struct sg_permit *permits;
    size_t permit_count;
};

/** A snapshot of all profiles. Sorted: sg_profiles_index. */
struct sg_profiles {
    struct sg_profile *list; /**< borrowed */
    struct {
        size_t first, generic, end; /**< discrete ones, generic ones, end */
    } classes[SG_CLASS_COUNT];
};

/** Sort a list into a snapshot, which borrows it. */
void sg_profiles_index(struct sg_profile *list, size_t count, struct sg_profiles *out);
/** The profile that decides about a resource, NULL when none covers it. profiles may be NULL. */
const struct sg_profile *sg_profile_find(const struct sg_profiles *profiles, enum sg_class class,
                                         const char *resource);
/** The profile of exactly this name. */
const struct sg_profile *sg_profile_get(const struct sg_profiles *profiles, enum sg_class class,
                                        const char *name);

#endif
