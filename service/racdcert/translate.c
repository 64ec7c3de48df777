/* What a command asks for: its function's operation and parameters. */
#include "translate_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

void sg_rac_request_done(struct sg_rac_request *request)
{
    json_decref(request->params);
    json_decref(request->notes);
    json_decref(request->warnings);
    for (unsigned i = 0; i < request->local_count; i++) {
        free(request->locals[i].value);
    }
    free(request->selection.serial);
    free(request->selection.issuer);
    if (request->password != NULL) {
        explicit_bzero(request->password, strlen(request->password));
    }
    free(request->password);
    *request = (struct sg_rac_request)SG_RAC_REQUEST_INIT;
}

/* ---- what the functions share ---- */

sg_status sg_rac_fault(struct sg_rac_run *run, const struct sg_rac_node *node)
{
    run->out->fault = node->at;
    run->out->fault_len = node->len;
    return run->err->status;
}

sg_status sg_rac_missing(struct sg_rac_run *run, const char *keyword)
{
    const struct sg_rac_node *node = run->function != NULL ? run->function : run->command;
    sg_fail(run->err, SG_E_USAGE, "missing_keyword", "%s needs %s(…)", run->out->function, keyword);
    return sg_rac_fault(run, node);
}

const char *sg_rac_value_at(const struct sg_rac_run *run, const struct sg_rac_node *node,
                            unsigned i)
{
    return node != NULL && i < node->value_count ? run->tree->values[node->first_value + i].text
                                                 : NULL;
}

const char *sg_rac_value(const struct sg_rac_run *run, const struct sg_rac_node *node)
{
    return sg_rac_value_at(run, node, 0);
}

const struct sg_rac_node *sg_rac_keyword(const struct sg_rac_run *run, const char *name)
{
    return sg_rac_child(run->command, name);
}

sg_status sg_rac_operation(struct sg_rac_run *run, enum sg_rac_task task, const char *noun,
                           const char *verb)
{
    run->out->task = task;
    run->out->operation = sg_operation_find(noun, verb);
    return run->out->operation != NULL
               ? SG_OK
               : sg_fail(run->err, SG_E_INTERNAL, NULL, "there is no operation %s %s", noun, verb);
}

sg_status sg_rac_set(struct sg_rac_run *run, const char *param, json_t *value)
{
    return value != NULL && json_object_set_new(run->out->params, param, value) == 0
               ? SG_OK
               : sg_fail_memory(run->err);
}

/* JSON takes valid UTF-8 only; so do names. */
sg_status sg_rac_set_text(struct sg_rac_run *run, const char *param, const char *text)
{
    json_t *value = json_string(text);
    if (value == NULL) {
        return sg_fail(run->err, SG_E_INPUT, "bad_character", "an operand is no valid UTF-8");
    }
    return sg_rac_set(run, param, value);
}

sg_status sg_rac_local(struct sg_rac_run *run, const char *param, const char *value)
{
    struct sg_rac_local *local = &run->out->locals[run->out->local_count];
    char *copy = strdup(value);
    if (copy == NULL || run->out->local_count == SG_RAC_LOCALS_MAX) {
        free(copy);
        return sg_fail_memory(run->err);
    }
    *local = (struct sg_rac_local){.param = param, .value = copy};
    run->out->local_count++;
    return SG_OK;
}

SG_PRINTF(3, 0)
static sg_status add_sentence(struct sg_rac_run *run, json_t *list, const char *format,
                              va_list args)
{
    char text[512];
    vsnprintf(text, sizeof text, format, args);
    json_t *value = json_string(text);
    return value != NULL && json_array_append_new(list, value) == 0 ? SG_OK
                                                                    : sg_fail_memory(run->err);
}

sg_status sg_rac_note(struct sg_rac_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sg_status s = add_sentence(run, run->out->notes, format, args);
    va_end(args);
    return s;
}

sg_status sg_rac_warn(struct sg_rac_run *run, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    sg_status s = add_sentence(run, run->out->warnings, format, args);
    va_end(args);
    return s;
}

/* ---- owners and names ---- */

static sg_status own(struct sg_rac_run *run, char out[40])
{
    if (run->context->own == NULL) {
        sg_fail(run->err, SG_E_USAGE, "own_unknown",
                "the command names no owner, and you are not attached to exactly one");
        sg_hint(run->err, "Write ID(user), CERTAUTH or SITE; signet status says who you are.");
        return sg_rac_fault(run, run->function != NULL ? run->function : run->command);
    }
    snprintf(out, 40, "%.39s", run->context->own);
    return SG_OK;
}

