/* From a tree of keywords to an operation. */
#ifndef SIGNET_RACDCERT_TRANSLATE_INTERNAL_H
#define SIGNET_RACDCERT_TRANSLATE_INTERNAL_H

#include "racdcert_internal.h"

/** A command that is being understood. */
struct sg_rac_run {
    const struct sg_rac_context *context;
    struct sg_rac_tree *tree;
    const struct sg_rac_node *command;  /**< RACDCERT, SETROPTS … */
    const struct sg_rac_node *function; /**< NULL: LIST, by default */
    struct sg_rac_request *out;
    json_t *params; /**< of the operation that parameters are set for; borrowed */
    char owner[40]; /**< the outer ID, CERTAUTH or SITE; empty when none was written */
    struct sg_error *err;
};

/** Note what a failure is about, and give its status. */
sg_status sg_rac_fault(struct sg_rac_run *run, const struct sg_rac_node *node);
/** The same, about operand i of a keyword or a command. */
sg_status sg_rac_fault_value(struct sg_rac_run *run, const struct sg_rac_node *node, unsigned i);
/** SG_E_USAGE "missing_keyword": "CONNECT needs RING(…)". */
sg_status sg_rac_missing(struct sg_rac_run *run, const char *keyword);
/** The one operand of a keyword; NULL when the keyword is NULL or has none. */
const char *sg_rac_value(const struct sg_rac_run *run, const struct sg_rac_node *node);
/** Operand i of a keyword. */
const char *sg_rac_value_at(const struct sg_rac_run *run, const struct sg_rac_node *node,
                            unsigned i);
/** Does a keyword belong to the command's function? */
bool sg_rac_belongs(const struct sg_rac_run *run, const struct sg_rac_keyword *keyword);
/** A keyword beside the function; NULL when it is not there or does not belong to it. */
const struct sg_rac_node *sg_rac_keyword(const struct sg_rac_run *run, const char *name);

SG_CHECKED sg_status sg_rac_operation(struct sg_rac_run *run, enum sg_rac_task task,
                                      const char *noun, const char *verb);
/** One more operation of the same command, or its first one: parameters that are set from now on
 * are this one's. */
SG_CHECKED sg_status sg_rac_step(struct sg_rac_run *run, enum sg_rac_task task, const char *noun,
                                 const char *verb);
SG_CHECKED sg_status sg_rac_set(struct sg_rac_run *run, const char *param, json_t *value);
SG_CHECKED sg_status sg_rac_set_text(struct sg_rac_run *run, const char *param, const char *text);
SG_CHECKED sg_status sg_rac_local(struct sg_rac_run *run, const char *param, const char *value);
SG_CHECKED sg_status sg_rac_note(struct sg_rac_run *run, const char *format, ...) SG_PRINTF(2, 3);
SG_CHECKED sg_status sg_rac_warn(struct sg_rac_run *run, const char *format, ...) SG_PRINTF(2, 3);

/** The owner that ID, CERTAUTH or SITE of a node names; outer when none is there, and the caller's
 * own when that is empty too ("own_unknown" when it is not known). */
SG_CHECKED sg_status sg_rac_owner(struct sg_rac_run *run, const struct sg_rac_node *node,
                                  const char *outer, char out[40]);
/** Set a parameter to OWNER/NAME. */
SG_CHECKED sg_status sg_rac_set_name(struct sg_rac_run *run, const char *param, const char *owner,
                                     const char *name);

/** A data set is a file in the directory where the command was given: SG_E_USAGE "bad_data_set". */
SG_CHECKED sg_status sg_rac_data_set(struct sg_rac_run *run, const char *param,
                                     const struct sg_rac_node *node);

/** The owner that a node names, or empty. SG_E_USAGE "two_owners", "bad_owner". */
SG_CHECKED sg_status sg_rac_written_owner(struct sg_rac_run *run, const struct sg_rac_node *node,
                                          char out[40]);
/** Make run->owner the caller's own unless one was written. */
SG_CHECKED sg_status sg_rac_outer_owner(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_take_password(struct sg_rac_run *run);
/** TRUST, NOTRUST, HIGHTRUST. */
SG_CHECKED sg_status sg_rac_status_word(struct sg_rac_run *run);
/** PKDS, PCICC and ICSF beside a certificate that is brought in: noted, for they mean nothing. */
SG_CHECKED sg_status sg_rac_note_key_place(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_set_force(struct sg_rac_run *run);
/** EXTRACTABLE: the private key may leave its token. */
SG_CHECKED sg_status sg_rac_set_extractable(struct sg_rac_run *run);
/** USAGE among the function's operands. */
SG_CHECKED sg_status sg_rac_usage_word(struct sg_rac_run *run);
/** Set a parameter to OWNER/LABEL, the label being the function's only operand. */
SG_CHECKED sg_status sg_rac_label(struct sg_rac_run *run, const char *param);

/** The key type, size and place (keytype.c). */
SG_CHECKED sg_status sg_rac_key_type(struct sg_rac_run *run);
/** The same for a key that follows another one: nothing is set when nothing was said. */
SG_CHECKED sg_status sg_rac_next_key_type(struct sg_rac_run *run);

/* ---- the functions ---- */
SG_CHECKED sg_status sg_rac_add(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_addring(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_alter(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_addtoken(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_altmap(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_bind(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_checkcert(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_connect(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_delete(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_delmap(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_delring(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_deltoken(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_export(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_gencert(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_genreq(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_import(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_list(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_listchain(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_listmap(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_listring(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_listtoken(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_map(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_rekey(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_remove(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_rollover(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_unbind(struct sg_rac_run *run);

/* ---- the other commands ---- */
SG_CHECKED sg_status sg_rac_rdefine(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_ralter(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_rdelete(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_rlist(struct sg_rac_run *run);
SG_CHECKED sg_status sg_rac_permit(struct sg_rac_run *run);

#endif
