/* racdcert: what a command means by what it does not say: whose, which certificate, which file. */
#include "racdcert_internal.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <signet/base/ascii.h>

static void json_freep(json_t **value)
{
    json_decref(*value);
}

/* ---- files ---- */

static bool exists(const struct sg_racdcert *session, const char *path)
{
    return sg_kept_has(session->kept, path) || access(path, F_OK) == 0;
}

static bool exists_in_case(const struct sg_racdcert *session, char *path, char (*fold)(char))
{
    for (char *at = path; *at != '\0'; at++) {
        *at = fold(*at);
    }
    return exists(session, path);
}

sg_status sg_racdcert_file(const struct sg_racdcert *session, const char *name, bool read,
                           struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "./%s", name);
    if (s != SG_OK || !read || exists(session, (const char *)out->data)) {
        return s;
    }
    if (exists_in_case(session, (char *)out->data, sg_ascii_lower) ||
        exists_in_case(session, (char *)out->data, sg_ascii_upper)) {
        return SG_OK;
    }
    sg_fail(err, SG_E_NOT_FOUND, "data_set_not_found",
            "there is no file \"%.200s\" in this directory", sg_excerpt(name).text);
    sg_object(err, "%s", name);
    return sg_hint(err, "A data set's name stands for a file where the command is given: as typed, "
                        "or in lower or upper case.");
}

/* ---- certificates ---- */

static sg_status not_one(const struct sg_rac_request *request, size_t count, struct sg_error *err)
{
    const struct sg_rac_selection *selection = &request->selection;
    sg_object(err, "%s", request->owner);
    if (count == 0) {
        return selection->serial == NULL
                   ? sg_fail(err, SG_E_NOT_FOUND, "certificate_not_found", "%s has no certificate",
                             request->owner)
                   : sg_fail(err, SG_E_NOT_FOUND, "certificate_not_found",
                             "%s has no certificate with the serial number %s%s", request->owner,
                             selection->serial[0] != '\0' ? selection->serial : "0",
                             selection->issuer != NULL ? " of that issuer" : "");
    }
    sg_fail(err, SG_E_CONFLICT, "ambiguous_selection",
            "more than one certificate of %s is meant by that", request->owner);
    return sg_hint(err, selection->serial == NULL ? "Name one: LABEL('…')."
                                                  : "Add ISSUERSDN('…'), or name it: LABEL('…').");
}

/* The issuer as LIST prints it is not among what a list of certificates says. */
static sg_status check_issuer(struct sg_racdcert *session, const struct sg_rac_request *request,
                              const char *label, bool *meant, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *answer = NULL;
    SG_CLEANUP(json_freep)
    json_t *params =
        json_pack("{s:o}", "certificate", json_sprintf("%s/%s", request->owner, label));
    if (params == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_client_ask(session->client, sg_operation_find("cert", "show"), params, false,
                                0, &answer, err);
    const char *issuer = json_string_value(json_object_get(answer, "issuer_dotted"));
    *meant = s == SG_OK && sg_rac_selects_issuer(&request->selection, issuer);
    return s;
}

static sg_status find_label(struct sg_racdcert *session, const struct sg_rac_request *request,
                            const json_t *items, const char **label, struct sg_error *err)
{
    size_t count = 0;
    size_t index;
    json_t *item;
    json_array_foreach(items, index, item)
    {
        const char *name = json_string_value(json_object_get(item, "label"));
        const char *serial = json_string_value(json_object_get(item, "serial"));
        bool meant = name != NULL && sg_rac_selects_serial(&request->selection, serial);
        if (meant && request->selection.issuer != NULL &&
            check_issuer(session, request, name, &meant, err) != SG_OK) {
            return err->status;
        }
        *label = meant ? name : *label;
        count += meant ? 1 : 0;
    }
    return count == 1 ? SG_OK : not_one(request, count, err);
}

sg_status sg_racdcert_select(struct sg_racdcert *session, struct sg_rac_request *request,
                             struct sg_error *err)
{
    /* of two it is enough to know */
    SG_CLEANUP(json_freep)
    json_t *params = json_pack("{s:s, s:i}", "owner", request->owner, "limit", 2);
    SG_CLEANUP(json_freep) json_t *answer = NULL;
    const char *label = NULL;
    int failed = params == NULL;
    if (!failed && request->selection.serial != NULL) {
        json_t *serial = json_sprintf("0%s", request->selection.serial);
        failed = json_object_del(params, "limit") | json_object_set_new(params, "serial", serial);
    }
    if (failed) {
        return sg_fail_memory(err);
    }
    sg_status s = sg_client_ask(session->client, sg_operation_find("cert", "list"), params, false,
                                0, &answer, err);
    s = s == SG_OK ? find_label(session, request, json_object_get(answer, "items"), &label, err)
                   : s;
    if (s != SG_OK) {
        return s;
    }
    json_t *name = json_sprintf("%s/%s", request->owner, label);
    return name != NULL && json_object_set_new(request->params, request->selection.param, name) == 0
               ? SG_OK
               : sg_fail_memory(err);
}
