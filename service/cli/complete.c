#include <signet/cli/help.h>

#include <string.h>

#include <signet/cli/arguments.h>

/* Which nouns there are, each once. */
static sg_status append_nouns(struct sg_buffer *out, struct sg_error *err)
{
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    sg_status s = SG_OK;
    for (size_t i = 0; i < count && s == SG_OK; i++) {
        if (i == 0 || strcmp(operations[i].noun, operations[i - 1].noun) != 0) {
            s = sg_buffer_format(out, err, "%s ", operations[i].noun);
        }
    }
    return s;
}

static sg_status append_verbs(struct sg_buffer *out, struct sg_error *err)
{
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    sg_status s = SG_OK;
    for (size_t i = 0; i < count && s == SG_OK; i++) {
        bool first = i == 0 || strcmp(operations[i].noun, operations[i - 1].noun) != 0;
        bool last = i + 1 == count || strcmp(operations[i].noun, operations[i + 1].noun) != 0;
        if (operations[i].verb[0] == '\0') {
            continue;
        }
        if (first) {
            s = sg_buffer_format(out, err, "        %s) words=\"", operations[i].noun);
        }
        if (s == SG_OK) {
            s = sg_buffer_format(out, err, "%s%s", operations[i].verb, last ? "\" ;;\n" : " ");
        }
    }
    return s;
}

static sg_status append_words(const char *const *words, const char *before, struct sg_buffer *out,
                              struct sg_error *err)
{
    sg_status s = SG_OK;
    for (; *words != NULL && s == SG_OK; words++) {
        s = sg_buffer_format(out, err, "%s%s ", before, *words);
    }
    return s;
}

/* "cert show") options="--json …"; files=… ;; */
static sg_status append_options(const struct sg_operation *operation, struct sg_buffer *out,
                                struct sg_error *err)
{
    bool files = false;
    sg_status s =
        sg_buffer_format(out, err, "        \"%s %s\") words=\"", operation->noun, operation->verb);
    for (const struct sg_param *param = operation->params; param->name != NULL && s == SG_OK;
         param++) {
        char option[64];
        sg_param_option(param, option);
        if (param->positional) {
            files = files || param->type == SG_PARAM_CERTIFICATE_FILES ||
                    param->type == SG_PARAM_CSR_FILE || param->type == SG_PARAM_CLIENT_FILE;
            s = param->words != NULL ? append_words(param->words, "", out, err) : SG_OK;
        } else if (param->word_flags) {
            s = append_words(param->words, "--", out, err);
        } else if (param->type != SG_PARAM_CARRIED) {
            s = sg_buffer_format(out, err, "--%s ", option);
        }
    }
    return s == SG_OK ? sg_buffer_format(out, err, "\"; files=%s ;;\n", files ? "yes" : "") : s;
}

static bool is_file(const struct sg_param *param)
{
    return param->type == SG_PARAM_CERTIFICATE_FILES || param->type == SG_PARAM_CSR_FILE ||
           param->type == SG_PARAM_CLIENT_FILE;
}

/* What stands behind an option that takes a value. */
static sg_status append_value(const struct sg_operation *operation, const struct sg_param *param,
                              struct sg_buffer *out, struct sg_error *err)
{
    char option[64];
    sg_param_option(param, option);
    bool flag = param->type == SG_PARAM_FLAG || param->type == SG_PARAM_CLIENT_FLAG;
    if (param->positional || param->word_flags || flag || param->type == SG_PARAM_CARRIED) {
        return SG_OK;
    }
    sg_status s = sg_buffer_format(out, err, "        \"%s %s --%s\") value=yes; words=\"",
                                   operation->noun, operation->verb, option);
    if (s == SG_OK && param->words != NULL) {
        s = append_words(param->words, "", out, err);
    }
    return s == SG_OK ? sg_buffer_format(out, err, "\"; files=%s ;;\n", is_file(param) ? "yes" : "")
                      : s;
}

static sg_status append_values(const struct sg_operation *operation, struct sg_buffer *out,
                               struct sg_error *err)
{
    sg_status s = SG_OK;
    for (const struct sg_param *param = operation->params; param->name != NULL && s == SG_OK;
         param++) {
        s = append_value(operation, param, out, err);
    }
    return s;
}

