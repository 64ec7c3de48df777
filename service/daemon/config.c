/* The configuration file, line by line: sections, names, values. What a value means is
 * config_value.c's. */
#include <signet/daemon/config.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include <signet/base/buffer.h>
#include <signet/base/file.h>
#include <signet/base/schedule.h>
#include <signet/policy/name.h>

#include "config_internal.h"

#define BAD "bad_configuration"
#define CLOSE_ENOUGH 2u /* edits between what was written and what was meant */

struct reader {
    const char *path;
    unsigned line; /* of what is being read */
    struct sg_config *config;
    struct sg_config_token *token; /* NULL before the first section */
    unsigned section_line;
    uint32_t seen; /* settings of this section, by row */
};

/* Put FILE:LINE before the message that is set. */
static sg_status at(const struct reader *reader, unsigned line, struct sg_error *err)
{
    sg_error_prefix(err, "%s:%u", reader->path, line);
    return sg_object(err, "%s", reader->path);
}

static const struct sg_setting *settings_here(const struct reader *reader, size_t *count)
{
    return reader->token != NULL ? sg_config_token_settings(count)
                                 : sg_config_service_settings(count);
}

static void *base_here(const struct reader *reader)
{
    return reader->token != NULL ? (void *)reader->token : (void *)reader->config;
}

static const struct sg_setting *find(const struct sg_setting *rows, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

static const char *nearest(const struct sg_setting *rows, size_t count, const char *name)
{
    const char *best = NULL;
    unsigned best_distance = CLOSE_ENOUGH + 1;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = sg_name_distance(rows[i].name, name);
        if (distance < best_distance) {
            best = rows[i].name;
            best_distance = distance;
        }
    }
    return best;
}

static void list_names(const struct sg_setting *rows, size_t count, char *out, size_t room)
{
    size_t used = 0;
    for (size_t i = 0; i < count && used < room; i++) {
        int put = snprintf(out + used, room - used, "%s%s", i > 0 ? ", " : "", rows[i].name);
        used += put > 0 ? (size_t)put : 0;
    }
}

static sg_status refuse_name(const struct reader *reader, const char *name, struct sg_error *err)
{
    size_t count = 0;
    size_t other_count = 0;
    const struct sg_setting *rows = settings_here(reader, &count);
    const struct sg_setting *others = reader->token != NULL
                                          ? sg_config_service_settings(&other_count)
                                          : sg_config_token_settings(&other_count);
    sg_fail(err, SG_E_INPUT, BAD, "unknown setting \"%.64s\"", name);
    if (find(others, other_count, name) != NULL) {
        return sg_hint(err, reader->token != NULL ? "It stands before the first [token NAME]."
                                                  : "It stands below a [token NAME].");
    }
    const char *meant = nearest(rows, count, name);
    if (meant != NULL) {
        return sg_hint(err, "Did you mean %s?", meant);
    }
    char names[400] = "";
    list_names(rows, count, names, sizeof names);
    return sg_hint(err, "Allowed here: %s.", names);
}

/* Blanks off both ends; the text is changed in place. */
static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        text[--len] = '\0';
    }
    return text;
}

/* A comment starts at a # that begins a line or follows a blank. */
static void cut_comment(char *text)
{
    for (char *next = text; *next != '\0'; next++) {
        if (*next == '#' && (next == text || next[-1] == ' ' || next[-1] == '\t')) {
            *next = '\0';
            return;
        }
    }
}

/* A value between double quotes is taken as it is; a bare one ends at a comment. */
static sg_status unquote(char *text, char **out, struct sg_error *err)
{
    text += strspn(text, " \t");
    if (text[0] != '"') {
        cut_comment(text);
        *out = trim(text);
        return SG_OK;
    }
    char *end = strchr(text + 1, '"');
    if (end == NULL) {
        sg_fail(err, SG_E_INPUT, BAD, "the quotation mark is not closed");
        return sg_hint(err, "Write name = \"value\" on one line.");
    }
    *end = '\0';
    char *rest = end + 1;
    cut_comment(rest);
    if (*trim(rest) != '\0') {
        sg_fail(err, SG_E_INPUT, BAD, "something stands behind the closing quotation mark");
        return sg_hint(err, "Write name = \"value\"; a value cannot hold a quotation mark.");
    }
    *out = text + 1;
    return SG_OK;
}

