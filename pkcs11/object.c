#include <signet/pkcs11/object.h>

#include <string.h>

#include <signet/base/clock.h>

#include "object_internal.h"
#include "session_copy_internal.h"

#define BATCH 512         /* handles a C_FindObjects */
#define MISSING_MS 1000ul /* what was missing is not searched for again before */

CK_OBJECT_CLASS sg_pkcs11_ck_class(enum sg_pkcs11_class object_class)
{
    switch (object_class) {
    case SG_PKCS11_PRIVATE_KEY:
        return CKO_PRIVATE_KEY;
    case SG_PKCS11_PUBLIC_KEY:
        return CKO_PUBLIC_KEY;
    case SG_PKCS11_CERTIFICATE:
        return CKO_CERTIFICATE;
    }
    return CKO_VENDOR_DEFINED;
}

/* One object's CKA_ID into the index, when it has one of our length. The first of several stays. */
static sg_status index_one(struct sg_pkcs11_session *session, enum sg_pkcs11_class object_class,
                           CK_OBJECT_HANDLE handle, struct sg_error *err)
{
    struct sg_pkcs11_id id;
    unsigned char value[256];
    CK_ATTRIBUTE attribute = {CKA_ID, value, sizeof value};
    CK_RV rv = session->call->C_GetAttributeValue(session->handle, handle, &attribute, 1);
    if (rv != CKR_OK || attribute.ulValueLen != sizeof id.bytes) {
        return SG_OK; /* another's object, or one that has just been destroyed */
    }
    memcpy(id.bytes, value, sizeof id.bytes);
    unsigned long known = 0;
    if (sg_pkcs11_index_get(&session->index, object_class, &id, &known) == INDEX_PRESENT) {
        session->doubled = session->doubled || object_class == SG_PKCS11_CERTIFICATE;
        return SG_OK;
    }
    return sg_pkcs11_index_put(&session->index, object_class, &id, INDEX_PRESENT, handle, err);
}

