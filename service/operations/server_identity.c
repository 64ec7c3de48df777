/* Which of a ring's certificates a server identifies itself with, and whether it can. */
#include "run_internal.h"

#include <string.h>

/* A Unix user who is attached to the ring's owner and is nothing else. */
static struct sg_caller user_of(const char *const *owner)
{
    return (struct sg_caller){
        .uid = (uid_t)-1, .gid = (gid_t)-1, .owners = owner, .owner_count = 1};
}

struct sg_decision sg_server_key(const struct sg_run *run, const struct sg_ring_ref *ring,
                                 const char *certificate_owner)
{
    const char *owner = ring->owner.text;
    const struct sg_caller user = user_of(&owner);
    const struct sg_request reading = {
        .function = SG_FUNCTION_LISTRING, .owner = owner, .ring = ring->ring.text};
    struct sg_decision decision = sg_authority_decide(run->profiles, &user, &reading);
    return decision.allowed
               ? sg_authority_key(run->profiles, &user, owner, ring->ring.text, certificate_owner)
               : decision;
}

bool sg_server_sees(const struct sg_run *run, const char *owner, const struct sg_ring_ref *ring)
{
    const struct sg_caller user = user_of(&owner);
    return sg_authority_ring_visible(run->profiles, &user, ring->owner.text, ring->ring.text);
}

bool sg_row_key_deliverable(const struct sg_certificate_row *row)
{
    return row->has_key && strcmp(row->key_type, "ed25519") != 0;
}

enum sg_obstacle sg_row_hidden(const struct sg_certificate_row *row)
{
    return !sg_row_sound(row)         ? SG_OBSTACLE_MALFORMED
           : row->trust == SG_NOTRUST ? SG_OBSTACLE_NOTRUST
                                      : SG_OBSTACLE_NONE;
}

enum sg_obstacle sg_member_obstacle(const struct sg_profiles *profiles,
                                    const struct sg_caller *caller, const struct sg_ring_ref *ring,
                                    const struct sg_certificate_row *row, enum sg_usage usage)
{
    if (usage != SG_USAGE_PERSONAL) {
        return SG_OBSTACLE_USAGE;
    }
    if (!row->has_key) {
        return SG_OBSTACLE_NO_KEY;
    }
    if (!sg_row_key_deliverable(row)) {
        return SG_OBSTACLE_ED25519;
    }
    if (!sg_authority_key_usable(profiles, caller, ring->owner.text, ring->ring.text, usage,
                                 row->name.owner.text)) {
        return SG_OBSTACLE_FOREIGN;
    }
    enum sg_obstacle hidden = sg_row_hidden(row);
    return hidden != SG_OBSTACLE_NONE ? hidden
           : row->retired             ? SG_OBSTACLE_RETIRED
                                      : SG_OBSTACLE_NONE;
}

enum sg_obstacle sg_server_obstacle(const struct sg_run *run, const struct sg_ring_ref *ring,
                                    const struct sg_certificate_row *row, enum sg_usage usage)
{
    const char *owner = ring->owner.text;
    const struct sg_caller user = user_of(&owner);
    return sg_member_obstacle(run->profiles, &user, ring, row, usage);
}

/* After a certificate's name. */
static const char *why(enum sg_obstacle obstacle)
{
    switch (obstacle) {
    case SG_OBSTACLE_NONE:
        return "can be used";
    case SG_OBSTACLE_USAGE:
        return "is not connected as PERSONAL";
    case SG_OBSTACLE_NO_KEY:
        return "has no private key here";
    case SG_OBSTACLE_ED25519:
        return "has an Ed25519 key, which rings do not deliver";
    case SG_OBSTACLE_FOREIGN:
        return "has a private key that the users of the ring's owner are not given";
    case SG_OBSTACLE_NOTRUST:
        return "is NOTRUST, hidden from all rings";
    case SG_OBSTACLE_MALFORMED:
        return "is malformed, and shown to no program";
    case SG_OBSTACLE_RETIRED:
        return "was rolled over: its key is kept for decryption only";
    }
    return "";
}

const char *sg_obstacle_text(enum sg_obstacle obstacle)
{
    return why(obstacle);
}

struct candidate {
    struct sg_certificate_name name;
    enum sg_obstacle obstacle;
    bool found;
    bool fits_as_personal; /**< connecting it as PERSONAL is all that is missing */
};

struct search {
    const struct sg_run *run;
    const struct sg_ring_row *ring;
    bool key_file;               /**< the server has its key elsewhere */
    struct candidate by_default; /**< the ring's default, usable or not */
    struct candidate usable;     /**< the first that can be used */
    struct candidate close;      /**< the first PERSONAL one that cannot */
};

static void take(struct candidate *candidate, const struct sg_certificate_row *row,
                 enum sg_obstacle obstacle)
{
    if (!candidate->found) {
        *candidate = (struct candidate){.name = row->name, .obstacle = obstacle, .found = true};
    }
}

/* A server whose key is a file asks the ring for the certificate only. */
static enum sg_obstacle obstacle_of(const struct search *search,
                                    const struct sg_certificate_row *row, enum sg_usage usage)
{
    enum sg_obstacle obstacle = sg_server_obstacle(search->run, &search->ring->name, row, usage);
    bool about_key = obstacle == SG_OBSTACLE_NO_KEY || obstacle == SG_OBSTACLE_ED25519 ||
                     obstacle == SG_OBSTACLE_FOREIGN;
    if (!search->key_file || !about_key) {
        return obstacle;
    }
    return sg_row_hidden(row);
}

