/* GENCERT: a key and a certificate, or a certificate for a request. */
#include "translate_internal.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <signet/base/clock.h>

#define DN_MAX 2000                  /* bytes: what cert generate takes */
#define LAST_S INT64_C(253402300799) /* RFC 5280, 4.1.2.5: the last of GeneralizedTime */

/* ---- the subject ---- */

/* RFC 4514, 2.4: every special character behind a backslash, blanks at the ends too. */
static sg_status add_escaped(struct sg_buffer *dn, const char *text, struct sg_error *err)
{
    size_t len = strlen(text);
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < len; i++) {
        bool special = strchr("\"#+,;<=>\\/", text[i]) != NULL;
        bool edge = text[i] == ' ' && (i == 0 || i + 1 == len);
        s = special || edge ? sg_buffer_append(dn, "\\", 1, err) : SG_OK;
        s = s == SG_OK ? sg_buffer_append(dn, text + i, 1, err) : s;
    }
    return s;
}

static sg_status add_component(struct sg_rac_run *run, struct sg_buffer *dn,
                               const struct sg_rac_node *node)
{
    sg_status s = SG_OK;
    for (unsigned i = 0; s == SG_OK && i < node->value_count; i++) {
        s = sg_buffer_format(dn, run->err, "%s%s=", dn->len > 0 ? "," : "", node->keyword->name);
        s = s == SG_OK ? add_escaped(dn, sg_rac_value_at(run, node, i), run->err) : s;
    }
    return s;
}

/* RACF's order, whatever the order of the keywords; those of one type as they stand. */
static sg_status subject(struct sg_rac_run *run, const struct sg_rac_node *node)
{
    static const char *const order[] = {"CN", "T", "OU", "O", "L", "SP", "C"};
    SG_BUFFER dn;
    sg_buffer_init(&dn, DN_MAX);
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(order); i++) {
        for (const struct sg_rac_node *child = node->child; s == SG_OK && child != NULL;
             child = child->next) {
            s = strcmp(child->keyword->name, order[i]) == 0 ? add_component(run, &dn, child) : s;
        }
    }
    if (s == SG_OK && dn.len == 0) {
        sg_fail(run->err, SG_E_USAGE, "missing_operand", "SUBJECTSDN needs a component");
        sg_hint(run->err, "Write SUBJECTSDN(CN('…') O('…') C('…')).");
        return sg_rac_fault(run, node);
    }
    return s == SG_OK ? sg_rac_set_text(run, "subject", (const char *)dn.data) : s;
}

/* RACF takes the user's name, and this text when none is known. */
static sg_status default_subject(struct sg_rac_run *run)
{
    char dn[64];
    snprintf(dn, sizeof dn, "CN=RACF UserID: %s", run->owner);
    sg_status s = sg_rac_warn(run, "no SUBJECTSDN: the subject is %s", dn);
    return s == SG_OK ? sg_rac_set_text(run, "subject", dn) : s;
}

/* ---- dates ---- */

static sg_status read_moment(struct sg_rac_run *run, const struct sg_rac_node *node,
                             const char *date, const char *time, int64_t *out)
{
    bool ambiguous = false;
    sg_status s = sg_rac_local_time(date, time, out, &ambiguous, run->err);
    if (s != SG_OK) {
        return node != NULL ? sg_rac_fault(run, node) : s;
    }
    return ambiguous && node != NULL
               ? sg_rac_warn(run, "%s: %s %s comes twice that day; the earlier one is taken",
                             node->keyword->name, date, time)
               : SG_OK;
}

/* A local day's first or last second. Where clocks are put forward at midnight that is the first
 * moment, or the last one, that there is; a warning when the day was asked for. */
static sg_status read_edge(struct sg_rac_run *run, const struct sg_rac_node *node, const char *date,
                           bool end, int64_t *out)
{
    static const char *const times[][2] = {
        {"00:00:00", "23:59:59"}, {"00:30:00", "23:29:59"}, {"01:00:00", "22:59:59"}};
    sg_status s = read_moment(run, node, date, times[0][end ? 1 : 0], out);
    for (size_t i = 1; s == SG_E_INPUT && i < SG_COUNT(times); i++) {
        const char *time = times[i][end ? 1 : 0];
        struct sg_error first = *run->err;
        sg_error_clear(run->err);
        s = read_moment(run, node, date, time, out);
        if (s == SG_E_INPUT) {
            *run->err = first;
        } else if (s == SG_OK && node != NULL) {
            run->out->fault_len = 0;
            return sg_rac_warn(run,
                               "%s: there is no %s %s here, clocks are put forward over it; "
                               "%s is taken",
                               node->keyword->name, date, times[0][end ? 1 : 0], time);
        }
    }
    return s;
}

