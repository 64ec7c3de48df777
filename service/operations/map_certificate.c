#include <signet/operations/map.h>

#include <stdio.h>
#include <string.h>

#include <signet/policy/name.h>

#include "run_internal.h"

SG_PRINTF(2, 3)
static void say(struct sg_mapping *mapping, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(mapping->reason, sizeof mapping->reason, format, args);
    va_end(args);
}

static void map_to(struct sg_mapping *mapping, const char *owner)
{
    mapping->mapped = true;
    (void)snprintf(mapping->owner.text, sizeof mapping->owner.text, "%s", owner);
}

/* ---- the certificate itself ---- */

struct installed {
    const struct sg_certificate_facts *facts;
    struct sg_mapping *mapping;
};

static sg_status judge_installed(void *context, const struct sg_certificate_row *row,
                                 struct sg_error *err)
{
    const struct installed *installed = context;
    struct sg_mapping *mapping = installed->mapping;
    const struct sg_bytes der = installed->facts->der;
    const struct sg_name_text name = sg_row_name(row);
    (void)err;
    mapping->by = SG_MAPPED_BY_CERTIFICATE;
    mapping->installed = row->name;
    if (row->der_len != der.len || memcmp(row->der, der.data, der.len) != 0) {
        say(mapping, "%s has the same serial number and issuer and is another certificate",
            name.text);
    } else if (row->trust == SG_NOTRUST) {
        say(mapping, "it is installed as %s, which is NOTRUST", name.text);
    } else if (sg_owner_kind(row->name.owner.text) != SG_OWNER_USER) {
        say(mapping, "it is installed as %s, which belongs to no user", name.text);
    } else {
        map_to(mapping, row->name.owner.text);
        say(mapping, "it is installed as %s", name.text);
    }
    return SG_OK;
}

static sg_status look_for_certificate(struct sg_service *service,
                                      const struct sg_certificate_facts *facts,
                                      struct sg_mapping *mapping, struct sg_error *err)
{
    struct installed installed = {.facts = facts, .mapping = mapping};
    struct sg_certificate_filter filter = {
        .serial = facts->serial, .issuer = facts->issuer.data, .issuer_len = facts->issuer.len};
    return sg_store_certificate_each(service->store, &filter, judge_installed, &installed, err);
}

/* ---- filters ---- */

struct names {
    struct sg_dotted_name subject, issuer;
};

static sg_status look_for_filter(struct sg_service *service, const struct names *names,
                                 struct sg_mapping *mapping, struct sg_error *err)
{
    struct sg_filter_key key;
    bool found = false;
    for (size_t i = 0; !found && sg_filter_candidate(&names->subject, &names->issuer, i, &key);
         i++) {
        sg_status s = sg_store_map_find(service->store, key.subject, key.issuer, &mapping->filter,
                                        &found, err);
        if (s != SG_OK) {
            return s;
        }
        mapping->rank = key.rank;
    }
    mapping->by = found ? SG_MAPPED_BY_FILTER : SG_MAPPED_BY_NOTHING;
    return SG_OK;
}

/* The application data of the profile, when that is the name of a user that exists. */
static sg_status find_user(struct sg_service *service, const char *resource,
                           struct sg_owner_name *out, struct sg_error *err)
{
    SG_CLEANUP(sg_profile_set_unrefp) struct sg_profile_set *set = NULL;
    struct sg_error ignored = SG_ERROR_INIT;
    struct sg_owner_name user;
    bool exists = false;
    sg_status s = sg_service_profiles(service, &set, err);
    const struct sg_profile *profile =
        s == SG_OK ? sg_profile_find(&set->profiles, SG_CLASS_DIGTCRIT, resource) : NULL;
    if (profile == NULL || sg_name_user(profile->appldata, &user, &ignored) != SG_OK) {
        return s;
    }
    s = sg_store_owner_exists(service->store, user.text, &exists, err);
    if (s == SG_OK && exists) {
        *out = user;
    }
    return s;
}

/* What is wrong with the values is an answer, not a failure: nobody is mapped. */
static sg_status judge_criteria(struct sg_service *service, const struct sg_criteria_values *values,
                                struct sg_mapping *mapping, struct sg_error *err)
{
    const char *label = mapping->filter.name.label.text;
    struct sg_error why = SG_ERROR_INIT;
    struct sg_owner_name owner = {.text = ""};
    sg_status s = sg_criteria_fill(mapping->filter.criteria, values, mapping->profile, &why);
    if (s != SG_OK) {
        say(mapping, "filter MULTIID/%s has criteria %s: %s", label, mapping->filter.criteria,
            why.text);
        return SG_OK;
    }
    s = find_user(service, mapping->profile, &owner, err);
    if (s != SG_OK) {
        return s;
    }
    if (owner.text[0] == '\0') {
        say(mapping, "filter MULTIID/%s leads to DIGTCRIT profile %s, which names no user here",
            label, mapping->profile);
        return SG_OK;
    }
    map_to(mapping, owner.text);
    say(mapping, "filter MULTIID/%s matches %s, and DIGTCRIT profile %s names %s", label,
        sg_filter_rank_words(mapping->rank), mapping->profile, owner.text);
    return SG_OK;
}

static sg_status judge_filter(struct sg_service *service, const struct sg_criteria_values *values,
                              struct sg_mapping *mapping, struct sg_error *err)
{
    const struct sg_map_row *filter = &mapping->filter;
    const char *owner = filter->name.owner.text;
    const char *label = filter->name.label.text;
    if (!filter->trusted) {
        say(mapping, "filter %s/%s matches %s and is NOTRUST", owner, label,
            sg_filter_rank_words(mapping->rank));
        return SG_OK;
    }
    if (strcmp(owner, SG_MULTIID) == 0) {
        return judge_criteria(service, values, mapping, err);
    }
    map_to(mapping, owner);
    say(mapping, "filter %s/%s matches %s", owner, label, sg_filter_rank_words(mapping->rank));
    return SG_OK;
}

sg_status sg_map_certificate(struct sg_service *service, const struct sg_certificate *certificate,
                             const struct sg_criteria_values *values, struct sg_mapping *out,
                             struct sg_error *err)
{
    struct sg_mapping mapping = {.by = SG_MAPPED_BY_NOTHING};
    SG_FREE struct names *names = calloc(1, sizeof *names);
    if (names == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = look_for_certificate(service, sg_certificate_facts(certificate), &mapping, err);
    if (s == SG_OK && mapping.by == SG_MAPPED_BY_NOTHING) {
        sg_certificate_dotted(certificate, &names->subject, &names->issuer);
        s = look_for_filter(service, names, &mapping, err);
    }
    if (s == SG_OK && mapping.by == SG_MAPPED_BY_FILTER) {
        s = judge_filter(service, values, &mapping, err);
    } else if (s == SG_OK && mapping.by == SG_MAPPED_BY_NOTHING) {
        say(&mapping, "it is not installed, and no name filter matches it");
    }
    if (s == SG_OK) {
        *out = mapping;
    }
    return s;
}
