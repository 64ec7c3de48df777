/* owner …: owners, and the Unix users that act as them. */
#include "owner_internal.h"

#include <string.h>

#include <signet/policy/name.h>

sg_status sg_run_ensure_owner(struct sg_run *run, const char *owner, struct sg_error *err)
{
    bool exists = false;
    sg_status s = sg_store_owner_exists(run->service->store, owner, &exists, err);
    if (s != SG_OK || exists) {
        return s;
    }
    if (!sg_run_allowed(run, SG_FUNCTION_OWNER, NULL)) {
        sg_fail(err, SG_E_NOT_FOUND, "owner_not_found", "there is no owner %s", owner);
        sg_hint(err, "An administrator can create it: signet owner add %s",
                sg_shell_quote(owner).text);
        return sg_object(err, "%s", owner);
    }
    s = sg_store_owner_add(run->service->store, owner, err);
    return s == SG_OK ? sg_run_effect(run, err, "created owner %s", owner) : s;
}

sg_status sg_run_owner_exists(struct sg_run *run, const char *owner, struct sg_error *err)
{
    bool exists = sg_owner_kind(owner) != SG_OWNER_USER;
    sg_status s = exists ? SG_OK : sg_store_owner_exists(run->service->store, owner, &exists, err);
    if (s != SG_OK || exists) {
        return s;
    }
    sg_fail(err, SG_E_NOT_FOUND, "owner_not_found", "there is no owner %s", owner);
    sg_hint(err, "See who there is: signet owner list");
    return sg_object(err, "%s", owner);
}

static sg_status answer_user(struct sg_run *run, const struct sg_owner_name *owner, uid_t uid,
                             struct sg_error *err)
{
    sg_status s = sg_run_set(run->answer, "owner", json_string(owner->text), err);
    return s == SG_OK ? sg_run_set(run->answer, "uid", json_integer((json_int_t)uid), err) : s;
}

static sg_status owner_param(struct sg_run *run, struct sg_owner_name *out, struct sg_error *err)
{
    return sg_name_user(sg_run_text(run, "owner"), out, err);
}

sg_status sg_operation_OWNER_ADD(struct sg_run *run, struct sg_error *err)
{
    struct sg_owner_name owner;
    sg_status s = owner_param(run, &owner, err);
    s = s == SG_OK ? sg_store_owner_add(run->service->store, owner.text, err) : s;
    s = s == SG_OK ? sg_run_effect(run, err, "created owner %s", owner.text) : s;
    return s == SG_OK ? sg_run_set(run->answer, "owner", json_string(owner.text), err) : s;
}

/* The overflow uid is everybody from other user namespaces at once: never anybody's. */
static sg_status uid_param(struct sg_run *run, uid_t *out, struct sg_error *err)
{
    int64_t uid = -1;
    if (!sg_run_integer(run, "uid", &uid) || uid < 0 || uid >= UINT32_MAX) {
        return sg_fail(err, SG_E_INPUT, "bad_uid", "that is not the number of a Unix user");
    }
    if (uid == sg_overflow_uid()) {
        sg_fail(err, SG_E_INPUT, "overflow_uid",
                "uid %lld stands for every user of other user namespaces and is never attached",
                (long long)uid);
        return sg_hint(err, "Run the program as a Unix user of its own.");
    }
    *out = (uid_t)uid;
    return SG_OK;
}

static sg_status attach(struct sg_run *run, const char *owner, uid_t uid, struct sg_error *err)
{
    sg_status s = sg_store_owner_attach(run->service->store, owner, uid, err);
    if (s == SG_E_CONFLICT && strcmp(err->code, "already_attached") == 0) {
        sg_error_clear(err);
        return sg_run_effect(run, err, "Unix user %u is attached to %s already", (unsigned)uid,
                             owner);
    }
    s = s == SG_OK ? sg_count_attachment(run, owner, err) : s;
    run->visible = true;
    return s == SG_OK ? sg_run_effect(run, err, "attached Unix user %u to %s", (unsigned)uid, owner)
                      : s;
}

/* A repeat changes nothing: what provision prints may be run again. */
sg_status sg_operation_OWNER_ATTACH(struct sg_run *run, struct sg_error *err)
{
    struct sg_owner_name owner;
    uid_t uid = 0;
    sg_status s = owner_param(run, &owner, err);
    s = s == SG_OK ? uid_param(run, &uid, err) : s;
    s = s == SG_OK ? sg_run_ensure_owner(run, owner.text, err) : s;
    s = s == SG_OK ? attach(run, owner.text, uid, err) : s;
    return s == SG_OK ? answer_user(run, &owner, uid, err) : s;
}

sg_status sg_operation_OWNER_DETACH(struct sg_run *run, struct sg_error *err)
{
    struct sg_owner_name owner;
    uid_t uid = 0;
    sg_status s = owner_param(run, &owner, err);
    s = s == SG_OK ? uid_param(run, &uid, err) : s;
    s = s == SG_OK ? sg_store_owner_detach(run->service->store, owner.text, uid, err) : s;
    s = s == SG_OK ? sg_count_attachment(run, owner.text, err) : s;
    s = s == SG_OK ? answer_user(run, &owner, uid, err) : s;
    run->visible = true;
    return s == SG_OK
               ? sg_run_effect(run, err, "detached Unix user %u from %s", (unsigned)uid, owner.text)
               : s;
}

struct owner_listing {
    struct sg_run *run;
    json_t *items;
};

static sg_status list_one(void *context, const char *owner, const uid_t *uids, size_t uid_count,
                          uint64_t certificates, uint64_t rings, struct sg_error *err)
{
    struct owner_listing *listing = context;
    if (!sg_run_allowed(listing->run, SG_FUNCTION_LIST, owner)) {
        return SG_OK;
    }
    json_t *item = json_object();
    json_t *numbers = json_array();
    for (size_t i = 0; i < uid_count; i++) {
        json_array_append_new(numbers, json_integer(uids[i]));
    }
    sg_status s = sg_run_set(item, "owner", json_string(owner), err);
    s = sg_run_set(item, "uids", numbers, err) | s;
    s = sg_run_set(item, "certificates", json_integer((json_int_t)certificates), err) | s;
    s = sg_run_set(item, "rings", json_integer((json_int_t)rings), err) | s;
    if (json_array_append_new(listing->items, item) != 0 || s != SG_OK) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

sg_status sg_operation_OWNER_LIST(struct sg_run *run, struct sg_error *err)
{
    struct owner_listing listing = {.run = run, .items = json_array()};
    sg_status s = sg_run_set(run->answer, "items", listing.items, err);
    return s == SG_OK ? sg_store_owner_each(run->service->store, list_one, &listing, err) : s;
}