static void day_of(int64_t time_s, int years, char out[16])
{
    time_t time = (time_t)time_s;
    struct tm day = {.tm_year = 70, .tm_mday = 1};
    tzset();
    (void)localtime_r(&time, &day);
    day.tm_year += years;
    day.tm_mday = years != 0 && day.tm_mon == 1 && day.tm_mday == 29 ? 28 : day.tm_mday;
    out[strftime(out, 16, "%Y-%m-%d", &day)] = '\0';
}

/* fallback: the date that is taken when the keyword has none. */
static sg_status read_keyword(struct sg_rac_run *run, const char *keyword, const char *fallback,
                              bool end, int64_t *out)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, keyword);
    const char *date = sg_rac_value(run, sg_rac_child(node, "DATE"));
    const char *time = sg_rac_value(run, sg_rac_child(node, "TIME"));
    if (time == NULL) {
        return read_edge(run, date != NULL ? node : NULL, date != NULL ? date : fallback, end, out);
    }
    return read_moment(run, node, date != NULL ? date : fallback, time, out);
}

static sg_status set_time(struct sg_rac_run *run, const char *param, int64_t time_s)
{
    char text[SG_TIME_TEXT];
    sg_time_format(time_s, text);
    return sg_rac_set_text(run, param, text);
}

/* From today's first second for a year, unless said otherwise. */
static sg_status dates(struct sg_rac_run *run)
{
    char day[16];
    int64_t from = 0;
    int64_t until = 0;
    day_of(run->context->now_s, 0, day);
    sg_status s = read_keyword(run, "NOTBEFORE", day, false, &from);
    if (s != SG_OK) {
        return s;
    }
    day_of(from, 1, day);
    s = read_keyword(run, "NOTAFTER", day, true, &until);
    if (s == SG_OK && until <= from) {
        const struct sg_rac_node *node = sg_rac_keyword(run, "NOTAFTER");
        sg_fail(run->err, SG_E_INPUT, "bad_validity", "NOTBEFORE is not earlier than NOTAFTER");
        return sg_rac_fault(run, node != NULL ? node : run->function);
    }
    if (s == SG_OK && until > LAST_S) {
        until = LAST_S;
        s = sg_rac_note(run, "NOTAFTER: 9999-12-31T23:59:59Z is taken, the last moment that a "
                             "certificate can name");
    }
    s = s == SG_OK ? set_time(run, "not_before", from) : s;
    s = s == SG_OK ? set_time(run, "not_after", until) : s;
    return s == SG_OK && sg_rac_keyword(run, "NOTAFTER") == NULL
               ? sg_rac_set(run, "shorten", json_true())
               : s;
}

/* ---- extensions ---- */

static sg_status add_text(struct sg_rac_run *run, json_t *list, const char *prefix,
                          const char *text)
{
    SG_BUFFER value;
    sg_buffer_init(&value, SG_DECK_COMMAND_MAX);
    sg_status s = sg_buffer_format(&value, run->err, "%s%s", prefix, text);
    if (s != SG_OK) {
        return s;
    }
    json_t *string = json_string((const char *)value.data);
    if (string == NULL || json_array_append_new(list, string) != 0) {
        return sg_fail(run->err, SG_E_INPUT, "bad_character", "an operand is no valid UTF-8");
    }
    return SG_OK;
}

static const char *name_kind(const char *keyword)
{
    static const char *const kinds[][2] = {
        {"IP", "ip:"},       {"AIP", "ip:"},       {"DOMAIN", "dns:"}, {"ADOMAIN", "dns:"},
        {"EMAIL", "email:"}, {"AEMAIL", "email:"}, {"URI", "uri:"},    {"AURI", "uri:"}};
    for (size_t i = 0; i < SG_COUNT(kinds); i++) {
        if (strcmp(kinds[i][0], keyword) == 0) {
            return kinds[i][1];
        }
    }
    return "";
}

static sg_status altname(struct sg_rac_run *run)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, "ALTNAME");
    if (node == NULL) {
        return SG_OK;
    }
    json_t *list = json_array();
    sg_status s = sg_rac_set(run, "san", list);
    for (const struct sg_rac_node *child = node->child; s == SG_OK && child != NULL;
         child = child->next) {
        for (unsigned i = 0; s == SG_OK && i < child->value_count; i++) {
            s = add_text(run, list, name_kind(child->keyword->name),
                         sg_rac_value_at(run, child, i));
        }
    }
    return s;
}

