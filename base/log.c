#include <signet/base/log.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PACE_MS 1000 /* between two lines that others can bring about */

static char process_name[32] = "signet";
static enum sg_log_level least_level = SG_LOG_INFO;

void sg_log_init(const char *process, enum sg_log_level least)
{
    snprintf(process_name, sizeof process_name, "%s", process);
    least_level = least;
}

static void emit(enum sg_log_level level, const char *text)
{
    char line[3584]; /* one write, below PIPE_BUF: lines of several processes do not mix */
    int len = snprintf(line, sizeof line - 1, "<%d>%s[%d]: %s", (int)level, process_name,
                       (int)getpid(), text);
    if (len < 0) {
        return;
    }
    size_t used = (size_t)len < sizeof line - 2 ? (size_t)len : sizeof line - 2;
    for (size_t i = 0; i < used; i++) {
        if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f) {
            line[i] = '?';
        }
    }
    line[used] = '\n';
    (void)!write(STDERR_FILENO, line, used + 1);
}

void sg_log(enum sg_log_level level, const char *format, ...)
{
    if (level > least_level) {
        return;
    }
    char text[3400];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    emit(level, text);
}

void sg_log_quote(const char *text, char *out, size_t size)
{
    size_t len = 0;
    for (; *text != '\0' && len + 2 < size; text++) {
        if (*text == '"' || *text == '\\') {
            out[len++] = '\\';
        }
        out[len++] = *text;
    }
    out[len] = '\0';
}

void sg_log_error(enum sg_log_level level, const char *event, const struct sg_error *err)
{
    char text[2 * sizeof err->text];
    char hint[2 * sizeof err->hint];
    bool hinted = err->hint[0] != '\0';
    sg_log_quote(err->text, text, sizeof text);
    sg_log_quote(err->hint, hint, sizeof hint);
    sg_log(level,
           "event=%s code=%s text=\"%s\" ck_rv=0x%lx errno=%d ossl=0x%lx sql=%d at=%s:%d%s%s%s",
           event, err->code, text, err->ck_rv, err->sys_errno, err->ossl, err->sql,
           err->file != NULL ? err->file : "?", err->line, hinted ? " hint=\"" : "", hint,
           hinted ? "\"" : "");
}

uint64_t sg_log_due(struct sg_log_pace *pace, int64_t now_ms)
{
    uint64_t count = ++pace->untold;
    if (pace->told_ms != 0 && now_ms - pace->told_ms < PACE_MS) {
        return 0;
    }
    pace->told_ms = now_ms;
    pace->untold = 0;
    return count;
}
