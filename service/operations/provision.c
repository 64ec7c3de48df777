/* provision: what makes a program use a ring. The values are found here; the texts are
 * provision/NAME.txt. */
#include "provision_internal.h"
#include "run_internal.h"

#include <string.h>

#include <signet/base/address.h>
#include <signet/policy/name.h>

/* A token label is 32 bytes, a label at most SG_LABEL_BYTES; every escape makes at most six of one.
 */
struct target {
    struct sg_ring_row ring;
    char token_label[32 + 1];
    char mqsc[2 * 32 + 1];
    char token[3 * 32 + 1]; /**< token label, percent-encoded for a PKCS#11 URI (RFC 7512) */
    char slot[24];
    struct sg_shell_word word; /**< as it is typed */
};

struct identity {
    const char *label;
    char object[3 * SG_LABEL_BYTES + 1];
    char xml[6 * SG_LABEL_BYTES + 1];
    char yaml[2 * SG_LABEL_BYTES + 1];
    char mqsc[2 * SG_LABEL_BYTES + 1];
    char uri[3 * (32 + SG_LABEL_BYTES) + 40];
    char default_uri[3 * 32 + 40]; /**< the ring's default, whichever it is: served first */
    char public_uri[3 * (32 + SG_LABEL_BYTES) + 40];
    struct sg_shell_word nss_token;
    struct sg_shell_word nss_name; /**< token:label */
};

/* RFC 7512, 2.3: everything but unreserved characters is encoded. */
static void percent(const char *text, size_t len, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) != NULL;
        if (plain && c != 0) {
            *out++ = (char)c;
        } else {
            *out++ = '%';
            *out++ = digits[c >> 4];
            *out++ = digits[c & 15];
        }
    }
    *out = '\0';
}

/* What a format takes for its own, written otherwise; what the table does not name stays. */
struct escape {
    char from;
    const char *to;
};

static void escaped(const char *text, const struct escape *escapes, char *out)
{
    for (; *text != '\0'; text++) {
        const struct escape *e = escapes;
        while (e->to != NULL && e->from != *text) {
            e++;
        }
        size_t len = e->to != NULL ? strlen(e->to) : 1;
        memcpy(out, e->to != NULL ? e->to : text, len);
        out += len;
    }
    *out = '\0';
}

/* An XML attribute in double quotes, a YAML scalar in double quotes, an MQSC string in single ones.
 */
static const struct escape xml_escapes[] = {
    {'&', "&amp;"}, {'<', "&lt;"}, {'>', "&gt;"}, {'"', "&quot;"}, {0, NULL}};
static const struct escape yaml_escapes[] = {{'"', "\\\""}, {'\\', "\\\\"}, {0, NULL}};
static const struct escape mqsc_escapes[] = {{'\'', "\'\'"}, {0, NULL}};

static sg_status read_target(struct sg_run *run, const char *param, struct target *target,
                             struct sg_error *err)
{
    struct sg_ring_ref ref;
    sg_status s = sg_run_ring_ref(run, param, &ref, err);
    s = s == SG_OK ? sg_store_ring_get(run->service->store, &ref, &target->ring, err) : s;
    if (s != SG_OK) {
        return s;
    }
    sg_name_token_label(&ref, target->token_label);
    size_t len = sizeof target->token_label - 1;
    while (len > 0 && target->token_label[len - 1] == ' ') {
        len--;
    }
    target->token_label[len] = '\0';
    percent(target->token_label, len, target->token);
    escaped(target->token_label, mqsc_escapes, target->mqsc);
    snprintf(target->slot, sizeof target->slot, "%lld", (long long)target->ring.id);
    target->word = sg_shell_word(ref.owner.text, ref.ring.text);
    return SG_OK;
}

static void fill_identity(const struct target *target, const char *label, struct identity *out)
{
    char name[32 + 1 + SG_LABEL_BYTES + 1];
    out->label = label;
    percent(label, strlen(label), out->object);
    escaped(label, xml_escapes, out->xml);
    escaped(label, yaml_escapes, out->yaml);
    escaped(label, mqsc_escapes, out->mqsc);
    snprintf(out->uri, sizeof out->uri, "pkcs11:token=%s;object=%s;type=private", target->token,
             out->object);
    snprintf(out->default_uri, sizeof out->default_uri, "pkcs11:token=%s;type=private",
             target->token);
    snprintf(out->public_uri, sizeof out->public_uri, "pkcs11:token=%s;object=%s;type=public",
             target->token, out->object);
    snprintf(name, sizeof name, "%s:%s", target->token_label, label);
    out->nss_token = sg_shell_quote(target->token_label);
    out->nss_name = sg_shell_quote(name);
}

static sg_status render(struct sg_run *run, const char *const *lines, const struct target *ring,
                        const struct target *trust, const struct identity *identity,
                        struct sg_error *err)
{
    struct sg_shell_word owner = sg_shell_quote(ring->ring.name.owner.text);
    struct sg_address address;
    sg_address_of_socket(run->service->rings_socket, &address);
    const struct sg_provision_value values[] = {
        {"ring", ring->word.text},
        {"trust_ring", trust->word.text},
        {"owner", owner.text},
        {"trust_owner", trust->ring.name.owner.text},
        {"token", ring->token},
        {"trust_token", trust->token},
        {"slot", ring->slot},
        {"trust_slot", trust->slot},
        {"object", identity->object},
        {"uri", identity->uri},
        {"default_uri", identity->default_uri},
        {"public_uri", identity->public_uri},
        {"label_xml", identity->xml},
        {"label_yaml", identity->yaml},
        {"label_mqsc", identity->mqsc},
        {"token_mqsc", ring->mqsc},
        {"nss_token", identity->nss_token.text},
        {"nss_name", identity->nss_name.text},
        {"address", address.text},
        {"module", SIGNET_P11_KIT_CLIENT},
        {NULL, NULL},
    };
    return sg_provision_render(lines, values, run->answer, err);
}

static const char *const *lines_of(const char *program)
{
    for (const struct sg_provision_text *t = sg_provision_texts; t->program != NULL; t++) {
        if (strcmp(t->program, program) == 0) {
            return t->lines;
        }
    }
    return NULL;
}

sg_status sg_operation_PROVISION(struct sg_run *run, struct sg_error *err)
{
    struct target ring = {0};
    struct target trust = {0};
    struct identity identity;
    SG_CERTIFICATE_ROW row = {0};
    const char *const *lines = lines_of(sg_run_text(run, "program"));
    if (lines == NULL) {
        return sg_fail(err, SG_E_INTERNAL, "no_provision_text", "there is no text for %s",
                       sg_run_text(run, "program"));
    }
    const char *trust_param = sg_run_text(run, "trust_ring") != NULL ? "trust_ring" : "ring";
    sg_status s = read_target(run, "ring", &ring, err);
    s = s == SG_OK ? read_target(run, trust_param, &trust, err) : s;
    s = s == SG_OK ? sg_run_server_identity(run, &ring.ring, "no_usable_key", &row, err) : s;
    if (s != SG_OK) {
        return s;
    }
    fill_identity(&ring, row.name.label.text, &identity);
    s = sg_run_set(run->answer, "pkcs11_uri", json_string(identity.uri), err);
    return s == SG_OK ? render(run, lines, &ring, &trust, &identity, err) : s;
}
