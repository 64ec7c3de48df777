/* Intents: what was about to be done in a token. After the commit, and again after a start, each
 * one is settled. */
#include <signet/operations/run.h>

#include <stdio.h>
#include <string.h>

#include <signet/base/hex.h>
#include <signet/base/log.h>

#include "run_internal.h"

struct current {
    bool found;
    struct sg_buffer der;
    struct sg_name_text label;
    struct sg_key_id key;
};

static sg_status remember(void *context, const struct sg_certificate_row *row, struct sg_error *err)
{
    struct current *current = context;
    bool same = row->has_key && memcmp(&row->key, &current->key, sizeof row->key) == 0;
    if (!same || row->placeholder || current->found) {
        return SG_OK;
    }
    current->found = true;
    current->label = sg_row_token_label(row);
    return sg_buffer_append(&current->der, row->der, row->der_len, err);
}

/* The certificate that the store has for a key now; placeholders stand in the store only. */
static sg_status find_current(struct sg_service *service, const struct sg_key_id *key,
                              struct current *current, struct sg_error *err)
{
    current->key = *key;
    struct sg_certificate_filter filter = {.key = key};
    return sg_store_certificate_each(service->store, &filter, remember, current, err);
}

static sg_status renew_certificate(struct sg_service *service, struct sg_token_link *link,
                                   const struct sg_intent *intent, struct sg_error *err)
{
    struct current current = {.found = false};
    sg_buffer_init(&current.der, SG_CERTIFICATE_MAX);
    sg_status s = find_current(service, &intent->key, &current, err);
    if (s == SG_OK && current.found && current.der.len > SG_TOKEN_DATA_MAX) {
        /* From a version that took it. It will never fit, so nothing is gained by keeping on. */
        char id[2 * SG_KEY_ID_LEN + 1];
        sg_hex_encode(intent->key.bytes, SG_KEY_ID_LEN, id);
        sg_log(SG_LOG_WARNING, "event=certificate_not_in_token key_id=%s bytes=%zu", id,
               current.der.len);
    } else if (s == SG_OK && current.found) {
        s = sg_token_store_certificate(link, &intent->key, current.label.text,
                                       (struct sg_bytes){current.der.data, current.der.len}, err);
    }
    sg_buffer_done(&current.der);
    return s;
}

/* Only objects with the CKA_ID of an intent whose key was never recorded, or was deleted, are
 * destroyed. */
static sg_status destroy_unrecorded(struct sg_service *service, struct sg_token_link *link,
                                    const struct sg_intent *intent, struct sg_error *err)
{
    bool recorded = false;
    unsigned count = 0;
    sg_status s = sg_store_key_exists(service->store, &intent->key, &recorded, err);
    if (s != SG_OK || recorded) {
        return s;
    }
    s = sg_token_destroy(link, &intent->key, &count, err);
    const struct sg_tokens *tokens = &service->tokens;
    if (s == SG_OK && count > 0 && tokens->forget != NULL) {
        tokens->forget(tokens->context, intent->token);
    }
    return s;
}

static sg_status settle_by_kind(struct sg_service *service, struct sg_token_link *link,
                                const struct sg_intent *intent, struct sg_error *err)
{
    switch (intent->kind) {
    case SG_INTENT_GENERATE:
    case SG_INTENT_DESTROY:
        return destroy_unrecorded(service, link, intent, err);
    case SG_INTENT_CERTIFICATE:
        return renew_certificate(service, link, intent, err);
    }
    return sg_fail(err, SG_E_INTERNAL, "bad_intent", "an intent of kind %d", (int)intent->kind);
}

sg_status sg_intent_settle(struct sg_service *service, struct sg_token_link *link,
                           const struct sg_intent *intent, struct sg_error *err)
{
    sg_status s = settle_by_kind(service, link, intent, err);
    if (s == SG_OK) {
        s = sg_token_sync(link, err);
    }
    return s == SG_OK ? sg_store_intent_remove(service->store, intent->id, err) : s;
}

struct recovery {
    struct sg_service *service;
    struct sg_token_link *link;
    unsigned count;
    struct sg_error first; /**< why the first of those that stay was not settled */
};

/* What the token refuses for one object must not keep the others waiting; a process or a store that
 * is gone ends it. */
static sg_status recover_one(void *context, const struct sg_intent *intent, struct sg_error *err)
{
    struct recovery *recovery = context;
    sg_status s = sg_intent_settle(recovery->service, recovery->link, intent, err);
    if (s == SG_OK) {
        recovery->count++;
        sg_log(SG_LOG_NOTICE, "event=intent_recovered token=\"%s\" kind=%d operation=\"%s\"",
               intent->token, (int)intent->kind, intent->operation);
    }
    if (s == SG_OK || s == SG_E_SERVICE || s == SG_E_STORAGE || s == SG_E_NO_MEMORY) {
        return s;
    }
    sg_log_error(SG_LOG_ERROR, "intent_left", err);
    if (recovery->first.status == SG_OK) {
        recovery->first = *err;
    }
    sg_error_clear(err);
    return SG_OK;
}

sg_status sg_operations_recover(struct sg_service *service, const char *token, unsigned *count,
                                struct sg_error *err)
{
    struct recovery recovery = {.service = service, .first = SG_ERROR_INIT};
    sg_status s = service->tokens.link(service->tokens.context, token, &recovery.link, err);
    if (s == SG_OK) {
        s = sg_store_intent_each(service->store, token, recover_one, &recovery, err);
    }
    *count = recovery.count;
    if (s == SG_OK && recovery.first.status != SG_OK) {
        *err = recovery.first;
        return err->status;
    }
    return s;
}
