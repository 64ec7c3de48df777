/* A program's text, with its values put in: as lines for people and as JSON for programs. */
#include "provision_internal.h"

#include <stdlib.h>
#include <string.h>

#include <signet/base/cleanup.h>

#define TEXT_MAX ((size_t)256 * 1024)

/* A file under way. */
struct file {
    char *path; /**< NULL: none */
    char mode[8];
    bool is_main, is_pair;
    struct sg_buffer content;
};

struct render {
    const struct sg_provision_value *values;
    json_t *answer;
    struct sg_buffer text;
    struct file file;
    struct sg_error *err;
};

static sg_status malformed(const struct render *render, const char *line)
{
    return sg_fail(render->err, SG_E_INTERNAL, "bad_provision_text",
                   "a provision text is malformed at \"%.100s\"", line);
}

static const char *value_of(const struct render *render, const char *name, size_t len)
{
    for (const struct sg_provision_value *v = render->values; v->name != NULL; v++) {
        if (strlen(v->name) == len && memcmp(v->name, name, len) == 0) {
            return v->text;
        }
    }
    return NULL;
}

/* Length of the name behind an '@' when it is a placeholder, otherwise 0. */
static size_t placeholder(const char *at)
{
    size_t len = strspn(at + 1, "abcdefghijklmnopqrstuvwxyz_");
    return at[len + 1] == '@' ? len : 0;
}

static sg_status expand(const struct render *render, const char *line, struct sg_buffer *out)
{
    sg_status s = SG_OK;
    while (s == SG_OK && *line != '\0') {
        size_t plain = strcspn(line, "@");
        s = sg_buffer_append(out, line, plain, render->err);
        line += plain;
        if (s != SG_OK || *line == '\0') {
            continue;
        }
        size_t len = placeholder(line);
        const char *value = len > 0 ? value_of(render, line + 1, len) : "@";
        if (value == NULL) {
            return malformed(render, line);
        }
        s = sg_buffer_append(out, value, strlen(value), render->err);
        line += len > 0 ? len + 2 : (size_t)1 + (line[1] == '@');
    }
    return s;
}

static sg_status print(struct render *render, const char *before, const char *line)
{
    return sg_buffer_format(&render->text, render->err, "%s%s\n", *line != '\0' ? before : "#",
                            line);
}

/* ---- JSON ---- */

static sg_status set(struct render *render, const char *key, json_t *value)
{
    if (value == NULL || json_object_set_new(render->answer, key, value) != 0) {
        return sg_fail_memory(render->err);
    }
    return SG_OK;
}

static sg_status append(struct render *render, const char *key, json_t *value)
{
    if (value == NULL || json_array_append_new(json_object_get(render->answer, key), value) != 0) {
        return sg_fail_memory(render->err);
    }
    return SG_OK;
}

static sg_status add_file(struct render *render, const char *path, const char *mode,
                          const struct sg_buffer *content)
{
    return append(render, "files",
                  json_pack("{s:s, s:s, s:s%}", "path", path, "mode", mode, "content",
                            content->len > 0 ? (const char *)content->data : "", content->len));
}

/* ---- directives: what stands behind the word, expanded ---- */

static sg_status on_command(struct render *render, const char *rest)
{
    sg_status s = append(render, "commands", json_string(rest));
    return s == SG_OK ? print(render, "#    ", rest) : s;
}

static sg_status on_example(struct render *render, const char *rest)
{
    sg_status s = append(render, "examples", json_string(rest));
    return s == SG_OK ? print(render, "#    ", rest) : s;
}

static sg_status on_reload(struct render *render, const char *rest)
{
    sg_status s = set(render, "reload", json_string(rest));
    return s == SG_OK ? print(render, "#    ", rest) : s;
}

static sg_status on_watch(struct render *render, const char *rest)
{
    sg_status s = set(render, "watch", json_string(rest));
    return s == SG_OK ? print(render, "#    ", rest) : s;
}

static sg_status on_limit(struct render *render, const char *rest)
{
    sg_status s = append(render, "limits", json_string(rest));
    return s == SG_OK ? print(render, "# - ", rest) : s;
}

