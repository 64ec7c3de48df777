#include "answer_internal.h"

#include <string.h>

#include <signet/base/cleanup.h>

#define KEY_MAX 32

static sg_status lacks(const struct sg_asked *asked, const char *what, struct sg_error *err)
{
    const struct sg_operation *operation = asked->operation;
    sg_fail(err, SG_E_SERVICE, "bad_answer", "the service's answer to \"%s%s%s\" lacks %s",
            operation->noun, operation->verb[0] != '\0' ? " " : "", operation->verb, what);
    if ((operation->flags & SG_OP_CHANGES) != 0) {
        return sg_hint(
            err, "It may have been done or not: look with signet %s list before you repeat it.",
            operation->noun);
    }
    return sg_hint(err, "Is it signetd, and of the version of this command (signet --version)? Its "
                        "log says what it did.");
}

static sg_status want_list(const struct sg_asked *asked, const json_t *answer, const char *key,
                           struct sg_error *err)
{
    char what[KEY_MAX + 16];
    snprintf(what, sizeof what, "the list \"%.*s\"", KEY_MAX, key);
    return json_is_array(json_object_get(answer, key)) ? SG_OK : lacks(asked, what, err);
}

/* Of what was only to be tried nobody may believe that it was done, or the other way round. */
static sg_status check_change(const struct sg_asked *asked, const json_t *answer,
                              struct sg_error *err)
{
    if (!asked->dry_run) {
        return want_list(asked, answer, "did", err);
    }
    return json_is_true(json_object_get(answer, "dry_run"))
               ? want_list(asked, answer, "effects", err)
               : lacks(asked, "\"dry_run\", which says that it was only tried", err);
}

static sg_status check_keys(const struct sg_asked *asked, const json_t *answer,
                            struct sg_error *err)
{
    char key[KEY_MAX + 1], what[KEY_MAX + 16];
    for (const char *rest = asked->operation->answers; rest != NULL && *rest != '\0';) {
        size_t len = strcspn(rest, " ");
        snprintf(key, sizeof key, "%.*s", (int)len, rest);
        const json_t *value = json_object_get(answer, key);
        if (value == NULL || json_is_null(value)) {
            snprintf(what, sizeof what, "\"%s\"", key);
            return lacks(asked, what, err);
        }
        rest += len;
        rest += strspn(rest, " ");
    }
    return SG_OK;
}

sg_status sg_answer_check(const struct sg_asked *asked, const json_t *answer, struct sg_error *err)
{
    const struct sg_operation *operation = asked->operation;
    bool tried = asked->dry_run && (operation->flags & SG_OP_CHANGES) != 0;
    sg_status s =
        (operation->flags & SG_OP_CHANGES) != 0 ? check_change(asked, answer, err) : SG_OK;
    if (s == SG_OK && asked->rehearsed && !json_is_true(json_object_get(answer, "rehearsed"))) {
        s = lacks(asked, "\"rehearsed\", which says that it was only rehearsed", err);
    }
    if (s != SG_OK || tried) {
        return s;
    }
    s = operation->columns != NULL ? want_list(asked, answer, "items", err) : SG_OK;
    if (s == SG_OK && (operation->flags & SG_OP_VERDICT) != 0 &&
        !json_is_boolean(json_object_get(answer, "ok"))) {
        s = lacks(asked, "\"ok\", which says whether it is well", err);
    }
    return s == SG_OK ? check_keys(asked, answer, err) : s;
}
