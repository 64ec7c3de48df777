/* authority …: profiles, and whom each permits what. */
#include "authority_internal.h"

#include <string.h>
#include <strings.h>

#include <signet/policy/name.h>

#include "unix_names.h"

/* CLASS and PROFILE, which all but list name. */
struct named {
    enum sg_class class;
    struct sg_profile_name name;
};

static sg_status read_class(struct sg_run *run, enum sg_class *out, struct sg_error *err)
{
    if (!sg_class_parse(sg_run_text(run, "class"), out)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "class is FACILITY, RDATALIB or DIGTCRIT");
    }
    return SG_OK;
}

static sg_status read_named(struct sg_run *run, struct named *out, struct sg_error *err)
{
    sg_status s = read_class(run, &out->class, err);
    return s == SG_OK ? sg_profile_name_read(sg_run_text(run, "profile"), &out->name, err) : s;
}

static sg_status read_level(struct sg_run *run, const char *param, enum sg_level *out,
                            struct sg_error *err)
{
    const char *text = sg_run_text(run, param);
    if (text != NULL && !sg_level_parse(text, out)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "%s is none, read, update or control",
                       param);
    }
    return SG_OK;
}

static sg_status bad_appldata(struct sg_error *err, const char *reason)
{
    sg_fail(err, SG_E_INPUT, "bad_appldata", "the application data %s", reason);
    return sg_hint(err, "In class DIGTCRIT it is the owner that the criterion means: --appldata "
                        "OWNER. Elsewhere it is a note.");
}

/* A criterion's is an owner, folded; elsewhere any printable ASCII. */
static sg_status read_appldata(struct sg_run *run, enum sg_class class,
                               char out[SG_APPLDATA_MAX + 1], struct sg_error *err)
{
    const char *text = sg_run_text(run, "appldata");
    struct sg_owner_name owner;
    size_t len = text != NULL ? strlen(text) : 0;
    if (len > SG_APPLDATA_MAX) {
        return bad_appldata(err, "is longer than 255 characters");
    }
    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~') {
            return bad_appldata(err, "holds characters that are no printable ASCII");
        }
    }
    if (len > 0 && class == SG_CLASS_DIGTCRIT) {
        sg_status s = sg_name_user(text, &owner, err);
        text = owner.text;
        if (s != SG_OK) {
            return s;
        }
    }
    (void)snprintf(out, SG_APPLDATA_MAX + 1, "%s", len > 0 ? text : "");
    return SG_OK;
}

static sg_status answer_named(struct sg_run *run, const struct named *named, struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "class", json_string(sg_class_name(named->class)), err);
    return s == SG_OK ? sg_run_set(run->answer, "profile", json_string(named->name.text), err) : s;
}

static sg_status count_change(struct sg_run *run, const struct named *named, struct sg_error *err)
{
    return sg_count_profile(run, named->class, named->name.text, err);
}

/* ---- what would be found out too late otherwise ---- */

static bool covers_a_function(const char *profile)
{
    for (int f = SG_FUNCTION_ADD; f < SG_FUNCTION_COUNT; f++) {
        char resource[64];
        (void)snprintf(resource, sizeof resource, "IRR.DIGTCERT.%s",
                       sg_function_name((enum sg_function)f));
        if (sg_profile_matches(profile, resource)) {
            return true;
        }
    }
    return false;
}

/* A name that can only cover what ends otherwise covers no ring. */
static bool covers_a_ring(const char *profile)
{
    size_t len = strlen(profile);
    const char *end = len >= 4 ? profile + len - 4 : "";
    const char *dot = strrchr(profile, '.');
    bool open = strpbrk(dot != NULL ? dot : profile, "%*") != NULL;
    return open || strcmp(end, ".LST") == 0 || strcmp(end, ".UPD") == 0;
}

static sg_status warn_name(struct sg_run *run, const struct named *named, struct sg_error *err)
{
    switch (named->class) {
    case SG_CLASS_FACILITY:
        return covers_a_function(named->name.text)
                   ? SG_OK
                   : sg_run_warn(run, err,
                                 "no function of Signet asks for %s: it decides nothing. Functions "
                                 "are IRR.DIGTCERT.LIST, IRR.DIGTCERT.GENCERT …",
                                 named->name.text);
    case SG_CLASS_RDATALIB:
        return covers_a_ring(named->name.text)
                   ? SG_OK
                   : sg_run_warn(run, err,
                                 "%s covers no ring: names end with .LST (who reads it) or .UPD "
                                 "(who changes it)",
                                 named->name.text);
    case SG_CLASS_DIGTCRIT:
        break;
    }
    return SG_OK;
}