static sg_status named_user(struct sg_rac_run *run, const struct sg_rac_node *id, char out[40])
{
    const char *text = sg_rac_value(run, id);
    static const char *const taken[] = {"CERTAUTH", "SITE", "MULTIID"};
    bool reserved = false;
    for (size_t i = 0; i < SG_COUNT(taken); i++) {
        reserved = reserved || strcasecmp(text, taken[i]) == 0;
    }
    if (reserved || text[0] == '\0' || strlen(text) > 38 || strchr(text, '/') != NULL) {
        sg_fail(run->err, SG_E_USAGE, "bad_owner", "ID(%.40s) is no user ID", text);
        if (reserved) {
            sg_hint(run->err, "Write %.8s without ID.", text);
        }
        return sg_rac_fault(run, id);
    }
    snprintf(out, 40, "%s", text);
    for (char *c = out; *c != '\0'; c++) {
        *c = *c >= 'a' && *c <= 'z' ? (char)(*c - 'a' + 'A') : *c;
    }
    return SG_OK;
}

/* ID, CERTAUTH and SITE exclude each other. */
static sg_status written_owner(struct sg_rac_run *run, const struct sg_rac_node *node, char out[40])
{
    static const char *const words[] = {"ID", "CERTAUTH", "SITE"};
    const struct sg_rac_node *found = NULL;
    out[0] = '\0';
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        const struct sg_rac_node *child = sg_rac_child(node, words[i]);
        if (child != NULL && found != NULL) {
            sg_fail(run->err, SG_E_USAGE, "two_owners", "%s and %s exclude each other",
                    found->keyword->name, child->keyword->name);
            return sg_rac_fault(run, child);
        }
        found = child != NULL ? child : found;
    }
    if (found == NULL || found->keyword->content == SG_CONTENT_VALUE) {
        return found == NULL ? SG_OK : named_user(run, found, out);
    }
    snprintf(out, 40, "%s", found->keyword->name);
    return SG_OK;
}

sg_status sg_rac_owner(struct sg_rac_run *run, const struct sg_rac_node *node, const char *outer,
                       char out[40])
{
    sg_status s = written_owner(run, node, out);
    if (s != SG_OK || out[0] != '\0') {
        return s;
    }
    if (outer[0] == '\0') {
        return own(run, out);
    }
    snprintf(out, 40, "%s", outer);
    return SG_OK;
}

/* The outer owner, or the caller's own. */
static sg_status outer_owner(struct sg_rac_run *run)
{
    sg_status s = run->owner[0] != '\0' ? SG_OK : own(run, run->owner);
    snprintf(run->out->owner, sizeof run->out->owner, "%s", run->owner);
    return s;
}

sg_status sg_rac_set_name(struct sg_rac_run *run, const char *param, const char *owner,
                          const char *name)
{
    SG_BUFFER text;
    sg_buffer_init(&text, SG_DECK_COMMAND_MAX);
    sg_status s = sg_buffer_format(&text, run->err, "%s/%s", owner, name);
    return s == SG_OK ? sg_rac_set_text(run, param, (const char *)text.data) : s;
}

/* A label, or nothing said: the client looks for it. */
static sg_status select_serial(struct sg_rac_run *run, const struct sg_rac_node *node)
{
    const char *text = sg_rac_value(run, node);
    size_t len = strlen(text);
    struct sg_rac_selection *selection = &run->out->selection;
    if (len == 0 || len > 64 || strspn(text, "0123456789abcdefABCDEF") != len) {
        sg_fail(run->err, SG_E_USAGE, "bad_serial", "\"%.70s\" is no serial number", text);
        sg_hint(run->err, "Write it in hexadecimal, as LIST prints it.");
        return sg_rac_fault(run, node);
    }
    text += strspn(text, "0");
    selection->serial = strdup(text);
    if (selection->serial == NULL) {
        return sg_fail_memory(run->err);
    }
    for (char *c = selection->serial; *c != '\0'; c++) {
        *c = *c >= 'A' && *c <= 'F' ? (char)(*c - 'A' + 'a') : *c;
    }
    return SG_OK;
}

