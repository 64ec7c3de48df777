/* rehearsal open, rehearsal close, and what keeps rehearsals apart from each other and from the
 * real thing. */
#include <signet/operations/rehearsal.h>

#include <string.h>

#include <openssl/rand.h>

#include <signet/base/hex.h>
#include <signet/token/stand_in.h>
#include <signet/x509/pretence.h>

#include "run_internal.h"

struct rehearsal {
    bool used; /**< the place is taken */
    bool over;
    char id[SG_REHEARSAL_ID_LEN + 1];
    uid_t uid;
    uint64_t connection;
    uint64_t bytes;   /**< of the store when it was copied */
    uint64_t changes; /**< that the real store had seen then */
    int64_t until_ms; /**< monotonic */
    struct sg_pretence pretence;
    struct sg_token_link link;
    int64_t authority; /* stamp of the real profiles, and the owners that the user acts */
    struct sg_owner_name *owners; /* as, when it was opened */
    size_t owner_count;
    const struct sg_service *real;
    struct sg_service service;
};

struct sg_rehearsals {
    struct rehearsal list[SG_REHEARSALS_MAX];
};

sg_status sg_rehearsals_allow(struct sg_service *service, struct sg_error *err)
{
    service->rehearsals = calloc(1, sizeof *service->rehearsals);
    return service->rehearsals != NULL ? SG_OK : sg_fail_memory(err);
}

static void end(struct rehearsal *rehearsal)
{
    sg_service_done(&rehearsal->service);
    sg_store_close(rehearsal->service.store);
    free(rehearsal->owners);
    explicit_bzero(rehearsal, sizeof *rehearsal);
}

static bool is_over(const struct rehearsal *rehearsal)
{
    return rehearsal->over || sg_monotonic_ms(rehearsal->service.clock) >= rehearsal->until_ms;
}

void sg_rehearsals_sweep(struct sg_service *service)
{
    struct sg_rehearsals *all = service->rehearsals;
    for (size_t i = 0; all != NULL && i < SG_REHEARSALS_MAX; i++) {
        if (all->list[i].used && is_over(&all->list[i])) {
            end(&all->list[i]);
        }
    }
}

void sg_rehearsals_end_of(struct sg_service *service, uint64_t connection)
{
    struct sg_rehearsals *all = service->rehearsals;
    for (size_t i = 0; all != NULL && i < SG_REHEARSALS_MAX; i++) {
        struct rehearsal *rehearsal = &all->list[i];
        rehearsal->over |= rehearsal->used && rehearsal->connection == connection;
    }
}

void sg_rehearsals_done(struct sg_service *service)
{
    struct sg_rehearsals *all = service->rehearsals;
    for (size_t i = 0; all != NULL && i < SG_REHEARSALS_MAX; i++) {
        if (all->list[i].used) {
            end(&all->list[i]);
        }
    }
    free(all);
    service->rehearsals = NULL;
}

size_t sg_rehearsals_count(const struct sg_service *service)
{
    const struct sg_rehearsals *all = service->rehearsals;
    size_t count = 0;
    for (size_t i = 0; all != NULL && i < SG_REHEARSALS_MAX; i++) {
        count += all->list[i].used ? 1 : 0;
    }
    return count;
}

/* ---- finding one ---- */

/* Whoever asks for somebody else's learns nothing: not even that there is one. */
static sg_status find(const struct sg_service *service, const char *id, uid_t uid,
                      uint64_t connection, struct rehearsal **out, struct sg_error *err)
{
    struct sg_rehearsals *all = service->rehearsals;
    for (size_t i = 0; all != NULL && i < SG_REHEARSALS_MAX; i++) {
        struct rehearsal *rehearsal = &all->list[i];
        bool same = rehearsal->used && rehearsal->uid == uid &&
                    rehearsal->connection == connection && strcmp(rehearsal->id, id) == 0;
        if (same && !is_over(rehearsal)) {
            *out = rehearsal;
            return SG_OK;
        }
    }
    sg_fail(err, SG_E_SERVICE, "rehearsal_gone",
            "no rehearsal of yours of that name is held over this connection");
    sg_hint(err,
            "It lasts %d minutes at most, and ends with the connection that it was "
            "opened over. Nothing was changed; begin anew.",
            SG_REHEARSAL_LIFE_S / 60);
    return SG_E_SERVICE;
}

static bool same_owners(const struct rehearsal *rehearsal, const struct sg_owner_name *owners,
                        size_t count)
{
    bool same = count == rehearsal->owner_count;
    for (size_t i = 0; same && i < count; i++) {
        same = strcmp(owners[i].text, rehearsal->owners[i].text) == 0;
    }
    return same;
}

