/* One value of each type, from text. Messages name the setting and never need the line: the reader
 * of lines adds it. */
#include "config_internal.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

#define BAD "bad_configuration"
#define PASSWD_BUFFER 65536

static sg_status refuse(const struct sg_setting *setting, const char *value, struct sg_error *err)
{
    sg_fail(err, SG_E_INPUT, BAD, "\"%.100s\" is not a value of %s", value, setting->name);
    return sg_hint(err, "Allowed: %s.", setting->help);
}

static sg_status set_text(const struct sg_setting *setting, const char *value, void *member,
                          struct sg_error *err)
{
    size_t len = strlen(value);
    size_t max = setting->max != 0 ? (size_t)setting->max : setting->size - 1;
    if (len < setting->min || len > max || len >= setting->size) {
        sg_fail(err, SG_E_INPUT, BAD, "%s is %zu bytes long", setting->name, len);
        return sg_hint(err, "Allowed: %s.", setting->help);
    }
    memcpy(member, value, len + 1);
    return SG_OK;
}

static sg_status set_path(const struct sg_setting *setting, const char *value, void *member,
                          size_t max, struct sg_error *err)
{
    if (value[0] != '/') {
        sg_fail(err, SG_E_INPUT, BAD, "%s \"%.100s\" is not an absolute path", setting->name,
                value);
        return sg_hint(err, "Allowed: %s.", setting->help);
    }
    if (strlen(value) > max) {
        sg_fail(err, SG_E_INPUT, BAD, "the path in %s is %zu bytes long", setting->name,
                strlen(value));
        return sg_hint(err, "Allowed: %s.", setting->help);
    }
    return set_text(setting, value, member, err);
}

static sg_status set_user(const struct sg_setting *setting, const char *value, void *member,
                          struct sg_error *err)
{
    if (strcmp(value, "-") == 0) {
        return set_text(setting, "", member, err);
    }
    if (strlen(value) >= setting->size || strpbrk(value, " \t,:/") != NULL || value[0] == '-') {
        return refuse(setting, value, err);
    }
    return set_text(setting, value, member, err);
}

static sg_status set_log_level(const struct sg_setting *setting, const char *value, void *member,
                               struct sg_error *err)
{
    static const struct {
        const char *name;
        enum sg_log_level level;
    } levels[] = {
        {"error", SG_LOG_ERROR}, {"warning", SG_LOG_WARNING}, {"notice", SG_LOG_NOTICE},
        {"info", SG_LOG_INFO},   {"debug", SG_LOG_DEBUG},
    };
    for (size_t i = 0; i < SG_COUNT(levels); i++) {
        if (strcasecmp(value, levels[i].name) == 0) {
            memcpy(member, &levels[i].level, sizeof levels[i].level);
            return SG_OK;
        }
    }
    return refuse(setting, value, err);
}

static sg_status set_flag(const struct sg_setting *setting, const char *value, void *member,
                          struct sg_error *err)
{
    static const char *const words[] = {"no", "yes", "false", "true"};
    for (size_t i = 0; i < SG_COUNT(words); i++) {
        if (strcasecmp(value, words[i]) == 0) {
            *(bool *)member = i % 2 == 1;
            return SG_OK;
        }
    }
    return refuse(setting, value, err);
}

/* Decimal digits and, where allowed, one of K M G behind them; false for anything else and for what
 * does not fit. */
static bool parse_number(const char *text, bool suffix, uint64_t *out)
{
    uint64_t number = 0;
    const char *next = text;
    for (; isdigit((unsigned char)*next); next++) {
        if (__builtin_mul_overflow(number, 10u, &number) ||
            __builtin_add_overflow(number, (uint64_t)(*next - '0'), &number)) {
            return false;
        }
    }
    if (next == text) {
        return false;
    }
    static const char units[] = "KMG";
    const char *unit =
        suffix && *next != '\0' ? strchr(units, toupper((unsigned char)*next)) : NULL;
    if (unit != NULL) {
        next++;
        unsigned shift = 10u * (unsigned)(unit - units + 1);
        if (number > UINT64_MAX >> shift) {
            return false;
        }
        number <<= shift;
    }
    *out = number;
    return *next == '\0';
}

static sg_status set_number(const struct sg_setting *setting, const char *value, void *member,
                            struct sg_error *err)
{
    uint64_t number = 0;
    bool suffix = setting->type == SG_SETTING_SIZE || setting->type == SG_SETTING_SIZE_OR_NONE;
    bool none_allowed = setting->type == SG_SETTING_SIZE_OR_NONE;
    if (!parse_number(value, suffix, &number)) {
        return refuse(setting, value, err);
    }
    if ((number < setting->min || number > setting->max) && !(none_allowed && number == 0)) {
        return refuse(setting, value, err);
    }
    if (setting->size == sizeof(size_t)) {
        *(size_t *)member = (size_t)number;
    } else {
        *(unsigned *)member = (unsigned)number;
    }
    return SG_OK;
}

static bool is_variable_name(const char *text, size_t len)
{
    if (len == 0 || isdigit((unsigned char)text[0])) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (!isalnum((unsigned char)text[i]) && text[i] != '_') {
            return false;
        }
    }
    return true;
}