static sg_status select_certificate(struct sg_rac_run *run, const char *param)
{
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    const struct sg_rac_node *serial = sg_rac_child(run->function, "SERIALNUMBER");
    const struct sg_rac_node *issuer = sg_rac_child(run->function, "ISSUERSDN");
    sg_status s = outer_owner(run);
    if (s == SG_OK && label != NULL && (serial != NULL || issuer != NULL)) {
        sg_fail(run->err, SG_E_USAGE, "two_selections", "LABEL and %s exclude each other",
                serial != NULL ? "SERIALNUMBER" : "ISSUERSDN");
        return sg_rac_fault(run, serial != NULL ? serial : issuer);
    }
    if (s == SG_OK && issuer != NULL && serial == NULL) {
        sg_fail(run->err, SG_E_USAGE, "missing_keyword", "ISSUERSDN goes with SERIALNUMBER");
        return sg_rac_fault(run, issuer);
    }
    if (s != SG_OK || label != NULL) {
        return s != SG_OK ? s : sg_rac_set_name(run, param, run->owner, sg_rac_value(run, label));
    }
    run->out->selection.wanted = true;
    run->out->selection.param = param;
    s = serial != NULL ? select_serial(run, serial) : s;
    if (s == SG_OK && issuer != NULL) {
        run->out->selection.issuer = strdup(sg_rac_value(run, issuer));
        s = run->out->selection.issuer != NULL ? SG_OK : sg_fail_memory(run->err);
    }
    return s;
}

static sg_status label_of_function(struct sg_rac_run *run, const char *param)
{
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    if (label == NULL) {
        return sg_rac_missing(run, "LABEL");
    }
    sg_status s = outer_owner(run);
    return s == SG_OK ? sg_rac_set_name(run, param, run->owner, sg_rac_value(run, label)) : s;
}

/* ---- files ---- */

/* A data set's name is a file in the directory where the command was given. */
sg_status sg_rac_data_set(struct sg_rac_run *run, const char *param, const struct sg_rac_node *node)
{
    const char *name = sg_rac_value(run, node);
    if (name == NULL || name[0] == '\0' || name[0] == '.' || name[0] == '-' ||
        strchr(name, '/') != NULL || strlen(name) > 200) {
        sg_fail(run->err, SG_E_USAGE, "bad_data_set",
                "\"%.60s\" cannot be a data set's name: it stands for a file in this directory",
                name != NULL ? name : "");
        sg_hint(run->err, "Name a file without its directory; run the command where it stands.");
        return sg_rac_fault(run, node);
    }
    return sg_rac_local(run, param, name);
}

static sg_status take_password(struct sg_rac_run *run)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, "PASSWORD");
    const char *text = sg_rac_value(run, node);
    if (text == NULL) {
        return SG_OK;
    }
    if (run->context->visible) {
        sg_fail(run->err, SG_E_USAGE, "password_visible",
                "a password among a program's arguments can be seen by others");
        sg_hint(run->err, "Give the command on standard input: racdcert < deck");
        return sg_rac_fault(run, node);
    }
    if (text[0] == '\0' || strlen(text) > 255) {
        sg_fail(run->err, SG_E_USAGE, "bad_password", "a password has 1 to 255 bytes");
        return sg_rac_fault(run, node);
    }
    run->out->password = strdup(text);
    return run->out->password != NULL ? SG_OK : sg_fail_memory(run->err);
}

/* ---- the functions ---- */

static sg_status ring_named(struct sg_rac_run *run, const char *verb)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "ring", verb);
    s = s == SG_OK ? outer_owner(run) : s;
    return s == SG_OK ? sg_rac_set_name(run, "ring", run->owner, sg_rac_value(run, run->function))
                      : s;
}

static sg_status addring(struct sg_rac_run *run)
{
    return ring_named(run, "add");
}

static sg_status delring(struct sg_rac_run *run)
{
    return ring_named(run, "delete");
}

static sg_status listring(struct sg_rac_run *run)
{
    const char *name = sg_rac_value(run, run->function);
    bool all = strcmp(name, "*") == 0;
    sg_status s = all ? sg_rac_operation(run, SG_RAC_LISTRINGS, "ring", "list")
                      : sg_rac_operation(run, SG_RAC_LISTRING, "ring", "show");
    s = s == SG_OK ? outer_owner(run) : s;
    if (s != SG_OK) {
        return s;
    }
    return all ? sg_rac_set_text(run, "owner", run->owner)
               : sg_rac_set_name(run, "ring", run->owner, name);
}