static sg_status warn_criterion(struct sg_run *run, const struct named *named, const char *appldata,
                                struct sg_error *err)
{
    bool exists = false;
    if (named->class != SG_CLASS_DIGTCRIT) {
        return SG_OK;
    }
    if (appldata[0] == '\0') {
        return sg_run_warn(run, err, "%s means nobody until it has --appldata OWNER",
                           named->name.text);
    }
    sg_status s = sg_store_owner_exists(run->service->store, appldata, &exists, err);
    return s == SG_OK && !exists
               ? sg_run_warn(run, err, "there is no owner %s yet: signet owner add %s", appldata,
                             sg_shell_quote(appldata).text)
               : s;
}

/* A new profile takes what its owners had without one. */
static sg_status warn_closed(struct sg_run *run, const struct named *named, enum sg_level uacc,
                             struct sg_error *err)
{
    if (named->class == SG_CLASS_DIGTCRIT || uacc != SG_LEVEL_NONE) {
        return SG_OK;
    }
    return sg_run_warn(run, err,
                       "from now on %s decides alone for all that it covers, and permits nobody "
                       "yet: signet authority permit %s %s --to owner:NAME --level read",
                       named->name.text, sg_class_name(named->class),
                       sg_shell_quote(named->name.text).text);
}

/* ---- changes ---- */

sg_status sg_operation_AUTHORITY_DEFINE(struct sg_run *run, struct sg_error *err)
{
    struct named named;
    enum sg_level uacc = SG_LEVEL_NONE;
    char appldata[SG_APPLDATA_MAX + 1] = "";
    run->visible = true;
    sg_status s = read_named(run, &named, err);
    s = s == SG_OK ? read_level(run, "uacc", &uacc, err) : s;
    s = s == SG_OK ? read_appldata(run, named.class, appldata, err) : s;
    s = s == SG_OK ? sg_store_profile_define(run->service->store, named.class, named.name.text,
                                             uacc, appldata, err)
                   : s;
    s = s == SG_OK ? count_change(run, &named, err) : s;
    s = s == SG_OK ? sg_run_effect(run, err, "defined %s %s, UACC(%s)", sg_class_name(named.class),
                                   named.name.text, sg_level_name(uacc))
                   : s;
    s = s == SG_OK ? warn_name(run, &named, err) : s;
    s = s == SG_OK ? warn_criterion(run, &named, appldata, err) : s;
    s = s == SG_OK ? warn_closed(run, &named, uacc, err) : s;
    return s == SG_OK ? answer_named(run, &named, err) : s;
}

sg_status sg_operation_AUTHORITY_ALTER(struct sg_run *run, struct sg_error *err)
{
    struct named named;
    enum sg_level uacc = SG_LEVEL_NONE;
    char appldata[SG_APPLDATA_MAX + 1] = "";
    bool has_uacc = sg_run_text(run, "uacc") != NULL;
    bool has_appldata = sg_run_text(run, "appldata") != NULL;
    run->visible = true;
    if (!has_uacc && !has_appldata) {
        sg_fail(err, SG_E_USAGE, "nothing_to_change", "nothing is said that could be changed");
        return sg_hint(err, "Give --uacc LEVEL or --appldata TEXT.");
    }
    sg_status s = read_named(run, &named, err);
    s = s == SG_OK ? read_level(run, "uacc", &uacc, err) : s;
    s = s == SG_OK ? read_appldata(run, named.class, appldata, err) : s;
    s = s == SG_OK
            ? sg_store_profile_alter(run->service->store, named.class, named.name.text,
                                     has_uacc ? &uacc : NULL, has_appldata ? appldata : NULL, err)
            : s;
    s = s == SG_OK && has_uacc ? count_change(run, &named, err) : s;
    s = s == SG_OK && has_uacc
            ? sg_run_effect(run, err, "changed %s %s to UACC(%s)", sg_class_name(named.class),
                            named.name.text, sg_level_name(uacc))
            : s;
    s = s == SG_OK && has_appldata
            ? sg_run_effect(run, err, "changed the application data of %s %s to \"%s\"",
                            sg_class_name(named.class), named.name.text, appldata)
            : s;
    s = s == SG_OK && has_appldata ? warn_criterion(run, &named, appldata, err) : s;
    return s == SG_OK ? answer_named(run, &named, err) : s;
}

