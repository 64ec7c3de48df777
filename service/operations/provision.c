/* provision: what makes a program use a ring. The values are found here; the texts are
 * provision/NAME.txt. */
#include "provision_internal.h"
#include "run_internal.h"

#include <string.h>

#include <signet/base/address.h>
#include <signet/policy/name.h>
#include <signet/rings/view.h>

/* A token label is 32 bytes, a label at most SG_LABEL_BYTES; every escape makes at most six of one.
 */
struct target {
    struct sg_ring_row ring;
    char token_label[32 + 1];
    char mqsc[2 * 32 + 1];
    char token[3 * 32 + 1]; /**< token label, percent-encoded for a PKCS#11 URI (RFC 7512) */
    char slot[24];
    char word[4 * (SG_OWNER_MAX + SG_RING_BYTES) + 4]; /**< as it is typed */
};

struct identity {
    struct sg_shell_word name;
    char xml[6 * SG_LABEL_BYTES + 1];
    char yaml[2 * SG_LABEL_BYTES + 1];
    char mqsc[2 * SG_LABEL_BYTES + 1];
    char uri[3 * (32 + SG_VIEW_ID_LEN) + 40]; /**< of the key, by what nothing else has: CKA_ID */
    char public_uri[3 * (32 + SG_VIEW_ID_LEN) + 40];
    struct sg_shell_word nss_token;
    struct sg_shell_word nss_name; /**< token:label */
};

static char *percent_byte(unsigned char byte, char *out)
{
    static const char digits[] = "0123456789ABCDEF";
    *out++ = '%';
    *out++ = digits[byte >> 4];
    *out++ = digits[byte & 15];
    return out;
}

/* RFC 7512, 2.3: everything but unreserved characters is encoded. */
static void percent(const char *text, size_t len, char *out)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~", c) != NULL;
        if (plain && c != 0) {
            *out++ = (char)c;
        } else {
            out = percent_byte(c, out);
        }
    }
    *out = '\0';
}

