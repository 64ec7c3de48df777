/* A certificate with a key of its own in a token: the journal, the key, the signature, the rows. */
#include "new_certificate_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

void sg_new_certificate_done(struct sg_new_certificate *made)
{
    sg_certificate_free(made->issuer);
    sg_certificate_row_done(&made->issuer_row);
}

/* ---- before ---- */

sg_status sg_new_choose_token(struct sg_run *run, const char *wanted,
                              struct sg_new_certificate *made, struct sg_error *err)
{
    const struct sg_tokens *tokens = &run->service->tokens;
    size_t count = tokens->count(tokens->context);
    for (size_t i = 0; i < count; i++) {
        struct sg_token_state state = {0};
        tokens->state(tokens->context, i, &state);
        if (wanted != NULL && strcmp(wanted, state.name) != 0) {
            continue;
        }
        if (made->extractable && !state.extractable_allowed) {
            sg_fail(err, SG_E_DENIED, "extractable_not_allowed",
                    "token \"%s\" makes no extractable keys", state.name);
            sg_object(err, "%s", state.name);
            return sg_hint(
                err, "The configuration decides: \"extractable_allowed = yes\" in [token %s].",
                state.name);
        }
        snprintf(made->token, sizeof made->token, "%s", state.name);
        return SG_OK;
    }
    if (wanted == NULL) {
        sg_fail(err, SG_E_NOT_FOUND, "token_not_found", "no token is configured to hold a key");
        return sg_hint(err, "Add a [token NAME] section to the configuration.");
    }
    sg_fail(err, SG_E_NOT_FOUND, "token_not_found", "no token \"%.64s\" is configured", wanted);
    return sg_hint(err, "signet token list");
}

sg_status sg_new_warn_key(struct sg_run *run, const struct sg_key_spec *spec, struct sg_error *err)
{
    sg_status s = SG_OK;
    if (!spec->tls) {
        s = sg_run_warn(run, err,
                        "TLS implementations do not take %s keys; this one serves other purposes",
                        spec->name);
    }
    if (s == SG_OK && spec->family == SG_FAMILY_ED25519) {
        s = sg_run_warn(
            run, err,
            "Ed25519 keys are not delivered through rings: the PKCS#11 clients of today cannot use them");
    }
    return s;
}

sg_status sg_new_check_name(struct sg_run *run, const struct sg_certificate_name *name,
                            struct sg_error *err)
{
    SG_CERTIFICATE_ROW existing = {0};
    sg_status s = sg_store_certificate_get(run->service->store, name, &existing, err);
    if (s == SG_OK) {
        struct sg_name_text text = sg_row_name(&existing);
        sg_fail(err, SG_E_CONFLICT, "label_in_use", "%s exists already", text.text);
        sg_hint(err, "Choose another label, or delete it first: signet cert delete %s",
                sg_shell_word(existing.name.owner.text, existing.name.label.text).text);
        return sg_object(err, "%s", text.text);
    }
    if (s == SG_E_NOT_FOUND) {
        sg_error_clear(err);
        return SG_OK;
    }
    return s;
}

/* ---- making it ---- */

static sg_status random_bytes(unsigned char *out, size_t len, struct sg_error *err)
{
    if (getrandom(out, len, 0) != (ssize_t)len) {
        return sg_fail_errno(err, SG_E_INTERNAL, "no_random", "no random numbers");
    }
    return SG_OK;
}

/* Serial numbers of a rehearsal are random behind these letters, so that nobody takes them for
 * those of what will be made. */
static void mark_serial(const struct sg_run *run, unsigned char serial[16])
{
    static const char mark[] = "REHEARSAL";
    if (run->service->pretence != NULL) {
        memcpy(serial, mark, sizeof mark - 1);
    }
}

/* Build and parse: what is stored is what was really made. */
static sg_status build(struct sg_run *run, const struct sg_new_certificate *made,
                       struct sg_bytes spki, const struct sg_certificate_row *signing_row,
                       struct sg_bytes signing_spki, struct sg_certificate **out,
                       struct sg_error *err)
{
    struct sg_token_signer signer;
    unsigned char serial[16];
    SG_BUFFER der;
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    sg_status s = sg_run_signer(run, signing_row, signing_spki, &signer, err);
    s = s == SG_OK ? random_bytes(serial, sizeof serial, err) : s;
    mark_serial(run, serial);
    s = s == SG_OK ? sg_x509_build_certificate(&made->request, spki, made->issuer, &signer.signer,
                                               serial, &der, err)
                   : s;
    if (s != SG_OK) {
        return sg_run_signing_failed(run, signing_row, err);
    }
    s = sg_certificate_parse((struct sg_bytes){der.data, der.len}, out, err);
    return s == SG_OK ? sg_run_policy_check(run, *out, made->extractable, err) : s;
}

