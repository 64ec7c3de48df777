#include <signet/cli/files.h>

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include <signet/base/file.h>
#include <signet/cli/base64.h>
#include <signet/keystore/read.h>

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
static sg_status check_kind(const char *path, struct sg_error *err)
{
    struct stat info;
    if (strcmp(path, "-") == 0 || stat(path, &info) != 0) {
        return SG_OK; /* reading it says why */
    }
    if (S_ISDIR(info.st_mode)) {
        sg_fail(err, SG_E_INPUT, "is_a_directory", "%s is a directory", sg_excerpt(path).text);
        return sg_hint(err, "Name the files in it.");
    }
    if (S_ISREG(info.st_mode) && info.st_size > (off_t)SG_INPUT_FILE_MAX) {
        return sg_fail(err, SG_E_LIMIT, "file_too_large", "%s has %lld bytes, at most %u are read",
                       sg_excerpt(path).text, (long long)info.st_size, SG_INPUT_FILE_MAX);
    }
    return SG_OK;
}

static sg_status read_file(const char *path, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = check_kind(path, err);
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

static sg_status load_certificates(json_t *params, const struct sg_local *local,
                                   struct sg_error *err)
{
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
    sg_status s = read_file(local->value, &content, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes bytes = {content.data, content.len};
    return sg_keystore_read_certificates(shown(local->value), bytes, take_certificate, &gathering,
                                         err);
}

static sg_status load_csr(json_t *params, const struct sg_local *local, struct sg_error *err)
{
    SG_BUFFER content;
    SG_BUFFER der;
    sg_buffer_init(&content, (size_t)SG_INPUT_FILE_MAX);
    sg_buffer_init(&der, (size_t)SG_INPUT_FILE_MAX);
    sg_status s = read_file(local->value, &content, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_bytes bytes = {content.data, content.len};
    s = sg_keystore_read_csr(shown(local->value), bytes, &der, err);
    if (s != SG_OK) {
        return s;
    }
    json_t *text = sg_base64_json((struct sg_bytes){der.data, der.len});
    if (text == NULL || json_object_set_new(params, local->param->name, text) != 0) {
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
            s = load_certificates(invocation->params, local, err);
        } else if (local->param->type == SG_PARAM_CSR_FILE) {
            s = load_csr(invocation->params, local, err);
        }
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}