/* RFC 7512, 2.3: the whole of an id should be encoded. */
static void percent_id(const unsigned char id[SG_VIEW_ID_LEN], char out[3 * SG_VIEW_ID_LEN + 1])
{
    for (size_t i = 0; i < SG_VIEW_ID_LEN; i++) {
        out = percent_byte(id[i], out);
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
    (void)sg_shell_write(ref.owner.text, ref.ring.text, target->word, sizeof target->word);
    return SG_OK;
}

/* Labels are not unique in a ring, they change, and libp11 goes on knowing a key by the label that
 * it had: a key is named by its id. */
static sg_status fill_identity(const struct target *target, const struct sg_certificate_row *row,
                               struct identity *out, struct sg_error *err)
{
    const char *label = row->name.label.text;
    char name[32 + 1 + SG_LABEL_BYTES + 1];
    unsigned char id[SG_VIEW_ID_LEN];
    char id_text[3 * SG_VIEW_ID_LEN + 1];
    sg_status s = sg_view_id((struct sg_bytes){row->der, row->der_len}, id, err);
    if (s != SG_OK) {
        return s;
    }
    percent_id(id, id_text);
    out->name = sg_shell_word(row->name.owner.text, label);
    escaped(label, xml_escapes, out->xml);
    escaped(label, yaml_escapes, out->yaml);
    escaped(label, mqsc_escapes, out->mqsc);
    snprintf(out->uri, sizeof out->uri, "pkcs11:token=%s;id=%s;type=private", target->token,
             id_text);
    snprintf(out->public_uri, sizeof out->public_uri, "pkcs11:token=%s;id=%s;type=public",
             target->token, id_text);
    snprintf(name, sizeof name, "%s:%s", target->token_label, label);
    out->nss_token = sg_shell_quote(target->token_label);
    out->nss_name = sg_shell_quote(name);
    return SG_OK;
}

/* ---- programs that know a certificate by its label ---- */

static bool names_label(const char *const *lines, bool several)
{
    for (; *lines != NULL; lines++) {
        if (!several && sg_provision_is_choice(*lines) > 0) {
            continue;
        }
        if (strstr(*lines, "@label_") != NULL || strstr(*lines, "@nss_name@") != NULL) {
            return true;
        }
    }
    return false;
}

struct label_search {
    const struct sg_certificate_row *row;
    struct sg_name_text twin;
    bool found;
};

static sg_status compare_label(void *context, const struct sg_certificate_row *row,
                               enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct label_search *search = context;
    (void)usage;
    (void)is_default;
    (void)err;
    if (!search->found && row->id != search->row->id && row->trust != SG_NOTRUST &&
        strcmp(row->name.label.text, search->row->name.label.text) == 0) {
        search->found = true;
        search->twin = sg_row_name(row);
    }
    return SG_OK;
}

static sg_status warn_label(struct sg_run *run, const struct target *target,
                            const struct sg_certificate_row *row, struct sg_error *err)
{
    struct label_search search = {.row = row};
    sg_status s =
        sg_store_connection_each(run->service->store, target->ring.id, compare_label, &search, err);
    return s == SG_OK && search.found
               ? sg_run_warn(run, err,
                             "%s finds its certificate by the label, and %s has the same one in "
                             "this ring as %s: it may take either, or find neither. Give one of "
                             "them another label: signet cert alter %s --label NEW-LABEL",
                             sg_run_text(run, "program"), search.twin.text, sg_row_name(row).text,
                             sg_shell_word(row->name.owner.text, row->name.label.text).text)
               : s;
}

struct command {
    char text[sizeof(struct sg_shell_word) + 20];
};

/* How a program that runs later, without our environment, calls the command. */
static struct command command_of(const struct sg_service *service)
{
    struct command command = {.text = "signet"};
    if (strcmp(service->socket, SG_SOCKET_DEFAULT) != 0) {
        snprintf(command.text, sizeof command.text, "signet --socket %s",
                 sg_shell_quote(service->socket).text);
    }
    return command;
}

static sg_status render(struct sg_run *run, const char *const *lines, const struct target *ring,
                        const struct target *trust, const struct identity *identity, bool several,
                        struct sg_error *err)
{
    struct sg_shell_word owner = sg_shell_quote(ring->ring.name.owner.text);
    struct sg_shell_word trust_owner = sg_shell_quote(trust->ring.name.owner.text);
    struct command command = command_of(run->service);
    struct sg_address address;
    sg_address_of_socket(run->service->rings_socket, &address);
    const struct sg_provision_value values[] = {
        {"signet", command.text},
        {"ring", ring->word},
        {"trust_ring", trust->word},
        {"owner", owner.text},
        {"trust_owner", trust_owner.text},
        {"token", ring->token},
        {"trust_token", trust->token},
        {"slot", ring->slot},
        {"trust_slot", trust->slot},
        {"identity", identity->name.text},
        {"uri", identity->uri},
        {"public_uri", identity->public_uri},
        {"label_xml", identity->xml},
        {"label_yaml", identity->yaml},
        {"label_mqsc", identity->mqsc},
        {"token_mqsc", ring->mqsc},
        {"nss_token", identity->nss_token.text},
        {"nss_name", identity->nss_name.text},
        {"several", several ? "yes" : ""},
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

/* ---- rings of trust anchors alone ---- */

struct contents {
    size_t personal, keys, anchors;
};

static sg_status count_member(void *context, const struct sg_certificate_row *row,
                              enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct contents *contents = context;
    (void)is_default;
    (void)err;
    contents->personal += usage == SG_USAGE_PERSONAL ? 1 : 0;
    contents->keys += usage == SG_USAGE_PERSONAL && row->has_key && sg_row_shown(row) ? 1 : 0;
    contents->anchors += usage != SG_USAGE_PERSONAL && sg_row_shown(row) ? 1 : 0;
    return SG_OK;
}

/* The program's text for a ring that nobody identifies himself from (NAME_trust.txt). NULL: it is
 * no such ring, or the program has no use for one. Who names another ring to be trusted wants to be
 * somebody by this one. */
static sg_status trust_lines(struct sg_run *run, const struct sg_ring_row *ring,
                             const struct sg_ring_row *trust, const char *const **out,
                             struct sg_error *err)
{
    char name[64];
    struct contents contents = {0};
    (void)snprintf(name, sizeof name, "%s_trust", sg_run_text(run, "program"));
    *out = ring->id == trust->id ? lines_of(name) : NULL;
    sg_status s = *out == NULL ? SG_OK
                               : sg_store_connection_each(run->service->store, ring->id,
                                                          count_member, &contents, err);
    if (contents.personal > 0 || contents.anchors == 0) {
        *out = NULL;
    }
    return s;
}

/* There is no key to name: the token is. */
static sg_status provision_trust(struct sg_run *run, const char *const *lines,
                                 const struct target *ring, const struct target *trust,
                                 struct sg_error *err)
{
    const struct identity nobody = {.uri = ""};
    json_t *uri = json_sprintf("pkcs11:token=%s", trust->token);
    sg_status s = sg_run_set(run->answer, "pkcs11_uri", uri, err);
    return s == SG_OK ? render(run, lines, ring, trust, &nobody, false, err) : s;
}

/* What is printed is right, and yet nothing will come up with it. */
static sg_status warn_token(struct sg_run *run, const struct sg_certificate_row *row,
                            struct sg_error *err)
{
    struct sg_token_trouble trouble = sg_run_token_trouble(run, row->token);
    return trouble.serving == SG_SERVES
               ? SG_OK
               : sg_run_warn(run, err, "%s the key of %s now: %s. See: %s", trouble.effect,
                             sg_row_name(row).text, trouble.text, trouble.next);
}

/* The text is good for the chain, and for a key that is elsewhere. */
static sg_status warn_key_file(struct sg_run *run, const struct sg_certificate_row *row,
                               struct sg_error *err)
{
    if (!row->has_key || row->extractable) {
        return SG_OK;
    }
    return sg_run_warn(run, err,
                       "the key of %s stays in token \"%s\", and %s reads its key from a file: it "
                       "cannot serve with this certificate. Make the key where it is used, and "
                       "bring its certificate here (signet cert add); or put nginx or stunnel in "
                       "front of %s",
                       sg_row_name(row).text, row->token, sg_run_text(run, "program"),
                       sg_run_text(run, "program"));
}

/* The program opens the trust ring itself, as the user that it runs as: of him we know that he is
 * attached to the owner of the ring with its key. */
static sg_status warn_trust(struct sg_run *run, const char *const *lines, const struct target *ring,
                            const struct target *trust, struct sg_error *err)
{
    while (*lines != NULL && strstr(*lines, "@trust_slot@") == NULL) {
        lines++;
    }
    if (*lines == NULL || sg_server_sees(run, ring->ring.name.owner.text, &trust->ring.name)) {
        return SG_OK;
    }
    return sg_run_warn(run, err,
                       "%s opens %s as the user that it runs as, and users of %s do not see that "
                       "ring: without more it trusts nobody. What permits it: signet explain USER "
                       "'ring show' %s",
                       sg_run_text(run, "program"), sg_ring_text(&trust->ring.name).text,
                       ring->ring.name.owner.text, trust->word);
}

static bool key_is_file(const char *const *lines)
{
    while (*lines != NULL && strcmp(*lines, "%key file") != 0) {
        lines++;
    }
    return *lines != NULL;
}

sg_status sg_operation_PROVISION(struct sg_run *run, struct sg_error *err)
{
    struct target ring = {0};
    struct target trust = {0};
    struct identity identity;
    struct contents contents = {0};
    SG_CERTIFICATE_ROW row = {0};
    const char *const *lines = lines_of(sg_run_text(run, "program"));
    if (lines == NULL) {
        return sg_fail(err, SG_E_INTERNAL, "no_provision_text", "there is no text for %s",
                       sg_run_text(run, "program"));
    }
    const char *trust_param = sg_run_text(run, "trust_ring") != NULL ? "trust_ring" : "ring";
    sg_status s = read_target(run, "ring", &ring, err);
    s = s == SG_OK ? read_target(run, trust_param, &trust, err) : s;
    const char *const *trust_alone = NULL;
    s = s == SG_OK ? trust_lines(run, &ring.ring, &trust.ring, &trust_alone, err) : s;
    if (s == SG_OK && trust_alone != NULL) {
        return provision_trust(run, trust_alone, &ring, &trust, err);
    }
    s = s == SG_OK ? sg_run_server_identity(run, &ring.ring, key_is_file(lines), "no_usable_key",
                                            &row, err)
                   : s;
    if (s != SG_OK) {
        return s;
    }
    s = fill_identity(&ring, &row, &identity, err);
    s = s == SG_OK ? sg_store_connection_each(run->service->store, ring.ring.id, count_member,
                                              &contents, err)
                   : s;
    s = s == SG_OK && names_label(lines, contents.keys > 1) ? warn_label(run, &ring, &row, err) : s;
    if (s == SG_OK) {
        s = key_is_file(lines) ? warn_key_file(run, &row, err) : warn_token(run, &row, err);
    }
    s = s == SG_OK ? warn_trust(run, lines, &ring, &trust, err) : s;
    s = s != SG_OK ? s : sg_run_set(run->answer, "pkcs11_uri", json_string(identity.uri), err);
    return s == SG_OK ? render(run, lines, &ring, &trust, &identity, contents.keys > 1, err) : s;
}
