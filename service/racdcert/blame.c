/* Which operand a refusal of the service is about: it names objects and knows no columns. */
#include "racdcert_internal.h"

#include <string.h>
#include <strings.h>

#include <signet/base/cleanup.h>

/* Refusals that are about one keyword, whatever they name. The first that is there counts. */
static const struct {
    const char *code, *keyword;
} about[] = {
    {"wrong_password", "PASSWORD"},
    {"password_too_short", "PASSWORD"},
    {"password_not_ascii", "PASSWORD"},
    {"bad_validity", "NOTAFTER"},
    {"bad_validity", "NOTBEFORE"},
    {"policy_validity", "NOTAFTER"},
    {"policy_key_size", "SIZE"},
    {"policy_curve", "SIZE"},
    {"policy_curve", "NISTECC"},
    {"policy_ca_key", "NISTECC"},
    {"policy_san", "ALTNAME"},
    {"policy_extractable", "EXTRACTABLE"},
    {"extractable_not_allowed", "EXTRACTABLE"},
    {"usage_not_for_key", "KEYUSAGE"},
    {"issuer_not_a_ca", "SIGNWITH"},
    {"partial_issuer", "IDNFILTER"},
    {"bad_criteria", "CRITERIA"},
    {"bad_criteria", "NEWCRITERIA"},
    {"bad_appldata", "APPLDATA"},
};

/* Where an operand of each kind of object stands, when the same word stands in several places. */
static const struct {
    const char *code; /* begins with it */
    const char *keywords;
} kinds[] = {
    {"ring_", " RING ADDRING DELRING LISTRING "},
    {"token_", " TOKEN ADDTOKEN DELTOKEN LISTTOKEN "},
    {"label_", " WITHLABEL NEWLABEL "},
    {"certificate_", " LABEL "},
    {"no_private_key", " LABEL "},
};

static bool blamed(struct sg_rac_request *request, size_t at, size_t len)
{
    request->fault = at;
    request->fault_len = len;
    return true;
}

static bool blame_keyword(struct sg_rac_request *request, const char *code)
{
    const struct sg_rac_tree *tree = request->tree;
    for (size_t i = 0; i < SG_COUNT(about); i++) {
        for (unsigned k = 1; strcmp(about[i].code, code) == 0 && k < tree->node_count; k++) {
            if (strcmp(tree->nodes[k].keyword->name, about[i].keyword) == 0) {
                return blamed(request, tree->nodes[k].at, tree->nodes[k].len);
            }
        }
    }
    return false;
}

/* ---- objects ---- */

/* "START1/KEY", "./WEB.P12", "FACILITY X" and what they end with. */
static bool is_meant(const char *object, const char *operand)
{
    size_t whole = strlen(object);
    size_t len = strlen(operand);
    if (len == 0 || len > whole || strcasecmp(object + whole - len, operand) != 0) {
        return false;
    }
    return len == whole || object[whole - len - 1] == '/' || object[whole - len - 1] == ' ';
}

static bool is_of_kind(const char *code, const char *keyword)
{
    for (size_t i = 0; i < SG_COUNT(kinds); i++) {
        const char *at = strncmp(code, kinds[i].code, strlen(kinds[i].code)) == 0
                             ? strstr(kinds[i].keywords, keyword)
                             : NULL;
        if (at != NULL && at[-1] == ' ' && at[strlen(keyword)] == ' ') {
            return true;
        }
    }
    return false;
}

/* Bad values are quoted by what refuses them. */
static bool is_quoted(const struct sg_error *failure, const char *operand)
{
    size_t len = strlen(operand);
    bool about_value =
        strncmp(failure->code, "bad_", 4) == 0 || strncmp(failure->code, "unknown_", 8) == 0;
    for (const char *at = failure->text; about_value && len > 0; at++) {
        at = strstr(at, operand);
        if (at == NULL) {
            return false;
        }
        bool begins = at > failure->text && (at[-1] == '"' || at[-1] == ':');
        if (begins && (at[len] == '"' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* What was sent as the parameter that a refusal names: the parameter "label" is too long. */
static const char *named_parameter(const struct sg_rac_request *request,
                                   const struct sg_error *failure)
{
    static const char before[] = "parameter \"";
    char name[64];
    const char *at = strstr(failure->text, before);
    size_t len = at != NULL ? strcspn(at + sizeof before - 1, "\"") : 0;
    if (len == 0 || len >= sizeof name) {
        return "";
    }
    memcpy(name, at + sizeof before - 1, len);
    name[len] = '\0';
    const char *value = json_string_value(json_object_get(request->params, name));
    return value != NULL ? value : "";
}

struct search {
    const struct sg_error *failure;
    const char *parameter;
    const struct sg_rac_value *found;
    bool of_kind;
};

static void look_at(struct search *search, const struct sg_rac_node *node,
                    const struct sg_rac_value *value)
{
    const struct sg_error *failure = search->failure;
    bool of_kind = is_of_kind(failure->code, node->keyword->name);
    bool better = search->found == NULL || (of_kind && !search->of_kind);
    if (better && (is_meant(failure->object, value->text) || is_quoted(failure, value->text) ||
                   is_meant(search->parameter, value->text))) {
        search->found = value;
        search->of_kind = of_kind;
    }
}

static bool blame_operand(struct sg_rac_request *request, const struct sg_error *failure)
{
    const struct sg_rac_tree *tree = request->tree;
    struct search search = {.failure = failure, .parameter = named_parameter(request, failure)};
    for (unsigned k = 0; k < tree->node_count; k++) {
        const struct sg_rac_node *node = &tree->nodes[k];
        bool secret = strcmp(node->keyword->name, "PASSWORD") == 0;
        for (unsigned i = 0; !secret && i < node->value_count; i++) {
            look_at(&search, node, &tree->values[node->first_value + i]);
        }
    }
    return search.found != NULL && blamed(request, search.found->at, search.found->len);
}

/* The service was there and understood. */
static bool is_refusal(sg_status status)
{
    static const sg_status refusals[] = {SG_E_USAGE,  SG_E_NOT_FOUND, SG_E_CONFLICT,
                                         SG_E_DENIED, SG_E_INPUT,     SG_E_UNSUPPORTED};
    for (size_t i = 0; i < SG_COUNT(refusals); i++) {
        if (refusals[i] == status) {
            return true;
        }
    }
    return false;
}

bool sg_rac_blame(struct sg_rac_request *request, const struct sg_error *failure)
{
    if (request->tree == NULL || request->fault_len > 0 || !is_refusal(failure->status)) {
        return request->fault_len > 0;
    }
    return blame_keyword(request, failure->code) || blame_operand(request, failure);
}
