#include <signet/pkcs11/token.h>

#include <stdio.h>
#include <string.h>

#include <openssl/err.h>

#include "module_internal.h"

struct slot_list {
    PKCS11_CTX *context;
    PKCS11_SLOT *slots;
    unsigned count;
};

static void release_slots(struct slot_list *list)
{
    if (list->slots != NULL) {
        PKCS11_release_all_slots(list->context, list->slots, list->count);
    }
}

static sg_status list_slots(struct sg_pkcs11_module *module, struct slot_list *out,
                            struct sg_error *err)
{
    out->context = module->context;
    ERR_clear_error();
    if (PKCS11_enumerate_slots(module->context, &out->slots, &out->count) != 0) {
        return sg_pkcs11_fail_libp11(err, "slots_unreadable", "cannot list the slots");
    }
    return SG_OK;
}

static const char *text_of(const char *text)
{
    return text != NULL ? text : "";
}

static bool matches(const PKCS11_TOKEN *token, const char *label, const char *serial)
{
    return token != NULL && token->initialized &&
           (label == NULL || strcmp(text_of(token->label), label) == 0) &&
           (serial == NULL || strcmp(text_of(token->serialnr), serial) == 0);
}

static void describe(PKCS11_SLOT *slot, struct sg_pkcs11_token *out)
{
    const PKCS11_TOKEN *token = slot->token;
    *out = (struct sg_pkcs11_token){
        .slot = PKCS11_get_slotid_from_slot(slot),
        .pin_set = token->userPinSet != 0,
        .pin_final_try = token->userPinFinalTry != 0,
        .pin_locked = token->userPinLocked != 0,
    };
    snprintf(out->label, sizeof out->label, "%s", text_of(token->label));
    snprintf(out->serial, sizeof out->serial, "%s", text_of(token->serialnr));
    snprintf(out->manufacturer, sizeof out->manufacturer, "%s", text_of(token->manufacturer));
    snprintf(out->model, sizeof out->model, "%s", text_of(token->model));
}

/* "store" (serial 7f8e), "other" (serial 1234): as many as there is room for. */
static void hint_tokens(const struct slot_list *list, struct sg_error *err)
{
    char names[sizeof err->hint - 64] = "";
    size_t len = 0;
    for (unsigned i = 0; i < list->count && len < sizeof names - 80; i++) {
        const PKCS11_TOKEN *token = list->slots[i].token;
        if (matches(token, NULL, NULL)) {
            int made =
                snprintf(names + len, sizeof names - len, "%s\"%.32s\" (serial %.16s)",
                         len > 0 ? ", " : "", text_of(token->label), text_of(token->serialnr));
            len += made > 0 ? (size_t)made : 0;
        }
    }
    sg_hint(err, "The module shows: %s.", len > 0 ? names : "no initialised token");
}

static sg_status fail_find(const struct slot_list *list, unsigned found, const char *label,
                           const char *serial, struct sg_error *err)
{
    sg_fail(err, SG_E_TOKEN, found == 0 ? "token_missing" : "token_ambiguous",
            found == 0 ? "there is no token with the %s \"%s\""
                       : "there are several tokens with the %s \"%s\"",
            label != NULL ? "label" : "serial number",
            label != NULL ? label : (serial != NULL ? serial : ""));
    hint_tokens(list, err);
    return sg_object(err, "%s", label != NULL ? label : text_of(serial));
}

sg_status sg_pkcs11_token_find(struct sg_pkcs11_module *module, const char *label,
                               const char *serial, struct sg_pkcs11_token *out,
                               struct sg_error *err)
{
    SG_CLEANUP(release_slots) struct slot_list list = {0};
    sg_status s = list_slots(module, &list, err);
    if (s != SG_OK) {
        return s;
    }
    PKCS11_SLOT *match = NULL;
    unsigned found = 0;
    for (unsigned i = 0; i < list.count; i++) {
        if (matches(list.slots[i].token, label, serial)) {
            match = &list.slots[i];
            found++;
        }
    }
    if (match == NULL || found > 1) {
        return fail_find(&list, found, label, serial, err);
    }
    describe(match, out);
    return SG_OK;
}

