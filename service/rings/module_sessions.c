/* Sessions: PKCS#11 v2.40 base, 5.6. Any slot opens; one without a visible ring is empty. */
#include "module_internal.h"

/* A handle is the place in the table (9 bits) and a count (22 bits), so that a closed session's
 * handle means nothing for the next four million sessions; 31 bits in all. */
enum { INDEX_BITS = 9, SERIAL_MASK = (1 << 22) - 1 };
_Static_assert(SG_SESSIONS_MAX == 1 << INDEX_BITS, "a session's index must fit its handle");

CK_RV sg_session_find(CK_SESSION_HANDLE handle, struct sg_session **out)
{
    struct sg_module *module = sg_module_current();
    if (module == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    struct sg_session *session = module->sessions[handle & (SG_SESSIONS_MAX - 1)];
    if (session == NULL || session->handle != handle) {
        return CKR_SESSION_HANDLE_INVALID;
    }
    *out = session;
    return CKR_OK;
}

/* ---- what sessions see ---- */

static const struct sg_view_object *find_in(const struct sg_view *view, CK_SLOT_ID slot,
                                            CK_OBJECT_HANDLE handle)
{
    return sg_view_find_object(view, sg_view_find_slot(view, slot), handle);
}

/* A handle is the application's, whichever of its sessions found it (PKCS#11 v2.20, 6.7.5). */
const struct sg_view_object *sg_session_object(const struct sg_session *session,
                                               CK_OBJECT_HANDLE handle, const struct sg_view **view)
{
    const struct sg_module *module = sg_module_current();
    *view = module->connection->view;
    const struct sg_view_object *object = find_in(*view, session->slot, handle);
    for (size_t i = 0; object == NULL && i < SG_SESSIONS_MAX; i++) {
        const struct sg_session *other = module->sessions[i];
        if (other != NULL && other->slot == session->slot && other->seen != NULL) {
            *view = other->seen;
            object = find_in(*view, session->slot, handle);
        }
    }
    return object;
}

static bool is_in(const struct sg_view *const *list, size_t count, const struct sg_view *view)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i] == view) {
            return true;
        }
    }
    return false;
}

/* Views that only sessions hold: those that are out of date. */
struct past {
    const struct sg_view *views[SG_VIEWS_PAST_MAX + 2];
    size_t count, bytes;
    const struct sg_view *oldest; /* NULL: there are none */
};

static struct past find_past(const struct sg_module *module)
{
    struct past past = {.count = 0};
    for (size_t i = 0; i < SG_SESSIONS_MAX && past.count < SG_COUNT(past.views); i++) {
        const struct sg_view *view = module->sessions[i] != NULL ? module->sessions[i]->seen : NULL;
        if (view == NULL || view == module->connection->view ||
            is_in(past.views, past.count, view)) {
            continue;
        }
        past.views[past.count++] = view;
        past.bytes += view->map_len;
        past.oldest =
            past.oldest == NULL || view->generation < past.oldest->generation ? view : past.oldest;
    }
    return past;
}

static void forget_view(struct sg_module *module, const struct sg_view *view)
{
    for (size_t i = 0; i < SG_SESSIONS_MAX; i++) {
        struct sg_session *session = module->sessions[i];
        if (session != NULL && session->seen == view) {
            sg_view_free(session->seen);
            session->seen = NULL;
        }
    }
}

void sg_session_see(struct sg_session *session)
{
    struct sg_module *module = sg_module_current();
    if (session->seen == module->connection->view) {
        return;
    }
    sg_view_free(session->seen);
    session->seen = sg_view_keep(module->connection->view);
    struct past past = find_past(module);
    if (past.count > SG_VIEWS_PAST_MAX) {
        forget_view(module, past.oldest);
    }
}

void sg_sessions_make_room(size_t bytes)
{
    struct sg_module *module = sg_module_current();
    if (module == NULL) {
        return; /* nobody has a session yet */
    }
    for (struct past past = find_past(module); past.bytes > bytes; past = find_past(module)) {
        forget_view(module, past.oldest);
    }
}

/* ---- opening and closing ---- */

static void close_session(struct sg_module *module, struct sg_session *session)
{
    sg_view_free(session->seen);
    sg_operation_end(&session->sign);
    sg_operation_end(&session->verify);
    sg_operation_end(&session->encrypt);
    sg_operation_end(&session->decrypt);
    EVP_MD_CTX_free(session->digest);
    free(session->search.handles);
    module->sessions[session->handle & (SG_SESSIONS_MAX - 1)] = NULL;
    free(session);
}

void sg_sessions_close_all(struct sg_module *module)
{
    for (size_t i = 0; i < SG_SESSIONS_MAX; i++) {
        if (module->sessions[i] != NULL) {
            close_session(module, module->sessions[i]);
        }
    }
}

