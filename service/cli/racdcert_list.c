/* racdcert: LIST and LISTRING, of one or of all that an owner has. */
#include "racdcert_internal.h"

#include <string.h>

#include <signet/base/clock.h>
#include <signet/racdcert/listing.h>

#define PAGE 100 /* certificates that are asked for at once */

static void json_freep(json_t **value)
{
    json_decref(*value);
}

static sg_status append(enum sg_racdcert_listing kind, json_t *answer, bool continued,
                        struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    const struct sg_racdcert_listing_options options = {.continued = continued,
                                                        .permits = outcome->request.permits,
                                                        .now_s = sg_now_s(sg_clock_system())};
    return sg_racdcert_listing(kind, answer, &options, &outcome->out, err);
}

static enum sg_racdcert_listing kind_of(enum sg_rac_task task)
{
    switch (task) {
    case SG_RAC_LISTRING:
    case SG_RAC_LISTRINGS:
        return SG_LISTING_LISTRING;
    case SG_RAC_LISTCHAIN:
        return SG_LISTING_LISTCHAIN;
    case SG_RAC_CHECKCERT:
        return SG_LISTING_CHECKCERT;
    case SG_RAC_LISTMAP:
        return SG_LISTING_LISTMAP;
    case SG_RAC_LISTTOKEN:
    case SG_RAC_LISTTOKENS:
        return SG_LISTING_LISTTOKEN;
    case SG_RAC_RLIST:
    case SG_RAC_RLISTS:
        return SG_LISTING_RLIST;
    case SG_RAC_NOTHING:
    case SG_RAC_CHANGE:
    case SG_RAC_LIST:
    case SG_RAC_LIST_ALL:
        break;
    }
    return SG_LISTING_LIST;
}

static sg_status nothing(const struct sg_rac_request *request, const char *code, const char *what,
                         struct sg_error *err)
{
    sg_fail(err, SG_E_NOT_FOUND, code, "%s has no %s", request->owner, what);
    return sg_object(err, "%s", request->owner);
}

sg_status sg_racdcert_list_one(struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    enum sg_racdcert_listing kind = kind_of(outcome->request.task);
    if (kind == SG_LISTING_LISTMAP &&
        json_array_size(json_object_get(outcome->answer, "items")) == 0) {
        return nothing(&outcome->request, "no_maps", "name filter", err);
    }
    return append(kind, outcome->answer, false, outcome, err);
}

/* Everything in one answer, for --json; otherwise what is shown is not kept. */
static sg_status keep(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                      json_t *items, struct sg_error *err)
{
    if (!session->options.json) {
        return sg_racdcert_flush(outcome, err);
    }
    if (outcome->answer == NULL) {
        outcome->answer = json_pack("{s:[]}", "items");
    }
    return outcome->answer != NULL &&
                   json_array_extend(json_object_get(outcome->answer, "items"), items) == 0
               ? SG_OK
               : sg_fail_memory(err);
}

static sg_status list_certificates(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                                   struct sg_error *err)
{
    struct sg_rac_request *request = &outcome->request;
    bool any = false;
    if (json_object_set_new(request->params, "details", json_true()) != 0 ||
        json_object_set_new(request->params, "limit", json_integer(PAGE)) != 0) {
        return sg_fail_memory(err);
    }
    for (;;) {
        SG_CLEANUP(json_freep) json_t *page = NULL;
        sg_status s = sg_client_ask(session->client, request->operation, request->params, false, 0,
                                    &page, err);
        json_t *items = json_object_get(page, "items");
        s = s == SG_OK ? append(SG_LISTING_LIST, page, any, outcome, err) : s;
        s = s == SG_OK ? keep(session, outcome, items, err) : s;
        any = any || json_array_size(items) > 0;
        const char *next = s == SG_OK ? sg_racdcert_listing_next(page) : NULL;
        if (next == NULL) {
            return s != SG_OK || any ? s : nothing(request, "no_certificates", "certificate", err);
        }
        if (json_object_set_new(request->params, "after", json_string(next)) != 0) {
            return sg_fail_memory(err);
        }
    }
}

