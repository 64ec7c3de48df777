/* LIST: certificates, field by field. */
#include "listing_internal.h"

#include <string.h>

static void put_name(struct sg_page *page, const char *before, const char *name)
{
    sg_page_put(page, "  %s Name:\n", before);
    sg_page_block(page, SG_LISTING_INDENT, name);
}

/* What is not in the store has no name there (CHECKCERT). */
static void put_identity(struct sg_page *page, json_t *item)
{
    const char *label = sg_page_find(page, item, "label");
    const char *id = sg_page_find(page, item, "certificate_id");
    if (label == NULL) {
        return;
    }
    sg_page_line(page, "  Label: ", label);
    if (id != NULL) {
        sg_page_line(page, "  Certificate ID: ", id);
    }
    sg_page_line(page, "  Status: ", sg_page_get(page, item, "status"));
}

/* ---- alternative names ---- */

/* A blank on each side of "at", in place of the sign: as RACF prints addresses. */
static void put_address(struct sg_page *page, const char *address)
{
    const char *sign = strrchr(address, '@');
    if (sign == NULL) {
        sg_page_line(page, "    EMail: ", address);
        return;
    }
    sg_page_put(page, "    EMail: ");
    sg_page_some(page, address, (size_t)(sign - address));
    sg_page_line(page, " at ", sign + 1);
}

static void put_altname(struct sg_page *page, const char *kind, const char *value)
{
    if (strcmp(kind, "email:") == 0) {
        put_address(page, value);
    } else if (strcmp(kind, "ip:") == 0) {
        sg_page_line(page, "    IP: ", value);
    } else if (strcmp(kind, "dns:") == 0) {
        sg_page_line(page, "    Domain: ", value);
    } else {
        sg_page_line(page, "    URI: ", value);
    }
}

static const char *const altname_kinds[] = {"ip:", "email:", "dns:", "uri:"};

static bool is_known_kind(const char *san)
{
    for (size_t i = 0; i < SG_COUNT(altname_kinds); i++) {
        if (strncmp(san, altname_kinds[i], strlen(altname_kinds[i])) == 0) {
            return true;
        }
    }
    return false;
}

/* In RACF's order of kinds; those that RACF does not know at the end, as our commands write them.
 */
static void put_altnames(struct sg_page *page, json_t *sans)
{
    size_t index = 0;
    json_t *san = NULL;
    if (json_array_size(sans) == 0) {
        return;
    }
    sg_page_put(page, "  Subject's AltNames:\n");
    for (size_t kind = 0; kind < SG_COUNT(altname_kinds); kind++) {
        size_t len = strlen(altname_kinds[kind]);
        json_array_foreach(sans, index, san)
        {
            const char *text = json_string_value(san);
            if (text != NULL && strncmp(text, altname_kinds[kind], len) == 0) {
                put_altname(page, altname_kinds[kind], text + len);
            }
        }
    }
    json_array_foreach(sans, index, san)
    {
        if (!json_is_string(san)) {
            sg_page_fault(page, "sans", "a list of texts");
        } else if (!is_known_kind(json_string_value(san))) {
            sg_page_line(page, "    Other: ", json_string_value(san));
        }
    }
}

/* ---- key and fingerprint ---- */

static void put_usage(struct sg_page *page, json_t *names)
{
    unsigned bits = 0;
    char words[SG_LISTING_WORD];
    size_t index = 0;
    json_t *name = NULL;
    json_array_foreach(names, index, name)
    {
        if (!json_is_string(name)) {
            sg_page_fault(page, "key_usage", "a list of texts");
            return;
        }
        bits |= sg_listing_usage_bit(json_string_value(name));
    }
    sg_listing_key_usage(bits, words);
    if (words[0] != '\0') {
        sg_page_line(page, "  Key Usage: ", words);
    }
}

static void put_key(struct sg_page *page, json_t *item)
{
    char word[SG_LISTING_WORD];
    sg_listing_signature(sg_page_get(page, item, "signature_algorithm"), word);
    sg_page_line(page, "  Signing Algorithm: ", word);
    put_usage(page, sg_page_list(page, item, "key_usage"));
    sg_listing_key_type(sg_page_get(page, item, "key"), word);
    sg_page_line(page, "  Key Type: ", word);
    sg_page_put(page, "  Key Size: %lld\n", (long long)sg_page_number(page, item, "key_bits"));
    if (!json_is_null(json_object_get(item, "private_key"))) { /* null: not for this user to know */
        sg_page_line(page,
                     "  Private Key: ", sg_page_truth(page, item, "private_key") ? "YES" : "NO");
    }
}

