/* Keys in tokens as signers of X.509 structures. */
#include "run_internal.h"

#include <string.h>

#include <signet/x509/pretence.h>

static sg_status sign(void *context, const struct sg_mechanism *mechanism, struct sg_bytes data,
                      unsigned char *out, size_t *out_len, struct sg_error *err)
{
    struct sg_token_signer *signer = context;
    return sg_token_use(signer->link, SG_VERB_SIGN, &signer->key, mechanism, data, out, out_len,
                        err);
}

/* Nothing that a real key signs may come of a rehearsal. */
static sg_status pretend(void *context, const struct sg_mechanism *mechanism, struct sg_bytes data,
                         unsigned char *out, size_t *out_len, struct sg_error *err)
{
    struct sg_token_signer *signer = context;
    return sg_pretence_sign(signer->pretence, signer->signer.spki, mechanism, data, out, out_len,
                            err);
}

sg_status sg_run_check_signs(const struct sg_certificate_row *row, struct sg_error *err)
{
    if (!row->retired) {
        return SG_OK;
    }
    struct sg_name_text name = sg_row_name(row);
    sg_fail(err, SG_E_CONFLICT, "key_retired",
            "the key of %s was rolled over: it is kept for decryption and signs no more",
            name.text);
    sg_object(err, "%s", name.text);
    return sg_hint(err, "Use the certificate that took its place.");
}

sg_status sg_run_signer(struct sg_run *run, const struct sg_certificate_row *row,
                        struct sg_bytes spki, struct sg_token_signer *out, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    if (sg_run_check_signs(row, err) != SG_OK) {
        return err->status;
    }
    *out = (struct sg_token_signer){.key = row->key, .pretence = run->service->pretence};
    out->signer = (struct sg_signer){
        .sign = out->pretence != NULL ? pretend : sign, .context = out, .spki = spki};
    return tokens->link(tokens->context, row->token, &out->link, err);
}

sg_status sg_run_signing_failed(struct sg_run *run, const struct sg_certificate_row *row,
                                struct sg_error *err)
{
    if (strcmp(err->code, "key_missing") == 0) {
        struct sg_name_text name = sg_row_name(row);
        sg_fail(err, SG_E_TOKEN, "key_missing", "token \"%s\" does not hold the key of %s",
                row->token, name.text);
        sg_hint(err,
                "Its objects were deleted past Signet, or an older copy of the token is in use.");
        return sg_object(err, "%s", name.text);
    }
    bool of_token = err->status == SG_E_SERVICE || err->status == SG_E_TOKEN;
    return of_token ? sg_run_token_failed(run, row->token, err) : err->status;
}
