#include <signet/base/ascii.h>
#include <signet/policy/authority.h>

#include <stdio.h>
#include <string.h>

#include "authority_internal.h"

/* The functions: their profile's last part, and what they are done to, as a reason says it. */
struct function_row {
    const char *name;
    const char *noun;
    bool own_read; /* being attached to the owner gives READ where there is no profile */
    bool own_rule; /* hands out authority itself: no generic profile of RACF's habits opens it */
};
static const struct function_row functions[SG_FUNCTION_COUNT] = {
    [SG_FUNCTION_NONE] = {"NONE", "everything", false, false},
    [SG_FUNCTION_ADD] = {"ADD", "certificates", false, false},
    [SG_FUNCTION_ALTER] = {"ALTER", "certificates", false, false},
    [SG_FUNCTION_DELETE] = {"DELETE", "certificates", false, false},
    [SG_FUNCTION_EXPORT] = {"EXPORT", "certificates", true, false},
    [SG_FUNCTION_GENCERT] = {"GENCERT", "certificates", false, false},
    [SG_FUNCTION_GENREQ] = {"GENREQ", "certificates", false, false},
    [SG_FUNCTION_LIST] = {"LIST", "certificates", true, false},
    [SG_FUNCTION_CONNECT] = {"CONNECT", "certificates and rings", false, false},
    [SG_FUNCTION_REMOVE] = {"REMOVE", "certificates and rings", false, false},
    [SG_FUNCTION_ADDRING] = {"ADDRING", "rings", false, false},
    [SG_FUNCTION_DELRING] = {"DELRING", "rings", false, false},
    [SG_FUNCTION_LISTRING] = {"LISTRING", "rings", true, false},
    [SG_FUNCTION_REKEY] = {"REKEY", "certificates", false, false},
    [SG_FUNCTION_ROLLOVER] = {"ROLLOVER", "certificates", false, false},
    [SG_FUNCTION_EXPORTKEY] = {"EXPORTKEY", "private keys", false, false},
    [SG_FUNCTION_MAP] = {"MAP", "name filters", false, false},
    [SG_FUNCTION_ALTMAP] = {"ALTMAP", "name filters", false, false},
    [SG_FUNCTION_DELMAP] = {"DELMAP", "name filters", false, false},
    [SG_FUNCTION_LISTMAP] = {"LISTMAP", "name filters", false, false},
    [SG_FUNCTION_BIND] = {"BIND", "certificates", false, false},
    [SG_FUNCTION_UNBIND] = {"UNBIND", "served tokens", false, false},
    [SG_FUNCTION_ADDTOKEN] = {"ADDTOKEN", "served tokens", false, false},
    [SG_FUNCTION_DELTOKEN] = {"DELTOKEN", "served tokens", false, false},
    [SG_FUNCTION_LISTTOKEN] = {"LISTTOKEN", "served tokens", false, false},
    [SG_FUNCTION_AUTHORITY] = {"AUTHORITY", "authority profiles", false, true},
    [SG_FUNCTION_OWNER] = {"OWNER", "owners", false, true},
    [SG_FUNCTION_TOKEN] = {"TOKEN", "tokens", false, true},
    [SG_FUNCTION_STATUS] = {"STATUS", "service", true, false},
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

const char *sg_function_noun(enum sg_function function)
{
    return row_of(function)->noun;
}

bool sg_function_is_own_use(enum sg_function function)
{
    return row_of(function)->own_read;
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

/* An attachment to CERTAUTH or SITE would be none. */
static bool is_own(const struct sg_caller *caller, const char *owner)
{
    return is_user(owner) && sg_caller_is(caller, owner);
}

/* ---- levels held ---- */

static bool is_in_group(const struct sg_caller *caller, uint32_t gid)
{
    for (size_t i = 0; i < caller->group_count; i++) {
        if (caller->groups[i] == gid) {
            return true;
        }
    }
    return false;
}

/* Does the permit name the caller, and how closely: 2 the user, 1 a group of it, 0 everybody, -1
 * not. */
static int closeness(const struct sg_permit *permit, const struct sg_caller *caller)
{
    const struct sg_subject *subject = &permit->subject;
    switch (subject->kind) {
    case SG_SUBJECT_OWNER:
        return is_own(caller, subject->owner.text) ? 2 : -1;
    case SG_SUBJECT_USER:
        return subject->id == caller->uid ? 2 : -1;
    case SG_SUBJECT_GROUP:
        return is_in_group(caller, subject->id) ? 1 : -1;
    case SG_SUBJECT_ALL:
        return 0;
    }
    return -1;
}

enum sg_level sg_profile_held(const struct sg_profile *profile, const struct sg_caller *caller,
                              const struct sg_permit **permit)
{
    int closest = -1;
    *permit = NULL;
    for (size_t i = 0; i < profile->permit_count; i++) {
        const struct sg_permit *it = &profile->permits[i];
        int close = closeness(it, caller);
        if (close > closest || (close >= 0 && close == closest && it->level > (*permit)->level)) {
            closest = close;
            *permit = it;
        }
    }
    return *permit != NULL ? (*permit)->level : profile->uacc;
}

/* ---- one check ---- */

/* Who asks whom. */
struct gate {
    const struct sg_profiles *profiles;
    const struct sg_caller *caller;
};

/* Needs class, resource and needed; own: without a profile it is the owner's own use. */
static void measure(const struct gate *gate, bool own, struct sg_decision *out)
{
    if (out->needed == SG_LEVEL_NONE) {
        out->ground = SG_GROUND_OPEN;
    } else if (gate->caller->administrator) {
        out->ground = SG_GROUND_ADMINISTRATOR;
    } else if (out->profile != NULL) {
        out->ground = SG_GROUND_PROFILE;
        out->held = sg_profile_held(out->profile, gate->caller, &out->permit);
    } else if (own) {
        out->ground = SG_GROUND_OWN;
        out->held = SG_LEVEL_READ;
    }
    if (gate->caller->administrator) {
        out->held = SG_LEVEL_CONTROL;
        out->profile = NULL;
    }
    out->allowed = out->held >= out->needed;
}

static void ask_facility(const struct gate *gate, enum sg_function function, const char *owner,
                         enum sg_level needed, struct sg_decision *out)
{
    const struct function_row *row = row_of(function);
    *out = (struct sg_decision){.class = SG_CLASS_FACILITY, .needed = needed};
    (void)snprintf(out->resource.text, sizeof out->resource.text, "IRR.DIGTCERT.%s", row->name);
    out->profile = row->own_rule
                       ? sg_profile_get(gate->profiles, SG_CLASS_FACILITY, out->resource.text)
                       : sg_profile_find(gate->profiles, SG_CLASS_FACILITY, out->resource.text);
    measure(gate, row->own_read && is_own(gate->caller, owner), out);
}

const struct sg_profile *sg_ring_profile(const struct sg_profiles *profiles, const char *owner,
                                         const char *ring, bool update)
{
    struct sg_profile_name resource;
    /* RACF's user IDs hold no periods. With one, SRV1.X's ring Y would be SRV1's ring X.Y, and
     * whose ring a profile is about would be anybody's guess: then no profile covers it. */
    if (strchr(owner, '.') != NULL) {
        return NULL;
    }
    sg_ring_resource(owner, ring, update, &resource);
    return sg_profile_find(profiles, SG_CLASS_RDATALIB, resource.text);
}

/* Whatever is asked of the ring itself; false when no profile covers it. */
static bool ask_ring(const struct gate *gate, const char *owner, const char *ring, bool update,
                     enum sg_level needed, struct sg_decision *out)
{
    *out = (struct sg_decision){.class = SG_CLASS_RDATALIB, .needed = needed};
    if (ring == NULL || owner == NULL) {
        return false;
    }
    sg_ring_resource(owner, ring, update, &out->resource);
    out->profile = sg_ring_profile(gate->profiles, owner, ring, update);
    if (out->profile == NULL) {
        return false;
    }
    measure(gate, false, out);
    return true;
}

/* ---- levels needed ---- */

/* What concerns nobody's, everybody's or all owners' things is an administrator's. */
static enum sg_level needed_level(const struct sg_caller *caller, enum sg_function function,
                                  const char *owner)
{
    if (function == SG_FUNCTION_NONE || function == SG_FUNCTION_STATUS) {
        return SG_LEVEL_NONE;
    }
    if (row_of(function)->own_rule || !is_user(owner)) {
        return SG_LEVEL_CONTROL;
    }
    return is_own(caller, owner) ? SG_LEVEL_READ : SG_LEVEL_UPDATE;
}

/* The certificate's side of a connection to one's own ring (racf-compatibility.md, CONNECT):
 * PERSONAL makes a CA's key reachable, everything else only shows its certificate. */
static enum sg_level connect_level(const struct sg_caller *caller, const struct sg_request *request)
{
    if (is_own(caller, request->certificate_owner)) {
        return SG_LEVEL_READ;
    }
    bool reaches_key = request->usage == SG_USAGE_PERSONAL && !is_user(request->certificate_owner);
    return reaches_key ? SG_LEVEL_CONTROL : SG_LEVEL_UPDATE;
}

static enum sg_level ring_update_level(const struct sg_caller *caller, const char *owner)
{
    return is_own(caller, owner) ? SG_LEVEL_READ : SG_LEVEL_UPDATE;
}

/* ---- whole requests ---- */

/* Without an RDATALIB profile one level of IRR.DIGTCERT.CONNECT stands for both sides; with one the
 * certificate's side remains, and nothing of that for one's own. */
static size_t check_connect(const struct gate *gate, const struct sg_request *request,
                            struct sg_decision *checks)
{
    size_t count = 0;
    bool own_ring = is_own(gate->caller, request->owner);
    enum sg_level level = connect_level(gate->caller, request);
    if (ask_ring(gate, request->owner, request->ring, true,
                 ring_update_level(gate->caller, request->owner), &checks[0])) {
        count = 1;
    } else if (!own_ring) {
        level = SG_LEVEL_CONTROL;
    }
    if (count == 0 || !is_own(gate->caller, request->certificate_owner)) {
        ask_facility(gate, SG_FUNCTION_CONNECT, request->owner, level, &checks[count++]);
    }
    if (request->usage != SG_USAGE_PERSONAL && is_user(request->certificate_owner)) {
        ask_facility(gate, SG_FUNCTION_ADD, NULL, SG_LEVEL_CONTROL, &checks[count++]);
    }
    return count;
}

static size_t check_remove(const struct gate *gate, const struct sg_request *request,
                           struct sg_decision *checks)
{
    bool own_ring = is_own(gate->caller, request->owner);
    bool own_certificate = is_own(gate->caller, request->certificate_owner);
    enum sg_level level = !own_ring         ? SG_LEVEL_CONTROL
                          : own_certificate ? SG_LEVEL_READ
                                            : SG_LEVEL_UPDATE;
    if (!ask_ring(gate, request->owner, request->ring, true,
                  ring_update_level(gate->caller, request->owner), &checks[0])) {
        ask_facility(gate, SG_FUNCTION_REMOVE, request->owner, level, &checks[0]);
    }
    return 1;
}

/* Does the function read the ring, or change it? False for those that RDATALIB does not know. */
static bool is_of_rings(enum sg_function function, bool *update)
{
    *update = function == SG_FUNCTION_ADDRING || function == SG_FUNCTION_DELRING;
    return *update || function == SG_FUNCTION_LISTRING;
}

static size_t check(const struct gate *gate, const struct sg_request *request,
                    struct sg_decision *checks)
{
    bool update = false;
    if (request->ring != NULL && request->certificate_owner != NULL) {
        if (request->function == SG_FUNCTION_CONNECT) {
            return check_connect(gate, request, checks);
        }
        if (request->function == SG_FUNCTION_REMOVE) {
            return check_remove(gate, request, checks);
        }
    }
    if (is_of_rings(request->function, &update)) {
        enum sg_level level =
            update ? ring_update_level(gate->caller, request->owner) : SG_LEVEL_READ;
        if (ask_ring(gate, request->owner, request->ring, update, level, &checks[0])) {
            return 1;
        }
    }
    ask_facility(gate, request->function, request->owner,
                 needed_level(gate->caller, request->function, request->owner), &checks[0]);
    return 1;
}

size_t sg_authority_checks(const struct sg_profiles *profiles, const struct sg_caller *caller,
                           const struct sg_request *request,
                           struct sg_decision checks[SG_CHECKS_MAX])
{
    const struct gate gate = {profiles, caller};
    size_t count = check(&gate, request, checks);
    for (size_t i = 0; i < count; i++) {
        sg_authority_say(caller, request, &checks[i]);
    }
    return count;
}

struct sg_decision sg_authority_decide(const struct sg_profiles *profiles,
                                       const struct sg_caller *caller,
                                       const struct sg_request *request)
{
    struct sg_decision checks[SG_CHECKS_MAX];
    size_t count = sg_authority_checks(profiles, caller, request, checks);
    for (size_t i = 0; i < count; i++) {
        if (!checks[i].allowed) {
            return checks[i];
        }
    }
    return checks[0];
}

bool sg_authority_allows(const struct sg_profiles *profiles, const struct sg_caller *caller,
                         const struct sg_request *request)
{
    struct sg_decision checks[SG_CHECKS_MAX];
    const struct gate gate = {profiles, caller};
    size_t count = check(&gate, request, checks);
    bool allowed = true;
    for (size_t i = 0; i < count; i++) {
        allowed = allowed && checks[i].allowed;
    }
    return allowed;
}

/* ---- reading rings, using keys ---- */

bool sg_authority_ring_visible(const struct sg_profiles *profiles, const struct sg_caller *caller,
                               const char *ring_owner, const char *ring)
{
    const struct sg_request request = {
        .function = SG_FUNCTION_LISTRING, .owner = ring_owner, .ring = ring};
    return sg_authority_allows(profiles, caller, &request);
}

/* The key of a certificate that is connected as PERSONAL (racf-compatibility.md, private keys). */
static void ask_key(const struct gate *gate, const char *ring_owner, const char *ring,
                    const char *certificate_owner, struct sg_decision *out)
{
    bool own = is_own(gate->caller, certificate_owner);
    enum sg_level needed = own                          ? SG_LEVEL_READ
                           : is_user(certificate_owner) ? SG_LEVEL_UPDATE
                                                        : SG_LEVEL_CONTROL;
    if (ask_ring(gate, ring_owner, ring, false, needed, out)) {
        return;
    }
    if (needed == SG_LEVEL_CONTROL) {
        ask_facility(gate, SG_FUNCTION_GENCERT, certificate_owner, needed, out);
        return;
    }
    measure(gate, own, out);
}

struct sg_decision sg_authority_key(const struct sg_profiles *profiles,
                                    const struct sg_caller *caller, const char *ring_owner,
                                    const char *ring, const char *certificate_owner)
{
    const struct gate gate = {profiles, caller};
    struct sg_decision decision;
    ask_key(&gate, ring_owner, ring, certificate_owner, &decision);
    sg_authority_say_key(caller, certificate_owner, &decision);
    return decision;
}

bool sg_authority_key_usable(const struct sg_profiles *profiles, const struct sg_caller *caller,
                             const char *ring_owner, const char *ring, enum sg_usage usage,
                             const char *certificate_owner)
{
    const struct gate gate = {profiles, caller};
    struct sg_decision decision;
    if (usage != SG_USAGE_PERSONAL ||
        !sg_authority_ring_visible(profiles, caller, ring_owner, ring)) {
        return false;
    }
    ask_key(&gate, ring_owner, ring, certificate_owner, &decision);
    return decision.allowed;
}

/* ---- names ---- */

/* A profile's name has no blank, and "%", "*" and "&" mean something there. */
static char folded(char c)
{
    if (c == ' ' || c == '%' || c == '*' || c == '&') {
        return '_';
    }
    return sg_ascii_upper(c);
}

void sg_ring_resource(const char *owner, const char *ring, bool update, struct sg_profile_name *out)
{
    bool virtual_ring = strcmp(ring, "*") == 0;
    (void)snprintf(out->text, sizeof out->text, "%s.%s.%s", owner,
                   virtual_ring ? "IRR_VIRTUAL_KEYRING" : ring, update ? "UPD" : "LST");
    for (char *p = out->text; *p != '\0'; p++) {
        *p = folded(*p);
    }
}
