/* racdcert --dry-run of a deck: all of it is performed, in a rehearsal that the service holds for
 * us. */
#include "racdcert_internal.h"

#include <string.h>

static void json_freep(json_t **value)
{
    json_decref(*value);
}

static sg_status ask(struct sg_racdcert *session, const char *verb, json_t *params, json_t **answer,
                     struct sg_error *err)
{
    return params != NULL ? sg_client_ask(session->client, sg_operation_find("rehearsal", verb),
                                          params, false, 0, answer, err)
                          : sg_fail_memory(err);
}

/* Without a rehearsal no command of the deck can be tried: what keeps us from it ends the deck. */
static sg_status give_up(struct sg_error *err)
{
    if (strcmp(err->code, "unknown_route") == 0) {
        sg_fail(err, SG_E_SERVICE, "no_rehearsals",
                "the service is older than this command, and rehearses no decks");
        return sg_hint(err, "Restart signetd with the version that racdcert has.");
    }
    err->status = SG_E_SERVICE;
    return SG_E_SERVICE;
}

sg_status sg_racdcert_rehearse(struct sg_racdcert *session, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *answer = NULL;
    SG_CLEANUP(json_freep) json_t *params = json_object();
    if (session->rehearsing || session->single || !session->options.dry_run) {
        return SG_OK;
    }
    sg_status s = ask(session, "open", params, &answer, err);
    if (s != SG_OK) {
        return give_up(err);
    }
    s = sg_client_rehearse(session->client, json_string_value(json_object_get(answer, "rehearsal")),
                           err);
    s = s == SG_OK ? sg_kept_new(&session->kept, err) : s;
    session->rehearsing = s == SG_OK;
    return s;
}

void sg_racdcert_rehearsal_end(struct sg_racdcert *session)
{
    SG_CLEANUP(json_freep) json_t *answer = NULL;
    struct sg_error ignored = SG_ERROR_INIT; /* it ends with the connection as well */
    if (!session->rehearsing) {
        return;
    }
    session->rehearsing = false;
    SG_CLEANUP(json_freep)
    json_t *params = json_pack("{s:s}", "rehearsal", sg_client_rehearsal(session->client));
    session->outdated = ask(session, "close", params, &answer, &ignored) == SG_OK &&
                        json_is_true(json_object_get(answer, "changed"));
    sg_error_clear(&ignored);
}

/* What programs shall take for effects, and what they shall not take for certificates. */
sg_status sg_racdcert_rehearsed(json_t *answer, struct sg_error *err)
{
    json_t *did = json_object_get(answer, "did");
    if (did == NULL) {
        return SG_OK;
    }
    int failed = json_object_set(answer, "effects", did);
    failed |= json_object_set_new(answer, "dry_run", json_true());
    (void)json_object_del(answer, "did");
    (void)json_object_del(answer, "der");
    (void)json_object_del(answer, "csr");
    return failed == 0 ? SG_OK : sg_fail_memory(err);
}
