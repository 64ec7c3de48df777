/* Running an operation: authorise, plan, journal, do, record, answer. Every operation passes here,
 * whoever asks and by whichever way. */
#ifndef SIGNET_OPERATIONS_RUN_H
#define SIGNET_OPERATIONS_RUN_H

#include <jansson.h>

#include <signet/interface/spec.h>
#include <signet/operations/service.h>

/** Perform an operation for a caller. params: object that was checked against the row
 * (http/server.h: sg_http_check_params). With dry_run nothing changes and the answer is {"dry_run":
 * true, "effects": […], "warnings": […]}. *answer: new reference on SG_OK. Denials are SG_E_DENIED
 * "not_authorised" with the decision's reasons. */
SG_CHECKED sg_status sg_operation_run(struct sg_service *service,
                                      const struct sg_operation *operation,
                                      const struct sg_caller *caller, json_t *params, bool dry_run,
                                      json_t **answer, struct sg_error *err);

/** Bring a token in line with the store after a start: delete the objects of unacknowledged
 * generations, renew stale certificate objects, finish destructions. Deletes nothing else. *count:
 * how many intents were settled. */
SG_CHECKED sg_status sg_operations_recover(struct sg_service *service, const char *token,
                                           unsigned *count, struct sg_error *err);

#endif