/* Two lines of 16 bytes, the first one ends with a colon. */
static void put_fingerprint(struct sg_page *page, const char *hex)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    if (strlen(hex) != 64 || strspn(hex, digits) != 64) {
        sg_page_fault(page, "fingerprint_sha256", "64 hexadecimal digits");
        return;
    }
    sg_page_put(page, "  Certificate Fingerprint (SHA256):\n       ");
    for (size_t i = 0; i < 32; i++) {
        const char two[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        char upper[3] = {0};
        for (size_t k = 0; k < 2; k++) {
            upper[k] = (char)(two[k] >= 'a' ? two[k] - 'a' + 'A' : two[k]);
        }
        sg_page_put(page, "%s%s", upper, i == 15 ? ":\n       " : i == 31 ? "\n" : ":");
    }
}

/* ---- rings and remarks ---- */

static void put_rings(struct sg_page *page, json_t *rings)
{
    size_t index = 0;
    json_t *ring = NULL;
    sg_page_put(page, "  Ring Associations:\n");
    if (json_array_size(rings) == 0) {
        sg_page_put(page, "  *** No rings associated ***\n");
    }
    json_array_foreach(rings, index, ring)
    {
        sg_page_line(page, "    Ring Owner: ", sg_page_get(page, ring, "owner"));
        sg_page_put(page, "    Ring:\n");
        sg_page_block(page, SG_LISTING_INDENT, sg_page_get(page, ring, "ring"));
    }
}

/* What RACF's lines do not say, or not loud enough. */
static void put_remarks(struct sg_page *page, json_t *item)
{
    const char *status = sg_page_find(page, item, "status");
    int64_t not_before = sg_page_time(page, sg_page_get(page, item, "not_before"));
    int64_t not_after = sg_page_time(page, sg_page_get(page, item, "not_after"));
    if (status != NULL && strcmp(status, "NOTRUST") == 0) {
        sg_page_remark(page, "NOTRUST: hidden from programs in every ring");
    }
    if (page->options->now_s > not_after) {
        sg_page_remark(page, "expired");
    } else if (page->options->now_s < not_before) {
        sg_page_remark(page, "not yet valid");
    }
    if (json_is_false(json_object_get(item, "may_sign"))) {
        sg_page_remark(page, "rolled over: the key is kept for decryption and signs no more");
    }
    if (json_is_true(json_object_get(item, "placeholder"))) {
        sg_page_remark(page, "self-signed until a CA's answer is added");
    }
}

void sg_page_certificate(struct sg_page *page, json_t *item)
{
    put_identity(page, item);
    sg_page_date(page, "  Start Date: ", sg_page_get(page, item, "not_before"));
    sg_page_date(page, "  End Date:   ", sg_page_get(page, item, "not_after"));
    sg_page_put(page, "  Serial Number:\n");
    sg_page_block(page, SG_LISTING_INDENT, sg_page_get(page, item, "serial"));
    put_name(page, "Issuer's", sg_page_get(page, item, "issuer_dotted"));
    put_name(page, "Subject's", sg_page_get(page, item, "subject_dotted"));
    put_altnames(page, sg_page_list(page, item, "sans"));
    put_key(page, item);
    put_fingerprint(page, sg_page_get(page, item, "fingerprint_sha256"));
    if (json_object_get(item, "rings") != NULL) {
        put_rings(page, sg_page_list(page, item, "rings"));
    }
    put_remarks(page, item);
}

static void list_one(struct sg_page *page, json_t *item)
{
    sg_page_put(page, "\n");
    sg_page_certificate(page, item);
}

void sg_page_list_certificates(struct sg_page *page, json_t *answer)
{
    bool many = json_object_get(answer, "items") != NULL;
    json_t *items = many ? sg_page_list(page, answer, "items") : NULL;
    json_t *first = many ? json_array_get(items, 0) : answer;
    size_t index = 0;
    json_t *item = NULL;
    if (first == NULL) {
        return;
    }
    if (!page->options->continued) {
        sg_page_heading(page, "Digital certificate information", sg_page_get(page, first, "owner"));
    }
    if (!many) {
        list_one(page, answer);
    }
    json_array_foreach(items, index, item)
    {
        list_one(page, item);
    }
}
