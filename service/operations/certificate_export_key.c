/* A private key out of its token, for cert export and ring export: encrypted by the token process
 * to the command that asked. The gate was asked for EXPORTKEY before. */
#include "run_internal.h"

#include <string.h>

#include <signet/base/hex.h>
#include <signet/base/log.h>

static sg_status read_recipient(const struct sg_run *run,
                                unsigned char point[SG_TRANSPORT_POINT_LEN], struct sg_error *err)
{
    SG_BUFFER bytes;
    sg_buffer_init(&bytes, SG_TRANSPORT_POINT_LEN + 8);
    sg_status s = sg_run_decode(sg_run_text(run, "recipient"), SG_TRANSPORT_POINT_LEN, &bytes, err);
    if (s == SG_OK && bytes.len != SG_TRANSPORT_POINT_LEN) {
        return sg_fail(err, SG_E_INPUT, "bad_transport_key",
                       "what the private key shall be encrypted to is no public key on P-256");
    }
    if (s == SG_OK) {
        memcpy(point, bytes.data, SG_TRANSPORT_POINT_LEN);
    }
    return s;
}

static sg_status check_key(const struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_name_text name = sg_row_name(row);
    if (!row->has_key) {
        sg_fail(err, SG_E_CONFLICT, "no_private_key", "%s has no private key here to export",
                name.text);
        sg_object(err, "%s", name.text);
        return sg_hint(err, "Export the certificate alone: --format pem, der or pkcs7.");
    }
    if (!row->extractable) {
        sg_fail(err, SG_E_DENIED, "key_not_extractable",
                "the private key of %s never leaves its token: it was made without --extractable",
                name.text);
        sg_object(err, "%s", name.text);
        return sg_hint(err, "Let the program use the key where it is, through a ring: signet "
                            "provision. A key that shall be exported must be made, or added, with "
                            "--extractable, where policy and token allow it.");
    }
    return SG_OK;
}

static sg_status take_out(struct sg_run *run, const struct sg_certificate_row *row,
                          const unsigned char point[SG_TRANSPORT_POINT_LEN],
                          struct sg_buffer *sealed, struct sg_error *err)
{
    struct sg_token_link *link = NULL;
    const struct sg_tokens *tokens = &run->service->tokens;
    tokens->settle(tokens->context); /* whoever went before may have lost its process */
    sg_status s = tokens->link(tokens->context, row->token, &link, err);
    if (s != SG_OK) {
        return s;
    }
    s = sg_token_export(link, &row->key, point, row->spki_sha256, sealed, err);
    return s == SG_OK ? s : sg_run_token_failed(run, row->token, err);
}

/* By identifiers only: a label may hold whatever breaks a line of a log. */
static void log_export(const struct sg_run *run, const struct sg_certificate_row *row)
{
    char id[2 * SG_KEY_ID_LEN + 1];
    sg_hex_encode(row->key.bytes, SG_KEY_ID_LEN, id);
    sg_log(SG_LOG_NOTICE, "event=private_key_exported owner=%s serial=%s key_id=%s uid=%lld",
           row->name.owner.text, row->serial, id, (long long)run->caller->uid);
}

sg_status sg_export_key(struct sg_run *run, const struct sg_certificate_row *row,
                        struct sg_error *err)
{
    unsigned char point[SG_TRANSPORT_POINT_LEN];
    SG_BUFFER sealed;
    sg_buffer_init(&sealed, SG_TRANSPORT_PACKAGE_MAX);
    sg_status s = read_recipient(run, point, err);
    s = s == SG_OK ? check_key(row, err) : s;
    if (s != SG_OK || run->service->pretence != NULL) {
        return s; /* a rehearsal takes no key out of a token: it would go, and is not there */
    }
    s = take_out(run, row, point, &sealed, err);
    if (s != SG_OK) {
        return s;
    }
    log_export(run, row);
    return sg_run_set(run->answer, "private_key", sg_run_base64(sealed.data, sealed.len), err);
}