static sg_status refuse_line(struct sg_error *err)
{
    sg_fail(err, SG_E_INPUT, BAD, "this is not a setting");
    return sg_hint(err, "Allowed: name = value, [token NAME], and comments that start with #.");
}

/* One of each, except variables of the environment. */
static sg_status note_seen(struct reader *reader, const struct sg_setting *setting, size_t row,
                           struct sg_error *err)
{
    uint32_t bit = (uint32_t)1 << row;
    if ((reader->seen & bit) != 0 && setting->type != SG_SETTING_ENVIRONMENT) {
        sg_fail(err, SG_E_INPUT, BAD, "%s is set twice", setting->name);
        return sg_hint(err, "Remove one of the two lines.");
    }
    reader->seen |= bit;
    return SG_OK;
}

static sg_status read_setting(struct reader *reader, char *line, struct sg_error *err)
{
    char *equals = strchr(line, '=');
    if (equals == NULL) {
        return refuse_line(err);
    }
    *equals = '\0';
    const char *name = trim(line);
    char *value = equals + 1;
    size_t count = 0;
    const struct sg_setting *rows = settings_here(reader, &count);
    const struct sg_setting *setting = find(rows, count, name);
    if (setting == NULL) {
        return refuse_name(reader, name, err);
    }
    sg_status s = note_seen(reader, setting, (size_t)(setting - rows), err);
    if (s == SG_OK) {
        s = unquote(equals + 1, &value, err);
    }
    if (s == SG_OK && value[0] == '\0') {
        sg_fail(err, SG_E_INPUT, BAD, "%s has no value", name);
        return sg_hint(err, "Allowed: %s. Remove the line to have the default.", setting->help);
    }
    return s == SG_OK ? sg_config_set(setting, value, base_here(reader), err) : s;
}

static sg_status apply_defaults(const struct sg_setting *rows, size_t count, void *base,
                                struct sg_error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (rows[i].initial != NULL) {
            sg_status s = sg_config_set(&rows[i], rows[i].initial, base, err);
            if (s != SG_OK) {
                return s;
            }
        }
    }
    return SG_OK;
}

static bool is_seen(const struct reader *reader, const char *name)
{
    size_t count = 0;
    const struct sg_setting *rows = sg_config_token_settings(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(rows[i].name, name) == 0) {
            return (reader->seen & (uint32_t)1 << i) != 0;
        }
    }
    return false;
}

/* Clients wait a little longer than call_deadline_s and no more: a use cannot take longer. What
 * nobody wrote follows. */
static sg_status check_deadlines(const struct reader *reader, struct sg_config_token *token,
                                 struct sg_error *err)
{
    if (token->use_deadline_s <= token->call_deadline_s) {
        return SG_OK;
    }
    if (!is_seen(reader, "use_deadline_s")) {
        token->use_deadline_s = token->call_deadline_s;
        return SG_OK;
    }
    sg_fail(err, SG_E_INPUT, BAD,
            "token \"%s\": use_deadline_s = %u is more than call_deadline_s = %u", token->name,
            token->use_deadline_s, token->call_deadline_s);
    sg_hint(err, "Raise call_deadline_s, or let use_deadline_s be %u at most.",
            token->call_deadline_s);
    return at(reader, reader->section_line, err);
}

/* What only the whole section shows; complaints point at its first line. */
static sg_status end_section(const struct reader *reader, struct sg_error *err)
{
    const struct sg_config_token *token = reader->token;
    size_t count = 0;
    const struct sg_setting *rows = sg_config_token_settings(&count);
    for (size_t i = 0; token != NULL && i < count; i++) {
        if (rows[i].required && (reader->seen & (uint32_t)1 << i) == 0) {
            sg_fail(err, SG_E_INPUT, BAD, "token \"%s\" has no %s", token->name, rows[i].name);
            sg_hint(err, "Add a line: %s = …; %s.", rows[i].name, rows[i].help);
            return at(reader, reader->section_line, err);
        }
    }
    if (token != NULL && (token->label[0] == '\0') == (token->serial[0] == '\0')) {
        sg_fail(err, SG_E_INPUT, BAD, "token \"%s\" has %s", token->name,
                token->label[0] == '\0' ? "neither label nor serial" : "both label and serial");
        sg_hint(err, "Give one of the two; p11tool --list-tokens shows them.");
        return at(reader, reader->section_line, err);
    }
    return token != NULL ? check_deadlines(reader, reader->token, err) : SG_OK;
}