static sg_status on_key(struct render *render, const char *rest)
{
    return set(render, "key", json_string(rest));
}

static sg_status on_untested(struct render *render, const char *rest)
{
    (void)rest;
    return set(render, "tested", json_false());
}

static sg_status on_package(struct render *render, const char *rest)
{
    const char *at = rest;
    sg_status s = SG_OK;
    for (size_t len = 0; s == SG_OK && *at != '\0'; at += len) {
        at += strspn(at, " ");
        len = strcspn(at, " ");
        s = append(render, "packages", json_stringn(at, len));
    }
    return s == SG_OK ? sg_buffer_format(&render->text, render->err,
                                         "#    apt-get install --no-install-recommends %s\n", rest)
                      : s;
}

static sg_status on_environment(struct render *render, const char *rest)
{
    const char *equals = strchr(rest, '=');
    if (equals == NULL) {
        return malformed(render, rest);
    }
    json_t *environment = json_object_get(render->answer, "environment");
    SG_FREE char *name = strndup(rest, (size_t)(equals - rest));
    if (name == NULL || json_object_set_new(environment, name, json_string(equals + 1)) != 0) {
        return sg_fail_memory(render->err);
    }
    return print(render, "#    ", rest);
}

/* systemd.exec(5): % begins a specifier; what is quoted may hold blanks. */
static sg_status unit_value(struct render *render, const char *value, struct sg_buffer *out)
{
    sg_status s = SG_OK;
    for (; s == SG_OK && *value != '\0'; value++) {
        const char *before = *value == '%' ? "%" : *value == '"' || *value == '\\' ? "\\" : "";
        s = sg_buffer_format(out, render->err, "%s%c", before, *value);
    }
    return s;
}

static sg_status unit_content(struct render *render, struct sg_buffer *out)
{
    const char *name;
    json_t *value;
    sg_status s =
        sg_buffer_format(out, render->err, "[Unit]\nAfter=signetd.service\n\n[Service]\n");
    json_object_foreach(json_object_get(render->answer, "environment"), name, value)
    {
        s = s == SG_OK ? sg_buffer_format(out, render->err, "Environment=\"%s=", name) : s;
        s = s == SG_OK ? unit_value(render, json_string_value(value), out) : s;
        s = s == SG_OK ? sg_buffer_append(out, "\"\n", 2, render->err) : s;
    }
    return s;
}

/* Content as comments; every line of it ends with a line feed. */
static sg_status print_content(struct render *render, const struct sg_buffer *content)
{
    sg_status s = SG_OK;
    const char *line = content->len > 0 ? (const char *)content->data : "";
    while (s == SG_OK && *line != '\0') {
        size_t len = strcspn(line, "\n");
        s = sg_buffer_format(&render->text, render->err, len > 0 ? "#    %.*s\n" : "#\n", (int)len,
                             line);
        line += len + 1;
    }
    return s;
}

/* A file of its own, printed as comments. */
static sg_status aside(struct render *render, const char *path, const struct sg_buffer *content)
{
    sg_status s = add_file(render, path, "0644", content);
    s = s == SG_OK ? sg_buffer_format(&render->text, render->err, "# %s:\n", path) : s;
    return s == SG_OK ? print_content(render, content) : s;
}

static sg_status on_unit(struct render *render, const char *rest)
{
    SG_BUFFER content;
    SG_FREE char *path = NULL;
    sg_buffer_init(&content, TEXT_MAX);
    if (asprintf(&path, "/etc/systemd/system/%s.service.d/signet.conf", rest) < 0) {
        path = NULL;
        return sg_fail_memory(render->err);
    }
    sg_status s = unit_content(render, &content);
    return s == SG_OK ? aside(render, path, &content) : s;
}

/* The line is a file for the shell: systemd would read quotes and backslashes in another way. */
static sg_status watch_script(struct render *render, const char *path)
{
    SG_BUFFER content;
    sg_buffer_init(&content, TEXT_MAX);
    const char *line = json_string_value(json_object_get(render->answer, "watch"));
    if (line == NULL) {
        return malformed(render, path);
    }
    sg_status s = sg_buffer_format(&content, render->err, "exec %s\n", line);
    return s == SG_OK ? aside(render, path, &content) : s;
}

