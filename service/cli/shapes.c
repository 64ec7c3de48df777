#include <signet/cli/shapes.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/x509.h>

#include <signet/base/clock.h>
#include <signet/base/file.h>
#include <signet/base/shell.h>
#include <signet/cli/base64.h>
#include <signet/cli/directory.h>
#include <signet/cli/password.h>
#include <signet/keystore/pkcs12.h>
#include <signet/x509/certificate.h>

#define SHAPE_MAX 134217728u /* bytes of one written file */

/* ---- formats ---- */

enum format {
    FORMAT_DER,
    FORMAT_PEM,
    FORMAT_PKCS7,
    FORMAT_PKCS7_PEM,
    FORMAT_PKCS12,
    FORMAT_PKCS12_PEM,
    FORMAT_JKS,
    FORMAT_HASHDIR
};
#define FORMAT_COUNT (FORMAT_HASHDIR + 1)

static const struct {
    const char *word;
    bool binary, password;
} formats[FORMAT_COUNT] = {
    [FORMAT_DER] = {"der", true, false},      [FORMAT_PEM] = {"pem", false, false},
    [FORMAT_PKCS7] = {"pkcs7", true, false},  [FORMAT_PKCS7_PEM] = {"pkcs7-pem", false, false},
    [FORMAT_PKCS12] = {"pkcs12", true, true}, [FORMAT_PKCS12_PEM] = {"pkcs12-pem", false, true},
    [FORMAT_JKS] = {"jks", true, true},       [FORMAT_HASHDIR] = {"hashdir", false, false},
};

static enum format format_of(const struct sg_invocation *invocation)
{
    const char *word = sg_invocation_local(invocation, "format");
    for (unsigned i = 0; word != NULL && i < FORMAT_COUNT; i++) {
        if (strcmp(formats[i].word, word) == 0) {
            return (enum format)i;
        }
    }
    return FORMAT_PEM;
}

static const char *out_path(const struct sg_invocation *invocation)
{
    const char *path = sg_invocation_local(invocation, "out");
    return path != NULL ? path : "-";
}

static bool to_stdout(const struct sg_invocation *invocation)
{
    return strcmp(out_path(invocation), "-") == 0;
}

/* One DER certificate of a ring is a file each. */
static bool is_directory(const struct sg_invocation *invocation)
{
    enum format format = format_of(invocation);
    return invocation->operation->id == SG_OP_RING_EXPORT &&
           (format == FORMAT_HASHDIR || format == FORMAT_DER);
}

static bool is_export(const struct sg_operation *operation)
{
    return operation->id == SG_OP_CERT_EXPORT || operation->id == SG_OP_RING_EXPORT;
}

bool sg_shape_applies(const struct sg_operation *operation)
{
    return is_export(operation) || operation->id == SG_OP_CERT_REQUEST ||
           operation->id == SG_OP_PROVISION || operation->id == SG_OP_DEV_ENV;
}

/* What would only turn out when the file is written, and never in a rehearsal. */
static sg_status check_early(const struct sg_invocation *invocation, struct sg_error *err)
{
    struct sg_secret *password = invocation->carried.password;
    sg_status s = password != NULL && sg_carry_wants_key(invocation)
                      ? sg_keystore_check_password(password, err)
                      : SG_OK;
    struct stat info;
    if (s == SG_OK && stat(out_path(invocation), &info) == 0 && S_ISDIR(info.st_mode)) {
        s = sg_file_check_replace(out_path(invocation), err);
    }
    return s;
}

sg_status sg_shape_check(const struct sg_invocation *invocation, struct sg_error *err)
{
    if (invocation->operation->id == SG_OP_CERT_REQUEST) {
        /* before the service marks the certificate: a request that nobody has is none */
        return sg_file_check_replace(out_path(invocation), err);
    }
    if (!is_export(invocation->operation)) {
        return SG_OK;
    }
    if (!is_directory(invocation)) {
        sg_status s = check_early(invocation, err);
        if (s != SG_OK) {
            return s;
        }
    }
    enum format format = format_of(invocation);
    if (is_directory(invocation) && to_stdout(invocation)) {
        sg_fail(err, SG_E_USAGE, "bad_usage",
                "format %s is a directory and cannot be standard output", formats[format].word);
        return sg_hint(err, "Name a directory with --out.");
    }
    if (sg_carry_wants_key(invocation) && !formats[format].password) {
        sg_fail(err, SG_E_USAGE, "bad_usage", "format %s holds no private key",
                formats[format].word);
        return sg_hint(err, "Use --format pkcs12: the key is encrypted in it.");
    }
    if (sg_carry_wants_key(invocation) && format == FORMAT_JKS) {
        sg_fail(err, SG_E_USAGE, "bad_usage", "a JKS keystore with a private key is not written");
        return sg_hint(err, "Use --format pkcs12: every Java since 8 reads it.");
    }
    if (sg_invocation_local(invocation, "password_file") != NULL && !formats[format].password) {
        return sg_fail(err, SG_E_USAGE, "bad_usage", "format %s has no password",
                       formats[format].word);
    }
    if (formats[format].binary && to_stdout(invocation) && !invocation->json &&
        isatty(STDOUT_FILENO)) {
        sg_fail(err, SG_E_USAGE, "bad_usage",
                "format %s is binary, and standard output is a terminal", formats[format].word);
        return sg_hint(err, "Name a file with --out.");
    }
    return SG_OK;
}

