/* Certificates: LIST, ALTER, DELETE, GENREQ, EXPORT, ADD; GENCERT is in gencert.c. */
#include "translate_internal.h"

#include <string.h>

#include <signet/base/ascii.h>

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
        *c = sg_ascii_lower(*c);
    }
    return SG_OK;
}

/* A label, or something else, or nothing: the client looks for the label then. */
static sg_status select_certificate(struct sg_rac_run *run, const char *param)
{
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    const struct sg_rac_node *serial = sg_rac_child(run->function, "SERIALNUMBER");
    const struct sg_rac_node *issuer = sg_rac_child(run->function, "ISSUERSDN");
    sg_status s = sg_rac_outer_owner(run);
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

sg_status sg_rac_label(struct sg_rac_run *run, const char *param)
{
    const struct sg_rac_node *label = sg_rac_child(run->function, "LABEL");
    if (label == NULL) {
        return sg_rac_missing(run, "LABEL");
    }
    sg_status s = sg_rac_outer_owner(run);
    return s == SG_OK ? sg_rac_set_name(run, param, run->owner, sg_rac_value(run, label)) : s;
}

sg_status sg_rac_list(struct sg_rac_run *run)
{
    bool selected = run->function != NULL && run->function->child != NULL;
    if (selected) {
        sg_status s = sg_rac_operation(run, SG_RAC_LIST, "cert", "show");
        return s == SG_OK ? select_certificate(run, "certificate") : s;
    }
    sg_status s = sg_rac_operation(run, SG_RAC_LIST_ALL, "cert", "list");
    s = s == SG_OK ? sg_rac_outer_owner(run) : s;
    return s == SG_OK ? sg_rac_set_text(run, "owner", run->owner) : s;
}

sg_status sg_rac_status_word(struct sg_rac_run *run)
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

sg_status sg_rac_alter(struct sg_rac_run *run)
{
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "NEWLABEL"));
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "alter");
    s = s == SG_OK ? select_certificate(run, "certificate") : s;
    s = s == SG_OK ? sg_rac_status_word(run) : s;
    return s == SG_OK && label != NULL ? sg_rac_set_text(run, "label", label) : s;
}

sg_status sg_rac_set_force(struct sg_rac_run *run)
{
    return sg_rac_keyword(run, "FORCE") != NULL ? sg_rac_set(run, "force", json_true()) : SG_OK;
}

sg_status sg_rac_delete(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "delete");
    s = s == SG_OK ? select_certificate(run, "certificate") : s;
    s = s == SG_OK ? sg_rac_set(run, "disconnect", json_true()) : s;
    return s == SG_OK ? sg_rac_set_force(run) : s;
}

sg_status sg_rac_genreq(struct sg_rac_run *run)
{
    const struct sg_rac_node *dsn = sg_rac_keyword(run, "DSN");
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "request");
    s = s == SG_OK ? sg_rac_label(run, "certificate") : s;
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
    bool password = sg_rac_keyword(run, "PASSWORD") != NULL;
    if (formats[format].password && !password) {
        sg_fail(run->err, SG_E_USAGE, "missing_keyword",
                "%s holds a private key: PASSWORD, which encrypts it, is missing",
                formats[format].name);
        sg_hint(run->err, "Add PASSWORD('…'); or export the certificate alone: FORMAT(CERTB64), or "
                          "with its chain: FORMAT(PKCS7B64).");
        return sg_rac_fault(run, sg_rac_keyword(run, "FORMAT"));
    }
    if (!formats[format].password && password) {
        return sg_rac_warn(run, "PASSWORD is ignored: %s has none", formats[format].name);
    }
    return SG_OK;
}

sg_status sg_rac_export(struct sg_rac_run *run)
{
    size_t format = 0;
    const struct sg_rac_node *dsn = sg_rac_keyword(run, "DSN");
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "export");
    s = s == SG_OK ? sg_rac_label(run, "certificate") : s;
    s = s == SG_OK && dsn == NULL ? sg_rac_missing(run, "DSN") : s;
    s = s == SG_OK ? format_of(run, &format) : s;
    s = s == SG_OK ? sg_rac_take_password(run) : s;
    s = s == SG_OK ? check_format(run, format) : s;
    s = s == SG_OK ? sg_rac_data_set(run, "out", dsn) : s;
    s = s == SG_OK ? sg_rac_local(run, "format", formats[format].format) : s;
    return s == SG_OK && formats[format].chain ? sg_rac_set(run, "chain", json_true()) : s;
}

sg_status sg_rac_note_key_place(struct sg_rac_run *run)
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

sg_status sg_rac_add(struct sg_rac_run *run)
{
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "WITHLABEL"));
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "add");
    s = s == SG_OK ? sg_rac_outer_owner(run) : s;
    s = s == SG_OK ? sg_rac_data_set(run, "certificates", run->function) : s;
    s = s == SG_OK ? sg_rac_status_word(run) : s;
    s = s == SG_OK ? sg_rac_set_force(run) : s;
    s = s == SG_OK ? sg_rac_take_password(run) : s;
    s = s == SG_OK ? sg_rac_note_key_place(run) : s;
    s = s == SG_OK ? sg_rac_set_extractable(run) : s;
    s = s == SG_OK ? sg_rac_set(run, "racf", json_true()) : s;
    if (s != SG_OK) {
        return s;
    }
    return label != NULL ? sg_rac_set_name(run, "target", run->owner, label)
                         : sg_rac_set_text(run, "target", run->owner);
}

/* A file, whoever's: an owner that is written outside does not matter. */
sg_status sg_rac_checkcert(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_CHECKCERT, "cert", "check");
    s = s == SG_OK ? sg_rac_take_password(run) : s;
    s = s == SG_OK ? sg_rac_data_set(run, "certificates", run->function) : s;
    return s == SG_OK ? sg_rac_set(run, "details", json_true()) : s;
}

sg_status sg_rac_listchain(struct sg_rac_run *run)
{
    sg_status s = sg_rac_operation(run, SG_RAC_LISTCHAIN, "cert", "chain");
    s = s == SG_OK ? sg_rac_label(run, "certificate") : s;
    return s == SG_OK ? sg_rac_set(run, "details", json_true()) : s;
}

sg_status sg_rac_rollover(struct sg_rac_run *run)
{
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "NEWLABEL"));
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "rollover");
    s = s == SG_OK ? sg_rac_label(run, "certificate") : s;
    if (s != SG_OK || label == NULL) {
        return s != SG_OK ? s : sg_rac_missing(run, "NEWLABEL");
    }
    s = sg_rac_set_text(run, "label", label);
    return s == SG_OK ? sg_rac_set_force(run) : s;
}
