/* What signetd says about its own end, out of its log. */
#include "dev_internal.h"

#include <string.h>

#define FAILED "event=process_failed " /* base/log.c, sg_log_error */
#define COMPLAINT "signetd: "          /* signetd.c: on a line of its own, the hint on the next */

/* The field "name=\"" of the line, without the quotes and the backslashes that guard it. */
static void take_field(const char *line, size_t line_len, const char *name, char *out, size_t size)
{
    const char *end = line + line_len;
    const char *at = memmem(line, line_len, name, strlen(name));
    size_t len = 0;
    for (at = at != NULL ? at + strlen(name) : end; at < end && *at != '"'; at++) {
        if (*at == '\\' && at + 1 < end) {
            at++;
        }
        if (len + 1 < size) {
            out[len++] = *at;
        }
    }
    out[len] = '\0';
}

static void take_text(const char *from, size_t len, char *out, size_t size)
{
    len = len < size ? len : size - 1;
    memcpy(out, from, len);
    out[len] = '\0';
}

/* "signetd: TEXT", and perhaps "  HINT" on the next line. */
static void take_complaint(const char *line, size_t len, struct sg_dev_reason *out)
{
    const char *next = line[len] == '\n' ? line + len + 1 : line + len;
    take_text(line + strlen(COMPLAINT), len - strlen(COMPLAINT), out->text, sizeof out->text);
    out->hint[0] = '\0';
    if (strncmp(next, "  ", 2) == 0) {
        take_text(next + 2, strcspn(next + 2, "\n"), out->hint, sizeof out->hint);
    }
}

void sg_dev_last_reason(const char *log, struct sg_dev_reason *out)
{
    bool of_process = false; /* which says more than "a process ended 5 times" */
    memset(out, 0, sizeof *out);
    while (*log != '\0') {
        size_t len = strcspn(log, "\n");
        if (memmem(log, len, FAILED, strlen(FAILED)) != NULL) {
            of_process = true;
            take_field(log, len, " text=\"", out->text, sizeof out->text);
            take_field(log, len, " hint=\"", out->hint, sizeof out->hint);
        } else if (!of_process && len >= strlen(COMPLAINT) &&
                   strncmp(log, COMPLAINT, strlen(COMPLAINT)) == 0) {
            take_complaint(log, len, out);
        }
        log += log[len] == '\n' ? len + 1 : len;
    }
}
