#include <signet/cli/dev.h>

#include <stdio.h>
#include <string.h>

#include <signet/base/address.h>
#include <signet/base/buffer.h>
#include <signet/base/file.h>

#include "dev_internal.h"

static void json_freep(json_t **value)
{
    json_decref(*value);
}

static sg_status finish(json_t *made, json_t **answer, struct sg_error *err)
{
    if (made == NULL) {
        return sg_fail_memory(err);
    }
    *answer = made;
    return SG_OK;
}

static json_t *say(const struct sg_instance *instance, const char *before, const char *behind)
{
    char line[SG_INSTANCE_PATH * 2 + 128];
    snprintf(line, sizeof line, "%s %s%s", before, instance->dir, behind);
    return json_string(line);
}

static sg_status describe(const struct sg_instance *instance, const char *before,
                          const char *behind, pid_t pid, json_t **answer, struct sg_error *err)
{
    return finish(json_pack("{s:[o], s:s, s:s, s:s, s:i}", "did", say(instance, before, behind),
                            "directory", instance->dir, "socket",
                            sg_instance_path(instance, "run/signet.sock").text, "rings_socket",
                            sg_instance_path(instance, "run/pkcs11.sock").text, "pid", (int)pid),
                  answer, err);
}

static sg_status would(const char *what, const char *dir, json_t **answer, struct sg_error *err)
{
    char line[160];
    snprintf(line, sizeof line, "%s the instance in %s", what, sg_excerpt(dir).text);
    return finish(json_pack("{s:b, s:[s]}", "dry_run", 1, "effects", line), answer, err);
}

/* *pid: of the one that was started; 0 when it ran already. What was found running and has ended
 * since (its master was being killed) says nothing: another one is started. */
static sg_status start_or_find(struct sg_instance *instance, pid_t *pid, json_t **warnings,
                               struct sg_error *err)
{
    SG_FD int master = -1;
    *pid = 0;
    if (sg_instance_is_running(instance, &master)) {
        sg_status s = sg_dev_check_tokens(instance, warnings, err);
        if (!sg_instance_has_ended(master)) {
            return s;
        }
        sg_error_clear(err);
        json_freep(warnings);
        *warnings = NULL;
    }
    sg_status s = sg_instance_start(instance, pid, err);
    return s == SG_OK ? sg_dev_check_tokens(instance, warnings, err) : s;
}

static sg_status up(const char *dir, json_t **answer, struct sg_error *err)
{
    SG_INSTANCE instance = SG_INSTANCE_INIT;
    SG_CLEANUP(json_freep) json_t *warnings = NULL;
    pid_t pid = 0;
    sg_status s = sg_instance_prepare(dir, &instance, err);
    s = s == SG_OK ? sg_instance_lock(&instance, err) : s;
    s = s == SG_OK ? sg_instance_complete(&instance, err) : s;
    s = s == SG_OK ? start_or_find(&instance, &pid, &warnings, err) : s;
    if (s != SG_OK) {
        return s;
    }
    s = pid == 0
            ? describe(&instance, "already running in", "", sg_instance_pid(&instance), answer, err)
            : describe(&instance, "started in", "; point programs at it with signet dev env", pid,
                       answer, err);
    if (s == SG_OK && json_array_size(warnings) > 0 &&
        json_object_set(*answer, "warnings", warnings) != 0) {
        return sg_fail_memory(err);
    }
    return s;
}

static sg_status down(const char *dir, json_t **answer, struct sg_error *err)
{
    SG_INSTANCE instance = SG_INSTANCE_INIT;
    bool was = false;
    sg_status s = sg_instance_find(dir, &instance, err);
    if (s == SG_OK) {
        s = sg_instance_lock(&instance, err);
    }
    if (s == SG_OK) {
        s = sg_instance_stop(&instance, &was, err);
    }
    if (s != SG_OK) {
        return s;
    }
    return finish(json_pack("{s:[o], s:s}", "did",
                            say(&instance, was ? "stopped in" : "nothing was running in", ""),
                            "directory", instance.dir),
                  answer, err);
}

/* '…' keeps everything from the shell but the quote itself. */
static sg_status append_quoted(const char *text, struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = sg_buffer_append(out, "'", 1, err);
    for (; *text != '\0' && s == SG_OK; text++) {
        s = *text == '\'' ? sg_buffer_append(out, "'\\''", 4, err)
                          : sg_buffer_append(out, text, 1, err);
    }
    return s == SG_OK ? sg_buffer_append(out, "'", 1, err) : s;
}

static sg_status append_assignment(const char *name, const char *value, struct sg_buffer *out,
                                   struct sg_error *err)
{
    sg_status s = sg_buffer_format(out, err, "export %s=", name);
    if (s == SG_OK) {
        s = append_quoted(value, out, err);
    }
    return s == SG_OK ? sg_buffer_append(out, "\n", 1, err) : s;
}

static sg_status env(const char *dir, json_t **answer, struct sg_error *err)
{
    SG_INSTANCE instance = SG_INSTANCE_INIT;
    SG_BUFFER text;
    struct sg_address address;
    sg_buffer_init(&text, 8192);
    sg_status s = sg_instance_find(dir, &instance, err);
    if (s != SG_OK) {
        return s;
    }
    struct sg_instance_path socket = sg_instance_path(&instance, "run/signet.sock");
    sg_address_of_socket(sg_instance_path(&instance, "run/pkcs11.sock").text, &address);
    s = append_assignment("SIGNET_SOCKET", socket.text, &text, err);
    if (s == SG_OK) {
        s = append_assignment("P11_KIT_SERVER_ADDRESS", address.text, &text, err);
    }
    if (s != SG_OK) {
        return s;
    }
    return finish(json_pack("{s:s, s:{s:s, s:s}}", "text", (const char *)text.data, "environment",
                            "SIGNET_SOCKET", socket.text, "P11_KIT_SERVER_ADDRESS", address.text),
                  answer, err);
}

sg_status sg_dev_run(const struct sg_invocation *invocation, json_t **answer, struct sg_error *err)
{
    const char *dir = sg_invocation_local(invocation, "dir");
    const char *verb = invocation->operation->verb;
    bool changes = (invocation->operation->flags & SG_OP_CHANGES) != 0;
    if (invocation->dry_run && changes) {
        return would(strcmp(verb, "up") == 0 ? "start" : "stop", dir, answer, err);
    }
    if (strcmp(verb, "up") == 0) {
        return up(dir, answer, err);
    }
    return strcmp(verb, "down") == 0 ? down(dir, answer, err) : env(dir, answer, err);
}
