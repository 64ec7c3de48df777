/* explain … use: what programs of a Unix user find in a ring that is served as a token, member by
 * member, and why not more. Unlike the rest of explain it looks at what there is; whoever may not
 * read the ring gets the answer that they would get about a ring that is not there. */
#include "explain_internal.h"

#include <string.h>

#include <signet/policy/name.h>

#define REMEDY_MAX 900 /* bytes: a command with two quoted names */

struct use {
    struct sg_run *run;
    const struct sg_caller *caller; /**< about whom */
    struct sg_ring_row ring;
    const char *certificate; /**< only this one; NULL: all */
    struct sg_certificate_name wanted;
    json_t *items;
    bool met; /**< the one that was asked for is connected */
    bool *allowed;
};

/* What a program gets of a member, in one word. */
static const char *outcome_name(enum sg_obstacle obstacle)
{
    switch (obstacle) {
    case SG_OBSTACLE_NONE:
        return "key_usable";
    case SG_OBSTACLE_USAGE:
        return "usage_not_personal";
    case SG_OBSTACLE_NO_KEY:
        return "no_private_key";
    case SG_OBSTACLE_ED25519:
        return "key_not_deliverable";
    case SG_OBSTACLE_FOREIGN:
        return "key_not_permitted";
    case SG_OBSTACLE_NOTRUST:
        return "hidden_by_notrust";
    case SG_OBSTACLE_MALFORMED:
        return "hidden_as_malformed";
    case SG_OBSTACLE_RETIRED:
        return "key_decrypts_only";
    }
    return "";
}

/* The same as a sentence, where the gate has no better one. */
static const char *outcome_text(enum sg_obstacle obstacle)
{
    switch (obstacle) {
    case SG_OBSTACLE_NOTRUST:
        return "connected, but NOTRUST: programs see nothing of it";
    case SG_OBSTACLE_MALFORMED:
        return "connected, but malformed: programs see nothing of it";
    case SG_OBSTACLE_USAGE:
        return "seen as a certificate: only PERSONAL connections deliver a private key";
    case SG_OBSTACLE_NO_KEY:
        return "seen as a certificate: it has no private key here";
    case SG_OBSTACLE_ED25519:
        return "seen as a certificate: rings do not deliver Ed25519 keys";
    case SG_OBSTACLE_RETIRED:
        return "seen with its private key, which was rolled over: it decrypts and signs no more";
    case SG_OBSTACLE_NONE:
    case SG_OBSTACLE_FOREIGN:
        return "";
    }
    return "";
}

/* What would change it; "" when it is as it should be or nothing can be done. */
static void remedy(const struct use *use, const struct sg_certificate_row *row,
                   enum sg_obstacle obstacle, char out[REMEDY_MAX])
{
    const struct sg_ring_ref *ring = &use->ring.name;
    struct sg_shell_word name = sg_shell_word(row->name.owner.text, row->name.label.text);
    out[0] = '\0';
    if (obstacle == SG_OBSTACLE_NOTRUST) {
        (void)snprintf(out, REMEDY_MAX, "signet cert alter %s --trust", name.text);
    } else if (obstacle == SG_OBSTACLE_USAGE && sg_row_key_deliverable(row) &&
               sg_owner_kind(row->name.owner.text) != SG_OWNER_CERTAUTH) {
        (void)snprintf(out, REMEDY_MAX, "signet ring connect %s %s --usage personal",
                       sg_shell_word(ring->owner.text, ring->ring.text).text, name.text);
    }
}

/* The gate is asked only where nothing else keeps the key. */
static json_t *verdict(const struct use *use, const struct sg_certificate_row *row,
                       enum sg_obstacle obstacle)
{
    const struct sg_ring_ref *ring = &use->ring.name;
    char advice[REMEDY_MAX];
    if (obstacle == SG_OBSTACLE_NONE || obstacle == SG_OBSTACLE_FOREIGN) {
        struct sg_decision decision =
            sg_authority_key(use->run->profiles, use->caller, ring->owner.text, ring->ring.text,
                             row->name.owner.text);
        return sg_explain_check(&decision);
    }
    remedy(use, row, obstacle, advice);
    return json_pack("{s:b,s:s,s:s}", "allowed", 0, "reason", outcome_text(obstacle), "remedy",
                     advice);
}

/* What is hidden comes before all else: nothing of the member is seen. */
static enum sg_obstacle obstacle_of(const struct use *use, const struct sg_certificate_row *row,
                                    enum sg_usage usage)
{
    enum sg_obstacle hidden = sg_row_hidden(row);
    return hidden != SG_OBSTACLE_NONE
               ? hidden
               : sg_member_obstacle(use->run->profiles, use->caller, &use->ring.name, row, usage);
}