static sg_status add_environment(const struct sg_setting *setting, const char *value, void *member,
                                 struct sg_error *err)
{
    char **list = member;
    const char *equals = strchr(value, '=');
    if (equals == NULL || !is_variable_name(value, (size_t)(equals - value))) {
        return refuse(setting, value, err);
    }
    size_t name_len = (size_t)(equals - value) + 1;
    size_t count = 0;
    for (; list[count] != NULL; count++) {
        if (strncmp(list[count], value, name_len) == 0) {
            sg_fail(err, SG_E_INPUT, BAD, "the variable %.*s is set twice", (int)name_len - 1,
                    value);
            return sg_hint(err, "Remove one of the two lines.");
        }
    }
    if (count == setting->max) {
        sg_fail(err, SG_E_INPUT, BAD, "more than %zu variables", count);
        return sg_hint(err, "Allowed: %s.", setting->help);
    }
    list[count] = strdup(value);
    return list[count] != NULL ? SG_OK : sg_fail_memory(err);
}

static sg_status find_user(const char *name, uid_t *out, struct sg_error *err)
{
    uint64_t number = 0;
    if (parse_number(name, false, &number) && number < UINT32_MAX) {
        *out = (uid_t)number;
        return SG_OK;
    }
    SG_FREE char *buffer = malloc(PASSWD_BUFFER);
    if (buffer == NULL) {
        return sg_fail_memory(err);
    }
    struct passwd entry;
    struct passwd *found = NULL;
    int reason = getpwnam_r(name, &entry, buffer, PASSWD_BUFFER, &found);
    if (found == NULL && reason != 0 && reason != ENOENT) {
        errno = reason;
        return sg_fail_errno(err, SG_E_INPUT, BAD, "cannot look up the user \"%.64s\"", name);
    }
    if (found == NULL) {
        sg_fail(err, SG_E_INPUT, BAD, "the user \"%.64s\" does not exist", name);
        return sg_hint(err, "Name a user of this system (getent passwd) or give a number.");
    }
    *out = entry.pw_uid;
    return SG_OK;
}

static sg_status add_administrator(struct sg_config *config, const char *name, struct sg_error *err)
{
    uid_t uid = 0;
    sg_status s = find_user(name, &uid, err);
    if (s != SG_OK) {
        return s;
    }
    if (uid == SG_UID_OVERFLOW) {
        sg_fail(
            err, SG_E_INPUT, BAD,
            "\"%.64s\" cannot be an administrator: number %u stands for every user that the kernel cannot name",
            name, SG_UID_OVERFLOW);
        return sg_hint(err, "Give administrators an account of their own.");
    }
    for (size_t i = 0; i < config->administrator_count; i++) {
        if (config->administrators[i] == uid) {
            sg_fail(err, SG_E_INPUT, BAD, "the administrator \"%.64s\" is named twice", name);
            return sg_hint(err, "Remove one of the two; user number %u.", (unsigned)uid);
        }
    }
    if (config->administrator_count == SG_ADMINISTRATORS_MAX) {
        sg_fail(err, SG_E_INPUT, BAD, "more than %d administrators", SG_ADMINISTRATORS_MAX);
        return sg_hint(err, "Name at most %d.", SG_ADMINISTRATORS_MAX);
    }
    config->administrators[config->administrator_count++] = uid;
    return SG_OK;
}

static void trim_right(char *text)
{
    size_t len = strlen(text);
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t')) {
        text[--len] = '\0';
    }
}

static sg_status add_administrators(const struct sg_setting *setting, const char *value,
                                    struct sg_config *config, struct sg_error *err)
{
    SG_FREE char *copy = strdup(value);
    if (copy == NULL) {
        return sg_fail_memory(err);
    }
    char *rest = copy;
    for (char *name = strsep(&rest, ","); name != NULL; name = strsep(&rest, ",")) {
        name += strspn(name, " \t");
        trim_right(name);
        if (name[0] == '\0' || strpbrk(name, " \t") != NULL) {
            return refuse(setting, value, err);
        }
        sg_status s = add_administrator(config, name, err);
        if (s != SG_OK) {
            return s;
        }
    }
    return SG_OK;
}

static sg_status set_policy(const struct sg_setting *setting, const char *value, void *member,
                            struct sg_error *err)
{
    return sg_policy_setting_parse(setting->name, value, member) ? SG_OK
                                                                 : refuse(setting, value, err);
}

sg_status sg_config_set(const struct sg_setting *setting, const char *value, void *base,
                        struct sg_error *err)
{
    void *member = (char *)base + setting->offset;
    switch (setting->type) {
    case SG_SETTING_PATH:
        return set_path(setting, value, member, setting->size - 1, err);
    case SG_SETTING_SOCKET:
        return set_path(setting, value, member, sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
                        err);
    case SG_SETTING_TEXT:
        return set_text(setting, value, member, err);
    case SG_SETTING_USER:
        return set_user(setting, value, member, err);
    case SG_SETTING_USERS:
        return add_administrators(setting, value, base, err);
    case SG_SETTING_LOG_LEVEL:
        return set_log_level(setting, value, member, err);
    case SG_SETTING_SIZE:
    case SG_SETTING_SIZE_OR_NONE:
    case SG_SETTING_UNSIGNED:
        return set_number(setting, value, member, err);
    case SG_SETTING_FLAG:
        return set_flag(setting, value, member, err);
    case SG_SETTING_POLICY:
        return set_policy(setting, value, member, err);
    case SG_SETTING_ENVIRONMENT:
        return add_environment(setting, value, member, err);
    }
    return sg_fail(err, SG_E_INTERNAL, NULL, "setting %s has no type", setting->name);
}