bool sg_pkcs11_token_answers(struct sg_pkcs11_module *module, unsigned long slot)
{
    CK_TOKEN_INFO info;
    return module->call->C_GetTokenInfo(slot, &info) == CKR_OK;
}

bool sg_pkcs11_token_counts_tries(struct sg_pkcs11_module *module, unsigned long slot)
{
    CK_TOKEN_INFO info = {.flags = 0};
    const CK_FLAGS spent = CKF_USER_PIN_COUNT_LOW | CKF_USER_PIN_FINAL_TRY | CKF_USER_PIN_LOCKED;
    return module->call->C_GetTokenInfo(slot, &info) == CKR_OK && (info.flags & spent) != 0;
}

static sg_status find_free(const struct slot_list *list, const char *label, PKCS11_SLOT **out,
                           struct sg_error *err)
{
    PKCS11_SLOT *unused = NULL;
    for (unsigned i = 0; i < list->count; i++) {
        PKCS11_SLOT *slot = &list->slots[i];
        if (matches(slot->token, label, NULL)) {
            sg_fail(err, SG_E_CONFLICT, "token_exists", "there is a token with the label \"%s\"",
                    label);
            return sg_object(err, "%s", label);
        }
        if (unused == NULL && slot->token != NULL && !slot->token->initialized) {
            unused = slot;
        }
    }
    if (unused == NULL) {
        return sg_fail(err, SG_E_TOKEN, "no_free_slot", "no token is left to initialise");
    }
    *out = unused;
    return SG_OK;
}

static sg_status initialise_slot(PKCS11_SLOT *slot, const char *label, struct sg_secret *so_pin,
                                 struct sg_secret *user_pin, struct sg_error *err)
{
    /* C_InitToken reads 32 bytes (PKCS#11 v2.40 base, 5.5), and libp11 0.4.12 hands over whatever
     * it was given. */
    char padded[33];
    snprintf(padded, sizeof padded, "%-32s", label);
    ERR_clear_error();
    if (PKCS11_init_token(slot->token, sg_secret_data(so_pin), padded) != 0) {
        return sg_pkcs11_fail_libp11(err, "token_failed", "cannot initialise token \"%s\"", label);
    }
    if (PKCS11_open_session(slot, 1) != 0 || PKCS11_login(slot, 1, sg_secret_data(so_pin)) != 0) {
        return sg_pkcs11_fail_libp11(err, "token_failed",
                                     "token \"%s\": the security officer cannot log in", label);
    }
    if (PKCS11_init_pin(slot->token, sg_secret_data(user_pin)) != 0) {
        return sg_pkcs11_fail_libp11(err, "token_failed", "token \"%s\": cannot set the user PIN",
                                     label);
    }
    (void)PKCS11_logout(slot); /* the process ends soon: that nothing is left open is a courtesy */
    return SG_OK;
}

sg_status sg_pkcs11_token_initialise(struct sg_pkcs11_module *module, const char *label,
                                     struct sg_secret *so_pin, struct sg_secret *user_pin,
                                     struct sg_error *err)
{
    if (label[0] == '\0' || strlen(label) > 32) {
        return sg_fail(err, SG_E_INPUT, "bad_label", "a token's label has 1 to 32 bytes");
    }
    SG_CLEANUP(release_slots) struct slot_list list = {0};
    sg_status s = list_slots(module, &list, err);
    PKCS11_SLOT *slot = NULL;
    if (s == SG_OK) {
        s = find_free(&list, label, &slot, err);
    }
    if (s != SG_OK || slot == NULL) {
        return s;
    }
    return initialise_slot(slot, label, so_pin, user_pin, err);
}