/* Its copy of the store knows what its user may do as it was when it began. What was really taken
 * from somebody is taken at once. */
static sg_status check_authority(const struct rehearsal *rehearsal, struct sg_error *err)
{
    SG_FREE struct sg_owner_name *owners = NULL;
    size_t count = 0;
    int64_t stamp = 0;
    struct sg_store *store = rehearsal->real->store;
    sg_status s = sg_store_profiles_stamp(store, &stamp, err);
    s = s == SG_OK ? sg_store_owners_of_uid(store, rehearsal->uid, &owners, &count, err) : s;
    if (s != SG_OK || (stamp == rehearsal->authority && same_owners(rehearsal, owners, count))) {
        return s;
    }
    sg_fail(err, SG_E_SERVICE, "rehearsal_outdated",
            "who may do what has changed since your rehearsal began");
    return sg_hint(err, "Nothing was changed; begin anew.");
}

sg_status sg_rehearsal_find(struct sg_service *service, const char *id, uid_t uid,
                            uint64_t connection, struct sg_service **out, struct sg_error *err)
{
    struct rehearsal *rehearsal = NULL;
    sg_status s = find(service, id, uid, connection, &rehearsal, err);
    s = s == SG_OK ? check_authority(rehearsal, err) : s;
    if (s == SG_OK) {
        *out = &rehearsal->service;
    }
    return s;
}

/* ---- tokens: known as they are, and asked for nothing but how they are ---- */

static size_t token_count(void *context)
{
    const struct sg_tokens *real = &((struct rehearsal *)context)->real->tokens;
    return real->count(real->context);
}

static void token_state(void *context, size_t i, struct sg_token_state *out)
{
    const struct sg_tokens *real = &((struct rehearsal *)context)->real->tokens;
    real->state(real->context, i, out);
}

static enum sg_serving token_serving(void *context, const char *name)
{
    const struct sg_tokens *real = &((struct rehearsal *)context)->real->tokens;
    return real->serving != NULL ? real->serving(real->context, name) : SG_SERVES;
}

static void token_settle(void *context SG_UNUSED)
{
}

/* One that is not there is not there in a rehearsal either. */
static sg_status token_link(void *context, const char *name, struct sg_token_link **out,
                            struct sg_error *err)
{
    struct rehearsal *rehearsal = context;
    const struct sg_tokens *real = &rehearsal->real->tokens;
    struct sg_token_link *unused = NULL;
    sg_status s = real->link(real->context, name, &unused, err);
    if (s == SG_OK) {
        *out = &rehearsal->link;
    }
    return s;
}

static void token_failed(void *context SG_UNUSED, const char *name SG_UNUSED,
                         const struct sg_error *why SG_UNUSED)
{
}

static sg_status token_login(void *context SG_UNUSED, const char *name, struct sg_error *err)
{
    sg_fail(err, SG_E_UNSUPPORTED, "not_rehearsed",
            "whether token \"%.64s\" takes its PIN cannot be rehearsed", name);
    return sg_hint(err, "A PIN is tried once only, in earnest: signet token login.");
}

/* ---- opening ---- */

static void fill_service(struct rehearsal *rehearsal, const struct sg_service *real,
                         struct sg_store *copy)
{
    rehearsal->real = real;
    rehearsal->link = sg_token_stand_in_link();
    rehearsal->service = *real;
    struct sg_service *service = &rehearsal->service;
    service->store = copy;
    service->tokens = (struct sg_tokens){.count = token_count,
                                         .state = token_state,
                                         .serving = token_serving,
                                         .settle = token_settle,
                                         .link = token_link,
                                         .failed = token_failed,
                                         .login = token_login,
                                         .context = rehearsal};
    service->changes = (struct sg_change_listener){.narrow = NULL};
    service->profiles = NULL; /* the real service's: read anew, from the copy */
    service->unsettled = false;
    service->rehearsals = NULL;
    service->pretence = &rehearsal->pretence;
}

static sg_status refuse_second(struct sg_error *err)
{
    sg_fail(err, SG_E_SERVICE, "rehearsal_open", "you have a rehearsal already");
    sg_hint(err, "One of a user at a time: wait until the other one has ended.");
    return SG_E_SERVICE;
}

static sg_status refuse_more(const char *what, struct sg_error *err)
{
    sg_fail(err, SG_E_SERVICE, "too_many_rehearsals", "%s", what);
    sg_hint(err,
            "Try again when others have ended: they last seconds, and %d minutes at "
            "most.",
            SG_REHEARSAL_LIFE_S / 60);
    return SG_E_SERVICE;
}

