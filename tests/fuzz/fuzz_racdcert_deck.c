/* Aimed at: sg_deck_next, sg_deck_excerpt, sg_deck_echo, sg_rac_blame, and sg_rac_translate with
 * the lexer and the grammar below it. What was understood as a password is shown nowhere. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <signet/racdcert/command.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool invariant)
{
    if (!invariant) {
        abort();
    }
}

/* What fails says why; what is shown is bounded and holds no control characters. */
static void check_error(const struct sg_error *err, sg_status status)
{
    require(err->status == status && status != SG_OK && status != SG_E_INTERNAL);
    require(err->code[0] != '\0' && err->text[0] != '\0');
}

static void show(struct sg_deck_command *command)
{
    SG_BUFFER out;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&out, (size_t)4 * SG_DECK_COMMAND_MAX);
    require(command->fault <= command->text.len);
    const struct sg_place place = sg_deck_place(command, command->fault);
    require(place.line >= 1 && place.column >= 1);
    require(sg_deck_excerpt(command, &out, &err) == SG_OK);
    require(out.len < 2000);
    for (size_t i = 0; i < out.len; i++) {
        require(out.data[i] == '\n' || (out.data[i] >= 0x20 && out.data[i] != 0x7f));
    }
    require(sg_deck_echo(command, 200, &out, &err) == SG_OK);
}

static bool holds(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void keeps_secret(const struct sg_buffer *shown, const char *secret)
{
    require(shown->len == 0 || !holds((const char *)shown->data, secret));
}

static size_t occurrences(const struct sg_bytes text, const char *part)
{
    size_t count = 0;
    size_t len = strlen(part);
    for (size_t i = 0; i + len <= text.len; i++) {
        count += memcmp(text.data + i, part, len) == 0 ? 1 : 0;
    }
    return count;
}

/* A password that the command holds only once, and long enough to be no accident. */
static bool is_telling(const struct sg_deck_command *command, const char *secret)
{
    return secret != NULL && strlen(secret) >= 6 && strspn(secret, "*") < strlen(secret) &&
           occurrences((struct sg_bytes){command->text.data, command->text.len}, secret) == 1;
}

static void check_sentences(const json_t *list, const char *secret)
{
    for (size_t i = 0; i < json_array_size(list); i++) {
        require(!holds(json_string_value(json_array_get(list, i)), secret));
    }
}

/* Neither what is shown of the command nor what is said about it, whatever goes wrong afterwards.
 */
static void check_secret(struct sg_deck_command *command, struct sg_rac_request *request)
{
    SG_BUFFER out;
    struct sg_error err = SG_ERROR_INIT;
    sg_buffer_init(&out, (size_t)4 * SG_DECK_COMMAND_MAX);
    if (!is_telling(command, request->password)) {
        return;
    }
    require(sg_deck_echo(command, SG_DECK_COMMAND_MAX, &out, &err) == SG_OK);
    require(sg_fail(&err, SG_E_INPUT, "wrong_password", "x") == SG_E_INPUT);
    if (sg_rac_blame(request, &err)) {
        command->fault = request->fault;
        command->fault_len = request->fault_len;
        err = (struct sg_error)SG_ERROR_INIT;
        require(sg_deck_excerpt(command, &out, &err) == SG_OK);
    }
    keeps_secret(&out, request->password);
    check_sentences(request->notes, request->password);
    check_sentences(request->warnings, request->password);
    SG_FREE char *params = json_dumps(request->params, 0);
    require(params != NULL && !holds(params, request->password));
}

/* Whatever a service may say of a command, the place is inside of it. */
static void blame(const struct sg_deck_command *command, struct sg_rac_request *request)
{
    static const char *const codes[] = {"ring_not_found", "bad_san", "policy_validity"};
    const char *name;
    json_t *value;
    json_object_foreach(request->params, name, value)
    {
        for (size_t i = 0; i < SG_COUNT(codes) && json_is_string(value); i++) {
            struct sg_error err = SG_ERROR_INIT;
            require(sg_fail(&err, SG_E_INPUT, codes[i], "\"%s\"", json_string_value(value)) ==
                    SG_E_INPUT);
            require(sg_object(&err, "%s", json_string_value(value)) == SG_E_INPUT);
            (void)sg_rac_blame(request, &err);
            require(request->fault + request->fault_len <= command->text.len);
            request->fault = request->fault_len = 0;
        }
    }
}

static void translate(struct sg_deck_command *command, const char *own)
{
    SG_RAC_REQUEST request = SG_RAC_REQUEST_INIT;
    struct sg_error err = SG_ERROR_INIT;
    const struct sg_rac_context context = {.own = own, .now_s = 1795000000};
    sg_status s = sg_rac_translate((struct sg_bytes){command->text.data, command->text.len},
                                   &context, &request, &err);
    if (s != SG_OK) {
        check_error(&err, s);
        require(!is_telling(command, request.password) ||
                (!holds(err.text, request.password) && !holds(err.hint, request.password)));
        require(request.fault + request.fault_len <= command->text.len);
        command->fault = request.fault;
        command->fault_len = request.fault_len;
        show(command);
        return;
    }
    require(request.task == SG_RAC_NOTHING || request.operation != NULL);
    for (unsigned i = 0; i < request.step_count; i++) {
        require(request.steps[i].operation != NULL);
    }
    for (unsigned i = 0; i < request.local_count; i++) {
        require(sg_param_find(request.operation, request.locals[i].param) != NULL);
        require(strchr(request.locals[i].value, '/') == NULL);
    }
    const char *name;
    json_t *value;
    json_object_foreach(request.params, name, value)
    {
        require(sg_param_find(request.operation, name) != NULL);
    }
    blame(command, &request);
    check_secret(command, &request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sg_deck deck;
    struct sg_error err = SG_ERROR_INIT;
    SG_DECK_COMMAND command;
    sg_deck_command_init(&command);
    if (sg_deck_begin(&deck, (struct sg_bytes){data, size}, &err) != SG_OK) {
        check_error(&err, SG_E_LIMIT);
        return 0;
    }
    for (;;) {
        struct sg_error failure = SG_ERROR_INIT;
        const size_t before = deck.at;
        sg_status s = sg_deck_next(&deck, &command, &failure);
        if (s != SG_OK) {
            check_error(&failure, s);
            require(deck.at > before);
            show(&command);
            continue;
        }
        if (command.text.len == 0) {
            require(deck.broken || deck.at == size);
            return 0;
        }
        require(command.text.len <= SG_DECK_COMMAND_MAX);
        show(&command);
        translate(&command, NULL);
        translate(&command, "ME");
    }
}