static sg_status key_usage(struct sg_rac_run *run)
{
    static const char *const pairs[][2] = {{"HANDSHAKE", "handshake"},
                                           {"DATAENCRYPT", "dataencrypt"},
                                           {"DOCSIGN", "docsign"},
                                           {"CERTSIGN", "certsign"},
                                           {"KEYAGREE", "keyagree"}};
    const struct sg_rac_node *node = sg_rac_keyword(run, "KEYUSAGE");
    if (node == NULL) {
        return SG_OK;
    }
    json_t *list = json_array();
    sg_status s = sg_rac_set(run, "usage", list);
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(pairs); i++) {
        s = sg_rac_child(node, pairs[i][0]) != NULL ? add_text(run, list, "", pairs[i][1]) : s;
    }
    return s;
}

static sg_status extended_usage(struct sg_rac_run *run)
{
    json_t *list = NULL;
    sg_status s = SG_OK;
    for (const struct sg_rac_node *node = run->command->child; s == SG_OK && node != NULL;
         node = node->next) {
        if (strcmp(node->keyword->name, "EKU") != 0) {
            continue;
        }
        if (list == NULL) {
            list = json_array();
            s = sg_rac_set(run, "eku", list);
        }
        for (unsigned i = 0; s == SG_OK && i < node->value_count; i++) {
            s = add_text(run, list, "", sg_rac_value_at(run, node, i));
        }
    }
    return s;
}

/* ---- the signer and the label ---- */

static sg_status signer(struct sg_rac_run *run)
{
    const struct sg_rac_node *node = sg_rac_keyword(run, "SIGNWITH");
    const struct sg_rac_node *label = sg_rac_child(node, "LABEL");
    char owner[40];
    if (node == NULL) {
        return SG_OK;
    }
    if (label == NULL) {
        sg_fail(run->err, SG_E_USAGE, "missing_keyword", "SIGNWITH needs LABEL(…)");
        return sg_rac_fault(run, node);
    }
    sg_status s = sg_rac_owner(run, node, "", owner);
    return s == SG_OK ? sg_rac_set_name(run, "signed_by", owner, sg_rac_value(run, label)) : s;
}

static sg_status name(struct sg_rac_run *run)
{
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "WITHLABEL"));
    return label != NULL ? sg_rac_set_name(run, "certificate", run->owner, label)
                         : sg_rac_set_text(run, "certificate", run->owner);
}

/* A request brings its own key. */
static sg_status from_request(struct sg_rac_run *run)
{
    static const char *const words[] = {"SIZE", "RSA",   "NISTECC", "BPECC",    "DSA",
                                        "PKDS", "PCICC", "ICSF",    "FROMICSF", "EXTRACTABLE"};
    sg_status s = sg_rac_data_set(run, "from_request", run->function);
    s = s == SG_OK ? sg_rac_set_force(run) : s;
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(words); i++) {
        s = sg_rac_keyword(run, words[i]) != NULL
                ? sg_rac_warn(run, "%s is ignored: the request brings its own key", words[i])
                : s;
    }
    return s;
}

static sg_status new_key(struct sg_rac_run *run)
{
    sg_status s = sg_rac_keyword(run, "FORCE") != NULL
                      ? sg_rac_warn(run, "FORCE is ignored: without a request nothing is replaced")
                      : SG_OK;
    s = s == SG_OK ? sg_rac_key_type(run) : s;
    return s == SG_OK ? sg_rac_set_extractable(run) : s;
}

sg_status sg_rac_gencert(struct sg_rac_run *run)
{
    const struct sg_rac_node *dn = sg_rac_keyword(run, "SUBJECTSDN");
    const bool request = run->function->value_count > 0;
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "generate");
    s = s == SG_OK ? sg_rac_owner(run, run->command, "", run->owner) : s;
    snprintf(run->out->owner, sizeof run->out->owner, "%s", run->owner);
    s = s == SG_OK ? name(run) : s;
    s = s == SG_OK && dn != NULL ? subject(run, dn) : s;
    s = s == SG_OK && dn == NULL && !request ? default_subject(run) : s;
    s = s == SG_OK ? dates(run) : s;
    s = s == SG_OK ? altname(run) : s;
    s = s == SG_OK ? key_usage(run) : s;
    s = s == SG_OK ? extended_usage(run) : s;
    s = s == SG_OK ? signer(run) : s;
    if (s != SG_OK) {
        return s;
    }
    return request ? from_request(run) : new_key(run);
}

sg_status sg_rac_rekey(struct sg_rac_run *run)
{
    const char *label = sg_rac_value(run, sg_rac_keyword(run, "WITHLABEL"));
    sg_status s = sg_rac_operation(run, SG_RAC_CHANGE, "cert", "rekey");
    s = s == SG_OK ? sg_rac_label(run, "certificate") : s;
    s = s == SG_OK ? dates(run) : s;
    s = s == SG_OK ? sg_rac_next_key_type(run) : s;
    return s == SG_OK && label != NULL ? sg_rac_set_text(run, "label", label) : s;
}
