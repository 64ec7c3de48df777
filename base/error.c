#include <signet/base/error.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct sg_status_info infos[SG_STATUS_COUNT] = {
    [SG_OK] = {"ok", 0, 200, false},
    [SG_E_USAGE] = {"usage", 1, 400, false},
    [SG_E_NOT_FOUND] = {"not_found", 2, 404, false},
    [SG_E_CONFLICT] = {"conflict", 3, 409, false},
    [SG_E_DENIED] = {"denied", 4, 403, false},
    [SG_E_INPUT] = {"bad_input", 5, 422, false},
    [SG_E_TOKEN] = {"token_unavailable", 6, 503, true},
    [SG_E_SERVICE] = {"service_unavailable", 7, 503, true},
    [SG_E_UNSUPPORTED] = {"unsupported", 8, 501, false},
    [SG_E_LIMIT] = {"limit", 5, 413, false},
    [SG_E_STORAGE] = {"storage", 8, 507, true},
    [SG_E_NO_MEMORY] = {"no_memory", 8, 503, true},
    [SG_E_INTERNAL] = {"internal", 8, 500, false},
};

const struct sg_status_info *sg_status_info(sg_status status)
{
    return &infos[(unsigned)status < SG_STATUS_COUNT ? status : SG_E_INTERNAL];
}

sg_status sg_status_from_name(const char *name)
{
    for (unsigned i = 0; i < SG_STATUS_COUNT; i++) {
        if (strcmp(infos[i].name, name) == 0) {
            return (sg_status)i;
        }
    }
    return SG_E_INTERNAL;
}

/* What snprintf cut in the middle of a UTF-8 character loses the rest of it: JSON takes whole
 * characters only. */
static void drop_partial_character(char *text)
{
    size_t len = strlen(text);
    size_t tail = 0; /* continuation bytes at the end */
    while (tail < len && tail < 3 && ((unsigned char)text[len - 1 - tail] & 0xC0) == 0x80) {
        tail++;
    }
    if (tail == len) {
        return;
    }
    unsigned char lead = (unsigned char)text[len - 1 - tail];
    size_t wanted = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (tail < wanted) {
        text[len - 1 - tail] = '\0';
    }
}

/* A name from outside may hold anything; a line of text never holds a line break or an escape. */
static void flatten(char *text)
{
    drop_partial_character(text);
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < 0x20 || *text == 0x7f) {
            *text = '?';
        }
    }
}

static void set(struct sg_error *err, sg_status status, const char *code, const char *file,
                int line)
{
    sg_error_clear(err);
    err->status = status;
    err->file = file;
    err->line = line;
    snprintf(err->code, sizeof err->code, "%s", code != NULL ? code : sg_status_info(status)->name);
}

sg_status sg_fail_at(struct sg_error *err, sg_status status, const char *code, const char *file,
                     int line, const char *format, ...)
{
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    set(err, status, code, file, line);
    memcpy(err->text, text, sizeof text);
    flatten(err->text);
    return status;
}

sg_status sg_fail_errno_at(struct sg_error *err, sg_status status, const char *code,
                           const char *file, int line, const char *format, ...)
{
    int saved = errno;
    char text[sizeof err->text - 128];
    char reason[100];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    set(err, status, code, file, line);
    err->sys_errno = saved;
    snprintf(err->text, sizeof err->text, "%s: %s", text, strerror_r(saved, reason, sizeof reason));
    flatten(err->text);
    return status;
}

sg_status sg_hint(struct sg_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->hint, sizeof err->hint, format, args);
    va_end(args);
    flatten(err->hint);
    return err->status;
}

sg_status sg_object(struct sg_error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(err->object, sizeof err->object, format, args);
    va_end(args);
    flatten(err->object);
    return err->status;
}

void sg_error_prefix(struct sg_error *err, const char *format, ...)
{
    char prefix[200];
    char text[sizeof err->text];
    va_list args;
    va_start(args, format);
    vsnprintf(prefix, sizeof prefix, format, args);
    va_end(args);
    memcpy(text, err->text, sizeof text);
    drop_partial_character(prefix);
    char joined[sizeof prefix + sizeof text + 2];
    snprintf(joined, sizeof joined, "%s: %s", prefix, text);
    memcpy(err->text, joined, sizeof err->text - 1);
    err->text[sizeof err->text - 1] = '\0';
    flatten(err->text);
}

void sg_error_clear(struct sg_error *err)
{
    memset(err, 0, sizeof *err);
}