/* One of several, shown by the operation that shows one. */
static sg_status show_asked(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                            const char *noun, json_t *params, bool continued, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *answer = NULL;
    SG_CLEANUP(json_freep) json_t *items = json_array();
    if (params == NULL || items == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_client_ask(session->client, sg_operation_find(noun, "show"), params, false, 0,
                                &answer, err);
    s = s == SG_OK ? append(kind_of(outcome->request.task), answer, continued, outcome, err) : s;
    if (s == SG_OK && json_array_append(items, answer) != 0) {
        return sg_fail_memory(err);
    }
    return s == SG_OK ? keep(session, outcome, items, err) : s;
}

static sg_status show_one(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                          const char *noun, json_t *name, bool continued, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *params = json_pack("{s:o}", noun, name);
    return show_asked(session, outcome, noun, params, continued, err);
}

static sg_status list_rings(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                            struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *rings = NULL;
    size_t index;
    json_t *item;
    sg_status s = sg_client_ask(session->client, outcome->request.operation,
                                outcome->request.params, false, 0, &rings, err);
    if (s != SG_OK) {
        return s;
    }
    json_array_foreach(json_object_get(rings, "items"), index, item)
    {
        const char *ring = json_string_value(json_object_get(item, "ring"));
        s = s == SG_OK && ring != NULL
                ? show_one(session, outcome, "ring",
                           json_sprintf("%s/%s", outcome->request.owner, ring), index > 0, err)
                : s;
    }
    bool none = json_array_size(json_object_get(rings, "items")) == 0;
    return s == SG_OK && none ? nothing(&outcome->request, "no_rings", "ring", err) : s;
}

/* The configured tokens stand in the same list: they hold keys and serve nobody. */
static sg_status list_tokens(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                             struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *tokens = NULL;
    bool any = false;
    size_t index;
    json_t *item;
    sg_status s = sg_client_ask(session->client, outcome->request.operation,
                                outcome->request.params, false, 0, &tokens, err);
    if (s != SG_OK) {
        return s;
    }
    json_array_foreach(json_object_get(tokens, "items"), index, item)
    {
        const char *kind = json_string_value(json_object_get(item, "kind"));
        json_t *name = json_object_get(item, "name");
        if (s == SG_OK && kind != NULL && strcmp(kind, "served") == 0) {
            s = show_one(session, outcome, "token", json_incref(name), any, err);
            any = true;
        }
    }
    return s != SG_OK || any ? s
                             : sg_fail(err, SG_E_NOT_FOUND, "no_tokens",
                                       "there is no served token that you may list");
}

static sg_status list_named_profiles(struct sg_racdcert *session,
                                     struct sg_racdcert_outcome *outcome, struct sg_error *err)
{
    const struct sg_rac_request *request = &outcome->request;
    sg_status s = show_asked(session, outcome, "authority", request->params, false, err);
    for (unsigned i = 0; s == SG_OK && i < request->step_count; i++) {
        s = show_asked(session, outcome, "authority", request->steps[i].params, true, err);
    }
    return s;
}

static sg_status list_profiles(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                               struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *profiles = NULL;
    size_t index;
    json_t *item;
    sg_status s = sg_client_ask(session->client, outcome->request.operation,
                                outcome->request.params, false, 0, &profiles, err);
    json_array_foreach(json_object_get(profiles, "items"), index, item)
    {
        SG_CLEANUP(json_freep)
        json_t *params = json_pack("{s:O, s:O}", "class", json_object_get(item, "class"), "profile",
                                   json_object_get(item, "profile"));
        s = s == SG_OK ? show_asked(session, outcome, "authority", params, index > 0, err) : s;
    }
    bool none = json_array_size(json_object_get(profiles, "items")) == 0;
    return s == SG_OK && none
               ? sg_fail(err, SG_E_NOT_FOUND, "no_profiles", "the class has no profile")
               : s;
}

sg_status sg_racdcert_list_all(struct sg_racdcert *session, struct sg_racdcert_outcome *outcome,
                               struct sg_error *err)
{
    switch (outcome->request.task) {
    case SG_RAC_LIST_ALL:
        return list_certificates(session, outcome, err);
    case SG_RAC_LISTTOKENS:
        return list_tokens(session, outcome, err);
    case SG_RAC_RLIST:
        return list_named_profiles(session, outcome, err);
    case SG_RAC_RLISTS:
        return list_profiles(session, outcome, err);
    case SG_RAC_NOTHING:
    case SG_RAC_CHANGE:
    case SG_RAC_LIST:
    case SG_RAC_LISTRING:
    case SG_RAC_LISTRINGS:
    case SG_RAC_LISTCHAIN:
    case SG_RAC_CHECKCERT:
    case SG_RAC_LISTMAP:
    case SG_RAC_LISTTOKEN:
        break;
    }
    return list_rings(session, outcome, err);
}