static bool is_ca(const struct sg_certificate_row *row)
{
    SG_CERTIFICATE *certificate = NULL;
    struct sg_error ignored = SG_ERROR_INIT;
    return sg_owner_kind(row->name.owner.text) == SG_OWNER_CERTAUTH ||
           sg_certificate_parse((struct sg_bytes){row->der, row->der_len}, &certificate,
                                &ignored) != SG_OK ||
           sg_certificate_facts(certificate)->ca;
}

static sg_status consider(void *context, const struct sg_certificate_row *row, enum sg_usage usage,
                          bool is_default, struct sg_error *err)
{
    struct search *search = context;
    enum sg_obstacle obstacle = obstacle_of(search, row, usage);
    (void)err;
    if (is_default) { /* whoever trusts a CA is not to serve it */
        take(&search->by_default, row, obstacle);
        search->by_default.fits_as_personal =
            obstacle_of(search, row, SG_USAGE_PERSONAL) == SG_OBSTACLE_NONE && !is_ca(row);
    }
    if (obstacle == SG_OBSTACLE_NONE) {
        take(&search->usable, row, obstacle);
    } else if (usage == SG_USAGE_PERSONAL) {
        take(&search->close, row, obstacle);
    }
    return SG_OK;
}

static struct sg_shell_word word_of(const struct sg_certificate_name *name)
{
    return sg_shell_word(name->owner.text, name->label.text);
}

/* The command that gives the ring a default that works. */
static sg_status hint_connect(const struct search *search, struct sg_error *err)
{
    const struct sg_ring_ref *ring = &search->ring->name;
    struct sg_shell_word mine = search->usable.found ? word_of(&search->usable.name)
                                                     : sg_shell_word(ring->owner.text, "LABEL");
    return sg_hint(err, "signet ring connect %s %s --usage personal --default",
                   sg_shell_word(ring->owner.text, ring->ring.text).text, mine.text);
}

static sg_status hint_trust(const struct sg_certificate_name *name, struct sg_error *err)
{
    return sg_hint(err, "signet cert alter %s --trust", word_of(name).text);
}

static sg_status hint_mend(const struct search *search, struct sg_error *err)
{
    const struct candidate *bad = &search->by_default;
    const struct sg_ring_ref *ring = &search->ring->name;
    if (bad->obstacle == SG_OBSTACLE_NOTRUST) {
        return hint_trust(&bad->name, err);
    }
    if (bad->obstacle == SG_OBSTACLE_USAGE && bad->fits_as_personal) {
        return sg_hint(err, "signet ring connect %s %s --usage personal --default",
                       sg_shell_word(ring->owner.text, ring->ring.text).text,
                       word_of(&bad->name).text);
    }
    return hint_connect(search, err);
}

static sg_status refuse_default(const struct search *search, struct sg_error *err)
{
    const struct candidate *bad = &search->by_default;
    sg_fail(err, SG_E_CONFLICT, "default_not_usable",
            "a server cannot use %s/%s, the default of ring %.300s: it %s", bad->name.owner.text,
            bad->name.label.text, sg_ring_text(&search->ring->name).text, why(bad->obstacle));
    hint_mend(search, err);
    return sg_object(err, "%s/%s", bad->name.owner.text, bad->name.label.text);
}

static const char *with_a_key(const struct search *search)
{
    return search->key_file ? "" : "with a key ";
}

/* The first PERSONAL certificate that falls short is what was probably meant: say why it does. */
static sg_status refuse_none(const struct search *search, const char *code, struct sg_error *err)
{
    const struct candidate *close = &search->close;
    const struct sg_ring_ref *ring = &search->ring->name;
    struct sg_ring_text name = sg_ring_text(ring);
    if (close->found) {
        sg_fail(err, SG_E_NOT_FOUND, code,
                "ring %.300s has no default certificate and none that a server can use: %s/%s %s",
                name.text, close->name.owner.text, close->name.label.text, why(close->obstacle));
    } else {
        sg_fail(err, SG_E_NOT_FOUND, code,
                "ring %.300s has no default certificate and no PERSONAL one %sfor a server to use",
                name.text, with_a_key(search));
    }
    (void)(close->obstacle == SG_OBSTACLE_NOTRUST ? hint_trust(&close->name, err)
                                                  : hint_connect(search, err));
    return sg_object(err, "%s", name.text);
}

static sg_status warn_no_default(struct sg_run *run, const struct search *search,
                                 struct sg_error *err)
{
    const struct sg_ring_ref *ring = &search->ring->name;
    const struct sg_certificate_name *name = &search->usable.name;
    return sg_run_warn(
        run, err,
        "ring %.300s has no default certificate: %s/%s is used, the first one %sthat "
        "a server can use. To keep it so: signet ring connect %s %s "
        "--usage personal --default",
        sg_ring_text(ring).text, name->owner.text, name->label.text, with_a_key(search),
        sg_shell_word(ring->owner.text, ring->ring.text).text, word_of(name).text);
}

sg_status sg_run_server_identity(struct sg_run *run, const struct sg_ring_row *ring, bool key_file,
                                 const char *none_code, struct sg_certificate_row *out,
                                 struct sg_error *err)
{
    struct search search = {.run = run, .ring = ring, .key_file = key_file};
    sg_status s = sg_store_connection_each(run->service->store, ring->id, consider, &search, err);
    if (s != SG_OK) {
        return s;
    }
    if (search.by_default.found && search.by_default.obstacle != SG_OBSTACLE_NONE) {
        return refuse_default(&search, err);
    }
    if (!search.usable.found) {
        return refuse_none(&search, none_code, err);
    }
    if (!search.by_default.found) {
        s = warn_no_default(run, &search, err);
    }
    return s == SG_OK ? sg_store_certificate_get(run->service->store,
                                                 search.by_default.found ? &search.by_default.name
                                                                         : &search.usable.name,
                                                 out, err)
                      : s;
}