static sg_status index_batch(struct sg_pkcs11_session *session, enum sg_pkcs11_class object_class,
                             const CK_OBJECT_HANDLE *handles, CK_ULONG count, struct sg_error *err)
{
    for (CK_ULONG i = 0; i < count; i++) {
        sg_status s = index_one(session, object_class, handles[i], err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

/* Reading attributes between two C_FindObjects of one search is allowed (PKCS#11 v2.40 base, 5.7).
 */
static sg_status index_found(struct sg_pkcs11_session *session, enum sg_pkcs11_class object_class,
                             struct sg_error *err)
{
    for (;;) {
        CK_OBJECT_HANDLE handles[BATCH];
        CK_ULONG count = 0;
        CK_RV rv = session->call->C_FindObjects(session->handle, handles, BATCH, &count);
        if (rv != CKR_OK) {
            return sg_pkcs11_fail(err, rv, "cannot list the token's objects");
        }
        if (count == 0) {
            return SG_OK;
        }
        if (count > BATCH) {
            return sg_pkcs11_fail(err, CKR_BUFFER_TOO_SMALL, "cannot list the token's objects");
        }
        sg_status s = index_batch(session, object_class, handles, count, err);
        if (s != SG_OK) {
            return s;
        }
    }
}

static sg_status index_class(struct sg_pkcs11_session *session, enum sg_pkcs11_class object_class,
                             struct sg_error *err)
{
    CK_OBJECT_CLASS ck_class = sg_pkcs11_ck_class(object_class);
    CK_ATTRIBUTE match = {CKA_CLASS, &ck_class, sizeof ck_class};
    CK_RV rv = session->call->C_FindObjectsInit(session->handle, &match, 1);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "cannot list the token's objects");
    }
    sg_status s = index_found(session, object_class, err);
    (void)session->call->C_FindObjectsFinal(session->handle);
    return s;
}

sg_status sg_pkcs11_object_index(struct sg_pkcs11_session *session, struct sg_error *err)
{
    sg_pkcs11_index_clear(&session->index);
    session->doubled = false;
    for (int i = 0; i < SG_PKCS11_CLASS_COUNT; i++) {
        sg_status s = index_class(session, (enum sg_pkcs11_class)i, err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

size_t sg_pkcs11_object_count(const struct sg_pkcs11_session *session,
                              enum sg_pkcs11_class object_class)
{
    return session->index.present[object_class];
}

CK_RV sg_pkcs11_search(struct sg_pkcs11_session *session, CK_ATTRIBUTE *match, CK_ULONG count,
                       CK_OBJECT_HANDLE *handles, CK_ULONG room, CK_ULONG *found)
{
    *found = 0;
    CK_RV rv = session->call->C_FindObjectsInit(session->handle, match, count);
    if (rv != CKR_OK) {
        return rv;
    }
    rv = session->call->C_FindObjects(session->handle, handles, room, found);
    (void)session->call->C_FindObjectsFinal(session->handle);
    return rv == CKR_OK && *found > room ? CKR_BUFFER_TOO_SMALL : rv;
}

/* The token has not said it in so many words: a key that is not there has no handle. */
static sg_status fail_missing(enum sg_pkcs11_class object_class, struct sg_error *err)
{
    bool certificate = object_class == SG_PKCS11_CERTIFICATE;
    sg_fail(err, SG_E_NOT_FOUND, certificate ? "certificate_missing" : "key_missing",
            "the token does not hold this %s", certificate ? "certificate" : "key");
    err->ck_rv = certificate ? 0 : CKR_KEY_HANDLE_INVALID;
    return err->status;
}

static unsigned long now_ms(void)
{
    return (unsigned long)sg_monotonic_ms(sg_clock_system());
}

/* Ask the token. A search that fails is not remembered as "missing". */
static sg_status look_up(struct sg_pkcs11_session *session, enum sg_pkcs11_class object_class,
                         const struct sg_pkcs11_id *id, CK_OBJECT_HANDLE *out, struct sg_error *err)
{
    struct sg_pkcs11_id value = *id;
    CK_OBJECT_CLASS ck_class = sg_pkcs11_ck_class(object_class);
    CK_BBOOL yes = CK_TRUE; /* not our copy of it in the session */
    CK_ATTRIBUTE match[] = {{CKA_CLASS, &ck_class, sizeof ck_class},
                            {CKA_TOKEN, &yes, sizeof yes},
                            {CKA_ID, value.bytes, sizeof value.bytes}};
    CK_ULONG found = 0;
    CK_RV rv = sg_pkcs11_search(session, match, SG_COUNT(match), out, 1, &found);
    if (rv != CKR_OK) {
        return sg_pkcs11_fail(err, rv, "cannot search the token");
    }
    sg_status s =
        found > 0
            ? sg_pkcs11_index_put(&session->index, object_class, id, INDEX_PRESENT, *out, err)
            : sg_pkcs11_index_put(&session->index, object_class, id, INDEX_MISSING, now_ms(), err);
    return s == SG_OK && found == 0 ? fail_missing(object_class, err) : s;
}

sg_status sg_pkcs11_object_find(struct sg_pkcs11_session *session,
                                enum sg_pkcs11_class object_class, const struct sg_pkcs11_id *id,
                                unsigned long *out_handle, struct sg_error *err)
{
    CK_OBJECT_HANDLE handle = CK_INVALID_HANDLE;
    switch (sg_pkcs11_index_get(&session->index, object_class, id, &handle)) {
    case INDEX_PRESENT:
        *out_handle = handle;
        return SG_OK;
    case INDEX_MISSING:
        if (now_ms() - handle < MISSING_MS) {
            return fail_missing(object_class, err);
        }
        break;
    case INDEX_UNNUMBERED:
    case INDEX_EMPTY:
        break;
    }
    handle = CK_INVALID_HANDLE;
    sg_status s = look_up(session, object_class, id, &handle, err);
    if (s == SG_OK) {
        *out_handle = handle;
    }
    return s;
}

void sg_pkcs11_object_forget(struct sg_pkcs11_session *session, enum sg_pkcs11_class object_class,
                             const struct sg_pkcs11_id *id)
{
    sg_pkcs11_index_drop(&session->index, object_class, id);
}

void sg_pkcs11_object_forget_missing(struct sg_pkcs11_session *session)
{
    sg_pkcs11_index_forget_missing(&session->index);
}

/* Destroy up to SAME_ID_MAX objects that match. An object that another process destroyed meanwhile
 * is as gone as we want it. */
static CK_RV destroy_some(struct sg_pkcs11_session *session, CK_ATTRIBUTE *match, CK_ULONG count,
                          unsigned *destroyed)
{
    CK_OBJECT_HANDLE handles[SAME_ID_MAX];
    CK_ULONG found = 0;
    CK_RV rv = sg_pkcs11_search(session, match, count, handles, SAME_ID_MAX, &found);
    for (CK_ULONG i = 0; rv == CKR_OK && i < found; i++) {
        rv = session->call->C_DestroyObject(session->handle, handles[i]);
        if (rv == CKR_OBJECT_HANDLE_INVALID) {
            rv = CKR_OK;
        }
        *destroyed += rv == CKR_OK;
    }
    return rv;
}

static sg_status destroy_matching(struct sg_pkcs11_session *session, CK_ATTRIBUTE *match,
                                  CK_ULONG count, unsigned *destroyed, struct sg_error *err)
{
    unsigned before = 0;
    do {
        before = *destroyed;
        CK_RV rv = destroy_some(session, match, count, destroyed);
        if (rv != CKR_OK) {
            return sg_pkcs11_fail(err, rv, "cannot destroy an object in the token");
        }
    } while (*destroyed - before == SAME_ID_MAX);
    return SG_OK;
}

sg_status sg_pkcs11_object_destroy(struct sg_pkcs11_session *session, const struct sg_pkcs11_id *id,
                                   unsigned *out_count, struct sg_error *err)
{
    struct sg_pkcs11_id value = *id;
    CK_OBJECT_CLASS private_key = CKO_PRIVATE_KEY;
    sg_pkcs11_session_copy_drop(session, id);
    CK_ATTRIBUTE match[] = {{CKA_ID, value.bytes, sizeof value.bytes},
                            {CKA_CLASS, &private_key, sizeof private_key}};
    unsigned destroyed = 0;
    sg_status s = destroy_matching(session, match, 2, &destroyed, err);
    if (s == SG_OK) {
        s = destroy_matching(session, match, 1, &destroyed, err);
    }
    for (int i = 0; i < SG_PKCS11_CLASS_COUNT; i++) {
        sg_pkcs11_index_drop(&session->index, (enum sg_pkcs11_class)i, id);
    }
    if (s == SG_OK) {
        *out_count = destroyed;
    }
    return s;
}
