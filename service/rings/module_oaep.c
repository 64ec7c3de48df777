/* What the key's token takes of OAEP's parameters (PKCS#11 v2.40 mechanisms, 2.1.8): no list of
 * mechanisms tells, so the token is asked to decrypt nothing. It refuses the parameters at its own
 * Init, or says that nothing is no block. What it cannot decrypt is not encrypted here either. */
#include "module_internal.h"

enum { HASHES = SG_HASH_COUNT - 1 }; /* without SG_HASH_NONE */

_Static_assert(HASHES *HASHES <= 32, "a bit for each pair of hash and mask");

static uint32_t bit_of(const struct sg_mechanism *mechanism)
{
    return UINT32_C(1) << ((mechanism->hash - 1) * HASHES + mechanism->mgf_hash - 1);
}

static CK_RV answer_to(const struct sg_error *err)
{
    switch (err->ck_rv) {
    case CKR_ENCRYPTED_DATA_INVALID:
    case CKR_ENCRYPTED_DATA_LEN_RANGE:
        return CKR_OK;
    case CKR_ARGUMENTS_BAD: /* SoftHSM 2.6.1 */
    case CKR_MECHANISM_INVALID:
    case CKR_MECHANISM_PARAM_INVALID:
        return CKR_MECHANISM_PARAM_INVALID;
    default:
        return sg_module_rv(err);
    }
}

static CK_RV ask(const struct sg_operation *operation)
{
    static const unsigned char nothing[1];
    unsigned char out[SG_SIGNATURE_MAX];
    size_t len = sizeof out;
    struct sg_error err = SG_ERROR_INIT;
    sg_status s = sg_connection_use(sg_module_current()->connection, operation->ring,
                                    SG_VERB_DECRYPT, &operation->key, &operation->mechanism,
                                    (struct sg_bytes){nothing, 0}, out, &len, &err);
    return s == SG_OK ? CKR_OK : answer_to(&err);
}

CK_RV sg_oaep_check(const struct sg_operation *operation)
{
    struct sg_oaep_answers *known = &sg_module_current()->oaep[operation->key.token];
    uint32_t bit = bit_of(&operation->mechanism);
    if ((known->asked & bit) == 0) {
        CK_RV rv = ask(operation);
        if (rv != CKR_OK && rv != CKR_MECHANISM_PARAM_INVALID) {
            return rv; /* it is away, or this caller may not: to be asked again */
        }
        known->asked |= bit;
        known->able |= rv == CKR_OK ? bit : 0;
    }
    return (known->able & bit) != 0 ? CKR_OK : CKR_MECHANISM_PARAM_INVALID;
}
