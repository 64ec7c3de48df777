#include <signet/cli/suggest.h>

#include <stdio.h>
#include <string.h>

#include <signet/cli/arguments.h>
#include <signet/cli/help.h>
#include <signet/policy/name.h>

#define NEAR_ENOUGH 2 /* edits: "--subjct", "genrate"; more is guessing */

/* The best candidate so far. */
struct nearest {
    const char *word; /* what was typed */
    char best[64];
    unsigned distance;
};

static void consider(struct nearest *nearest, const char *candidate)
{
    unsigned distance = sg_name_distance(nearest->word, candidate);
    if (distance < nearest->distance) {
        nearest->distance = distance;
        snprintf(nearest->best, sizeof nearest->best, "%s", candidate);
    }
}

/* A word of two letters is two edits from everything. */
static bool found(const struct nearest *nearest)
{
    size_t len = strlen(nearest->best);
    return nearest->distance <= NEAR_ENOUGH && nearest->distance < len;
}

struct excerpt_list {
    char text[400];
    size_t len;
};

static void list_add(struct excerpt_list *list, const char *word)
{
    int made = snprintf(list->text + list->len, sizeof list->text - list->len, "%s%s",
                        list->len > 0 ? ", " : "", word);
    if (made > 0 && (size_t)made < sizeof list->text - list->len) {
        list->len += (size_t)made;
    } else {
        list->text[list->len] = '\0';
    }
}

sg_status sg_suggest_word(const char *word, const char *const *words, struct sg_error *err)
{
    struct nearest nearest = {.word = word, .distance = NEAR_ENOUGH + 1};
    struct excerpt_list all = {.len = 0};
    for (; *words != NULL; words++) {
        consider(&nearest, *words);
        list_add(&all, *words);
    }
    if (found(&nearest)) {
        return sg_hint(err, "Did you mean %s? It takes: %s.", nearest.best, all.text);
    }
    return sg_hint(err, "It takes: %s.", all.text);
}

static void consider_params(struct nearest *nearest, const struct sg_operation *operation)
{
    for (const struct sg_param *param = operation->params; param->name != NULL; param++) {
        char option[64];
        if (param->positional || param->type == SG_PARAM_CARRIED) {
            continue;
        }
        if (!param->word_flags) {
            sg_param_option(param, option);
            consider(nearest, option);
            continue;
        }
        for (const char *const *word = param->words; *word != NULL; word++) {
            consider(nearest, *word);
        }
    }
}

sg_status sg_suggest_option(const char *word, const struct sg_operation *operation,
                            struct sg_error *err)
{
    static const char *const everywhere[] = {"json", "dry-run", "socket", "help", "version"};
    char typed[64];
    word += strspn(word, "-");
    snprintf(typed, sizeof typed, "%.*s", (int)strcspn(word, "="), word);
    struct nearest nearest = {.word = typed, .distance = NEAR_ENOUGH + 1};
    for (size_t i = 0; i < SG_COUNT(everywhere); i++) {
        consider(&nearest, everywhere[i]);
    }
    if (operation != NULL) {
        consider_params(&nearest, operation);
    }
    if (found(&nearest)) {
        return sg_hint(err, "Did you mean --%s?", nearest.best);
    }
    if (operation == NULL) {
        return sg_hint(
            err,
            "signet --help lists the options of every command; a command's own stand behind it.");
    }
    return sg_hint(err,
                   "signet %s%s%s --help lists the options; behind \"--\" nothing is an option.",
                   operation->noun, operation->verb[0] != '\0' ? " " : "", operation->verb);
}

static sg_status suggest_verb(const char *noun, const char *word, struct sg_error *err)
{
    struct nearest nearest = {.word = word, .distance = NEAR_ENOUGH + 1};
    struct excerpt_list all = {.len = 0};
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(operations[i].noun, noun) == 0) {
            consider(&nearest, operations[i].verb);
            list_add(&all, operations[i].verb);
        }
    }
    if (found(&nearest)) {
        return sg_hint(err, "Did you mean signet %s %s?", noun, nearest.best);
    }
    return sg_hint(err, "signet %s …: %s.", noun, all.text);
}

sg_status sg_suggest_command(const char *noun, const char *word, struct sg_error *err)
{
    if (noun != NULL) {
        return suggest_verb(noun, word, err);
    }
    struct nearest nearest = {.word = word, .distance = NEAR_ENOUGH + 1};
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(operations[i].verb, word) == 0) {
            return sg_hint(err, "Did you mean signet %s %s?", operations[i].noun,
                           operations[i].verb);
        }
        consider(&nearest, operations[i].noun);
    }
    consider(&nearest, "help");
    consider(&nearest, "completion");
    if (found(&nearest)) {
        return sg_hint(err, "Did you mean signet %s?", nearest.best);
    }
    return sg_hint(err, "signet --help lists the commands.");
}

sg_status sg_suggest_usage(const struct sg_operation *operation, struct sg_error *err)
{
    SG_BUFFER usage;
    sg_buffer_init(&usage, sizeof err->hint);
    struct sg_error ignored =
        SG_ERROR_INIT; /* a hint that is too long is no reason to lose the error */
    if (sg_help_usage(operation, &usage, &ignored) != SG_OK) {
        return sg_hint(err, "signet %s %s --help", operation->noun, operation->verb);
    }
    return sg_hint(err, "%s", (const char *)usage.data);
}
