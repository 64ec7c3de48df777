/* Finding the certificates, or the request, in whatever file a person has. Everything is collected
 * before anything is handed out. */
#include "keystore_internal.h"

#include <ctype.h>
#include <string.h>

/* Certificates found so far. */
struct collection {
    struct sg_buffer der; /* one behind the other */
    size_t ends[SG_BUNDLE_MAX];
    size_t count;
};

static void collection_free(struct collection *found)
{
    sg_buffer_done(&found->der);
    free(found);
}
SG_DEFINE_CLEANUP(struct collection *, collection_free)

static sg_status collect(void *context, struct sg_bytes der, struct sg_error *err)
{
    struct collection *found = context;
    if (found->count == SG_BUNDLE_MAX) {
        sg_fail(err, SG_E_INPUT, "too_many_certificates", "more than %d certificates",
                SG_BUNDLE_MAX);
        return sg_hint(err, "Add the certificate and its issuers; of a collection of roots, add "
                            "those that are to be trusted.");
    }
    SG_CERTIFICATE *proof = NULL;
    sg_status s = sg_certificate_parse(der, &proof, err);
    if (s == SG_OK) {
        s = sg_buffer_append(&found->der, der.data, der.len, err);
    }
    if (s == SG_OK) {
        found->ends[found->count++] = found->der.len;
    }
    return s;
}

static sg_status no_certificate(struct sg_error *err, enum sg_content content)
{
    sg_fail(err, SG_E_INPUT, "no_certificate", "there is no certificate in it: this is %s",
            sg_keystore_content_text(content));
    return sg_hint(err, "%s", sg_keystore_content_hint(content));
}

/* Cut text-mode leftovers off: DER with a line end behind it is common, and everybody takes it. */
static struct sg_bytes without_line_end(struct sg_bytes data)
{
    size_t len = sg_keystore_first_value(data);
    for (size_t i = len; len > 0 && i < data.len; i++) {
        if (data.data[i] != '\r' && data.data[i] != '\n') {
            return data;
        }
    }
    return len > 0 ? (struct sg_bytes){data.data, len} : data;
}

static sg_status take_package(struct collection *found, struct sg_bytes der, struct sg_error *err)
{
    size_t count = 0;
    sg_status s = sg_pkcs7_certificates(der, collect, found, &count, err);
    if (s == SG_OK && count == 0) {
        sg_fail(err, SG_E_INPUT, "no_certificate", "a PKCS#7 package without certificates");
        return sg_hint(err, "Ask its sender for a package that includes the certificates.");
    }
    return s;
}

/* One DER structure, from a file or a PEM block. */
static sg_status take_der(struct collection *found, struct sg_bytes der, struct sg_error *err)
{
    enum sg_content content = sg_keystore_identify_der(der);
    if (content == SG_CONTENT_PKCS7) {
        return take_package(found, der, err);
    }
    if (content == SG_CONTENT_CERTIFICATE || content == SG_CONTENT_DER ||
        content == SG_CONTENT_BINARY) {
        return collect(found, der, err); /* which says what is wrong with it */
    }
    return no_certificate(err, content);
}

static bool holds_certificates(const struct sg_pem_block *block)
{
    enum sg_content claim = sg_keystore_identify_label(block->label);
    return claim == SG_CONTENT_CERTIFICATE || claim == SG_CONTENT_PKCS7;
}