sg_status sg_operation_AUTHORITY_DELETE(struct sg_run *run, struct sg_error *err)
{
    struct named named;
    run->visible = true;
    sg_status s = read_named(run, &named, err);
    s = s == SG_OK ? sg_store_profile_delete(run->service->store, named.class, named.name.text, err)
                   : s;
    s = s == SG_OK ? count_change(run, &named, err) : s;
    s = s == SG_OK ? sg_run_effect(run, err, "deleted %s %s with its permits",
                                   sg_class_name(named.class), named.name.text)
                   : s;
    return s == SG_OK ? answer_named(run, &named, err) : s;
}

/* The one that is most alike, for "did you mean"; and which profile covers that name now. */
static sg_status profile_missing(const struct sg_run *run, const struct named *named,
                                 struct sg_error *err)
{
    const struct sg_profile *nearest = NULL;
    unsigned distance = 3;
    for (size_t i = run->profiles->classes[named->class].first;
         i < run->profiles->classes[named->class].end; i++) {
        unsigned edits = sg_name_distance(named->name.text, run->profiles->list[i].name);
        if (edits < distance) {
            distance = edits;
            nearest = &run->profiles->list[i];
        }
    }
    const struct sg_profile *covering =
        sg_profile_find(run->profiles, named->class, named->name.text);
    sg_fail(err, SG_E_NOT_FOUND, "profile_not_found", "class %s has no profile %.280s",
            sg_class_name(named->class), named->name.text);
    if (nearest != NULL) {
        sg_hint(err, "Did you mean %.280s?", nearest->name);
    } else if (covering != NULL) {
        sg_hint(err, "Profile %.280s covers that name.", covering->name);
    } else {
        sg_hint(err, "See what there is: signet authority list %s", sg_class_name(named->class));
    }
    return sg_object(err, "%s %.280s", sg_class_name(named->class), named->name.text);
}

static sg_status answer_permit(struct sg_run *run, const struct named *named,
                               const struct sg_subject *subject, struct sg_error *err)
{
    sg_status s = answer_named(run, named, err);
    return s == SG_OK
               ? sg_run_set(run->answer, "to", json_string(sg_subject_text(subject).text), err)
               : s;
}

/* ---- whom a name means, and what else has that name ---- */

/* What the profile permits the subject; NULL: nothing by that name. */
static const struct sg_permit *held(const struct sg_run *run, const struct named *named,
                                    const struct sg_subject *subject)
{
    const struct sg_profile *profile =
        sg_profile_get(run->profiles, named->class, named->name.text);
    struct sg_subject_text wanted = sg_subject_text(subject);
    for (size_t i = 0; profile != NULL && i < profile->permit_count; i++) {
        struct sg_subject_text each = sg_subject_text(&profile->permits[i].subject);
        if (strcmp(each.text, wanted.text) == 0) {
            return &profile->permits[i];
        }
    }
    return NULL;
}

/* "user:1002 (web)" */
struct spoken {
    char text[160];
};

static struct spoken speak(const struct sg_subject *subject)
{
    struct spoken out;
    char name[64];
    sg_subject_name(subject, name, sizeof name);
    (void)snprintf(out.text, sizeof out.text, name[0] != '\0' ? "%s (%s)" : "%s",
                   sg_subject_text(subject).text, name);
    return out;
}

/* A user's own group has its name by custom: no reason to warn. */
static sg_status say_other(struct sg_run *run, const struct sg_subject *meant,
                           const struct sg_subject *other, struct sg_error *err)
{
    gid_t own = 0;
    char name[64];
    bool group = meant->kind == SG_SUBJECT_USER && other->kind == SG_SUBJECT_GROUP;
    if (!group) {
        return SG_OK;
    }
    sg_subject_name(other, name, sizeof name);
    if (sg_unix_primary_group(meant->id, &own) && own == other->id) {
        return sg_run_effect(run, err, "the user is meant, not the group of that name: group:%s",
                             name);
    }
    return sg_run_warn(run, err,
                       "a user and a group have that name: the user is meant. The group is "
                       "group:%s",
                       name);
}

static sg_status permit_subject(struct sg_run *run, const struct named *named,
                                const struct sg_permit *permit, struct sg_error *err)
{
    sg_status s =
        sg_store_permit_set(run->service->store, named->class, named->name.text, permit, err);
    return s == SG_OK
               ? sg_run_effect(run, err, "permitted %s to %s %s at %s",
                               sg_subject_text(&permit->subject).text, sg_class_name(named->class),
                               named->name.text, sg_level_name(permit->level))
               : s;
}