static sg_status check_token_name(const struct reader *reader, const char *name,
                                  struct sg_error *err)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
    size_t len = strlen(name);
    if (len == 0 || len > SG_TOKEN_NAME_MAX || strspn(name, allowed) != len) {
        sg_fail(err, SG_E_INPUT, BAD, "\"%.64s\" is not a token's name", name);
        return sg_hint(err, "Allowed: 1 to %d letters, digits, dots, underscores and hyphens.",
                       SG_TOKEN_NAME_MAX);
    }
    for (size_t i = 0; i < reader->config->token_count; i++) {
        if (strcmp(reader->config->tokens[i].name, name) == 0) {
            sg_fail(err, SG_E_INPUT, BAD, "token \"%s\" is configured twice", name);
            return sg_hint(err, "Every token needs a name of its own.");
        }
    }
    return SG_OK;
}

static sg_status start_token(struct reader *reader, const char *name, struct sg_error *err)
{
    sg_status s = check_token_name(reader, name, err);
    if (s != SG_OK) {
        return s;
    }
    if (reader->config->token_count == SG_TOKENS_MAX) {
        sg_fail(err, SG_E_INPUT, BAD, "more than %d tokens", SG_TOKENS_MAX);
        return sg_hint(err, "Configure at most %d.", SG_TOKENS_MAX);
    }
    size_t count = 0;
    const struct sg_setting *rows = sg_config_token_settings(&count);
    reader->token = &reader->config->tokens[reader->config->token_count++];
    snprintf(reader->token->name, sizeof reader->token->name, "%s", name);
    reader->section_line = reader->line;
    reader->seen = 0;
    /* A software token gains from one process per core, no more than that (docs/processes.md). */
    unsigned cores = sg_processors_count();
    reader->token->processes = cores > SG_TOKEN_PROCESSES_MAX ? SG_TOKEN_PROCESSES_MAX : cores;
    return apply_defaults(rows, count, reader->token, err);
}

static sg_status read_section(struct reader *reader, char *line, struct sg_error *err)
{
    cut_comment(line);
    char *text = trim(line + 1);
    size_t len = strlen(text);
    bool closed = len > 0 && text[len - 1] == ']';
    if (closed) {
        text[len - 1] = '\0';
    }
    if (!closed || strncmp(text, "token", 5) != 0 || (text[5] != ' ' && text[5] != '\t')) {
        sg_fail(err, SG_E_INPUT, BAD, "this is not a section");
        return sg_hint(err, "Allowed: [token NAME].");
    }
    return start_token(reader, trim(text + 5), err);
}

static sg_status refuse_controls(const char *line, struct sg_error *err)
{
    for (size_t i = 0; line[i] != '\0'; i++) {
        unsigned char byte = (unsigned char)line[i];
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) {
            sg_fail(err, SG_E_INPUT, BAD, "a control character (0x%02x) in column %zu", byte,
                    i + 1);
            return sg_hint(err, "Allowed: printable text, blanks and tabs.");
        }
    }
    return SG_OK;
}

/* A section's own complaints come with the line they are about; the others get this one. */
static sg_status read_line(struct reader *reader, char *line, struct sg_error *err)
{
    size_t len = strlen(line);
    if (len > 0 && line[len - 1] == '\r') {
        line[len - 1] = '\0';
    }
    sg_status s = refuse_controls(line, err);
    char *text = s == SG_OK ? trim(line) : line;
    if (s == SG_OK && text[0] == '[') {
        s = end_section(reader, err);
        if (s != SG_OK) {
            return s;
        }
        s = read_section(reader, text, err);
    } else if (s == SG_OK && text[0] != '\0' && text[0] != '#') {
        s = read_setting(reader, text, err);
    }
    return s == SG_OK ? s : at(reader, reader->line, err);
}

