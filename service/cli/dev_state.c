/* Does the instance that runs have its token? */
#include "dev_internal.h"

#include <poll.h>
#include <string.h>

#include <signet/cli/client.h>

#define ANSWER_TIMEOUT_S 15
#define SETTLE_MS 15000 /* for token processes that have not said how they fare */
#define SETTLE_POLL_MS 100

static void json_freep(json_t **value)
{
    json_decref(*value);
}

static sg_status ask(const struct sg_instance *instance, json_t **answer, struct sg_error *err)
{
    const struct sg_operation *status = sg_operation_find("status", "");
    SG_CLEANUP(json_freep) json_t *params = json_object();
    if (params == NULL) {
        return sg_fail_memory(err);
    }
    return sg_client_call(sg_instance_path(instance, "run/signet.sock").text, status, params, false,
                          ANSWER_TIMEOUT_S, answer, err);
}

static const char *text_of(json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* The first token that is not ready; known: and that says what is wrong, instead of that it starts.
 */
static json_t *unready_token(json_t *answer, bool known)
{
    json_t *tokens = json_object_get(answer, "tokens");
    for (size_t i = 0; i < json_array_size(tokens); i++) {
        json_t *token = json_array_get(tokens, i);
        bool says = text_of(token, "problem")[0] != '\0' &&
                    strcmp(text_of(token, "state"), "starting") != 0;
        if (!json_is_true(json_object_get(token, "ready")) && (says || !known)) {
            return token;
        }
    }
    return NULL;
}

static sg_status refuse(const struct sg_instance *instance, const char *name, const char *problem,
                        struct sg_error *err)
{
    sg_fail(err, SG_E_TOKEN, "token_not_ready",
            "the instance in %s is running, but its token \"%s\" is not ready: %s", instance->dir,
            name, problem);
    sg_object(err, "%s", instance->dir);
    return sg_hint(err, "With the cause removed: signet token login %s --socket %s", name,
                   sg_instance_path(instance, "run/signet.sock").text);
}

sg_status sg_dev_check_tokens(const struct sg_instance *instance, json_t **warnings,
                              struct sg_error *err)
{
    *warnings = NULL;
    for (int waited_ms = 0;; waited_ms += SETTLE_POLL_MS) {
        SG_CLEANUP(json_freep) json_t *answer = NULL;
        sg_status s = ask(instance, &answer, err);
        if (s != SG_OK || strcmp(text_of(answer, "state"), "ready") == 0) {
            *warnings = json_incref(json_object_get(answer, "warnings"));
            return s;
        }
        bool late = waited_ms >= SETTLE_MS;
        json_t *token = unready_token(answer, !late);
        if (token != NULL) {
            const char *problem = text_of(token, "problem");
            return refuse(instance, text_of(token, "name"),
                          problem[0] != '\0' ? problem : "it does not say why", err);
        }
        if (late) { /* they serve, though not with all their processes */
            *warnings = json_incref(json_object_get(answer, "warnings"));
            return SG_OK;
        }
        (void)poll(NULL, 0, SETTLE_POLL_MS);
    }
}
