/* cert add --force: a certificate that came with its private key in the place of one that stands
 * here without. A row never gets a key, so it is another row; label and connections are the old
 * one's. */
#include "add_internal.h"

#include <stdlib.h>

struct place {
    int64_t ring;
    enum sg_usage usage;
    bool is_default;
};

struct places {
    struct place *list;
    size_t count, room;
};

static void places_done(struct places *places)
{
    free(places->list);
}

static sg_status note_place(void *context, const struct sg_ring_row *ring, enum sg_usage usage,
                            bool is_default, struct sg_error *err)
{
    struct places *places = context;
    if (places->count == places->room) {
        size_t room = places->room == 0 ? 8 : places->room * 2;
        struct place *grown = reallocarray(places->list, room, sizeof *grown);
        if (grown == NULL) {
            return sg_fail_memory(err);
        }
        places->list = grown;
        places->room = room;
    }
    places->list[places->count++] = (struct place){ring->id, usage, is_default};
    return SG_OK;
}

static sg_status connect_again(struct sg_run *run, const struct places *places, int64_t id,
                               struct sg_error *err)
{
    sg_status s = SG_OK;
    for (size_t i = 0; s == SG_OK && i < places->count; i++) {
        const struct place *place = &places->list[i];
        s = sg_store_connect(run->service->store, place->ring, id, place->usage, place->is_default,
                             NULL, NULL, err);
    }
    return s;
}

static sg_status say_taken(struct sg_run *run, const struct sg_certificate_row *row, size_t rings,
                           struct sg_error *err)
{
    return rings == 0
               ? sg_run_effect(run, err, "took the place of %s without its private key",
                               sg_row_name(row).text)
               : sg_run_effect(run, err,
                               "took the place of %s without its private key, in %zu ring%s too",
                               sg_row_name(row).text, rings, rings == 1 ? "" : "s");
}

/* As with a renewal: what somebody has hidden does not reappear by the way. */
static sg_status keep_status(struct sg_run *run, const struct sg_certificate_row *old,
                             struct sg_certificate_row *row, struct sg_error *err)
{
    if (sg_run_text(run, "status") != NULL || row->trust == SG_NOTRUST ||
        row->trust == old->trust) {
        return SG_OK;
    }
    row->trust = old->trust;
    return row->trust != SG_NOTRUST
               ? SG_OK
               : sg_run_warn(run, err,
                             "%s stays NOTRUST, hidden from all rings: signet cert alter "
                             "%s --trust",
                             sg_row_name(old).text,
                             sg_shell_word(old->name.owner.text, old->name.label.text).text);
}

sg_status sg_add_store_row(struct sg_run *run, const struct sg_add *plan,
                           struct sg_certificate_row *row, struct sg_error *err)
{
    SG_CLEANUP(places_done) struct places places = {.count = 0};
    SG_CERTIFICATE_ROW old = {0};
    struct sg_store *store = run->service->store;
    bool orphaned = false;
    if (plan->keyless_name.label.text[0] == '\0') {
        return sg_store_certificate_add(store, row, err);
    }
    sg_status s = sg_store_certificate_get(store, &plan->keyless_name, &old, err);
    s = s == SG_OK ? sg_renewal_check(run, &old, sg_add_facts(plan, plan->leaf), err) : s;
    s = s == SG_OK ? keep_status(run, &old, row, err) : s;
    s = s == SG_OK ? sg_store_membership_each(store, old.id, note_place, &places, err) : s;
    s = s == SG_OK ? sg_store_certificate_delete(store, old.id, &orphaned, err) : s;
    s = s == SG_OK ? sg_store_certificate_add(store, row, err) : s;
    s = s == SG_OK ? connect_again(run, &places, row->id, err) : s;
    run->visible = true;
    return s == SG_OK ? say_taken(run, &old, places.count, err) : s;
}