void sg_shape_file_name(const char *label, char out[65])
{
    size_t len = 0;
    for (; *label != '\0' && len < 64; label++) {
        unsigned char c = (unsigned char)*label;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '_' || (c == '.' && len > 0);
        if ((c & 0xc0) == 0x80) {
            continue; /* one '_' for a character, not for each of its bytes */
        }
        out[len++] = '_';
        if (plain) {
            out[len - 1] = *label;
        }
    }
    out[len] = '\0';
}

/* ---- entries ---- */

/* What the service sent, decoded: each certificate has its bytes in one buffer. */
struct entries {
    struct sg_entry *list;
    struct sg_buffer *der;
    size_t count;
};

static void entries_done(struct entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) {
        sg_buffer_done(&entries->der[i]);
    }
    free(entries->der);
    free(entries->list);
}

static sg_status read_entry(struct entries *entries, size_t i, const json_t *item,
                            struct sg_error *err)
{
    sg_buffer_init(&entries->der[i], SG_CERTIFICATE_MAX);
    sg_status s = sg_base64_read(json_object_get(item, "der"), &entries->der[i], err);
    if (s != SG_OK) {
        return s;
    }
    const char *name = json_string_value(json_object_get(item, "name"));
    entries->list[i].der = (struct sg_bytes){entries->der[i].data, entries->der[i].len};
    entries->list[i].name = name != NULL && name[0] != '\0' ? name : "certificate";
    return SG_OK;
}

static sg_status nothing(const struct sg_invocation *invocation, struct sg_error *err)
{
    const char *ring = json_string_value(json_object_get(invocation->params, "ring"));
    if (ring == NULL) {
        return sg_fail(err, SG_E_SERVICE, "bad_answer", "the service sent no certificate");
    }
    bool chain = json_is_true(json_object_get(invocation->params, "chain"));
    sg_fail(
        err, SG_E_CONFLICT, "nothing_to_export",
        chain ? "ring %s has no default certificate to export"
              : "ring %s holds no CERTAUTH or SITE certificate: an empty truststore trusts nobody",
        ring);
    sg_object(err, "%s", ring);
    return sg_hint(err, "signet ring show %s says what it holds; signet ring connect adds to it.",
                   sg_shell_quote(ring).text);
}

