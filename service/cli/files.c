#include <signet/cli/files.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/base/file.h>
#include <signet/cli/base64.h>
#include <signet/cli/password.h>
#include <signet/keystore/pkcs12.h>

/* Where the certificates of a parameter's files gather. */
struct gathering {
    json_t *list;
    size_t max;
};

static const char *shown(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

/* Known before it is read: a directory, and a file that is too large. What a pipe holds turns out
 * while reading. */
static sg_status check_kind(const struct sg_invocation *invocation, const char *path,
                            struct sg_error *err)
{
    struct stat info;
    if (strcmp(path, "-") == 0 || stat(path, &info) != 0) {
        return SG_OK; /* reading it says why */
    }
    if (S_ISDIR(info.st_mode)) {
        sg_fail(err, SG_E_INPUT, "is_a_directory", "%s is a directory", sg_excerpt(path).text);
        return sg_hint(err, "Name the files in it.");
    }
    if (invocation->carried.silent && !S_ISREG(info.st_mode)) { /* a deck would wait for ever */
        sg_fail(err, SG_E_INPUT, "not_a_file", "%s is no file", sg_excerpt(path).text);
        sg_object(err, "%s", path);
        return sg_hint(err, "A data set is a file in the directory where the command is given.");
    }
    if (S_ISREG(info.st_mode) && info.st_size > (off_t)SG_INPUT_FILE_MAX) {
        return sg_fail(err, SG_E_LIMIT, "file_too_large", "%s has %lld bytes, at most %u are read",
                       sg_excerpt(path).text, (long long)info.st_size, SG_INPUT_FILE_MAX);
    }
    return SG_OK;
}

static sg_status read_file(const struct sg_invocation *invocation, const char *path,
                           struct sg_buffer *out, struct sg_error *err)
{
    bool kept = false;
    sg_status s = sg_kept_read(invocation->kept, path, out, &kept, err);
    if (s != SG_OK || kept) {
        return s;
    }
    s = check_kind(invocation, path, err);
    if (s == SG_OK) {
        s = sg_file_read(path, "file", out, err);
    }
    return s == SG_OK ? s : sg_object(err, "%s", shown(path));
}

static sg_status take_certificate(void *context, struct sg_bytes der, struct sg_error *err)
{
    struct gathering *gathering = context;
    if (json_array_size(gathering->list) >= gathering->max) {
        return sg_fail(err, SG_E_LIMIT, "too_many_certificates",
                       "the files hold more than %zu certificates", gathering->max);
    }
    json_t *text = sg_base64_json(der);
    if (text == NULL || json_array_append_new(gathering->list, text) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

/* ---- PKCS#12: certificates and a private key ---- */

/* The one that was said, or none when none is needed, or the one that is asked for. */
static sg_status find_password(struct sg_invocation *invocation, const char *path,
                               struct sg_bytes content, struct sg_error *err)
{
    const char *file = sg_invocation_local(invocation, "password_file");
    struct sg_carried *carried = &invocation->carried;
    if (carried->password != NULL || (file == NULL && sg_keystore_pkcs12_is_open(content))) {
        return SG_OK;
    }
    if (carried->silent) {
        sg_fail(err, SG_E_INPUT, "password_needed",
                "%s is a PKCS#12 keystore, which has a password", shown(path));
        return sg_hint(err, "Add PASSWORD('…') to the command, in a deck.");
    }
    return sg_password_get_strict(file, shown(path), false, &carried->password, err);
}

/* A password file has more than one way to be wrong. */
static sg_status explain_password(const struct sg_invocation *invocation, sg_status s,
                                  struct sg_error *err)
{
    if (s != SG_OK && strcmp(err->code, "wrong_password") == 0 &&
        sg_invocation_local(invocation, "password_file") != NULL) {
        return sg_hint(err, "Capitals count, and so does a blank at the end. The first line of the "
                            "password file is taken.");
    }
    return s;
}

static sg_status load_keystore(struct sg_invocation *invocation, const char *path,
                               struct sg_bytes content, struct gathering *gathering,
                               struct sg_error *err)
{
    SG_PKCS12_KEY key = {.pkcs8 = {0}};
    struct sg_carried *carried = &invocation->carried;
    if (carried->pkcs8.len > 0) {
        sg_fail(err, SG_E_INPUT, "several_private_keys", "%s is the second file with a private key",
                shown(path));
        return sg_hint(err, "Add one PKCS#12 keystore at a time.");
    }
    carried->keystore = true;
    sg_status s = find_password(invocation, path, content, err);
    s = s == SG_OK ? sg_keystore_read_pkcs12(shown(path), content, carried->password,
                                             take_certificate, gathering, &key, err)
                   : s;
    s = explain_password(invocation, s, err);
    if (s == SG_OK) {
        carried->pkcs8 = key.pkcs8;
        key.pkcs8 = (struct sg_buffer){.data = NULL};
        memcpy(carried->spki_sha256, key.spki_sha256, sizeof carried->spki_sha256);
    }
    return s;
}

/* Its certificates alone: to say what is in it. */
static sg_status look_into_keystore(struct sg_invocation *invocation, const char *path,
                                    struct sg_bytes content, struct gathering *gathering,
                                    struct sg_error *err)
{
    struct sg_carried *carried = &invocation->carried;
    carried->keystore = true;
    sg_status s = find_password(invocation, path, content, err);
    s = s == SG_OK ? sg_keystore_read_pkcs12_certificates(shown(path), content, carried->password,
                                                          take_certificate, gathering,
                                                          &carried->closed_keys, err)
                   : s;
    return explain_password(invocation, s, err);
}

static bool takes_keys(const struct sg_operation *operation)
{
    return sg_param_find(operation, "private_key") != NULL;
}

/* Those that a password may be said of. */
static bool takes_keystores(const struct sg_operation *operation)
{
    return sg_param_find(operation, "password_file") != NULL;
}

/* A password is said of a keystore. */
static sg_status check_password_used(const struct sg_invocation *invocation, struct sg_error *err)
{
    bool said = sg_invocation_local(invocation, "password_file") != NULL;
    if (!said || sg_param_find(invocation->operation, "certificates") == NULL ||
        invocation->carried.keystore) {
        return SG_OK;
    }
    sg_fail(err, SG_E_USAGE, "bad_usage",
            "none of the files is a PKCS#12 keystore: a password opens none of them");
    return sg_hint(err, "Leave --password-file out.");
}

static sg_status load_certificates(struct sg_invocation *invocation, const struct sg_local *local,
                                   struct sg_error *err)
{
    json_t *params = invocation->params;
    const char *name = local->param->name;
    SG_BUFFER content;
    sg_buffer_init(&content, (size_t)SG_INPUT_FILE_MAX);
    if (json_object_get(params, name) == NULL &&
        json_object_set_new(params, name, json_array()) != 0) {
        return sg_fail_memory(err);
    }
    struct gathering gathering = {
        .list = json_object_get(params, name),
        .max = local->param->max > 0 ? (size_t)local->param->max : SG_ARGUMENT_FILES_MAX,
    };
    sg_status s = read_file(invocation, local->value, &content, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes bytes = {content.data, content.len};
    if (takes_keystores(invocation->operation) && sg_keystore_is_pkcs12(bytes)) {
        return takes_keys(invocation->operation)
                   ? load_keystore(invocation, local->value, bytes, &gathering, err)
                   : look_into_keystore(invocation, local->value, bytes, &gathering, err);
    }
    return sg_keystore_read_certificates(shown(local->value), bytes, take_certificate, &gathering,
                                         err);
}

static sg_status load_csr(const struct sg_invocation *invocation, const struct sg_local *local,
                          struct sg_error *err)
{
    SG_BUFFER content;
    SG_BUFFER der;
    sg_buffer_init(&content, (size_t)SG_INPUT_FILE_MAX);
    sg_buffer_init(&der, (size_t)SG_INPUT_FILE_MAX);
    sg_status s = read_file(invocation, local->value, &content, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes bytes = {content.data, content.len};
    s = sg_keystore_read_csr(shown(local->value), bytes, &der, err);
    if (s != SG_OK) {
        return s;
    }
    json_t *text = sg_base64_json((struct sg_bytes){der.data, der.len});
    if (text == NULL || json_object_set_new(invocation->params, local->param->name, text) != 0) {
        return sg_fail_memory(err);
    }
    return SG_OK;
}

sg_status sg_files_load(struct sg_invocation *invocation, struct sg_error *err)
{
    for (size_t i = 0; i < invocation->local_count; i++) {
        const struct sg_local *local = &invocation->locals[i];
        sg_status s = SG_OK;
        if (local->param->type == SG_PARAM_CERTIFICATE_FILES) {
            s = load_certificates(invocation, local, err);
        } else if (local->param->type == SG_PARAM_CSR_FILE) {
            s = load_csr(invocation, local, err);
        }
        if (s != SG_OK) {
            return s;
        }
    }
    return check_password_used(invocation, err);
}
