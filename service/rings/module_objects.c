/* Objects: PKCS#11 v2.40 base, 5.7. */
#include <string.h>

#include "module_internal.h"

/* ---- attributes ---- */

/* What a private key of its type has, and nobody is told. */
static bool is_secret(const struct sg_view *view, const struct sg_view_object *object,
                      CK_ATTRIBUTE_TYPE type)
{
    static const CK_ATTRIBUTE_TYPE rsa[] = {CKA_PRIVATE_EXPONENT, CKA_PRIME_1,    CKA_PRIME_2,
                                            CKA_EXPONENT_1,       CKA_EXPONENT_2, CKA_COEFFICIENT};
    const struct sg_view_key *key = sg_view_key_of(view, object);
    if (object->object_class != CKO_PRIVATE_KEY || key == NULL) {
        return false;
    }
    if (key->family == SG_VIEW_EC) {
        return type == CKA_VALUE;
    }
    for (size_t i = 0; i < SG_COUNT(rsa); i++) {
        if (rsa[i] == type) {
            return true;
        }
    }
    return false;
}

/* The five cases of C_GetAttributeValue (PKCS#11 v2.40 base, 5.7), in the standard's order. */
static CK_RV get_attribute(const struct sg_view *view, const struct sg_view_object *object,
                           CK_ATTRIBUTE *wanted)
{
    struct sg_bytes value = {NULL, 0};
    CK_ULONG room = wanted->ulValueLen;
    wanted->ulValueLen = CK_UNAVAILABLE_INFORMATION;
    if (is_secret(view, object, wanted->type)) {
        return CKR_ATTRIBUTE_SENSITIVE;
    }
    if (!sg_view_find_attribute(view, object, wanted->type, &value)) {
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (wanted->pValue == NULL) {
        wanted->ulValueLen = value.len;
        return CKR_OK;
    }
    if (room < value.len) {
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(wanted->pValue, value.data, value.len);
    wanted->ulValueLen = value.len;
    return CKR_OK;
}

CK_RV sg_C_GetAttributeValue(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object,
                             CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (attributes == NULL && count > 0) {
        return CKR_ARGUMENTS_BAD;
    }
    const struct sg_view *view = NULL;
    const struct sg_view_object *found = sg_session_object(session, object, &view);
    if (found == NULL) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    size_t given = 0;
    for (CK_ULONG i = 0; i < count; i++) {
        CK_RV one = get_attribute(view, found, &attributes[i]);
        bool has_value = one == CKR_OK && attributes[i].pValue != NULL;
        given += has_value ? attributes[i].ulValueLen : 0;
        if (given > SG_ANSWER_MAX) { /* the same ones again and again */
            return CKR_DEVICE_MEMORY;
        }
        rv = rv == CKR_OK ? one : rv; /* every attribute is looked at, whatever happened before */
    }
    return rv;
}

CK_RV sg_C_GetObjectSize(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE object, CK_ULONG *size)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (size == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    const struct sg_view *view = NULL;
    const struct sg_view_object *found = sg_session_object(session, object, &view);
    if (found == NULL) {
        return CKR_OBJECT_HANDLE_INVALID;
    }
    *size = 0;
    for (uint32_t i = 0; i < found->count; i++) {
        *size += view->attributes[found->first + i].len;
    }
    return CKR_OK;
}

/* ---- searches ---- */

static bool matches(const struct sg_view *view, const struct sg_view_object *object,
                    const CK_ATTRIBUTE *wanted, CK_ULONG count, bool any_label)
{
    for (CK_ULONG i = 0; i < count; i++) {
        struct sg_bytes value = {NULL, 0};
        if (any_label && wanted[i].type == CKA_LABEL) {
            continue;
        }
        if (!sg_view_find_attribute(view, object, wanted[i].type, &value) ||
            value.len != wanted[i].ulValueLen) {
            return false;
        }
        if (value.len > 0 &&
            (wanted[i].pValue == NULL || memcmp(value.data, wanted[i].pValue, value.len) != 0)) {
            return false;
        }
    }
    return true;
}

/* Who names an object by its CKA_ID may have what another has taken the place of: a server's child
 * that attaches anew asks so for the key that its parent has loaded. A program that just starts,
 * with the old key's name, may look through all private keys instead: libp11 does. */
static bool names_one(const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    for (CK_ULONG i = 0; i < count; i++) {
        if (wanted[i].type == CKA_ID && wanted[i].ulValueLen > 0) {
            return true;
        }
    }
    return false;
}

/* CKA_CLASS of a search; CKO_DATA, which no ring has, where it names none. */
static CK_OBJECT_CLASS class_wanted(const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    CK_OBJECT_CLASS object_class = CKO_DATA;
    for (CK_ULONG i = 0; i < count; i++) {
        if (wanted[i].type == CKA_CLASS && wanted[i].ulValueLen == sizeof object_class &&
            wanted[i].pValue != NULL) {
            memcpy(&object_class, wanted[i].pValue, sizeof object_class);
        }
    }
    return object_class;
}

static void collect(struct sg_search *search, const struct sg_view *view,
                    const struct sg_view_slot *slot, const CK_ATTRIBUTE *wanted, CK_ULONG count,
                    bool any_label)
{
    bool all = names_one(wanted, count) || class_wanted(wanted, count) == CKO_PRIVATE_KEY;
    for (uint32_t i = 0; i < slot->count; i++) {
        const struct sg_view_object *object = &view->objects[slot->first + i];
        if ((object->hidden == 0 || all) && matches(view, object, wanted, count, any_label)) {
            search->handles[search->count++] = object->handle;
        }
    }
}

/* libp11 asks in a new process for a key by the id and the label that it had when it was loaded.
 * The label may have changed since; the id has not. */
static bool names_a_key(const CK_ATTRIBUTE *wanted, CK_ULONG count)
{
    CK_OBJECT_CLASS object_class = class_wanted(wanted, count);
    return names_one(wanted, count) &&
           (object_class == CKO_PRIVATE_KEY || object_class == CKO_PUBLIC_KEY);
}

static CK_RV start_search(struct sg_search *search, const struct sg_view *view,
                          const struct sg_view_slot *slot, const CK_ATTRIBUTE *wanted,
                          CK_ULONG count)
{
    *search = (struct sg_search){.active = true};
    if (slot == NULL || slot->count == 0) {
        return CKR_OK;
    }
    search->handles = calloc(slot->count, sizeof *search->handles);
    if (search->handles == NULL) {
        search->active = false;
        return CKR_HOST_MEMORY;
    }
    collect(search, view, slot, wanted, count, false);
    if (search->count == 0 && names_a_key(wanted, count)) {
        collect(search, view, slot, wanted, count, true);
    }
    return CKR_OK;
}

CK_RV sg_C_FindObjectsInit(CK_SESSION_HANDLE handle, CK_ATTRIBUTE *attributes, CK_ULONG count)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (session->search.active) {
        return CKR_OPERATION_ACTIVE;
    }
    if (attributes == NULL && count > 0) {
        return CKR_ARGUMENTS_BAD;
    }
    struct sg_connection *connection = sg_module_current()->connection;
    struct sg_error err = SG_ERROR_INIT;
    if (sg_connection_refresh(connection, &err) != SG_OK) {
        return sg_module_rv(&err);
    }
    sg_session_see(session);
    const struct sg_view_slot *slot = sg_view_find_slot(connection->view, session->slot);
    return start_search(&session->search, connection->view, slot, attributes, count);
}

CK_RV sg_C_FindObjects(CK_SESSION_HANDLE handle, CK_OBJECT_HANDLE *objects, CK_ULONG max,
                       CK_ULONG *count)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    struct sg_search *found = &session->search;
    if (!found->active) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    if (count == NULL || (objects == NULL && max > 0)) {
        return CKR_ARGUMENTS_BAD;
    }
    *count = 0;
    while (*count < max && found->next < found->count) {
        objects[(*count)++] = found->handles[found->next++];
    }
    return CKR_OK;
}

CK_RV sg_C_FindObjectsFinal(CK_SESSION_HANDLE handle)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (!session->search.active) {
        return CKR_OPERATION_NOT_INITIALIZED;
    }
    free(session->search.handles);
    session->search = (struct sg_search){.active = false};
    return CKR_OK;
}
