/* What an operation's needs ask of the gate, by its parameters. */
#include "run_internal.h"

#include <string.h>

#include <signet/policy/name.h>

#define SHOWN_MAX 64 /* bytes of a value in a message */

/* What somebody typed may be long and may hold anything: it is shown when it can be. */
static bool can_be_shown(const char *text)
{
    size_t len = strlen(text);
    bool plain = len > 0 && len <= SHOWN_MAX;
    for (size_t i = 0; plain && i < len; i++) {
        plain = text[i] > 0x1f && text[i] < 0x7f;
    }
    return plain;
}

static bool is_about_filters(enum sg_function function)
{
    return function == SG_FUNCTION_MAP || function == SG_FUNCTION_ALTMAP ||
           function == SG_FUNCTION_DELMAP || function == SG_FUNCTION_LISTMAP;
}

/* Name filters may be MULTIID's. */
static sg_status read_owner(enum sg_function function, const char *text, struct sg_owner_name *out,
                            struct sg_error *err)
{
    struct sg_certificate_name map;
    if (!is_about_filters(function)) {
        return sg_name_owner(text, out, err);
    }
    sg_status s = sg_name_map(text, &map, err);
    if (s == SG_OK) {
        *out = map.owner;
    }
    return s;
}

/* The owner that a parameter names, whatever its type. */
static sg_status target_owner(enum sg_function function, const char *text,
                              struct sg_owner_name *out, struct sg_error *err)
{
    char owner[SG_OWNER_MAX + 2];
    size_t len = strcspn(text, "/");
    if (len > SG_OWNER_MAX) {
        len = SG_OWNER_MAX + 1;
    }
    memcpy(owner, text, len);
    owner[len] = '\0';
    sg_status s = read_owner(function, owner, out, err);
    if (s != SG_OK && can_be_shown(text)) {
        sg_error_prefix(err, "\"%s\"", text);
        sg_object(err, "%s", text);
    }
    return s;
}

static const char *text_of(const json_t *params, const char *name)
{
    return name != NULL ? json_string_value(json_object_get(params, name)) : NULL;
}

/* The ring's name beside its owner. One that is not well-formed is refused by the operation:
 * nothing is known of it that could be kept from anybody. */
static void target_ring(const char *text, struct sg_request_memory *memory,
                        struct sg_request *request)
{
    struct sg_error ignored = SG_ERROR_INIT;
    const char *slash = strchr(text, '/');
    if (slash != NULL && sg_name_ring(slash + 1, &memory->ring, &ignored) == SG_OK) {
        request->ring = memory->ring.text;
    }
}

/* What is connected to a ring, or removed from it, and as what. */
static sg_status target_member(const struct sg_need *need, const json_t *params,
                               struct sg_request_memory *memory, struct sg_request *request,
                               struct sg_error *err)
{
    bool connection = need->function == SG_FUNCTION_CONNECT || need->function == SG_FUNCTION_REMOVE;
    const char *member = connection ? text_of(params, "certificate") : NULL;
    member = connection && member == NULL ? text_of(params, "target") : member;
    const char *usage = text_of(params, "usage");
    if (member == NULL) {
        return SG_OK;
    }
    sg_status s = target_owner(need->function, member, &memory->certificate_owner, err);
    if (s == SG_OK) {
        request->certificate_owner = memory->certificate_owner.text;
        request->usage = sg_usage_default(request->certificate_owner);
    }
    if (s == SG_OK && usage != NULL && !sg_usage_parse(usage, &request->usage)) {
        return sg_fail(err, SG_E_USAGE, "bad_parameter", "usage is personal, certauth or site");
    }
    return s;
}

sg_status sg_need_request(const struct sg_operation *operation, const struct sg_need *need,
                          const json_t *params, struct sg_request_memory *memory,
                          struct sg_request *request, bool *asked, struct sg_error *err)
{
    const char *text = text_of(params, need->param);
    *request = (struct sg_request){.function = need->function};
    bool wanted = need->when == NULL || json_object_get(params, need->when) != NULL;
    *asked = wanted && (need->param == NULL || text != NULL);
    if (text == NULL || !wanted) {
        return SG_OK;
    }
    if (need->function == SG_FUNCTION_LISTRING && sg_name_virtual_ring(text, &memory->owner)) {
        request->owner = memory->owner.text;
        request->ring = "*";
        return SG_OK;
    }
    sg_status s = target_owner(need->function, text, &memory->owner, err);
    if (s != SG_OK) {
        return s;
    }
    request->owner = memory->owner.text;
    if (sg_param_find(operation, need->param)->type == SG_PARAM_RING) {
        target_ring(text, memory, request);
    }
    return target_member(need, params, memory, request, err);
}