/* NONE reaches whatever the name holds; any other level is the meant one's, and what remains of the
 * others is said. */
static sg_status permit_other(struct sg_run *run, const struct named *named, enum sg_level level,
                              const struct sg_subjects *subjects, size_t i, struct sg_error *err)
{
    const struct sg_subject *other = &subjects->list[i];
    const struct sg_permit *holds = held(run, named, other);
    if (holds == NULL || holds->level == SG_LEVEL_NONE) {
        return level == SG_LEVEL_NONE ? SG_OK : say_other(run, &subjects->list[0], other, err);
    }
    if (level == SG_LEVEL_NONE) {
        const struct sg_permit none = {.subject = *other, .level = SG_LEVEL_NONE};
        return permit_subject(run, named, &none, err);
    }
    return sg_run_warn(run, err, "%s has that name too and keeps %s", speak(other).text,
                       sg_level_name(holds->level));
}

/* What is taken away, or given to the one that is meant, waits for no name service. */
static sg_status warn_untold(struct sg_run *run, const struct sg_subjects *subjects,
                             struct sg_error *err)
{
    return subjects->untold.status == SG_OK
               ? SG_OK
               : sg_run_warn(run, err,
                             "users and groups that may have that name too were not looked at, "
                             "and keep what they hold: %s",
                             subjects->untold.text);
}

sg_status sg_operation_AUTHORITY_PERMIT(struct sg_run *run, struct sg_error *err)
{
    struct named named;
    struct sg_subjects subjects = {.count = 0};
    struct sg_permit permit = {.level = SG_LEVEL_READ};
    run->visible = true;
    sg_status s = read_named(run, &named, err);
    s = s == SG_OK ? read_level(run, "level", &permit.level, err) : s;
    s = s == SG_OK ? sg_subject_read(run->service, sg_run_text(run, "to"), &subjects, err) : s;
    permit.subject = subjects.list[0];
    s = s == SG_OK ? permit_subject(run, &named, &permit, err) : s;
    for (size_t i = 1; s == SG_OK && i < subjects.count; i++) {
        s = permit_other(run, &named, permit.level, &subjects, i, err);
    }
    s = s == SG_OK ? warn_untold(run, &subjects, err) : s;
    s = s == SG_OK ? count_change(run, &named, err) : s;
    s = s == SG_OK ? answer_permit(run, &named, &permit.subject, err) : s;
    return s == SG_OK
               ? sg_run_set(run->answer, "level", json_string(sg_level_name(permit.level)), err)
               : s;
}

static sg_status take_one(struct sg_run *run, const struct named *named,
                          const struct sg_subject *subject, struct sg_error *err)
{
    sg_status s =
        sg_store_permit_delete(run->service->store, named->class, named->name.text, subject, err);
    return s == SG_OK ? sg_run_effect(run, err, "took the permit to %s %s from %s",
                                      sg_class_name(named->class), named->name.text,
                                      sg_subject_text(subject).text)
                      : s;
}

/* Nothing that the name is known to mean holds a permit. */
static sg_status none_held(struct sg_run *run, const struct named *named,
                           const struct sg_subjects *subjects, struct sg_error *err)
{
    if (subjects->untold.status != SG_OK) {
        *err = subjects->untold;
        return err->status;
    }
    return take_one(run, named, &subjects->list[0], err);
}

/* Whatever the name holds is taken; when it holds nothing, that is refused. */
sg_status sg_operation_AUTHORITY_REVOKE(struct sg_run *run, struct sg_error *err)
{
    struct named named;
    struct sg_subjects subjects = {.count = 0};
    const struct sg_subject *first = NULL;
    run->visible = true;
    sg_status s = read_named(run, &named, err);
    s = s == SG_OK ? sg_subject_read(run->service, sg_run_text(run, "from"), &subjects, err) : s;
    for (size_t i = 0; s == SG_OK && i < subjects.count; i++) {
        if (held(run, &named, &subjects.list[i]) != NULL) {
            first = first == NULL ? &subjects.list[i] : first;
            s = take_one(run, &named, &subjects.list[i], err);
        }
    }
    if (s == SG_OK && first == NULL) {
        first = &subjects.list[0];
        s = none_held(run, &named, &subjects, err);
    }
    s = s == SG_OK ? warn_untold(run, &subjects, err) : s;
    s = s == SG_OK ? count_change(run, &named, err) : s;
    return s == SG_OK ? answer_permit(run, &named, first, err) : s;
}

