/* Which user a certificate stands for: RACF's order of looking (docs/racf-compatibility.md, name
 * filters). */
#ifndef SIGNET_OPERATIONS_MAP_H
#define SIGNET_OPERATIONS_MAP_H

#include <signet/operations/service.h>
#include <signet/policy/name_filter.h>
#include <signet/x509/certificate.h>

/** What decided. */
enum sg_mapped_by {
    SG_MAPPED_BY_NOTHING,     /**< neither installed nor matched by a filter */
    SG_MAPPED_BY_CERTIFICATE, /**< it is installed itself (or another one of its serial number and
                                 issuer is) */
    SG_MAPPED_BY_FILTER,
};
struct sg_mapping {
    enum sg_mapped_by by;
    bool mapped;                          /**< owner is a user ID */
    struct sg_owner_name owner;           /**< empty when not mapped */
    struct sg_certificate_name installed; /**< by certificate: where it is installed */
    struct sg_map_row filter;             /**< by filter: which; id 0 otherwise */
    enum sg_filter_rank rank;             /**< by filter: what of the names it matched */
    char profile[SG_CRITERIA_MAX + 1];    /**< the DIGTCRIT profile that criteria led to, or "" */
    char reason[512];                     /**< a sentence: why, or why not */
};

/** Find the user of a certificate: the owner it is installed under with TRUST; otherwise the most
 * specific name filter. Whatever is NOTRUST, CERTAUTH's, SITE's, or leads to criteria without a
 * profile ends the search without a user: deny by default. The certificate's validity and chain are
 * not looked at: whoever accepted it did. SG_OK with .mapped
 * false when there is no user; SG_E_STORAGE. */
SG_CHECKED sg_status sg_map_certificate(struct sg_service *service,
                                        const struct sg_certificate *certificate,
                                        const struct sg_criteria_values *values,
                                        struct sg_mapping *out, struct sg_error *err);

#endif
