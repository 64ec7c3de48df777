#include <signet/policy/authority.h>

#include <stdio.h>
#include <string.h>

/* The functions: their profile's last part, and what they are done to, as a reason says it. */
struct function_row {
    const char *name;
    const char *noun;
    bool own_read; /* being attached to the owner gives READ */
};
static const struct function_row functions[SG_FUNCTION_COUNT] = {
    [SG_FUNCTION_NONE] = {"NONE", "everything", false},
    [SG_FUNCTION_ADD] = {"ADD", "certificates", false},
    [SG_FUNCTION_ALTER] = {"ALTER", "certificates", false},
    [SG_FUNCTION_DELETE] = {"DELETE", "certificates", false},
    [SG_FUNCTION_EXPORT] = {"EXPORT", "certificates", true},
    [SG_FUNCTION_GENCERT] = {"GENCERT", "certificates", false},
    [SG_FUNCTION_GENREQ] = {"GENREQ", "certificates", false},
    [SG_FUNCTION_LIST] = {"LIST", "certificates", true},
    [SG_FUNCTION_CONNECT] = {"CONNECT", "certificates and rings", false},
    [SG_FUNCTION_REMOVE] = {"REMOVE", "certificates and rings", false},
    [SG_FUNCTION_ADDRING] = {"ADDRING", "rings", false},
    [SG_FUNCTION_DELRING] = {"DELRING", "rings", false},
    [SG_FUNCTION_LISTRING] = {"LISTRING", "rings", true},
    [SG_FUNCTION_REKEY] = {"REKEY", "certificates", false},
    [SG_FUNCTION_ROLLOVER] = {"ROLLOVER", "certificates", false},
    [SG_FUNCTION_EXPORTKEY] = {"EXPORTKEY", "private keys", false},
    [SG_FUNCTION_MAP] = {"MAP", "name filters", false},
    [SG_FUNCTION_ALTMAP] = {"ALTMAP", "name filters", false},
    [SG_FUNCTION_DELMAP] = {"DELMAP", "name filters", false},
    [SG_FUNCTION_LISTMAP] = {"LISTMAP", "name filters", false},
    [SG_FUNCTION_BIND] = {"BIND", "certificates", false},
    [SG_FUNCTION_UNBIND] = {"UNBIND", "served tokens", false},
    [SG_FUNCTION_ADDTOKEN] = {"ADDTOKEN", "served tokens", false},
    [SG_FUNCTION_DELTOKEN] = {"DELTOKEN", "served tokens", false},
    [SG_FUNCTION_LISTTOKEN] = {"LISTTOKEN", "served tokens", false},
    [SG_FUNCTION_AUTHORITY] = {"AUTHORITY", "authority profiles", false},
    [SG_FUNCTION_OWNER] = {"OWNER", "owners", false},
    [SG_FUNCTION_TOKEN] = {"TOKEN", "tokens", false},
    [SG_FUNCTION_STATUS] = {"STATUS", "service", true},
};

/* The row; a number that is no function asks for the most that can be asked: the tokens. */
static const struct function_row *row_of(enum sg_function function)
{
    return &functions[(unsigned)function < SG_FUNCTION_COUNT ? function : SG_FUNCTION_TOKEN];
}

const char *sg_function_name(enum sg_function function)
{
    return row_of(function)->name;
}

bool sg_caller_is(const struct sg_caller *caller, const char *owner)
{
    for (size_t i = 0; owner != NULL && i < caller->owner_count; i++) {
        if (strcmp(caller->owners[i], owner) == 0) {
            return true;
        }
    }
    return false;
}

static bool is_user(const char *owner)
{
    return owner != NULL && sg_owner_kind(owner) == SG_OWNER_USER;
}

