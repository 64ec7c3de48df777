#include <signet/cli/kept.h>

#include <stdlib.h>
#include <string.h>

struct file {
    char *path;
    unsigned char *data; /* NULL: not known */
    size_t len;
};

struct sg_kept {
    struct file list[SG_KEPT_FILES_MAX];
    size_t count, bytes;
};

sg_status sg_kept_new(struct sg_kept **out, struct sg_error *err)
{
    *out = calloc(1, sizeof **out);
    return *out != NULL ? SG_OK : sg_fail_memory(err);
}

static void empty(struct sg_kept *kept, struct file *file)
{
    kept->bytes -= file->len;
    free(file->data);
    file->data = NULL;
    file->len = 0;
}

void sg_kept_free(struct sg_kept *kept)
{
    for (size_t i = 0; i < kept->count; i++) {
        empty(kept, &kept->list[i]);
        free(kept->list[i].path);
    }
    free(kept);
}

static const struct file *find(const struct sg_kept *kept, const char *path)
{
    for (size_t i = 0; kept != NULL && i < kept->count; i++) {
        if (strcmp(kept->list[i].path, path) == 0) {
            return &kept->list[i];
        }
    }
    return NULL;
}

bool sg_kept_has(const struct sg_kept *kept, const char *path)
{
    return find(kept, path) != NULL;
}

static sg_status too_much(struct sg_error *err)
{
    sg_fail(err, SG_E_LIMIT, "too_many_files",
            "the deck would write more files than are rehearsed");
    return sg_hint(err, "Rehearse fewer commands at a time.");
}

/* The place of a file: the one that it has, or a new one; NULL with err. */
static struct file *place_of(struct sg_kept *kept, const char *path, struct sg_error *err)
{
    const struct file *known = find(kept, path);
    if (known != NULL) {
        return &kept->list[known - kept->list];
    }
    char *copy = kept->count < SG_KEPT_FILES_MAX ? strdup(path) : NULL;
    if (copy == NULL) {
        (void)(kept->count < SG_KEPT_FILES_MAX ? sg_fail_memory(err) : too_much(err));
        return NULL;
    }
    struct file *place = &kept->list[kept->count++];
    *place = (struct file){.path = copy};
    return place;
}

sg_status sg_kept_put(struct sg_kept *kept, const char *path, struct sg_bytes content,
                      struct sg_error *err)
{
    if (content.len > SG_KEPT_BYTES_MAX - kept->bytes) {
        return too_much(err);
    }
    SG_FREE unsigned char *data = content.data != NULL ? malloc(content.len + 1) : NULL;
    if (data == NULL && content.data != NULL) {
        return sg_fail_memory(err);
    }
    struct file *file = place_of(kept, path, err);
    if (file == NULL) {
        return err->status;
    }
    empty(kept, file);
    if (data != NULL) {
        memcpy(data, content.data, content.len);
        file->data = SG_STEAL(data);
        file->len = content.len;
        kept->bytes += content.len;
    }
    return SG_OK;
}

sg_status sg_kept_read(const struct sg_kept *kept, const char *path, struct sg_buffer *out,
                       bool *found, struct sg_error *err)
{
    const struct file *file = find(kept, path);
    *found = file != NULL;
    if (file == NULL) {
        return SG_OK;
    }
    if (file->data == NULL) {
        sg_fail(err, SG_E_UNSUPPORTED, "content_not_known",
                "what an earlier command would write to %.200s is known only when the deck really "
                "runs: a private key",
                path);
        sg_object(err, "%s", path);
        return sg_hint(err, "A dry run takes no private key out of a token. What this command does "
                            "cannot be foretold.");
    }
    return sg_buffer_append(out, file->data, file->len, err);
}