/* The ring is the outer owner's, the certificate the inner one's. */
static sg_status ring_and_certificate(struct sg_rac_run *run)
{
    char certificate_owner[40];
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    const struct sg_rac_node *ring = sg_rac_child(run->function, "RING");
    if (label == NULL || ring == NULL) {
        return sg_rac_missing(run, label == NULL ? "LABEL" : "RING");
    }
    sg_status s = outer_owner(run);
    s = s == SG_OK ? sg_rac_owner(run, run->function, run->owner, certificate_owner) : s;
    s = s == SG_OK ? sg_rac_set_name(run, "ring", run->owner, sg_rac_value(run, ring)) : s;
    return s == SG_OK
               ? sg_rac_set_name(run, "certificate", certificate_owner, sg_rac_value(run, label))
               : s;
}

static sg_status usage_word(struct sg_rac_run *run)
{
    static const char *const pairs[][2] = {
        {"PERSONAL", "personal"}, {"CERTAUTH", "certauth"}, {"SITE", "site"}};
    const struct sg_rac_node *usage = sg_rac_child(run->function, "USAGE");
    const struct sg_rac_node *word = usage != NULL ? usage->child : NULL;
    if (usage == NULL) {
        return SG_OK;
    }
    if (word == NULL || word->next != NULL) {
        sg_fail(run->err, SG_E_USAGE, "one_operand",
                "USAGE takes one of PERSONAL, CERTAUTH and SITE");
        return sg_rac_fault(run, word == NULL ? usage : word->next);
    }
    for (size_t i = 0; i < SG_COUNT(pairs); i++) {
        if (strcmp(word->keyword->name, pairs[i][0]) == 0) {
            return sg_rac_set_text(run, "usage", pairs[i][1]);
        }
    }
    return SG_OK;
}

static sg_status connect_ring(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "ring", "connect");
    s = s == SG_OK ? ring_and_certificate(run) : s;
    s = s == SG_OK ? usage_word(run) : s;
    return s == SG_OK && sg_rac_child(run->function, "DEFAULT") != NULL
               ? sg_rac_set(run, "default", json_true())
               : s;
}

static sg_status remove_ring(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "ring", "remove");
    return s == SG_OK ? ring_and_certificate(run) : s;
}

static sg_status list(struct sg_rac_run *run)
{
    bool selected = run->function != NULL && run->function->child != NULL;
    if (selected) {
        sg_status s = sg_rac_operation(run, SG_RAC_LIST, "cert", "show");
        return s == SG_OK ? select_certificate(run, "certificate") : s;
    }
    sg_status s = sg_rac_operation(run, SG_RAC_LIST_ALL, "cert", "list");
    s = s == SG_OK ? outer_owner(run) : s;
    return s == SG_OK ? sg_rac_set_text(run, "owner", run->owner) : s;
}

static sg_status status_word(struct sg_rac_run *run)
{
    static const char *const pairs[][2] = {
        {"TRUST", "trust"}, {"NOTRUST", "notrust"}, {"HIGHTRUST", "hightrust"}};
    const struct sg_rac_node *found = NULL;
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(pairs); i++) {
        const struct sg_rac_node *node = sg_rac_keyword(run, pairs[i][0]);
        if (node != NULL && found != NULL) {
            sg_fail(run->err, SG_E_USAGE, "two_statuses", "%s and %s exclude each other",
                    found->keyword->name, pairs[i][0]);
            return sg_rac_fault(run, node);
        }
        found = node != NULL ? node : found;
        s = node != NULL ? sg_rac_set_text(run, "status", pairs[i][1]) : s;
    }
    return s;
}

static sg_status alter(struct sg_rac_run *run)
{
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "NEWLABEL"));
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "alter");
    s = s == SG_OK ? select_certificate(run, "certificate") : s;
    s = s == SG_OK ? status_word(run) : s;
    return s == SG_OK && label != NULL ? sg_rac_set_text(run, "label", label) : s;
}

static sg_status set_force(struct sg_rac_run *run)
{
    return sg_rac_keyword(run, "FORCE") != NULL ? sg_rac_set(run, "force", json_true()) : SG_OK;
}