/* What the gate allows, and the token does not give now. */
static sg_status explain_token(const struct use *use, const struct sg_certificate_row *row,
                               json_t *item, const char **outcome, struct sg_error *err)
{
    struct sg_token_trouble trouble = sg_run_token_trouble(use->run, row->token);
    if (trouble.serving == SG_SERVES) {
        return SG_OK;
    }
    *outcome = trouble.code;
    json_t *reason =
        json_sprintf("%s; but %s it now: %s", json_string_value(json_object_get(item, "reason")),
                     trouble.effect, trouble.text);
    sg_status s = sg_run_set(item, "reason", reason, err);
    return s == SG_OK ? sg_run_set(item, "remedy", json_string(trouble.next), err) : s;
}

static bool is_wanted(const struct use *use, const struct sg_certificate_row *row)
{
    return use->certificate == NULL || (strcmp(use->wanted.owner.text, row->name.owner.text) == 0 &&
                                        strcmp(use->wanted.label.text, row->name.label.text) == 0);
}

static sg_status explain_member(void *context, const struct sg_certificate_row *row,
                                enum sg_usage usage, bool is_default, struct sg_error *err)
{
    struct use *use = context;
    if (!is_wanted(use, row)) {
        return SG_OK;
    }
    enum sg_obstacle obstacle = obstacle_of(use, row, usage);
    json_t *item = verdict(use, row, obstacle);
    use->met = true;
    *use->allowed = *use->allowed && (use->certificate == NULL || obstacle == SG_OBSTACLE_NONE);
    if (item == NULL || json_array_append_new(use->items, item) != 0) {
        return sg_fail_memory(err);
    }
    const char *outcome = outcome_name(obstacle);
    sg_status s =
        obstacle == SG_OBSTACLE_NONE ? explain_token(use, row, item, &outcome, err) : SG_OK;
    s = s == SG_OK ? sg_run_set(item, "certificate", json_string(sg_row_name(row).text), err) : s;
    s = s == SG_OK ? sg_run_set(item, "usage", json_string(sg_usage_name(usage)), err) : s;
    s = s == SG_OK ? sg_run_set(item, "default", json_boolean(is_default), err) : s;
    return s == SG_OK ? sg_run_set(item, "outcome", json_string(outcome), err) : s;
}

/* What the gate says about the ring itself. */
static sg_status explain_ring(struct use *use, const struct sg_ring_ref *ring, struct sg_error *err)
{
    const struct sg_request request = {
        .function = SG_FUNCTION_LISTRING, .owner = ring->owner.text, .ring = ring->ring.text};
    struct sg_decision decision = sg_authority_decide(use->run->profiles, use->caller, &request);
    *use->allowed = decision.allowed;
    return json_array_append_new(use->items, sg_explain_check(&decision)) == 0
               ? SG_OK
               : sg_fail_memory(err);
}

static sg_status explain_members(struct use *use, const struct sg_ring_ref *ring,
                                 struct sg_error *err)
{
    struct sg_store *store = use->run->service->store;
    sg_status s = sg_store_ring_get(store, ring, &use->ring, err);
    if (s != SG_OK || !*use->allowed) {
        return s;
    }
    s = sg_store_connection_each(store, use->ring.id, explain_member, use, err);
    if (s == SG_OK && use->certificate != NULL && !use->met) {
        sg_fail(err, SG_E_NOT_FOUND, "not_connected", "%s is not connected to %s", use->certificate,
                sg_ring_text(ring).text);
        return sg_hint(err, "signet ring connect %s %s",
                       sg_shell_word(ring->owner.text, ring->ring.text).text,
                       sg_shell_word(use->wanted.owner.text, use->wanted.label.text).text);
    }
    return s;
}

sg_status sg_explain_use(struct sg_run *run, const struct sg_caller *caller, json_t *items,
                         bool *allowed, struct sg_error *err)
{
    struct sg_ring_ref ring;
    struct use use = {.run = run,
                      .caller = caller,
                      .certificate = sg_run_text(run, "certificate"),
                      .items = items,
                      .allowed = allowed};
    if (sg_run_text(run, "object") == NULL) {
        sg_fail(err, SG_E_USAGE, "missing_parameter", "\"use\" needs OWNER/RING");
        return sg_hint(err, "signet ring list shows the rings.");
    }
    sg_status s = sg_run_ring_ref(run, "object", &ring, err);
    s = s == SG_OK && use.certificate != NULL
            ? sg_name_certificate(use.certificate, &use.wanted, err)
            : s;
    s = s == SG_OK ? explain_ring(&use, &ring, err) : s;
    return s == SG_OK && sg_run_ring_allowed(run, &ring) ? explain_members(&use, &ring, err) : s;
}