/* One by one, so that each is said. */
static sg_status take_all(struct sg_run *run, const struct named *named,
                          const struct sg_profile *profile, struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < profile->permit_count; i++) {
        const struct sg_subject *subject = &profile->permits[i].subject;
        s = take_one(run, named, subject, err);
    }
    return s;
}

sg_status sg_operation_AUTHORITY_RESET(struct sg_run *run, struct sg_error *err)
{
    struct named named;
    run->visible = true;
    sg_status s = read_named(run, &named, err);
    if (s != SG_OK) {
        return s;
    }
    const struct sg_profile *profile = sg_profile_get(run->profiles, named.class, named.name.text);
    if (profile == NULL) {
        return profile_missing(run, &named, err);
    }
    if (profile->permit_count == 0) {
        s = sg_run_effect(run, err, "%s %s permits nobody: nothing to take back",
                          sg_class_name(named.class), named.name.text);
        return s == SG_OK ? answer_named(run, &named, err) : s;
    }
    s = take_all(run, &named, profile, err);
    s = s == SG_OK ? count_change(run, &named, err) : s;
    s = s == SG_OK ? sg_run_effect(run, err, "%s %s permits nobody any more",
                                   sg_class_name(named.class), named.name.text)
                   : s;
    return s == SG_OK ? answer_named(run, &named, err) : s;
}

/* ---- reading ---- */

sg_status sg_operation_AUTHORITY_LIST(struct sg_run *run, struct sg_error *err)
{
    enum sg_class class = SG_CLASS_FACILITY;
    bool all = sg_run_text(run, "class") == NULL;
    json_t *items = json_array();
    sg_status s = sg_run_set(run->answer, "items", items, err);
    s = s == SG_OK && !all ? read_class(run, &class, err) : s;
    size_t end = run->profiles->classes[SG_CLASS_COUNT - 1].end;
    for (size_t i = 0; s == SG_OK && i < end; i++) {
        const struct sg_profile *profile = &run->profiles->list[i];
        if (!all && profile->class != class) {
            continue;
        }
        json_t *item =
            json_pack("{s:s, s:s, s:s, s:I, s:s}", "class", sg_class_name(profile->class),
                      "profile", profile->name, "uacc", sg_level_name(profile->uacc), "permits",
                      (json_int_t)profile->permit_count, "appldata", profile->appldata);
        if (item == NULL || json_array_append_new(items, item) != 0) {
            return sg_fail_memory(err);
        }
    }
    return s;
}

static sg_status add_permit(json_t *items, const struct sg_permit *permit, struct sg_error *err)
{
    char name[64];
    sg_subject_name(&permit->subject, name, sizeof name);
    json_t *item = json_pack("{s:s, s:s, s:s}", "to", sg_subject_text(&permit->subject).text,
                             "name", name, "level", sg_level_name(permit->level));
    if (item == NULL || json_array_append_new(items, item) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* Of that name, or, when it is asked for, what decides about that name. */
static const struct sg_profile *shown_profile(const struct sg_run *run, const struct named *named)
{
    const struct sg_profile *profile =
        sg_profile_get(run->profiles, named->class, named->name.text);
    return profile == NULL && sg_run_flag(run, "covering")
               ? sg_profile_find(run->profiles, named->class, named->name.text)
               : profile;
}

sg_status sg_operation_AUTHORITY_SHOW(struct sg_run *run, struct sg_error *err)
{
    struct named named;
    json_t *items = json_array();
    sg_status s = sg_run_set(run->answer, "items", items, err);
    s = s == SG_OK ? read_named(run, &named, err) : s;
    if (s != SG_OK) {
        return s;
    }
    const struct sg_profile *profile = shown_profile(run, &named);
    if (profile == NULL) {
        return profile_missing(run, &named, err);
    }
    for (size_t i = 0; s == SG_OK && i < profile->permit_count; i++) {
        s = add_permit(items, &profile->permits[i], err);
    }
    s = s == SG_OK ? sg_run_set(run->answer, "class", json_string(sg_class_name(named.class)), err)
                   : s;
    s = s == SG_OK ? sg_run_set(run->answer, "profile", json_string(profile->name), err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "uacc", json_string(sg_level_name(profile->uacc)), err)
                   : s;
    return s == SG_OK ? sg_run_set(run->answer, "appldata", json_string(profile->appldata), err)
                      : s;
}
