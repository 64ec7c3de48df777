/* What a decision says: why, and what would change it. A remedy is true: whoever follows it gets
 * another answer. */
#include "authority_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/shell.h>

#define SHOWN 120 /* bytes of a profile's name in a sentence */

/* As much of a name as fits, cut between characters. */
static int shown(const char *name)
{
    size_t all = strlen(name);
    size_t len = all < SHOWN ? all : SHOWN;
    while (len > 0 && len < all && ((unsigned char)name[len] & 0xC0) == 0x80) {
        len--;
    }
    return (int)len;
}

/* "uid 1001"; nobody in particular is who acts as an owner. */
static void name_holder(const struct sg_caller *caller, char *out, size_t size)
{
    if (caller->uid != (uid_t)-1) {
        (void)snprintf(out, size, "uid %lu", (unsigned long)caller->uid);
    } else {
        (void)snprintf(out, size, "a user of %s",
                       caller->owner_count > 0 ? caller->owners[0] : "no owner");
    }
}

/* Whom a permit would have to name. */
static void name_subject(const struct sg_caller *caller, char *out, size_t size)
{
    if (caller->uid != (uid_t)-1) {
        (void)snprintf(out, size, "user:%lu", (unsigned long)caller->uid);
    } else {
        (void)snprintf(out, size, "owner:%s", caller->owner_count > 0 ? caller->owners[0] : "NAME");
    }
}

/* "START1's certificates", "the tokens" */
static void name_target(const struct sg_request *request, const struct sg_decision *decision,
                        char *out, size_t size)
{
    bool promotion = request->function == SG_FUNCTION_CONNECT &&
                     strcmp(decision->resource.text, "IRR.DIGTCERT.ADD") == 0;
    bool owned = request->owner != NULL && request->function != SG_FUNCTION_OWNER &&
                 request->function != SG_FUNCTION_TOKEN;
    if (promotion) {
        (void)snprintf(out, size, "making a trust anchor of %.64s's certificate",
                       request->certificate_owner);
    } else if (request->certificate_owner != NULL && owned &&
               decision->class == SG_CLASS_FACILITY) {
        (void)snprintf(out, size, "%.64s's ring and %.64s's certificate", request->owner,
                       request->certificate_owner);
    } else if (owned) {
        (void)snprintf(out, size, "%.64s's %s", request->owner,
                       sg_function_noun(request->function));
    } else {
        (void)snprintf(out, size, "the %s", sg_function_noun(request->function));
    }
}

/* Where the level that is held comes from. */
static void name_source(const struct sg_decision *decision, char *out, size_t size)
{
    const struct sg_profile *profile = decision->profile;
    switch (decision->ground) {
    case SG_GROUND_NONE:
        (void)snprintf(out, size, "no profile");
        return;
    case SG_GROUND_OPEN:
        (void)snprintf(out, size, "open");
        return;
    case SG_GROUND_ADMINISTRATOR:
        (void)snprintf(out, size, "administrator");
        return;
    case SG_GROUND_OWN:
        (void)snprintf(out, size, "one's own, no profile");
        return;
    case SG_GROUND_PROFILE:
        break;
    }
    if (decision->permit != NULL) {
        (void)snprintf(out, size, "profile %.*s, permitted to %s", shown(profile->name),
                       profile->name, sg_subject_text(&decision->permit->subject).text);
    } else {
        (void)snprintf(out, size, "profile %.*s, UACC", shown(profile->name), profile->name);
    }
}

static void give_reason(const struct sg_caller *caller, const char *target,
                        struct sg_decision *decision)
{
    char holder[64];
    char source[220];
    if (decision->needed == SG_LEVEL_NONE) {
        (void)snprintf(decision->reason, sizeof decision->reason, "needs no authority");
        return;
    }
    name_holder(caller, holder, sizeof holder);
    name_source(decision, source, sizeof source);
    (void)snprintf(decision->reason, sizeof decision->reason,
                   "needs %s to %.*s for %.180s, %s holds %s (%s)", sg_level_name(decision->needed),
                   shown(decision->resource.text), decision->resource.text, target, holder,
                   sg_level_name(decision->held), source);
}

