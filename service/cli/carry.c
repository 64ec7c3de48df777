#include <signet/cli/carry.h>

#include <string.h>

#include <signet/cli/arguments.h>
#include <signet/cli/base64.h>
#include <signet/cli/client.h>
#include <signet/x509/certificate.h>

static void json_freep(json_t **value)
{
    json_decref(*value);
}

void sg_carried_done(struct sg_carried *carried)
{
    sg_buffer_done(&carried->pkcs8);
    sg_transport_key_free(carried->recipient);
    sg_secret_free(carried->password);
    *carried = (struct sg_carried){.recipient = NULL};
}

/* What the key is to be encrypted to, for whom and for which token. */
static sg_status ask_offer(struct sg_client *client, const struct sg_invocation *invocation,
                           json_t **answer, struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *params = json_object();
    json_t *token = json_object_get(invocation->params, "token");
    int failed = json_object_set(params, "target", json_object_get(invocation->params, "target"));
    failed |= token != NULL ? json_object_set(params, "token", token) : 0;
    if (failed != 0) {
        return sg_fail_memory(err);
    }
    return sg_client_ask(client, sg_operation_find("cert", "transport"), params, false, 0, answer,
                         err);
}

static sg_status read_part(const json_t *answer, const char *name, unsigned char *out, size_t len,
                           struct sg_error *err)
{
    SG_BUFFER part;
    sg_buffer_init(&part, 128);
    sg_status s = sg_base64_read(json_object_get(answer, name), &part, err);
    if (s == SG_OK && part.len != len) {
        return sg_fail(err, SG_E_SERVICE, "bad_answer", "the service answered a %s of %zu bytes",
                       name, part.len);
    }
    if (s == SG_OK) {
        memcpy(out, part.data, len);
    }
    return s;
}

static sg_status seal(const struct sg_carried *carried, const json_t *offer, struct sg_buffer *out,
                      struct sg_error *err)
{
    unsigned char id[SG_TRANSPORT_ID_LEN];
    unsigned char point[SG_TRANSPORT_POINT_LEN];
    struct sg_transport_context context = {.purpose = SG_TRANSPORT_IMPORT};
    memcpy(context.spki_sha256, carried->spki_sha256, sizeof context.spki_sha256);
    sg_status s = read_part(offer, "id", id, sizeof id, err);
    s = s == SG_OK ? read_part(offer, "point", point, sizeof point, err) : s;
    s = s == SG_OK ? sg_buffer_append(out, id, sizeof id, err) : s;
    s = s == SG_OK ? sg_buffer_append(out, carried->spki_sha256, 32, err) : s;
    return s == SG_OK
               ? sg_transport_seal(point, &context,
                                   (struct sg_bytes){carried->pkcs8.data, carried->pkcs8.len}, out,
                                   err)
               : s;
}

sg_status sg_carry_in(struct sg_client *client, struct sg_invocation *invocation,
                      struct sg_error *err)
{
    SG_CLEANUP(json_freep) json_t *offer = NULL;
    SG_BUFFER package;
    if (invocation->carried.pkcs8.len == 0) {
        return SG_OK;
    }
    sg_buffer_init(&package, SG_TRANSPORT_PACKAGE_MAX);
    sg_status s = ask_offer(client, invocation, &offer, err);
    s = s == SG_OK ? seal(&invocation->carried, offer, &package, err) : s;
    if (s != SG_OK) {
        return s;
    }
    json_t *text = sg_base64_json((struct sg_bytes){package.data, package.len});
    if (text == NULL || json_object_set_new(invocation->params, "private_key", text) != 0 ||
        json_object_set(invocation->params, "token", json_object_get(offer, "token")) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* ---- out ---- */

bool sg_carry_wants_key(const struct sg_invocation *invocation)
{
    const char *format = sg_invocation_local(invocation, "format");
    if (invocation->operation->id == SG_OP_RING_EXPORT) {
        return sg_invocation_local(invocation, "with_key") != NULL;
    }
    return invocation->operation->id == SG_OP_CERT_EXPORT && format != NULL &&
           strncmp(format, "pkcs12", 6) == 0;
}

sg_status sg_carry_ask(struct sg_invocation *invocation, struct sg_error *err)
{
    struct sg_carried *carried = &invocation->carried;
    if (!sg_carry_wants_key(invocation)) {
        return SG_OK;
    }
    sg_status s = sg_transport_key_new(&carried->recipient, err);
    if (s != SG_OK) {
        return s;
    }
    json_t *text = sg_base64_json(
        (struct sg_bytes){sg_transport_key_point(carried->recipient), SG_TRANSPORT_POINT_LEN});
    return text != NULL && json_object_set_new(invocation->params, "recipient", text) == 0
               ? SG_OK
               : sg_fail_memory(err);
}

sg_status sg_carry_out(const struct sg_invocation *invocation, const json_t *answer,
                       struct sg_bytes leaf, struct sg_buffer *pkcs8, struct sg_error *err)
{
    SG_BUFFER sealed;
    SG_CERTIFICATE *certificate = NULL;
    struct sg_transport_context context = {.purpose = SG_TRANSPORT_EXPORT};
    sg_buffer_init(&sealed, SG_TRANSPORT_PACKAGE_MAX);
    sg_status s = sg_base64_read(json_object_get(answer, "private_key"), &sealed, err);
    s = s == SG_OK ? sg_certificate_parse(leaf, &certificate, err) : s;
    if (s != SG_OK) {
        return s;
    }
    memcpy(context.spki_sha256, sg_certificate_facts(certificate)->spki_sha256,
           sizeof context.spki_sha256);
    return sg_transport_open(invocation->carried.recipient, &context,
                             (struct sg_bytes){sealed.data, sealed.len}, pkcs8, err);
}
