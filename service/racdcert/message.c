/* RACF's messages, where a failure has one (z/OS Security Server RACF Messages and Codes; the words
 * are ours). */
#include <signet/racdcert/command.h>

#include <string.h>

/* function NULL: of any. The first row that fits counts. */
static const struct {
    const char *function, *code;
    struct sg_rac_message message;
} messages[] = {
    {"RDEFINE", "not_authorised", {"ICH408I", "Insufficient access authority."}},
    {"RALTER", "not_authorised", {"ICH408I", "Insufficient access authority."}},
    {"RDELETE", "not_authorised", {"ICH408I", "Insufficient access authority."}},
    {"RLIST", "not_authorised", {"ICH408I", "Insufficient access authority."}},
    {"PERMIT", "not_authorised", {"ICH408I", "Insufficient access authority."}},
    {NULL, "not_authorised", {"IRRD101I", "You are not authorized to do this."}},
    {NULL, "no_certificates", {"IRRD105I", "No certificate information was found."}},
    {NULL, "certificate_not_found", {"IRRD107I", "No matching certificate was found."}},
    {NULL, "certificate_exists", {"IRRD109I", "The certificate is already defined."}},
    {NULL, "serial_number_taken", {"IRRD109I", "The certificate is already defined."}},
    {NULL, "ring_not_found", {"IRRD114I", "The ring does not exist."}},
    {"DELTOKEN", "token_not_empty", {"IRRD174I", "The token is not empty: FORCE is needed."}},
    {"BIND", "key_cannot_be_bound", {"IRRD171I", "The key cannot be bound in a token."}},
    {NULL, "no_rings", {"IRRD115I", "The user has no rings."}},
    {NULL, "not_connected", {"IRRD116I", "The label does not exist in the ring."}},
    {NULL, "owner_cannot_have_rings", {"IRRD120I", "CERTAUTH and SITE own no rings."}},
    {"CONNECT", "missing_keyword", {"IRRD121I", "RING and LABEL are needed."}},
    {"REMOVE", "missing_keyword", {"IRRD121I", "RING and LABEL are needed."}},
    {"BIND", "missing_keyword", {"IRRD179I", "TOKEN and LABEL are needed."}},
    {"UNBIND", "missing_keyword", {"IRRD169I", "TOKEN and LABEL or SEQNUM are needed."}},
    {"UNBIND", "two_selectors", {"IRRD169I", "TOKEN and LABEL or SEQNUM are needed."}},
    {NULL, "ring_exists", {"IRRD122I", "The ring already exists."}},
    {"EXPORT", "no_private_key", {"IRRD147I", "The private key cannot be exported."}},
    {NULL, "no_private_key", {"IRRD128I", "A certificate with a private key is needed."}},
    {"PERMIT", "missing_keyword", {"IKJ56701I", "MISSING OPERAND"}},
    {NULL, "missing_keyword", {"IRRD130I", "A keyword is missing."}},
    {NULL, "bad_validity", {"IRRD133I", "NOTBEFORE must be earlier than NOTAFTER."}},
    {NULL, "multiid_not_allowed", {"IRRD136I", "MULTIID cannot be used for this function."}},
    {NULL, "filter_start_not_found", {"IRRD141I", "The filter's start is not in the certificate."}},
    {NULL, "filter_too_long", {"IRRD142I", "The filter is longer than 255 characters."}},
    {NULL, "partial_issuer", {"IRRD146I", "SDNFILTER needs the whole issuer's name."}},
    {NULL, "key_not_extractable", {"IRRD147I", "The private key cannot be exported."}},
    {NULL, "usage_not_for_key", {"IRRD156I", "KEYUSAGE does not go with the key's algorithm."}},
    {NULL, "unknown_command", {"IKJ56500I", "COMMAND NOT FOUND"}},
    {NULL, "missing_operand", {"IKJ56701I", "MISSING OPERAND"}},
    {NULL, "unknown_keyword", {"IKJ56702I", "INVALID KEYWORD"}},
    {NULL, "ambiguous_keyword", {"IKJ56702I", "AMBIGUOUS KEYWORD"}},
    {NULL, "duplicate_keyword", {"IKJ56702I", "DUPLICATE KEYWORD"}},
};

struct sg_rac_message sg_rac_message(const char *function, const struct sg_error *failure)
{
    for (size_t i = 0; i < SG_COUNT(messages); i++) {
        bool mine = messages[i].function == NULL || strcmp(messages[i].function, function) == 0;
        if (mine && strcmp(messages[i].code, failure->code) == 0) {
            return messages[i].message;
        }
    }
    if (failure->status == SG_E_TOKEN) {
        return (struct sg_rac_message){"IRRD165I", "PKCS#11 services are not operational."};
    }
    return failure->status == SG_E_USAGE ? (struct sg_rac_message){"IKJ56702I", "INVALID COMMAND"}
                                         : (struct sg_rac_message){NULL, NULL};
}

int sg_rac_return_code(const struct sg_error *failure)
{
    switch (failure->status) {
    case SG_OK:
        return 0;
    case SG_E_NOT_FOUND:
    case SG_E_CONFLICT:
    case SG_E_DENIED:
    case SG_E_INPUT:
    case SG_E_UNSUPPORTED:
        return 8;
    case SG_E_USAGE:
    case SG_E_TOKEN:
    case SG_E_SERVICE:
    case SG_E_LIMIT:
    case SG_E_STORAGE:
    case SG_E_NO_MEMORY:
    case SG_E_INTERNAL:
        break;
    }
    return 12;
}