/* A place, and room for a copy of the store. */
static sg_status find_place(struct sg_run *run, struct rehearsal **out, uint64_t *bytes,
                            struct sg_error *err)
{
    struct sg_rehearsals *all = run->service->rehearsals;
    uint64_t held = 0;
    size_t room = SG_REHEARSALS_MAX - (run->caller->administrator ? 0 : SG_REHEARSALS_RESERVED);
    struct rehearsal *place = NULL;
    for (size_t i = 0; i < SG_REHEARSALS_MAX; i++) {
        struct rehearsal *rehearsal = &all->list[i];
        if (rehearsal->used && rehearsal->uid == run->caller->uid) {
            return refuse_second(err);
        }
        held += rehearsal->bytes;
        place = rehearsal->used ? place : rehearsal;
    }
    if (place == NULL || sg_rehearsals_count(run->service) >= room) {
        return refuse_more("too many rehearsals are under way", err);
    }
    sg_status s = sg_store_size(run->service->store, bytes, err);
    if (s == SG_OK && *bytes > SG_REHEARSAL_STORES_MAX - held) {
        return refuse_more("there is no room for another copy of the store", err);
    }
    *out = place;
    return s;
}

static sg_status draw_name(char id[SG_REHEARSAL_ID_LEN + 1], struct sg_error *err)
{
    unsigned char random[SG_REHEARSAL_ID_LEN / 2];
    if (RAND_bytes(random, (int)sizeof random) != 1) {
        return sg_fail(err, SG_E_INTERNAL, "no_random", "no random numbers");
    }
    sg_hex_encode(random, sizeof random, id);
    return SG_OK;
}

static sg_status begin(struct sg_run *run, struct rehearsal *rehearsal, uint64_t bytes,
                       struct sg_error *err)
{
    struct sg_service *real = run->service;
    struct sg_store *copy = NULL;
    SG_FREE struct sg_owner_name *owners = NULL;
    sg_status s = draw_name(rehearsal->id, err);
    s = s == SG_OK ? sg_store_profiles_stamp(real->store, &rehearsal->authority, err) : s;
    s = s == SG_OK ? sg_store_owners_of_uid(real->store, run->caller->uid, &owners,
                                            &rehearsal->owner_count, err)
                   : s;
    s = s == SG_OK ? sg_pretence_init(&rehearsal->pretence, err) : s;
    s = s == SG_OK ? sg_store_copy(real->store, SG_REHEARSAL_GROWTH_MAX, &copy, err) : s;
    if (s != SG_OK) {
        return s;
    }
    fill_service(rehearsal, real, copy);
    rehearsal->owners = SG_STEAL(owners);
    rehearsal->uid = run->caller->uid;
    rehearsal->connection = real->connection;
    rehearsal->bytes = bytes;
    rehearsal->changes = real->change_count;
    rehearsal->until_ms = sg_monotonic_ms(real->clock) + (int64_t)SG_REHEARSAL_LIFE_S * 1000;
    rehearsal->used = true;
    return SG_OK;
}

sg_status sg_operation_REHEARSAL_OPEN(struct sg_run *run, struct sg_error *err)
{
    struct rehearsal *rehearsal = NULL;
    uint64_t bytes = 0;
    if (run->service->rehearsals == NULL || run->service->connection == 0) {
        return sg_fail(err, SG_E_UNSUPPORTED, "not_rehearsed",
                       "a rehearsal cannot be opened here: within another one, or over no "
                       "connection that it could end with");
    }
    sg_status s = find_place(run, &rehearsal, &bytes, err);
    s = s == SG_OK ? begin(run, rehearsal, bytes, err) : s;
    s = s == SG_OK ? sg_run_set(run->answer, "rehearsal", json_string(rehearsal->id), err) : s;
    return s == SG_OK ? sg_run_set(run->answer, "seconds", json_integer(SG_REHEARSAL_LIFE_S), err)
                      : s;
}

sg_status sg_operation_REHEARSAL_CLOSE(struct sg_run *run, struct sg_error *err)
{
    struct rehearsal *rehearsal = NULL;
    sg_status s = find(run->service, sg_run_text(run, "rehearsal"), run->caller->uid,
                       run->service->connection, &rehearsal, err);
    if (s != SG_OK) {
        return s;
    }
    bool changed = rehearsal->changes != run->service->change_count;
    end(rehearsal);
    return sg_run_set(run->answer, "changed", json_boolean(changed), err);
}
