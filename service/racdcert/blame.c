/* Which operand a refusal of the service is about: it names objects and knows no columns. */
#include "racdcert_internal.h"

#include <string.h>
#include <strings.h>

#include <signet/base/cleanup.h>
#include <signet/policy/name.h>

/* Refusals that are about one keyword, whatever they name. The first that is there counts. */
static const struct {
    const char *code, *keyword;
    const char *says; /* in its text, or NULL */
} about[] = {
    {"wrong_password", "PASSWORD", NULL},
    {"password_too_short", "PASSWORD", NULL},
    {"password_not_ascii", "PASSWORD", NULL},
    {"bad_validity", "NOTAFTER", NULL},
    {"bad_validity", "NOTBEFORE", NULL},
    {"policy_validity", "NOTAFTER", NULL},
    {"policy_key_size", "SIZE", NULL},
    {"policy_curve", "SIZE", NULL},
    {"policy_curve", "NISTECC", NULL},
    {"policy_ca_key", "NISTECC", NULL},
    {"policy_san", "ALTNAME", NULL},
    {"policy_extractable", "EXTRACTABLE", NULL},
    {"extractable_not_allowed", "EXTRACTABLE", NULL},
    {"usage_not_for_key", "KEYUSAGE", NULL},
    {"issuer_not_a_ca", "SIGNWITH", NULL},
    {"partial_issuer", "IDNFILTER", NULL},
    {"bad_filter", "IDNFILTER", "issuer filter"},
    {"bad_filter", "SDNFILTER", NULL},
    {"filter_too_long", "IDNFILTER", "issuer filter"},
    {"filter_too_long", "SDNFILTER", NULL},
    {"filter_start_not_found", "IDNFILTER", "issuer"},
    {"filter_start_not_found", "SDNFILTER", NULL},
    {"filter_start_ambiguous", "IDNFILTER", "issuer"},
    {"filter_start_ambiguous", "SDNFILTER", NULL},
    {"filter_not_clear", "IDNFILTER", "issuer"},
    {"filter_not_clear", "SDNFILTER", NULL},
    {"bad_subject", "CN", "subject: CN "},
    {"bad_subject", "T", "subject: T "},
    {"bad_subject", "OU", "subject: OU "},
    {"bad_subject", "O", "subject: O "},
    {"bad_subject", "L", "subject: L "},
    {"bad_subject", "SP", "subject: SP "},
    {"bad_subject", "SP", "subject: ST "},
    {"bad_subject", "C", "subject: a country"},
    {"bad_subject", "SUBJECTSDN", NULL},
    {"certificate_not_found", "SERIALNUMBER", NULL},
    {"ambiguous_selection", "SERIALNUMBER", NULL},
    {"same_certificate", "NEWLABEL", NULL},
    {"bad_criteria", "CRITERIA", NULL},
    {"bad_criteria", "NEWCRITERIA", NULL},
    {"bad_appldata", "APPLDATA", NULL},
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

static bool blame_keyword(struct sg_rac_request *request, const struct sg_error *failure)
{
    const struct sg_rac_tree *tree = request->tree;
    for (size_t i = 0; i < SG_COUNT(about); i++) {
        bool mine = strcmp(about[i].code, failure->code) == 0 &&
                    (about[i].says == NULL || strstr(failure->text, about[i].says) != NULL);
        for (unsigned k = 1; mine && k < tree->node_count; k++) {
            if (strcmp(tree->nodes[k].keyword->name, about[i].keyword) == 0) {
                return blamed(request, tree->nodes[k].at, tree->nodes[k].len);
            }
        }
    }
    return false;
}

/* ---- names ---- */

/* Is it refused as the name that the keyword's operand is? */
static bool breaks_rule(const char *code, const char *keyword, const char *text)
{
    struct sg_error ignored = SG_ERROR_INIT;
    struct sg_label label;
    struct sg_ring_name ring;
    struct sg_ring_ref token;
    if (strcmp(code, "bad_label") == 0 && strstr(keyword, "LABEL") != NULL) {
        return sg_name_label(text, &label, &ignored) != SG_OK;
    }
    if (strcmp(code, "bad_ring_name") == 0 && strstr(keyword, "RING") != NULL) {
        return sg_name_ring(text, &ring, &ignored) != SG_OK;
    }
    return strcmp(code, "bad_token_name") == 0 && strstr(keyword, "TOKEN") != NULL &&
           sg_name_token(text, &token, &ignored) != SG_OK;
}

/* A name that cannot be one is not repeated by what refuses it: looked for by the same rules. */
static bool blame_name(struct sg_rac_request *request, const char *code)
{
    const struct sg_rac_tree *tree = request->tree;
    for (unsigned k = 0; k < tree->node_count; k++) {
        const struct sg_rac_node *node = &tree->nodes[k];
        for (unsigned i = 0; i < node->value_count; i++) {
            const struct sg_rac_value *value = &tree->values[node->first_value + i];
            if (breaks_rule(code, node->keyword->name, value->text)) {
                return blamed(request, value->at, value->len);
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
    while (len > 0 && operand[len - 1] == ' ' && whole > 0 && object[whole - 1] != ' ') {
        len--; /* a label's blanks at its end do not count */
    }
    if (len == 0 || len > whole || strncasecmp(object + whole - len, operand, len) != 0) {
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
    return blame_keyword(request, failure) || blame_operand(request, failure) ||
           blame_name(request, failure->code);
}