typedef sg_status (*row_writer)(const struct sg_operation *, struct sg_buffer *, struct sg_error *);
static sg_status each(row_writer write, struct sg_buffer *out, struct sg_error *err)
{
    size_t count;
    const struct sg_operation *operations = sg_operations(&count);
    sg_status s = SG_OK;
    for (size_t i = 0; i < count && s == SG_OK; i++) {
        s = write(&operations[i], out, err);
    }
    return s;
}

static const char head[] =
    "# bash completion for signet; made by: signet completion bash\n"
    "_signet() {\n"
    "    local cur=\"${COMP_WORDS[COMP_CWORD]}\" prev=\"${COMP_WORDS[COMP_CWORD-1]}\"\n"
    "    local noun=\"\" verb=\"\" words=\"\" files=\"\" value=\"\" i\n"
    "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
    "        case \"${COMP_WORDS[i]}\" in\n"
    "        --socket) i=$((i + 1)) ;;\n"
    "        -*) ;;\n"
    "        *)\n"
    "            if [ -z \"$noun\" ]; then\n"
    "                noun=\"${COMP_WORDS[i]}\"\n"
    "            elif [ -z \"$verb\" ]; then\n"
    "                verb=\"${COMP_WORDS[i]}\"\n"
    "            fi ;;\n"
    "        esac\n"
    "    done\n"
    "    COMPREPLY=()\n";

/* One-word commands have no verb: what follows them must not be taken for one. */
static sg_status append_single(const struct sg_operation *operation, struct sg_buffer *out,
                               struct sg_error *err)
{
    if (operation->verb[0] != '\0') {
        return SG_OK;
    }
    return sg_buffer_format(out, err, "    if [ \"$noun\" = %s ]; then verb=\"\"; fi\n",
                            operation->noun);
}

static const char tail[] =
    "        esac\n"
    "        words=\"$words --json --dry-run --socket --help --version\"\n"
    "    fi\n"
    "    if [ -n \"$files\" ] && [ \"${cur#-}\" = \"$cur\" ]; then\n"
    "        compopt -o filenames 2>/dev/null\n"
    "        mapfile -t COMPREPLY < <(compgen -f -- \"$cur\")\n"
    "    fi\n"
    "    mapfile -t -O \"${#COMPREPLY[@]}\" COMPREPLY < <(compgen -W \"$words\" -- \"$cur\")\n"
    "}\n"
    "complete -F _signet signet\n";

static sg_status append_text(const char *text, struct sg_buffer *out, struct sg_error *err)
{
    return sg_buffer_append(out, text, strlen(text), err);
}

static sg_status append_level_one(struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = append_text("    case \"$noun $verb $prev\" in\n"
                              "        *\" --socket\") value=yes; files=yes ;;\n",
                              out, err);
    if (s == SG_OK) {
        s = each(append_values, out, err);
    }
    if (s == SG_OK) {
        s = append_text("    esac\n    if [ -n \"$value\" ]; then\n        :\n"
                        "    elif [ -z \"$noun\" ]; then\n        words=\"",
                        out, err);
    }
    if (s == SG_OK) {
        s = append_nouns(out, err);
    }
    return s == SG_OK
               ? append_text("help completion --json --dry-run --socket --help --version\"\n", out,
                             err)
               : s;
}

static sg_status append_level_two(struct sg_buffer *out, struct sg_error *err)
{
    sg_status s =
        append_text("    else\n        [ -n \"$verb\" ] || case \"$noun\" in\n", out, err);
    if (s == SG_OK) {
        s = append_verbs(out, err);
    }
    if (s == SG_OK) {
        s = append_text("        help) words=\"", out, err);
    }
    if (s == SG_OK) {
        s = append_nouns(out, err);
    }
    return s == SG_OK ? append_text("\" ;;\n        completion) words=\"bash\" ;;\n        esac\n"
                                    "        case \"$noun $verb\" in\n",
                                    out, err)
                      : s;
}

sg_status sg_completion_bash(struct sg_buffer *out, struct sg_error *err)
{
    sg_status s = append_text(head, out, err);
    if (s == SG_OK) {
        s = each(append_single, out, err);
    }
    if (s == SG_OK) {
        s = append_level_one(out, err);
    }
    if (s == SG_OK) {
        s = append_level_two(out, err);
    }
    if (s == SG_OK) {
        s = each(append_options, out, err);
    }
    return s == SG_OK ? append_text(tail, out, err) : s;
}