/* The commands that give the level: a permit in the profile that decides, or in a new one. A new
 * one takes from the owners what they had without any: UACC(READ) leaves it to them. */
static void give_commands(const struct sg_caller *caller, const char *uacc,
                          struct sg_decision *decision, char *out, size_t size)
{
    char subject[64];
    const char *class = sg_class_name(decision->class);
    const char *name =
        decision->profile != NULL ? decision->profile->name : decision->resource.text;
    struct sg_shell_word word = sg_shell_quote(name);
    char define[280] = "";
    name_subject(caller, subject, sizeof subject);
    if (strlen(word.text) > SHOWN) {
        (void)snprintf(word.text, sizeof word.text, "PROFILE");
    }
    if (decision->profile == NULL) {
        (void)snprintf(define, sizeof define, "signet authority define %s %.130s%s && ", class,
                       word.text, uacc);
    }
    (void)snprintf(out, size, "%ssignet authority permit %s %.130s --to %s --level %s", define,
                   class, word.text, subject, sg_level_name(decision->needed));
}

/* Being attached gives READ on a few functions, and only where no profile decides. */
static bool attaching_helps(const struct sg_caller *caller, const struct sg_request *request,
                            const struct sg_decision *decision)
{
    return decision->ground == SG_GROUND_NONE && sg_function_is_own_use(request->function) &&
           request->owner != NULL && sg_owner_kind(request->owner) == SG_OWNER_USER &&
           caller->uid != (uid_t)-1 && !sg_caller_is(caller, request->owner);
}

/* Whoever allowed the overflow uid something would allow it to strangers. */
static void send_away(const struct sg_caller *caller, struct sg_decision *decision)
{
    (void)snprintf(
        decision->remedy, sizeof decision->remedy,
        "Run the program as a Unix user of its own, and allow that one: uid %lu stands for "
        "every user of other user namespaces",
        (unsigned long)caller->uid);
}

/* A FACILITY level above READ is for every owner's things, not for those of the one asked about. */
static bool reaches_all(const struct sg_request *request, const struct sg_decision *decision)
{
    return decision->class == SG_CLASS_FACILITY && decision->needed >= SG_LEVEL_UPDATE &&
           request->owner != NULL;
}

static void give_remedy(const struct sg_caller *caller, const struct sg_request *request,
                        struct sg_decision *decision)
{
    char commands[460];
    char attach[100] = "";
    char reach[64] = "";
    if (decision->allowed) {
        return;
    }
    if (caller->nobody) {
        send_away(caller, decision);
        return;
    }
    give_commands(caller, sg_function_is_own_use(request->function) ? " --uacc READ" : "", decision,
                  commands, sizeof commands);
    if (attaching_helps(caller, request, decision)) {
        (void)snprintf(attach, sizeof attach, "signet owner attach %.32s %lu, or: ", request->owner,
                       (unsigned long)caller->uid);
    }
    if (reaches_all(request, decision)) {
        (void)snprintf(reach, sizeof reach, "; that allows it for the %s of all owners",
                       sg_function_noun(request->function));
    }
    (void)snprintf(decision->remedy, sizeof decision->remedy,
                   "An administrator can do it, or allow it: %s%s%s", attach, commands, reach);
}

void sg_authority_say(const struct sg_caller *caller, const struct sg_request *request,
                      struct sg_decision *decision)
{
    char target[200];
    name_target(request, decision, target, sizeof target);
    give_reason(caller, target, decision);
    give_remedy(caller, request, decision);
}

void sg_authority_say_key(const struct sg_caller *caller, const char *certificate_owner,
                          struct sg_decision *decision)
{
    char commands[460];
    char target[120];
    (void)snprintf(target, sizeof target, "the private key of %.64s's certificate",
                   certificate_owner);
    give_reason(caller, target, decision);
    if (decision->allowed) {
        return;
    }
    if (caller->nobody) {
        send_away(caller, decision);
        return;
    }
    bool first = decision->class == SG_CLASS_RDATALIB && decision->profile == NULL;
    give_commands(caller, "", decision, commands, sizeof commands);
    (void)snprintf(
        decision->remedy, sizeof decision->remedy, "An administrator can allow it: %s%s", commands,
        first ? "; that profile then decides alone who reads the ring, its owner too" : "");
}