static bool free_index(const struct sg_module *module, size_t *out)
{
    for (size_t i = 0; i < SG_SESSIONS_MAX; i++) {
        if (module->sessions[i] == NULL) {
            *out = i;
            return true;
        }
    }
    return false;
}

/* A login counts for all sessions with a token and ends with the last of them (PKCS#11 v2.40
 * base, 5.6, C_CloseSession). */
static bool is_logged_in(const struct sg_module *module, CK_SLOT_ID slot)
{
    for (size_t i = 0; i < SG_SESSIONS_MAX; i++) {
        const struct sg_session *session = module->sessions[i];
        if (session != NULL && session->slot == slot) {
            return session->logged_in;
        }
    }
    return false;
}

static void set_logged_in(struct sg_module *module, CK_SLOT_ID slot, bool value)
{
    for (size_t i = 0; i < SG_SESSIONS_MAX; i++) {
        struct sg_session *session = module->sessions[i];
        if (session != NULL && session->slot == slot) {
            session->logged_in = value;
        }
    }
}

CK_RV sg_C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify,
                       CK_SESSION_HANDLE *session)
{
    (void)application;
    (void)notify;
    struct sg_module *module = sg_module_current();
    size_t index = 0;
    if (module == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    if (session == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    if ((flags & CKF_SERIAL_SESSION) == 0) {
        return CKR_SESSION_PARALLEL_NOT_SUPPORTED;
    }
    if (!free_index(module, &index)) {
        return CKR_SESSION_COUNT;
    }
    struct sg_session *made = calloc(1, sizeof *made);
    if (made == NULL) {
        return CKR_HOST_MEMORY;
    }
    module->serial = module->serial >= SERIAL_MASK ? 1 : module->serial + 1;
    made->handle = (CK_SESSION_HANDLE)module->serial << INDEX_BITS | index;
    made->slot = slot;
    made->read_write = (flags & CKF_RW_SESSION) != 0;
    made->logged_in = is_logged_in(module, slot);
    module->sessions[index] = made;
    *session = made->handle;
    return CKR_OK;
}

CK_RV sg_C_CloseSession(CK_SESSION_HANDLE handle)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv == CKR_OK) {
        close_session(sg_module_current(), session);
    }
    return rv;
}

/* Where no ring is to be seen and no session is open, there is no slot. That may be said here,
 * where it may not when a session is opened: no client waits for it, and libp11, which also closes
 * the sessions of slots that are gone, does not look at the answer. */
CK_RV sg_C_CloseAllSessions(CK_SLOT_ID slot)
{
    struct sg_module *module = sg_module_current();
    if (module == NULL) {
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    }
    bool known = sg_view_find_slot(module->connection->view, slot) != NULL;
    for (size_t i = 0; i < SG_SESSIONS_MAX; i++) {
        if (module->sessions[i] != NULL && module->sessions[i]->slot == slot) {
            close_session(module, module->sessions[i]);
            known = true;
        }
    }
    return known ? CKR_OK : CKR_SLOT_ID_INVALID;
}

static CK_STATE state_of(const struct sg_session *session)
{
    if (session->logged_in) {
        return session->read_write ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS;
    }
    return session->read_write ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
}

CK_RV sg_C_GetSessionInfo(CK_SESSION_HANDLE handle, CK_SESSION_INFO *info)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (info == NULL) {
        return CKR_ARGUMENTS_BAD;
    }
    *info = (CK_SESSION_INFO){
        .slotID = session->slot,
        .state = state_of(session),
        .flags = CKF_SERIAL_SESSION | (session->read_write ? CKF_RW_SESSION : 0),
    };
    return CKR_OK;
}

/* Nobody needs to log in, the Unix user has done so; but clients that do it anyway are not turned
 * away. There is no security officer. */
CK_RV sg_C_Login(CK_SESSION_HANDLE handle, CK_USER_TYPE user, unsigned char *pin, CK_ULONG len)
{
    (void)pin;
    (void)len;
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (user != CKU_USER && user != CKU_CONTEXT_SPECIFIC) {
        return CKR_USER_TYPE_INVALID;
    }
    set_logged_in(sg_module_current(), session->slot, true);
    return CKR_OK;
}

CK_RV sg_C_Logout(CK_SESSION_HANDLE handle)
{
    struct sg_session *session = NULL;
    CK_RV rv = sg_session_find(handle, &session);
    if (rv != CKR_OK) {
        return rv;
    }
    if (!session->logged_in) {
        return CKR_USER_NOT_LOGGED_IN;
    }
    set_logged_in(sg_module_current(), session->slot, false);
    return CKR_OK;
}