/* What concerns nobody's, everybody's or all owners' things is an administrator's. */
static enum sg_level needed_level(const struct sg_caller *caller, enum sg_function function,
                                  const char *owner)
{
    if (function == SG_FUNCTION_NONE || function == SG_FUNCTION_STATUS) {
        return SG_LEVEL_NONE;
    }
    if (function == SG_FUNCTION_OWNER || function == SG_FUNCTION_TOKEN || !is_user(owner)) {
        return SG_LEVEL_CONTROL;
    }
    return sg_caller_is(caller, owner) ? SG_LEVEL_READ : SG_LEVEL_UPDATE;
}

static enum sg_level held_level(const struct sg_caller *caller, enum sg_function function,
                                const char *owner)
{
    if (caller->administrator) {
        return SG_LEVEL_CONTROL;
    }
    return row_of(function)->own_read && sg_caller_is(caller, owner) ? SG_LEVEL_READ
                                                                     : SG_LEVEL_NONE;
}

/* "START1's certificates", "the tokens" */
static void name_target(enum sg_function function, const char *owner, char *out, size_t size)
{
    const char *noun = row_of(function)->noun;
    bool owned = owner != NULL && function != SG_FUNCTION_OWNER && function != SG_FUNCTION_TOKEN;
    if (owned) {
        (void)snprintf(out, size, "%.64s's %s", owner, noun);
    } else {
        (void)snprintf(out, size, "the %s", noun);
    }
}

static void give_reason(const struct sg_caller *caller, enum sg_function function,
                        const char *owner, struct sg_decision *decision)
{
    char target[100];
    name_target(function, owner, target, sizeof target);
    if (decision->needed == SG_LEVEL_NONE) {
        (void)snprintf(decision->reason, sizeof decision->reason, "needs no authority");
        return;
    }
    (void)snprintf(decision->reason, sizeof decision->reason,
                   "needs %s to IRR.DIGTCERT.%s for %s, uid %lu holds %s",
                   sg_level_name(decision->needed), sg_function_name(function), target,
                   (unsigned long)caller->uid, sg_level_name(decision->held));
}

/* Name only what would really help: being attached gives READ on a few functions and no more. */
static void give_remedy(const struct sg_caller *caller, enum sg_function function,
                        const char *owner, struct sg_decision *decision)
{
    char *out = decision->remedy;
    size_t size = sizeof decision->remedy;
    if (decision->allowed) {
        return;
    }
    if (decision->needed == SG_LEVEL_CONTROL) {
        (void)snprintf(out, size,
                       "Only administrators hold CONTROL: ask one of them, or be named "
                       "in administrators = in the configuration.");
    } else if (sg_caller_is(caller, owner)) {
        (void)snprintf(out, size,
                       "An administrator can do it: being attached to %.64s allows LIST, LISTRING "
                       "and EXPORT only.",
                       owner);
    } else if (row_of(function)->own_read) {
        (void)snprintf(out, size,
                       "An administrator can do it, or attach you: signet owner attach %.64s "
                       "<user>.",
                       owner);
    } else {
        (void)snprintf(out, size,
                       "An administrator can do it: being attached to %.64s would not be enough.",
                       owner);
    }
}

struct sg_decision sg_authority_decide(const struct sg_caller *caller, enum sg_function function,
                                       const char *owner)
{
    struct sg_decision decision = {
        .needed = needed_level(caller, function, owner),
        .held = held_level(caller, function, owner),
    };
    decision.allowed = decision.held >= decision.needed;
    give_reason(caller, function, owner, &decision);
    give_remedy(caller, function, owner, &decision);
    return decision;
}

bool sg_authority_ring_visible(const struct sg_caller *caller, const char *ring_owner)
{
    return caller->administrator || (is_user(ring_owner) && sg_caller_is(caller, ring_owner));
}

bool sg_authority_key_usable(const struct sg_caller *caller, const char *ring_owner,
                             enum sg_usage usage, const char *certificate_owner)
{
    if (usage != SG_USAGE_PERSONAL || !sg_authority_ring_visible(caller, ring_owner)) {
        return false;
    }
    return caller->administrator ||
           (is_user(certificate_owner) && sg_caller_is(caller, certificate_owner));
}