sg_status sg_new_build_issued(struct sg_run *run, const struct sg_new_certificate *made,
                              struct sg_bytes spki, struct sg_certificate **out,
                              struct sg_error *err)
{
    return build(run, made, spki, &made->issuer_row, sg_certificate_facts(made->issuer)->spki, out,
                 err);
}

static sg_status generate_key(struct sg_run *run, const struct sg_new_certificate *made,
                              struct sg_token_link *link, struct sg_certificate_row *row,
                              struct sg_buffer *spki, struct sg_error *err)
{
    struct sg_name_text label = sg_row_token_label(row);
    struct sg_generate_request request = {
        .id = row->key,
        .spec = made->spec,
        .abilities = made->abilities,
        .extractable = made->extractable,
        .label = label.text,
    };
    row->may_decrypt = request.abilities.decrypt;
    row->may_derive = request.abilities.derive;
    sg_status s = sg_token_generate(link, &request, spki, err);
    return s == SG_OK ? s : sg_run_token_failed(run, made->token, err);
}

static sg_status sync_token(struct sg_run *run, const struct sg_new_certificate *made,
                            struct sg_token_link *link, struct sg_error *err)
{
    sg_status s = sg_token_sync(link, err);
    return s == SG_OK ? s : sg_run_token_failed(run, made->token, err);
}

/* The journal undid what the handler had done in the store. */
static sg_status add_owner_again(struct sg_run *run, const struct sg_new_certificate *made,
                                 struct sg_error *err)
{
    bool exists = false;
    const char *owner = made->name.owner.text;
    sg_status s = sg_store_owner_exists(run->service->store, owner, &exists, err);
    return s == SG_OK && !exists ? sg_store_owner_add(run->service->store, owner, err) : s;
}

/* Key, certificate, rows. The intent goes away in the same transaction that brings the rows. */
static sg_status generate_with_key(struct sg_run *run, const struct sg_new_certificate *made,
                                   struct sg_token_link *link, struct sg_certificate_row *row,
                                   const struct sg_intent *intent, struct sg_error *err)
{
    SG_BUFFER spki_der;
    SG_CERTIFICATE *certificate = NULL;
    sg_buffer_init(&spki_der, 8192);
    sg_status s = generate_key(run, made, link, row, &spki_der, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes spki = {spki_der.data, spki_der.len};
    s = made->issued ? sg_new_build_issued(run, made, spki, &certificate, err)
                     : build(run, made, spki, row, spki, &certificate, err);
    s = s == SG_OK ? sg_row_from_certificate(certificate, row, err) : s;
    s = s == SG_OK ? sg_row_check_size(row, err) : s;
    s = s == SG_OK ? sync_token(run, made, link, err) : s;
    s = s == SG_OK ? add_owner_again(run, made, err) : s;
    s = s == SG_OK ? sg_store_key_add(run->service->store, row, err) : s;
    s = s == SG_OK ? sg_store_certificate_add(run->service->store, row, err) : s;
    s = s == SG_OK ? sg_store_intent_remove(run->service->store, intent->id, err) : s;
    if (s == SG_OK && !row->placeholder) {
        s = sg_run_settle_later(run, SG_INTENT_CERTIFICATE, row->token, &row->key, err);
    }
    return s;
}

sg_status sg_new_make(struct sg_run *run, const struct sg_new_certificate *made,
                      struct sg_certificate_row *row, struct sg_error *err)
{
    struct sg_token_link *link = NULL;
    const struct sg_tokens *tokens = &run->service->tokens;
    struct sg_intent intent = {.kind = SG_INTENT_GENERATE};
    row->name = made->name;
    row->has_key = true;
    row->extractable = made->extractable;
    row->placeholder = made->placeholder;
    row->usage = made->request.usage;
    snprintf(row->token, sizeof row->token, "%s", made->token);
    snprintf(row->key_type, sizeof row->key_type, "%s", made->spec->name);
    sg_status s = tokens->link(tokens->context, made->token, &link, err);
    s = s == SG_OK ? random_bytes(row->key.bytes, sizeof row->key.bytes, err) : s;
    if (s != SG_OK) {
        return s;
    }
    snprintf(intent.token, sizeof intent.token, "%s", made->token);
    intent.key = row->key;
    s = sg_run_journal(run, &intent, err);
    return s == SG_OK ? generate_with_key(run, made, link, row, &intent, err) : s;
}