static sg_status delete_certificate(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "delete");
    s = s == SG_OK ? select_certificate(run, "certificate") : s;
    s = s == SG_OK ? sg_rac_set(run, "disconnect", json_true()) : s;
    return s == SG_OK ? set_force(run) : s;
}

static sg_status genreq(struct sg_rac_run *run)
{
    const struct sg_rac_node *dsn = sg_rac_keyword(run, "DSN");
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "request");
    s = s == SG_OK ? label_of_function(run, "certificate") : s;
    if (s != SG_OK || dsn == NULL) {
        return s != SG_OK ? s : sg_rac_missing(run, "DSN");
    }
    return sg_rac_data_set(run, "out", dsn);
}

/* The formats of EXPORT, and what signet calls them. */
static const struct {
    const char *name, *format;
    bool chain, password;
} formats[] = {
    {"CERTB64", "pem", false, false},    {"CERTDER", "der", false, false},
    {"PKCS7DER", "pkcs7", true, false},  {"PKCS7B64", "pkcs7-pem", true, false},
    {"PKCS12DER", "pkcs12", true, true}, {"PKCS12B64", "pkcs12-pem", true, true},
};

/* PKCS12DER when only a password says what is wanted, else CERTB64. */
static sg_status format_of(struct sg_rac_run *run, size_t *out)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, "FORMAT");
    const struct sg_rac_node *word = node != NULL ? node->child : NULL;
    const char *name = sg_rac_keyword(run, "PASSWORD") != NULL ? "PKCS12DER" : "CERTB64";
    if (node != NULL && (word == NULL || word->next != NULL)) {
        sg_fail(run->err, SG_E_USAGE, "one_operand", "FORMAT takes one format");
        return sg_rac_fault(run, word == NULL ? node : word->next);
    }
    name = word != NULL ? word->keyword->name : name;
    for (size_t i = 0; i < SG_COUNT(formats); i++) {
        *out = strcmp(formats[i].name, name) == 0 ? i : *out;
    }
    return SG_OK;
}

static sg_status check_format(struct sg_rac_run *run, size_t format)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, "FORMAT");
    if (formats[format].password) {
        sg_fail(run->err, SG_E_UNSUPPORTED, "key_not_exportable",
                "%s holds a private key, and keys do not leave their token", formats[format].name);
        sg_hint(run->err, "Export the certificate alone: FORMAT(CERTB64), or with its chain: "
                          "FORMAT(PKCS7B64).");
        return sg_rac_fault(run, node != NULL ? node : run->function);
    }
    if (sg_rac_keyword(run, "PASSWORD") != NULL) {
        return sg_rac_warn(run, "PASSWORD is ignored: %s has none", formats[format].name);
    }
    return SG_OK;
}

static sg_status export(struct sg_rac_run *run)
{
    size_t format = 0;
    const struct sg_rac_node *dsn = sg_rac_keyword(run, "DSN");
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "export");
    s = s == SG_OK ? label_of_function(run, "certificate") : s;
    s = s == SG_OK && dsn == NULL ? sg_rac_missing(run, "DSN") : s;
    s = s == SG_OK ? format_of(run, &format) : s;
    s = s == SG_OK ? take_password(run) : s;
    s = s == SG_OK ? check_format(run, format) : s;
    s = s == SG_OK ? sg_rac_data_set(run, "out", dsn) : s;
    s = s == SG_OK ? sg_rac_local(run, "format", formats[format].format) : s;
    return s == SG_OK && formats[format].chain ? sg_rac_set(run, "chain", json_true()) : s;
}

static sg_status note_key_place(struct sg_rac_run *run)
{
    static const char *const words[] = {"PKDS", "PCICC", "ICSF"};
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(words); i++) {
        if (sg_rac_keyword(run, words[i]) != NULL) {
            s = sg_rac_note(run, "%s: keys stand in the configured token, under no label of it",
                            words[i]);
        }
    }
    return s;
}

static sg_status add(struct sg_rac_run *run)
{
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "WITHLABEL"));
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "add");
    s = s == SG_OK ? outer_owner(run) : s;
    s = s == SG_OK ? sg_rac_data_set(run, "certificates", run->function) : s;
    s = s == SG_OK ? status_word(run) : s;
    s = s == SG_OK ? set_force(run) : s;
    s = s == SG_OK ? take_password(run) : s;
    s = s == SG_OK ? note_key_place(run) : s;
    s = s == SG_OK ? sg_rac_set(run, "racf", json_true()) : s;
    if (s != SG_OK) {
        return s;
    }
    return label != NULL ? sg_rac_set_name(run, "target", run->owner, label)
                         : sg_rac_set_text(run, "target", run->owner);
}

