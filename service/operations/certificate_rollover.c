/* cert rollover: RACF's ROLLOVER, all at once (docs/racf-compatibility.md, ROLLOVER). */
#include "rollover_internal.h"

#include <signet/policy/name.h>

static sg_status load(struct sg_run *run, struct sg_rollover *rollover, struct sg_error *err)
{
    struct sg_certificate_name old;
    struct sg_certificate_name successor;
    sg_status s = sg_run_certificate_name(run, "certificate", &old, err);
    s = s == SG_OK ? sg_name_label(sg_run_text(run, "label"), &successor.label, err) : s;
    if (s != SG_OK) {
        return s;
    }
    successor.owner = old.owner;
    s = sg_rollover_load(run, &old, &successor, rollover, err);
    rollover->facts.force = sg_run_flag(run, "force");
    rollover->facts.destroy = sg_run_flag(run, "destroy_key");
    if (s != SG_OK || rollover->facts.new_one.exists) {
        return s;
    }
    s = sg_store_certificate_get(run->service->store, &successor, &rollover->new_row, err);
    return s != SG_E_NOT_FOUND ? s
                               : sg_hint(err, "Make it first: signet cert rekey %s --label NEW",
                                         sg_shell_word(old.owner.text, old.label.text).text);
}

/* As cert delete does: the CA's answer would find no key. */
static sg_status check_request(struct sg_run *run, const struct sg_rollover *rollover,
                               struct sg_error *err)
{
    const struct sg_certificate_row *old = &rollover->old_row;
    if (!old->requested || sg_run_flag(run, "force")) {
        return SG_OK;
    }
    sg_fail(err, SG_E_CONFLICT, "request_pending",
            "a request was made from %s: a CA may be about to certify its key",
            sg_row_name(old).text);
    return sg_hint(err,
                   "Add the CA's answer first; forced, the key goes, and the answer fits no more.");
}

sg_status sg_operation_CERT_ROLLOVER(struct sg_run *run, struct sg_error *err)
{
    SG_ROLLOVER rollover = {.capacity = 0};
    sg_status s = load(run, &rollover, err);
    s = s == SG_OK ? sg_life_check(&rollover.facts, SG_LIFE_ROLLOVER, err) : s;
    s = s == SG_OK ? check_request(run, &rollover, err) : s;
    s = s == SG_OK ? sg_rollover_check_shared(run, &rollover, err) : s;
    s = s == SG_OK ? sg_rollover_warn(run, &rollover, err) : s;
    s = s == SG_OK ? sg_rollover_find_holders(run, &rollover, NULL, err) : s;
    s = s == SG_OK ? sg_rollover_warn_holders(run, &rollover, err) : s;
    s = s == SG_OK ? sg_rollover_answer(run, &rollover, err) : s;
    return s == SG_OK ? sg_rollover_take(run, &rollover, SG_LIFE_ROLLOVER, err) : s;
}