static sg_status read_entries(const struct sg_invocation *invocation, const json_t *answer,
                              struct entries *entries, struct sg_error *err)
{
    const json_t *items = json_object_get(answer, "entries");
    size_t count = json_array_size(items);
    if (count == 0) {
        return nothing(invocation, err);
    }
    entries->list = calloc(count, sizeof *entries->list);
    entries->der = calloc(count, sizeof *entries->der);
    if (entries->list == NULL || entries->der == NULL) {
        return sg_fail_memory(err);
    }
    entries->count = count;
    for (size_t i = 0; i < count; i++) {
        sg_status s = read_entry(entries, i, json_array_get(items, i), err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

/* ---- files ---- */

static sg_status write_der(const struct entries *entries, struct sg_buffer *out,
                           struct sg_error *err)
{
    if (entries->count != 1) {
        sg_fail(err, SG_E_USAGE, "bad_usage", "DER holds one certificate, the chain has %zu",
                entries->count);
        return sg_hint(err, "Leave --chain out, or use --format pem or pkcs7.");
    }
    return sg_buffer_append(out, entries->list[0].der.data, entries->list[0].der.len, err);
}

static sg_status write_pkcs7_pem(const struct entries *entries, struct sg_buffer *out,
                                 struct sg_error *err)
{
    SG_BUFFER der;
    sg_buffer_init(&der, SHAPE_MAX);
    sg_status s = sg_keystore_write_pkcs7(entries->list, entries->count, &der, err);
    if (s != SG_OK) {
        return s;
    }
    return sg_keystore_write_pem_block("PKCS7", (struct sg_bytes){der.data, der.len}, out, err);
}

/* A key, its certificate and the issuers. */
static sg_status write_key_der(const struct sg_invocation *invocation,
                               const struct entries *entries, const struct sg_buffer *key,
                               struct sg_buffer *out, struct sg_error *err)
{
    SG_SECRET struct sg_secret *asked = NULL;
    struct sg_secret *password = invocation->carried.password;
    sg_status s = SG_OK;
    if (password == NULL) {
        s = sg_password_get_strict(sg_invocation_local(invocation, "password_file"),
                                   out_path(invocation), true, &asked, err);
        password = asked;
    }
    return s == SG_OK
               ? sg_keystore_write_pkcs12_key((struct sg_bytes){key->data, key->len}, entries->list,
                                              entries->count, password, out, err)
               : s;
}

static sg_status write_key(const struct sg_invocation *invocation, const json_t *answer,
                           const struct entries *entries, struct sg_buffer *out,
                           struct sg_error *err)
{
    SG_BUFFER key;
    SG_BUFFER der;
    sg_buffer_init(&key, SG_PKCS12_KEY_MAX);
    sg_buffer_init(&der, SHAPE_MAX);
    sg_status s = sg_carry_out(invocation, answer, entries->list[0].der, &key, err);
    s = s == SG_OK ? write_key_der(invocation, entries, &key, &der, err) : s;
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes bytes = {der.data, der.len};
    return format_of(invocation) == FORMAT_PKCS12_PEM
               ? sg_keystore_write_pem_block("PKCS12", bytes, out, err)
               : sg_buffer_append(out, der.data, der.len, err);
}

static sg_status write_store(const struct sg_invocation *invocation, const struct entries *entries,
                             struct sg_buffer *out, struct sg_error *err)
{
    SG_SECRET struct sg_secret *password = NULL;
    sg_status s = sg_password_get(sg_invocation_local(invocation, "password_file"),
                                  out_path(invocation), &password, err);
    if (s != SG_OK) {
        return s;
    }
    if (format_of(invocation) == FORMAT_PKCS12) {
        return sg_keystore_write_pkcs12_trust(entries->list, entries->count, password, out, err);
    }
    int64_t now_ms = sg_now_s(sg_clock_system()) * 1000;
    return sg_keystore_write_jks_trust(entries->list, entries->count, password, now_ms, out, err);
}

static sg_status write_format(const struct sg_invocation *invocation, const struct entries *entries,
                              struct sg_buffer *out, struct sg_error *err)
{
    switch (format_of(invocation)) {
    case FORMAT_DER:
        return write_der(entries, out, err);
    case FORMAT_PEM:
        return sg_keystore_write_pem(entries->list, entries->count, out, err);
    case FORMAT_PKCS7:
        return sg_keystore_write_pkcs7(entries->list, entries->count, out, err);
    case FORMAT_PKCS7_PEM:
        return write_pkcs7_pem(entries, out, err);
    case FORMAT_PKCS12:
    case FORMAT_PKCS12_PEM:
    case FORMAT_JKS:
        return write_store(invocation, entries, out, err);
    case FORMAT_HASHDIR:
        break;
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "a directory is no file");
}

/* ---- directories ---- */

/* The hash that OpenSSL looks a certificate up by: SHA-1 of the canonical subject
 * (X509_NAME_hash_ex(3)). */
static sg_status subject_hash(struct sg_bytes der, unsigned long *out, struct sg_error *err)
{
    const unsigned char *next = der.data;
    X509 *certificate = d2i_X509(NULL, &next, (long)der.len);
    int ok = 0;
    if (certificate != NULL) {
        *out = X509_NAME_hash_ex(X509_get_subject_name(certificate), NULL, NULL, &ok);
    }
    X509_free(certificate);
    if (ok != 1) {
        return sg_fail(err, SG_E_SERVICE, "bad_answer", "the service sent a damaged certificate");
    }
    return SG_OK;
}

/* Equal subjects count up: 5ed36f99.0, 5ed36f99.1. */
static sg_status add_hash_link(struct sg_directory *directory, const unsigned long *hashes,
                               size_t number, const char *target, struct sg_error *err)
{
    char link[32];
    size_t same = 0;
    for (size_t i = 0; i < number; i++) {
        same += hashes[i] == hashes[number];
    }
    snprintf(link, sizeof link, "%08lx.%zu", hashes[number] & 0xffffffffUL, same);
    return sg_directory_link(directory, link, target, err);
}

static sg_status add_file(struct sg_directory *directory, const struct sg_entry *entry,
                          const char *name, bool pem, struct sg_error *err)
{
    if (!pem) {
        return sg_directory_add(directory, name, entry->der, err);
    }
    SG_BUFFER text;
    sg_buffer_init(&text, (size_t)2 * SG_CERTIFICATE_MAX);
    sg_status s = sg_keystore_write_pem(entry, 1, &text, err);
    return s == SG_OK
               ? sg_directory_add(directory, name, (struct sg_bytes){text.data, text.len}, err)
               : s;
}

static sg_status fill_directory(struct sg_directory *directory, const struct entries *entries,
                                bool hashdir, struct sg_error *err)
{
    SG_FREE unsigned long *hashes = calloc(entries->count + 1, sizeof *hashes);
    if (hashes == NULL) {
        return sg_fail_memory(err);
    }
    for (size_t i = 0; i < entries->count; i++) {
        char label[65], name[96];
        sg_shape_file_name(entries->list[i].name, label);
        snprintf(name, sizeof name, "%zu-%s.%s", i + 1, label, hashdir ? "pem" : "cer");
        sg_status s = add_file(directory, &entries->list[i], name, hashdir, err);
        if (s == SG_OK && hashdir) {
            s = subject_hash(entries->list[i].der, &hashes[i], err);
        }
        if (s == SG_OK && hashdir) {
            s = add_hash_link(directory, hashes, i, name, err);
        }
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

/* ---- putting it where it belongs ---- */

static sg_status make_report(const struct sg_invocation *invocation, size_t count, const char *what,
                             json_t **report, struct sg_error *err)
{
    char line[PATH_MAX + 128];
    snprintf(line, sizeof line, "wrote %s: %s%zu %s%s", sg_excerpt(out_path(invocation)).text,
             sg_carry_wants_key(invocation) ? "a private key and " : "", count, what,
             count == 1 ? "" : "s");
    *report = invocation->dry_run ? json_pack("{s:b, s:[s]}", "dry_run", 1, "effects", line)
                                  : json_pack("{s:[s]}", "did", line);
    return *report != NULL ? SG_OK : sg_fail_memory(err);
}

static sg_status put_file(const struct sg_invocation *invocation, const struct sg_buffer *content,
                          size_t count, const char *what, struct sg_buffer *out, json_t **report,
                          struct sg_error *err)
{
    if (to_stdout(invocation) && !invocation->dry_run) {
        return sg_buffer_append(out, content->data, content->len, err);
    }
    if (invocation->dry_run && invocation->kept != NULL) {
        sg_status s = sg_kept_put(invocation->kept, out_path(invocation),
                                  (struct sg_bytes){content->data, content->len}, err);
        if (s != SG_OK) {
            return s;
        }
    }
    if (!invocation->dry_run) {
        mode_t mode = sg_carry_wants_key(invocation) ? 0600 : 0644;
        sg_status s = sg_file_replace(out_path(invocation), content->data, content->len, mode, err);
        if (s != SG_OK) {
            return s;
        }
    }
    return make_report(invocation, count, what, report, err);
}

static sg_status put_directory(const struct sg_invocation *invocation,
                               const struct entries *entries, json_t **report, struct sg_error *err)
{
    SG_DIRECTORY directory = SG_DIRECTORY_INIT;
    sg_status s = sg_directory_begin(&directory, out_path(invocation), err);
    if (s == SG_OK) {
        s = fill_directory(&directory, entries, format_of(invocation) == FORMAT_HASHDIR, err);
    }
    if (s == SG_OK && !invocation->dry_run) {
        s = sg_directory_commit(&directory, err);
    }
    return s == SG_OK ? make_report(invocation, entries->count, "certificate", report, err) : s;
}

sg_status sg_shape_content(const struct sg_invocation *invocation, const json_t *answer,
                           struct sg_buffer *out, struct sg_error *err)
{
    SG_CLEANUP(entries_done) struct entries entries = {.count = 0};
    sg_status s = read_entries(invocation, answer, &entries, err);
    return s == SG_OK ? write_format(invocation, &entries, out, err) : s;
}

/* Without the key a keystore's format makes a truststore, in which the end of a chain is as trusted
 * as its root. */
static bool makes_anchors_of_a_chain(const struct sg_invocation *invocation)
{
    enum format format = format_of(invocation);
    return (format == FORMAT_PKCS12 || format == FORMAT_PKCS12_PEM || format == FORMAT_JKS) &&
           !sg_carry_wants_key(invocation) &&
           json_is_true(json_object_get(invocation->params, "chain"));
}

sg_status sg_shape_warn(const struct sg_invocation *invocation, json_t *answer,
                        struct sg_error *err)
{
    if (!is_export(invocation->operation) || !makes_anchors_of_a_chain(invocation)) {
        return SG_OK;
    }
    json_t *warnings = json_object_get(answer, "warnings");
    if (warnings == NULL) {
        warnings = json_array();
        if (warnings == NULL || json_object_set_new(answer, "warnings", warnings) != 0) {
            return sg_fail_memory(err);
        }
    }
    json_t *text = json_string("the file has no private key, and whoever reads it trusts every "
                               "certificate of the chain by itself: for a server's keystore add "
                               "--with-key, for a truststore leave --chain out");
    return json_array_append_new(warnings, text) == 0 ? SG_OK : sg_fail_memory(err);
}

/* A rehearsal takes no key out of a token, so that there is nothing to make the file of. */
static sg_status leave_key(const struct sg_invocation *invocation, size_t count, json_t **report,
                           struct sg_error *err)
{
    sg_status s =
        sg_kept_put(invocation->kept, out_path(invocation), (struct sg_bytes){NULL, 0}, err);
    return s == SG_OK ? make_report(invocation, count, "certificate", report, err) : s;
}

static sg_status shape_export(const struct sg_invocation *invocation, const json_t *answer,
                              struct sg_buffer *out, json_t **report, struct sg_error *err)
{
    SG_CLEANUP(entries_done) struct entries entries = {.count = 0};
    sg_status s = read_entries(invocation, answer, &entries, err);
    if (s != SG_OK || entries.list == NULL) {
        return s;
    }
    if (is_directory(invocation)) {
        return put_directory(invocation, &entries, report, err);
    }
    bool rehearsed = json_is_true(json_object_get(answer, "rehearsed"));
    if (rehearsed && invocation->kept != NULL && sg_carry_wants_key(invocation)) {
        return leave_key(invocation, entries.count, report, err);
    }
    SG_BUFFER content;
    sg_buffer_init(&content, SHAPE_MAX);
    s = sg_carry_wants_key(invocation) ? write_key(invocation, answer, &entries, &content, err)
                                       : write_format(invocation, &entries, &content, err);
    return s == SG_OK
               ? put_file(invocation, &content, entries.count, "certificate", out, report, err)
               : s;
}

static sg_status shape_request(const struct sg_invocation *invocation, const json_t *answer,
                               struct sg_buffer *out, json_t **report, struct sg_error *err)
{
    SG_BUFFER der;
    SG_BUFFER pem;
    if (json_is_true(json_object_get(answer, "dry_run"))) { /* nothing was signed */
        return to_stdout(invocation) ? SG_OK : make_report(invocation, 1, "request", report, err);
    }
    sg_buffer_init(&der, SG_CERTIFICATE_MAX);
    sg_buffer_init(&pem, (size_t)2 * SG_CERTIFICATE_MAX);
    sg_status s = sg_base64_read(json_object_get(answer, "csr"), &der, err);
    if (s == SG_OK) {
        s = sg_keystore_write_pem_block("CERTIFICATE REQUEST", (struct sg_bytes){der.data, der.len},
                                        &pem, err);
    }
    return s == SG_OK ? put_file(invocation, &pem, 1, "request", out, report, err) : s;
}

/* Text to be pasted or evaluated: as it is. */
static sg_status shape_text(const json_t *answer, struct sg_buffer *out, struct sg_error *err)
{
    const json_t *text = json_object_get(answer, "text");
    if (!json_is_string(text)) {
        return sg_fail(err, SG_E_SERVICE, "bad_answer", "the service sent no text");
    }
    return sg_buffer_append(out, json_string_value(text), json_string_length(text), err);
}

sg_status sg_shape_write(const struct sg_invocation *invocation, const json_t *answer,
                         struct sg_buffer *out, json_t **report, struct sg_error *err)
{
    if (is_export(invocation->operation)) {
        return shape_export(invocation, answer, out, report, err);
    }
    if (invocation->operation->id == SG_OP_CERT_REQUEST) {
        return shape_request(invocation, answer, out, report, err);
    }
    return shape_text(answer, out, err);
}