/* ---- which function ---- */

static const struct {
    const char *name;
    sg_status (*translate)(struct sg_rac_run *run);
} functions[] = {
    {"ADD", add},
    {"ADDRING", addring},
    {"ALTER", alter},
    {"CONNECT", connect_ring},
    {"DELETE", delete_certificate},
    {"DELRING", delring},
    {"EXPORT", export},
    {"GENCERT", sg_rac_gencert},
    {"GENREQ", genreq},
    {"LIST", list},
    {"LISTRING", listring},
    {"REMOVE", remove_ring},
};

/* RACF performs the last of several functions and says nothing about the others. */
static sg_status find_function(struct sg_rac_run *run)
{
    for (const struct sg_rac_node *node = run->command->child; node != NULL; node = node->next) {
        if (!node->keyword->function) {
            continue;
        }
        if (run->function != NULL) {
            sg_fail(run->err, SG_E_USAGE, "two_functions",
                    "%s and %s are two functions: a command has one", run->function->keyword->name,
                    node->keyword->name);
            sg_hint(run->err, "Write two commands. RACF would perform the last function and "
                              "ignore the others.");
            return sg_rac_fault(run, node);
        }
        run->function = node;
    }
    run->out->function = run->function != NULL ? run->function->keyword->name : "LIST";
    return SG_OK;
}

static bool in_list(const char *list, const char *word)
{
    size_t len = strlen(word);
    for (const char *at = list; (at = strstr(at, word)) != NULL; at += len) {
        bool starts = at == list || at[-1] == ' ';
        if (starts && (at[len] == ' ' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* RACF ignores what does not belong to the function; so do we, aloud. */
static sg_status warn_ignored(struct sg_rac_run *run)
{
    sg_status s = SG_OK;
    for (const struct sg_rac_node *node = run->command->child; s == SG_OK && node != NULL;
         node = node->next) {
        const char *belongs = node->keyword->belongs_to;
        if (belongs != NULL && !in_list(belongs, run->out->function)) {
            s = sg_rac_warn(run, "%s is ignored: it does not belong to %s", node->keyword->name,
                            run->out->function);
        }
    }
    return s;
}

static sg_status translate_racdcert(struct sg_rac_run *run)
{
    sg_status s = find_function(run);
    s = s == SG_OK ? written_owner(run, run->command, run->owner) : s;
    s = s == SG_OK ? warn_ignored(run) : s;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(functions); i++) {
        if (strcmp(functions[i].name, run->out->function) == 0) {
            return functions[i].translate(run);
        }
    }
    return s != SG_OK ? s
                      : sg_fail(run->err, SG_E_INTERNAL, NULL, "%s has no translation",
                                run->out->function);
}

static sg_status translate_command(struct sg_rac_run *run)
{
    run->out->function = run->command->keyword->name;
    if (run->command->keyword->inner == SG_RAC_IN_SETROPTS) {
        run->out->task = SG_RAC_NOTHING;
        return sg_rac_note(run, "not needed here: what is committed is in effect at once");
    }
    return translate_racdcert(run);
}

static sg_status begin(struct sg_rac_request *out, struct sg_error *err)
{
    out->params = json_object();
    out->notes = json_array();
    out->warnings = json_array();
    return out->params != NULL && out->notes != NULL && out->warnings != NULL ? SG_OK
                                                                              : sg_fail_memory(err);
}

sg_status sg_rac_translate(struct sg_bytes text, const struct sg_rac_context *context,
                           struct sg_rac_request *out, struct sg_error *err)
{
    SG_CLEANUP(sg_rac_tree_freep) struct sg_rac_tree *tree = NULL;
    struct sg_rac_run run = {.context = context, .out = out, .err = err};
    sg_status s = begin(out, err);
    if (s != SG_OK) {
        return s;
    }
    s = sg_rac_parse((const char *)text.data, text.len, &tree, err);
    if (s != SG_OK) {
        out->fault = tree != NULL ? tree->fault : 0;
        out->fault_len = tree != NULL ? tree->fault_len : 0;
        return s;
    }
    run.tree = tree;
    run.command = &tree->nodes[0];
    return translate_command(&run);
}
