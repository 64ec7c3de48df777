#include "store_internal.h"

#include <stdio.h>
#include <string.h>

#include <signet/base/shell.h>
#include <signet/policy/name.h>

/* What rings and certificates differ in here. */
struct kind {
    enum sg_query_id names, elsewhere;
    const char *noun; /* "certificate" */
    const char *list; /* command that lists an owner's */
};
static const struct kind certificates = {SG_Q_LABELS, SG_Q_LABEL_ELSEWHERE, "certificate",
                                         "signet cert list"};
static const struct kind rings = {SG_Q_RING_NAMES, SG_Q_RING_ELSEWHERE, "ring", "signet ring list"};

#define ALIKE 2   /* edits at most */
#define SHOWN 320 /* bytes of a name in a hint */

/* The nearest name found so far. */
struct nearest {
    unsigned distance;
    char text[SG_RING_BYTES + 1];
};

/* Of a name that is mostly edits nothing is left to be alike: half a name's characters at most. */
static bool is_alike(unsigned distance, const char *wanted)
{
    return distance <= ALIKE && (size_t)distance * 2 < strlen(wanted);
}

static sg_status find_nearest(struct sg_store *store, const struct kind *kind, const char *owner,
                              const char *wanted, struct nearest *out, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, kind->names, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    for (bool row = true; row;) {
        char name[SG_RING_BYTES + 1];
        s = sg_query_step(&query, &row, "looking for a name alike", err);
        s = s == SG_OK && row ? sg_query_column(&query, 0, name, sizeof name, err) : s;
        if (s != SG_OK) {
            return s;
        }
        unsigned distance = row ? sg_name_distance(wanted, name) : out->distance;
        if (distance < out->distance && is_alike(distance, wanted)) {
            out->distance = distance;
            memcpy(out->text, name, sizeof name);
        }
    }
    return SG_OK;
}

/* "; START2 has one of that name: START2/web" for up to three others. */
static sg_status find_elsewhere(struct sg_store *store, const struct kind *kind, const char *owner,
                                const char *wanted, char *out, size_t size, struct sg_error *err)
{
    SG_QUERY query = {0};
    sg_status s = sg_query_open(store, kind->elsewhere, &query, err);
    if (s != SG_OK) {
        return s;
    }
    sg_query_text(&query, owner);
    sg_query_text(&query, wanted);
    for (bool row = true; row;) {
        char other[SG_OWNER_MAX + 1];
        s = sg_query_step(&query, &row, "looking for the name elsewhere", err);
        s = s == SG_OK && row ? sg_query_column(&query, 0, other, sizeof other, err) : s;
        if (s != SG_OK) {
            return s;
        }
        size_t used = strlen(out);
        if (row) {
            (void)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "", other);
        }
    }
    return SG_OK;
}

struct findings {
    bool owner_exists;
    struct nearest nearest;
    char others[3 * (SG_OWNER_MAX + 2) + 1];
};

static sg_status look(struct sg_store *store, const struct kind *kind, const char *owner,
                      const char *wanted, struct findings *out, struct sg_error *err)
{
    sg_status s = sg_store_owner_exists(store, owner, &out->owner_exists, err);
    s = s == SG_OK ? find_nearest(store, kind, owner, wanted, &out->nearest, err) : s;
    return s == SG_OK
               ? find_elsewhere(store, kind, owner, wanted, out->others, sizeof out->others, err)
               : s;
}

/* As much of a name as fits into a hint beside the rest, cut between characters: a hint is UTF-8 to
 * whoever prints it. */
static struct sg_shell_word shown_word(const char *owner, const char *name)
{
    char shown[SHOWN + 1];
    size_t all = strlen(name);
    size_t len = all < SHOWN ? all : SHOWN;
    while (len > 0 && len < all && ((unsigned char)name[len] & 0xC0) == 0x80) {
        len--;
    }
    memcpy(shown, name, len);
    shown[len] = '\0';
    return sg_shell_word(owner, shown);
}

static sg_status give_hint(const struct kind *kind, const char *owner, const struct findings *found,
                           struct sg_error *err)
{
    char others[200] = "";
    if (found->others[0] != '\0') {
        (void)snprintf(others, sizeof others, " A %s of that name belongs to %s.", kind->noun,
                       found->others);
    }
    if (!found->owner_exists) {
        return sg_hint(err, "There is no owner %s: signet owner list%s%s", owner,
                       others[0] != '\0' ? " shows them." : "", others);
    }
    if (found->nearest.text[0] == '\0') {
        return sg_hint(err, "See what there is: %s %s%s%s", kind->list, sg_shell_quote(owner).text,
                       others[0] != '\0' ? "." : "", others);
    }
    return sg_hint(err, "Did you mean %s?%s%s", shown_word(owner, found->nearest.text).text,
                   found->nearest.distance == 0 ? " Upper and lower case differ." : "", others);
}

/* A hint is a courtesy: when it cannot be found out, the failure stands without one. */
static sg_status suggest(struct sg_store *store, const struct kind *kind, const char *owner,
                         const char *wanted, struct sg_error *err)
{
    struct sg_error ignored = SG_ERROR_INIT;
    struct findings found = {.nearest = {.distance = ALIKE + 1}};
    if (look(store, kind, owner, wanted, &found, &ignored) != SG_OK) {
        return err->status;
    }
    return give_hint(kind, owner, &found, err);
}

sg_status sg_suggest_certificate(struct sg_store *store, const struct sg_certificate_name *name,
                                 struct sg_error *err)
{
    return suggest(store, &certificates, name->owner.text, name->label.text, err);
}

sg_status sg_suggest_ring(struct sg_store *store, const struct sg_ring_ref *name,
                          struct sg_error *err)
{
    return suggest(store, &rings, name->owner.text, name->ring.text, err);
}