static sg_status take_block(struct collection *found, const struct sg_pem_block *block,
                            struct sg_error *err)
{
    if (block->fault != NULL) {
        return sg_fail(err, SG_E_INPUT, "not_a_certificate", "%s", block->fault);
    }
    SG_BUFFER der;
    sg_buffer_init(&der, SG_INPUT_FILE_MAX);
    sg_status s = sg_pem_decode(block, &der, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes bytes = {der.data, der.len};
    if (strcmp(block->label, "TRUSTED CERTIFICATE") == 0) {
        /* OpenSSL's trust settings follow the certificate; they are not ours to keep. */
        size_t len = sg_keystore_first_value(bytes);
        bytes.len = len > 0 ? len : bytes.len;
    }
    return take_der(found, bytes, err);
}

/* Faults that keep their own code; every other one means that the block is damaged. */
static bool has_own_code(const struct sg_error *err)
{
    static const char *const codes[] = {"too_many_certificates", "explicit_curve",
                                        "no_certificate"};
    for (size_t i = 0; i < SG_COUNT(codes); i++) {
        if (strcmp(err->code, codes[i]) == 0) {
            return true;
        }
    }
    return err->status != SG_E_INPUT;
}

/* Say which block it was. */
static sg_status blame(const struct sg_pem_block *block, size_t number, const char *code,
                       struct sg_error *err)
{
    if (!has_own_code(err)) {
        memcpy(err->code, code, strlen(code) + 1);
        if (err->hint[0] == '\0') {
            sg_hint(err, "Get the file again; if it was copied by hand, copy everything from BEGIN "
                         "to END.");
        }
    }
    sg_error_prefix(err, "block %zu (%s, line %zu)", number, block->label, block->line);
    return err->status;
}

/* *others: what the file holds besides, when it holds no certificate. */
static sg_status take_pem(struct collection *found, struct sg_bytes data, size_t *blocks,
                          enum sg_content *others, struct sg_error *err)
{
    struct sg_pem_reader reader;
    struct sg_pem_block block;
    sg_pem_reader_init(&reader, data);
    while (sg_pem_next(&reader, &block)) {
        ++*blocks;
        if (!holds_certificates(&block)) {
            *others = sg_keystore_identify_label(block.label);
            continue;
        }
        if (take_block(found, &block, err) != SG_OK) {
            return blame(&block, *blocks, "not_a_certificate", err);
        }
    }
    return SG_OK;
}

static sg_status take_file(struct collection *found, struct sg_bytes data, struct sg_error *err)
{
    if (sg_keystore_is_der(data)) {
        return take_der(found, without_line_end(data), err);
    }
    size_t blocks = 0;
    enum sg_content others = SG_CONTENT_TEXT;
    sg_status s = take_pem(found, data, &blocks, &others, err);
    if (s == SG_OK && found->count == 0) {
        return no_certificate(err, blocks > 0 ? others : sg_keystore_identify(data));
    }
    return s;
}

static bool is_blank(struct sg_bytes data)
{
    for (size_t i = 0; i < data.len; i++) {
        if (!isspace(data.data[i])) {
            return false;
        }
    }
    return true;
}

static sg_status check_size(struct sg_bytes data, struct sg_error *err)
{
    if (data.len > SG_INPUT_FILE_MAX) {
        return sg_fail(err, SG_E_LIMIT, "too_large", "%zu bytes, at most %u are read", data.len,
                       SG_INPUT_FILE_MAX);
    }
    if (is_blank(data)) {
        sg_fail(err, SG_E_INPUT, "empty_file", "the file is empty");
        return sg_hint(err, "Whatever should have written it has not; try that step again.");
    }
    return SG_OK;
}

static struct sg_bytes without_bom(struct sg_bytes data)
{
    bool bom = data.len >= 3 && memcmp(data.data, "\xef\xbb\xbf", 3) == 0;
    return bom ? (struct sg_bytes){data.data + 3, data.len - 3} : data;
}

static sg_status hand_out(const struct collection *found, sg_der_sink sink, void *context,
                          struct sg_error *err)
{
    size_t start = 0;
    for (size_t i = 0; i < found->count; i++) {
        struct sg_bytes der = {found->der.data + start, found->ends[i] - start};
        sg_status s = sink(context, der, err);
        if (s != SG_OK) {
            return s;
        }
        start = found->ends[i];
    }
    return SG_OK;
}

static sg_status name_the_file(const char *name, struct sg_error *err)
{
    sg_error_prefix(err, "%.150s", name);
    return sg_object(err, "%.300s", name);
}

sg_status sg_keystore_read_certificates(const char *name, struct sg_bytes data, sg_der_sink sink,
                                        void *context, struct sg_error *err)
{
    SG_CLEANUP(collection_freep) struct collection *found = calloc(1, sizeof(*found));
    if (found == NULL) {
        return sg_fail_memory(err);
    }
    sg_buffer_init(&found->der, SG_INPUT_FILE_MAX);
    sg_status s = check_size(data, err);
    if (s == SG_OK) {
        s = take_file(found, without_bom(data), err);
    }
    return s == SG_OK ? hand_out(found, sink, context, err) : name_the_file(name, err);
}

/* ---- requests ---- */

static sg_status no_request(struct sg_error *err, enum sg_content content)
{
    sg_fail(err, SG_E_INPUT, "no_request", "there is no certificate request in it: this is %s",
            sg_keystore_content_text(content));
    return sg_hint(err, "A request begins with -----BEGIN CERTIFICATE REQUEST-----; make one with "
                        "signet cert request, openssl req -new or keytool -certreq.");
}

static sg_status take_request(struct sg_bytes der, struct sg_buffer *out, struct sg_error *err)
{
    enum sg_content content = sg_keystore_identify_der(der);
    if (content != SG_CONTENT_REQUEST) {
        return no_request(err, content);
    }
    if (sg_keystore_first_value(der) != der.len) {
        return sg_fail(err, SG_E_INPUT, "no_request", "more follows the end of the request");
    }
    return sg_buffer_append(out, der.data, der.len, err);
}

static sg_status take_request_block(const struct sg_pem_block *block, struct sg_buffer *out,
                                    struct sg_error *err)
{
    if (block->fault != NULL) {
        return sg_fail(err, SG_E_INPUT, "no_request", "%s", block->fault);
    }
    SG_BUFFER der;
    sg_buffer_init(&der, SG_INPUT_FILE_MAX);
    sg_status s = sg_pem_decode(block, &der, err);
    return s == SG_OK ? take_request((struct sg_bytes){der.data, der.len}, out, err) : s;
}

static sg_status take_pem_request(struct sg_bytes data, struct sg_buffer *out, struct sg_error *err)
{
    struct sg_pem_reader reader;
    struct sg_pem_block block;
    size_t blocks = 0;
    size_t requests = 0;
    enum sg_content others = SG_CONTENT_TEXT;
    sg_pem_reader_init(&reader, data);
    while (sg_pem_next(&reader, &block)) {
        blocks++;
        others = sg_keystore_identify_label(block.label);
        if (others != SG_CONTENT_REQUEST) {
            continue;
        }
        if (++requests > 1) {
            sg_fail(err, SG_E_INPUT, "too_many_requests", "more than one certificate request");
            return sg_hint(err, "Give one request at a time.");
        }
        if (take_request_block(&block, out, err) != SG_OK) {
            return blame(&block, blocks, "no_request", err);
        }
    }
    if (requests == 0) {
        return no_request(err, blocks > 0 ? others : sg_keystore_identify(data));
    }
    return SG_OK;
}

sg_status sg_keystore_read_csr(const char *name, struct sg_bytes data, struct sg_buffer *out,
                               struct sg_error *err)
{
    SG_BUFFER found;
    sg_buffer_init(&found, SG_INPUT_FILE_MAX);
    sg_status s = check_size(data, err);
    if (s == SG_OK) {
        struct sg_bytes content = without_bom(data);
        s = sg_keystore_is_der(content) ? take_request(without_line_end(content), &found, err)
                                        : take_pem_request(content, &found, err);
    }
    if (s != SG_OK) {
        return name_the_file(name, err);
    }
    return sg_buffer_append(out, found.data, found.len, err);
}
