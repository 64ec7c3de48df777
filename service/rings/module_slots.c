/* Slots and tokens: PKCS#11 v2.40 base, 5.5. One slot for each ring that the view shows. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "module_internal.h"

/* Between the call that asks for the number of slots and the one that fetches them the list stays
 * as it is. */
static CK_RV refresh_slots(struct sg_module *module, bool counting)
{
    struct sg_error err = SG_ERROR_INIT;
    bool keep = !counting && module->slots_counted;
    module->slots_counted = counting;
    if (!keep && sg_connection_refresh(module->connection, &err) != SG_OK) {
        return sg_module_rv(&err);
    }
    return CKR_OK;
}

CK_RV sg_C_GetSlotList(CK_BBOOL token_present, CK_SLOT_ID *list, CK_ULONG *count)
{
    (void)token_present; /* every slot has its token */
    struct sg_module *module = sg_module_current();
    if (module == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (count == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    CK_RV rv = refresh_slots(module, list == NULL);
    if (rv != CKR_OK) {
        return rv;
    }
    const struct sg_view *view = module->connection->view;
    CK_ULONG room = *count;
    *count = view->slot_count;
    if (list == NULL) {
        return CKR_OK;
    }
    if (room < view->slot_count) {
        return CKR_BUFFER_TOO_SMALL;
    }
    for (size_t i = 0; i < view->slot_count; i++) {
        list[i] = view->slots[i].number;
    }
    return CKR_OK;
}

CK_RV sg_C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    if (sg_module_current() == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (info == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    char description[sizeof info->slotDescription];
    *info = (CK_SLOT_INFO){.flags = CKF_TOKEN_PRESENT};
    snprintf(description, sizeof description, "Signet ring %lu", slot);
    sg_module_pad(info->slotDescription, sizeof info->slotDescription, description);
    sg_module_pad(info->manufacturerID, sizeof info->manufacturerID, "Signet");
    return CKR_OK;
}

static void fill_serial(CK_TOKEN_INFO *info, CK_SLOT_ID slot)
{
    char text[24];
    bool fits =
        snprintf(text, sizeof text, "%" PRIu64, (uint64_t)slot) <= (int)sizeof info->serialNumber;
    if (!fits) {
        snprintf(text, sizeof text, "%" PRIx64, (uint64_t)slot);
    }
    sg_module_pad(info->serialNumber, sizeof info->serialNumber, text);
}

/* A slot that the view does not show has a token too, an empty one without a name: a ring may have
 * gone since it was listed, and libp11 0.4.12 has no slot at all when it is refused one of them.
 * Whether such a ring exists cannot be told from it. */
CK_RV sg_C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    struct sg_module *module = sg_module_current();
    if (module == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (info == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    const struct sg_view_slot *ring = sg_view_find_slot(module->connection->view, slot);
    *info = (CK_TOKEN_INFO){
        /* Who comes is known before: no PIN is ever to be asked for (ssh-keygen -D does so for an
         * empty token without a path of its own). */
        .flags = CKF_TOKEN_INITIALIZED | CKF_RNG | CKF_PROTECTED_AUTHENTICATION_PATH,
        .ulMaxSessionCount = SG_SESSIONS_MAX,
        .ulSessionCount = CK_UNAVAILABLE_INFORMATION,
        .ulMaxRwSessionCount = SG_SESSIONS_MAX,
        .ulRwSessionCount = CK_UNAVAILABLE_INFORMATION,
        .ulMaxPinLen = 255,
        .ulTotalPublicMemory = CK_UNAVAILABLE_INFORMATION,
        .ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION,
        .ulTotalPrivateMemory = CK_UNAVAILABLE_INFORMATION,
        .ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION,
    };
    sg_module_pad(info->label, sizeof info->label, "");
    if (ring != NULL) {
        memcpy(info->label, ring->label, sizeof info->label);
    }
    sg_module_pad(info->manufacturerID, sizeof info->manufacturerID, "Signet");
    sg_module_pad(info->model, sizeof info->model, "Signet ring");
    sg_module_pad(info->utcTime, sizeof info->utcTime, "");
    fill_serial(info, slot);
    return CKR_OK;
}

CK_RV sg_C_WaitForSlotEvent(CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved)
{
    (void)slot;
    (void)reserved;
    if (sg_module_current() == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    /* Waiting here would stop everything else that the client wants. */
    return (flags & CKF_DONT_BLOCK) != 0 ? CKR_NO_EVENT : CKR_FUNCTION_NOT_SUPPORTED;
}