static sg_status watch_unit(struct render *render, const char *name, const char *script)
{
    SG_BUFFER content;
    SG_FREE char *path = NULL;
    sg_buffer_init(&content, TEXT_MAX);
    if (asprintf(&path, "/etc/systemd/system/signet-watch-%s.service", name) < 0) {
        path = NULL;
        return sg_fail_memory(render->err);
    }
    sg_status s = sg_buffer_format(&content, render->err,
                                   "[Unit]\nDescription=What %s takes from a ring\n"
                                   "After=signetd.service\n\n"
                                   "[Service]\nExecStart=/bin/sh %s\nRestart=always\n"
                                   "RestartSec=10\n\n"
                                   "[Install]\nWantedBy=multi-user.target\n",
                                   name, script);
    return s == SG_OK ? aside(render, path, &content) : s;
}

static sg_status on_watch_unit(struct render *render, const char *rest)
{
    const char *blank = strchr(rest, ' ');
    if (blank == NULL) {
        return malformed(render, rest);
    }
    SG_FREE char *name = strndup(rest, (size_t)(blank - rest));
    if (name == NULL) {
        return sg_fail_memory(render->err);
    }
    sg_status s = watch_script(render, blank + 1);
    return s == SG_OK ? watch_unit(render, name, blank + 1) : s;
}

/* ---- files ---- */

static sg_status begin(struct render *render, const char *rest, bool is_main)
{
    size_t len = strcspn(rest, " ");
    if (render->file.path != NULL || rest[len] == '\0' || strlen(rest + len + 1) != 4) {
        return malformed(render, rest);
    }
    render->file.path = strndup(rest, len);
    if (render->file.path == NULL) {
        return sg_fail_memory(render->err);
    }
    memcpy(render->file.mode, rest + len + 1, 5);
    render->file.is_main = is_main;
    return sg_buffer_format(&render->text, render->err, "# %s:\n", render->file.path);
}

static sg_status on_file(struct render *render, const char *rest)
{
    return begin(render, rest, false);
}

static sg_status on_chain_file(struct render *render, const char *rest)
{
    return *rest != '\0' ? set(render, "chain_file", json_string(rest)) : malformed(render, rest);
}

static sg_status on_pair_file(struct render *render, const char *rest)
{
    sg_status s = begin(render, rest, false);
    render->file.is_pair = s == SG_OK;
    return s == SG_OK ? set(render, "pair_file", json_string(render->file.path)) : s;
}

static sg_status on_main(struct render *render, const char *rest)
{
    return begin(render, rest, true);
}

static void file_done(struct file *file)
{
    free(file->path);
    file->path = NULL;
    file->is_pair = false;
    sg_buffer_done(&file->content);
}

/* The chain is on a line of its own. */
static bool names_chain(const struct render *render)
{
    const char *chain = json_string_value(json_object_get(render->answer, "chain_file"));
    const char *text = render->file.content.len > 0 ? (const char *)render->file.content.data : "";
    const char *at = chain != NULL ? strstr(text, chain) : NULL;
    return at != NULL && strstr(at + 1, chain) == NULL &&
           (strchr(at, '\n')[1] != '\0' || memchr(text, '\n', (size_t)(at - text)) != NULL);
}

static sg_status end(struct render *render)
{
    struct file *file = &render->file;
    if (file->is_pair && !names_chain(render)) {
        return malformed(render, file->path);
    }
    sg_status s = add_file(render, file->path, file->mode, &file->content);
    if (s == SG_OK && file->is_main) {
        s = sg_buffer_append(&render->text, file->content.data, file->content.len, render->err);
    } else if (s == SG_OK) {
        s = print_content(render, &file->content);
    }
    file_done(file);
    return s;
}