static sg_status read_lines(struct reader *reader, char *text, struct sg_error *err)
{
    char *rest = text;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        reader->line++;
        sg_status s = read_line(reader, line, err);
        if (s != SG_OK) {
            return s;
        }
    }
    return end_section(reader, err);
}

static sg_status load(const char *path, struct sg_buffer *text, struct sg_error *err)
{
    if (strlen(path) >= sizeof(((struct sg_config *)0)->path)) {
        return sg_fail(err, SG_E_INPUT, BAD, "the path of the configuration is too long");
    }
    sg_status s = sg_file_read(path, "configuration", text, err);
    if (s == SG_E_LIMIT) {
        sg_fail(err, SG_E_INPUT, BAD, "%s:1: the configuration is larger than %zu bytes", path,
                SG_CONFIG_FILE_MAX);
        return sg_hint(err, "Is this the file you meant?");
    }
    if (s != SG_OK) {
        return sg_hint(err, "Name a file that exists and may be read: signetd --config FILE.");
    }
    const unsigned char *nul = text->len > 0 ? memchr(text->data, 0, text->len) : NULL;
    if (nul == NULL) {
        return SG_OK;
    }
    unsigned line = 1;
    for (const unsigned char *next = text->data; next < nul; next++) {
        line += *next == '\n' ? 1u : 0u;
    }
    sg_fail(err, SG_E_INPUT, BAD, "%s:%u: a NUL byte", path, line);
    return sg_hint(err, "The configuration is a text file; is this the file you meant?");
}

/* What only the whole file shows. */
static sg_status check_whole(struct reader *reader, struct sg_error *err)
{
    const struct sg_config *config = reader->config;
    if (config->token_count == 0) {
        sg_fail(err, SG_E_INPUT, BAD, "no token is configured");
        sg_hint(err, "Add a section: [token NAME] with module, label or serial, and pin_file.");
        return at(reader, reader->line, err);
    }
    if (strcmp(config->socket, config->rings_socket) == 0) {
        sg_fail(err, SG_E_INPUT, BAD, "socket and rings_socket are the same path");
        sg_hint(err, "Give each a path of its own.");
        return at(reader, reader->line, err);
    }
    return SG_OK;
}

static sg_status read_config(const char *path, struct sg_config *config, struct sg_error *err)
{
    SG_BUFFER text;
    sg_buffer_init(&text, SG_CONFIG_FILE_MAX);
    sg_status s = load(path, &text, err);
    if (s != SG_OK) {
        return s;
    }
    snprintf(config->path, sizeof config->path, "%s", path);
    size_t count = 0;
    const struct sg_setting *rows = sg_config_service_settings(&count);
    s = apply_defaults(rows, count, config, err);
    if (s != SG_OK) {
        return s;
    }
    struct reader reader = {.path = path, .config = config};
    char nothing[1] = "";
    s = read_lines(&reader, text.data != NULL ? (char *)text.data : nothing, err);
    return s == SG_OK ? check_whole(&reader, err) : s;
}

static void config_freep(struct sg_config **config)
{
    if (*config != NULL) {
        sg_config_done(*config);
        free(*config);
    }
}

sg_status sg_config_read(const char *path, struct sg_config *out, struct sg_error *err)
{
    SG_CLEANUP(config_freep) struct sg_config *config = calloc(1, sizeof *config);
    if (config == NULL) {
        return sg_fail_memory(err);
    }
    sg_status s = read_config(path, config, err);
    if (s == SG_OK) {
        *out = *config;
        memset(config, 0, sizeof *config); /* the strings are *out's now */
    }
    return s;
}

void sg_config_done(struct sg_config *config)
{
    for (size_t i = 0; i < config->token_count; i++) {
        for (char **variable = config->tokens[i].environment; *variable != NULL; variable++) {
            free(*variable);
            *variable = NULL;
        }
    }
}