static sg_status content_line(struct render *render, const char *line)
{
    if (strcmp(line, "%end") == 0) {
        return end(render);
    }
    sg_status s = expand(render, line, &render->file.content);
    return s == SG_OK ? sg_buffer_append(&render->file.content, "\n", 1, render->err) : s;
}

/* ---- lines ---- */

size_t sg_provision_is_choice(const char *line)
{
    static const char word[] = "%several ";
    return strncmp(line, word, sizeof word - 1) == 0 ? sizeof word - 1 : 0;
}

static const struct {
    const char *word;
    sg_status (*handle)(struct render *render, const char *rest);
} directives[] = {
    {"package", on_package},
    {"command", on_command},
    {"environment", on_environment},
    {"unit", on_unit},
    {"file", on_file},
    {"main", on_main},
    {"example", on_example},
    {"reload", on_reload},
    {"limit", on_limit},
    {"key", on_key},
    {"untested", on_untested},
    {"watch", on_watch},
    {"chain_file", on_chain_file},
    {"pair_file", on_pair_file},
    {"watch_unit", on_watch_unit},
};

static sg_status directive(struct render *render, const char *line)
{
    size_t len = strcspn(line + 1, " ");
    const char *rest = line + 1 + len + (line[1 + len] == ' ');
    for (size_t i = 0; i < SG_COUNT(directives); i++) {
        if (strlen(directives[i].word) != len || memcmp(directives[i].word, line + 1, len) != 0) {
            continue;
        }
        SG_BUFFER expanded;
        sg_buffer_init(&expanded, TEXT_MAX);
        sg_status s = expand(render, rest, &expanded);
        return s == SG_OK ? directives[i].handle(
                                render, expanded.len > 0 ? (const char *)expanded.data : "")
                          : s;
    }
    return malformed(render, line);
}

static sg_status prose(struct render *render, const char *line)
{
    if (*line != '#') {
        return malformed(render, line);
    }
    sg_status s = expand(render, line, &render->text);
    return s == SG_OK ? sg_buffer_append(&render->text, "\n", 1, render->err) : s;
}

/* The line without "%several ", or NULL where there is nothing to choose. */
static const char *chosen(const struct render *render, const char *line)
{
    static const char word[] = "several";
    const char *several = value_of(render, word, sizeof word - 1);
    size_t len = sg_provision_is_choice(line);
    return len == 0 || (several != NULL && *several != '\0') ? line + len : NULL;
}

static sg_status one_line(struct render *render, const char *line)
{
    if (line == NULL) {
        return SG_OK;
    }
    if (render->file.path != NULL) {
        return content_line(render, line);
    }
    return *line == '%' ? directive(render, line) : prose(render, line);
}

static sg_status each_line(struct render *render, const char *const *lines)
{
    sg_status s = SG_OK;
    for (; s == SG_OK && *lines != NULL; lines++) {
        s = one_line(render, chosen(render, *lines));
    }
    return s == SG_OK && render->file.path != NULL ? malformed(render, render->file.path) : s;
}

/* Every key is there, whatever the text says. */
static sg_status begin_answer(struct render *render)
{
    static const char *const lists[] = {"packages", "commands", "files", "examples", "limits"};
    sg_status s = set(render, "environment", json_object());
    for (size_t i = 0; s == SG_OK && i < SG_COUNT(lists); i++) {
        s = set(render, lists[i], json_array());
    }
    s = s == SG_OK ? set(render, "key", json_string("token")) : s;
    return s == SG_OK ? set(render, "tested", json_true()) : s;
}

sg_status sg_provision_render(const char *const *lines, const struct sg_provision_value *values,
                              json_t *answer, struct sg_error *err)
{
    struct render render = {.values = values, .answer = answer, .err = err};
    sg_buffer_init(&render.text, TEXT_MAX);
    sg_buffer_init(&render.file.content, TEXT_MAX);
    sg_status s = begin_answer(&render);
    s = s == SG_OK ? each_line(&render, lines) : s;
    s = s == SG_OK
            ? set(&render, "text", json_stringn((const char *)render.text.data, render.text.len))
            : s;
    file_done(&render.file);
    sg_buffer_done(&render.text);
    return s;
}
